"""Sampling answers of very unequal lengths: rows that end make room at once, against batches drawn to their end.

    python -m benchmarks.heavy_tail                                  # 48 prompts x 8 answers of 8 to 512 tokens
    python -m benchmarks.heavy_tail --tail 2.5                       # nearly equal lengths: little to be won
    python -m benchmarks.heavy_tail --rows 8 --prompts 16 --bf16     # a small batch

Each answer's max_tokens is drawn from a Pareto distribution, P(length > x) = (8 / x)^tail, cut off at 512; the model never
stops of itself, so that both sides draw the very same number of tokens. The batch has the same token budget on both sides:
room for --rows answers of full length with their prompts. One side gives the engine all requests in one call; the other
makes one call for each batch that fits the budget, filled in order. (Rows that have ended are cut out of such a batch too,
as the engine does it; nothing takes their place.) The sides take turns.
"""



import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from rich.table import Table

from benchmarks.measure import arguments, ranged, save, show, spread, write
from benchmarks.rfpo_worker import make_engine
from benchmarks.work import Work, prompts
from rfpo.engines.local import LocalEngine
from rfpo.engines.local.engine import SAMPLING_TOKENS
from rfpo.engines.local.sampling import Use
from rfpo.records import Prompt, RandomKey, Request, Sampling


def lengths(count: int, shortest: int, longest: int, tail: float, seed: int = 0) -> list[int]:
    """Pareto lengths, cut off at `longest`."""
    rng = random.Random(seed)
    return [min(longest, int(shortest * rng.paretovariate(tail))) for _ in range(count)]


def requests(work: Work, shortest: int, tail: float) -> list[Request]:
    """One for each answer; the answers to a prompt have its context in common. `new_tokens` is the longest."""
    limits = iter(lengths(work.rows, shortest, work.new_tokens, tail, work.seed))
    return [Request(Prompt(id=str(number), content=text, task="bench"), text, RandomKey(prompt=str(number), sample=answer),
                    sampling=Sampling(max_tokens=next(limits)))
            for number, text in enumerate(prompts(work, 0)) for answer in range(work.completions)]


def batches(engine: LocalEngine, asked: Sequence[Request]) -> list[list[Request]]:
    """The requests in order, in batches that fit the sampling budget as the engine counts it; at least one in each."""
    found: list[list[Request]] = []
    empty = use = Use.of([], engine.forward.abilities.shared_prompts)
    for request in asked:
        row, = engine.rows(0, request)
        use = use.and_(row)
        if not found or use.tokens > engine.sampling_budget.tokens:
            found.append([])
            use = empty.and_(row)
        found[-1].append(request)
    return found


def sample(engine: LocalEngine, parts: Sequence[Sequence[Request]]) -> tuple[float, int]:
    """Seconds, and tokens drawn, of one call for each part."""
    started, tokens = perf_counter(), 0
    for part in parts:
        tokens += sum(len(completion.tokens) for answers in engine.sample(part) for completion in answers)
    return perf_counter() - started, tokens


def compare(work: Work, rows: int, shortest: int, tail: float, repeats: int, bf16: bool = False) -> dict:
    """Tokens a second of both sides, and the ratio turn by turn. `rows` of the longest answers fit the budget."""
    asked = requests(work, shortest, tail)
    budget = rows * (round(1.1 * work.prompt_tokens) + work.new_tokens)
    with tempfile.TemporaryDirectory() as folder:
        save(work, Path(folder))
        engine = make_engine(Path(folder), bf16, tokens=-(-budget // SAMPLING_TOKENS))
    sides = {"continuous": [asked], "batches": batches(engine, asked)}
    sample(engine, batches(engine, asked)[:1])  # warms up
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    drawn = set()
    for turn in range(repeats):
        for name in sides if turn % 2 else reversed(sides):
            seconds, tokens = sample(engine, sides[name])
            speeds[name].append(tokens / seconds)
            drawn.add(tokens)
    if len(drawn) != 1:
        raise SystemExit(f"the sides drew {sorted(drawn)} tokens; a comparison needs the same number from both.")
    limits = sorted(request.sampling.max_tokens for request in asked)
    ratios = [one / other for one, other in zip(speeds["continuous"], speeds["batches"], strict=True)]
    return {"requests": len(asked), "completion_tokens": drawn.pop(), "budget_tokens": engine.sampling_budget.tokens,
            "median_length": limits[len(limits) // 2], "longest": limits[-1], "batches": len(sides["batches"]),
            "continuous_tokens_per_second": spread(speeds["continuous"]),
            "batches_tokens_per_second": spread(speeds["batches"]), "ratio": spread(ratios)}


def table(record: dict) -> Table:
    title = f"{record['requests']} answers, {record['completion_tokens']} tokens (median length {record['median_length']}, " \
            f"longest {record['longest']}), budget {record['budget_tokens']} tokens"
    shown = Table("", "completion tokens / s: median (lowest - highest)", title=title, title_justify="left")
    shown.add_row("continuous batching", ranged(record["continuous_tokens_per_second"], ".0f"))
    shown.add_row(f"{record['batches']} batches, each to its end", ranged(record["batches_tokens_per_second"], ".0f"))
    shown.add_row("ratio", ranged(record["ratio"]))
    return shown


def main() -> None:
    parser = arguments(__doc__, "heavy_tail.json", repeats=3)
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--completions", type=int, default=8, help="answers to each prompt (default %(default)s)")
    parser.add_argument("--prompt-tokens", type=int, default=75, help="a tenth more or less (default %(default)s)")
    parser.add_argument("--shortest", type=int, default=8, help="tokens (default %(default)s)")
    parser.add_argument("--longest", type=int, default=512, help="tokens (default %(default)s)")
    parser.add_argument("--tail", type=float, default=1.0, help="the smaller, the heavier the tail (default %(default)s)")
    parser.add_argument("--rows", type=int, default=32, help="answers of full length that fit at once (default %(default)s)")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--bf16", action="store_true")
    given = parser.parse_args()
    work = Work(hidden=given.hidden, layers=given.layers, prompts=given.prompts, completions=given.completions,
                prompt_tokens=given.prompt_tokens, new_tokens=given.longest)
    record = compare(work, given.rows, given.shortest, given.tail, given.repeats, given.bf16)
    show(table(record))
    write(given.out, record)


if __name__ == "__main__":
    main()
