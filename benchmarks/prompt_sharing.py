"""Forward and backward of one update with each prompt run once, against every answer with its prompt in front of it.

    python -m benchmarks.prompt_sharing                             # prompts of 75, 300 and 1000 tokens, fp32 and bf16
    python -m benchmarks.prompt_sharing --prompt-tokens 2000 --precision bf16 --repeats 7
    python -m benchmarks.prompt_sharing --completions 1             # nothing to share: what the sharing itself costs

Both sides are rfpo's engine over the same weights; the other one is loaded with attention="eager", which knows nothing of
shared prompts. They take turns. The gradients are those of one GRPO loss over random tokens; their difference is
|g - g_eager| / |g_eager| over all weights. In bf16 it is rounding: the last column says how far bf16 with eager attention is
from fp32 with eager attention, when both precisions are measured.
"""



import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from rich.table import Table
from torch import Tensor

from benchmarks.measure import arguments, ranged, save, show, spread, write
from benchmarks.work import Work
from rfpo.batch import collate
from rfpo.engines.local import LocalEngine, learning
from rfpo.engines.local.forward import Forward
from rfpo.engines.protocols import Stream
from rfpo.engines.settings import Model, Optimizer
from rfpo.recipes.grpo import grpo
from rfpo.records import Outcome, Sample

PRECISIONS = ("fp32", "bf16")


def random_stream(work: Work) -> Stream:
    """Prompts and answers of exactly `prompt_tokens` and `new_tokens` random tokens, and an advantage of 1 or -1 each."""
    rng = random.Random(work.seed)

    def words(count: int) -> tuple[int, ...]:
        return tuple(rng.randrange(1, work.vocabulary) for _ in range(count))

    samples = []
    for prompt in range(work.prompts):
        context = words(work.prompt_tokens)
        samples += [Sample(context=context, tokens=words(work.new_tokens), trained=(True,) * work.new_tokens, reward=0.0,
                           outcome=Outcome.WRONG, group=(str(prompt), 0)) for _ in range(work.completions)]
    batch = collate(samples, max_length=work.new_tokens)
    advantage = torch.tensor([rng.choice((-1.0, 1.0)) for _ in samples])[:, None].expand_as(batch.mask)
    return Stream(replace(batch, advantage=advantage), grpo().objective)


def engine_of(model: Path, precision: str, attention: str = "auto", tokens: int = 16384) -> LocalEngine:
    return LocalEngine.load(Model(path=str(model), precision=precision, attention=attention), Optimizer(learning_rate=1e-6),
                            tokens_per_micro_batch=tokens)


def learn(engine: LocalEngine, stream: Stream, forward: Forward) -> float:
    """Seconds of the forward and backward passes, which leave the gradients in the network."""
    engine.network.zero_grad()
    started = perf_counter()
    learning.accumulate([stream], engine.network, forward, engine.budget.tokens)
    return perf_counter() - started


def gradient(engine: LocalEngine) -> list[Tensor]:
    """Copies, one tensor a weight."""
    return [weight.grad.clone() for weight in engine.network.parameters()]


def difference(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """|one - other| / |other|, over all tensors together."""
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(one, other, strict=True))
    return (apart / sum(float(b.double().square().sum()) for b in other)) ** 0.5


def compare(work: Work, precisions: Sequence[str], repeats: int, tokens: int = 16384) -> list[dict]:
    """A record for each precision: both sides' seconds, their ratio turn by turn, and how far their gradients are apart."""
    records, stream, exact = [], random_stream(work), None
    with tempfile.TemporaryDirectory() as folder:
        save(work, Path(folder))
        for precision in precisions:
            sides = {"shared": engine_of(Path(folder), precision, tokens=tokens),
                     "eager": engine_of(Path(folder), precision, "eager", tokens)}
            check(sides)
            records.append(_measured(work, precision, sides, stream, repeats, exact))
            exact = gradient(sides["eager"]) if precision == "fp32" else exact
    return records


def check(sides: dict[str, LocalEngine]) -> None:
    found = {name: engine.forward.abilities.shared_prompts for name, engine in sides.items()}
    if found != {"shared": True, "eager": False}:
        raise SystemExit(f"the engines were found to share prompts or not as {found}; there is nothing to compare.")


def _measured(work: Work, precision: str, sides: dict[str, LocalEngine], stream: Stream, repeats: int, exact) -> dict:
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for engine in sides.values():  # warms up
        learn(engine, stream, engine.forward)
    apart = difference(*(gradient(engine) for engine in sides.values()))
    for turn in range(repeats):
        for name in sides if turn % 2 else reversed(sides):
            seconds[name].append(learn(sides[name], stream, sides[name].forward))
    ratios = [eager / shared for shared, eager in zip(seconds["shared"], seconds["eager"], strict=True)]
    return {"prompt_tokens": work.prompt_tokens, "prompts": work.prompts, "completions": work.completions,
            "new_tokens": work.new_tokens, "precision": precision, "shared_seconds": spread(seconds["shared"]),
            "eager_seconds": spread(seconds["eager"]), "ratio": spread(ratios), "gradient_difference": apart,
            "rounding": difference(gradient(sides["eager"]), exact) if exact else None}


def table(records: Sequence[dict]) -> Table:
    first = records[0]
    shown = Table("prompt, tokens", "precision", "each prompt once, s", "in front of each answer, s", "ratio",
                  "gradients apart", "bf16 from fp32", title_justify="left",
                  title=f"Forward and backward, {first['prompts']} prompts x {first['completions']} answers of "
                        f"{first['new_tokens']} tokens: median (lowest - highest)")
    for record in records:
        rounding = f"{record['rounding']:.1e}" if record["rounding"] is not None else ""
        shown.add_row(str(record["prompt_tokens"]), record["precision"], ranged(record["shared_seconds"]),
                      ranged(record["eager_seconds"]), ranged(record["ratio"]), f"{record['gradient_difference']:.1e}",
                      rounding)
    return shown


def main() -> None:
    parser = arguments(__doc__, "prompt_sharing.json", repeats=3)
    parser.add_argument("--prompt-tokens", type=int, nargs="+", default=[75, 300, 1000], metavar="N")
    parser.add_argument("--prompts", type=int, default=2, help="distinct prompts (default %(default)s)")
    parser.add_argument("--completions", type=int, default=8, help="answers to each (default %(default)s)")
    parser.add_argument("--new-tokens", type=int, default=64, help="tokens of an answer (default %(default)s)")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--precision", choices=(*PRECISIONS, "both"), default="both")
    given = parser.parse_args()
    precisions = PRECISIONS if given.precision == "both" else (given.precision,)
    records = []
    for length in given.prompt_tokens:
        work = Work(hidden=given.hidden, layers=given.layers, prompts=given.prompts, completions=given.completions,
                    prompt_tokens=length, new_tokens=given.new_tokens)
        records += compare(work, precisions, given.repeats)
    show(table(records))
    write(given.out, records)


if __name__ == "__main__":
    main()
