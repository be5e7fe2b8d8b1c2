"""The head in pieces against all logits at once: peak memory, time, and whether both give the same numbers.

    python -m benchmarks.vocabulary                            # 151,936 words, hidden 896, 4,096 completion tokens
    python -m benchmarks.vocabulary --tokens 1024 --repeats 5  # the same model, a quarter of the logits
    python -m benchmarks.vocabulary --vocabulary 32000 --precision bf16

The model has one layer, so that the head is nearly all of it. "pieces" is the engine as it is (rfpo.engines.local.head);
"materialised" is the same engine told that the head is not linear, so that it takes the network's logits.

Memory is what the process has at its peak above its baseline. Baseline: resident memory of a process with the libraries,
the weights, a gradient of every weight and AdamW's two moments of every weight in memory (all fp32, all touched), and with
memory that malloc holds but nobody uses given back. The gradients are then dropped, as the engine drops them between
updates, so that those of the measured pass take their place. Every number is from a process of its own, which does the
work once. Linux with glibc only. At the default size the materialised path needs about 15 GiB.
"""

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from rich.table import Table
from torch import Tensor

from benchmarks.measure import arguments, ranged, save, show, spread, write
from benchmarks.memory import clear_peak, peak_gib
from benchmarks.prompt_sharing import difference, engine_of, learn, random_stream
from benchmarks.step_time import environment
from benchmarks.work import Work
from rfpo.engines.local import LocalEngine
from rfpo.engines.local.forward import Abilities, Forward
from rfpo.engines.local.scoring import score_tokens
from rfpo.engines.protocols import Stream

SIDES = ("pieces", "materialised")
PHASES = ("scoring", "learning")


def forward_of(engine: LocalEngine, side: str) -> Forward:
    """The engine's own, or the one that goes through the network's logits."""
    abilities = engine.forward.abilities
    if not abilities.linear_head:
        raise SystemExit("the engine does not find the head linear; there is nothing to compare.")
    if side == "pieces":
        return engine.forward
    return replace(engine.forward, abilities=Abilities(linear_head=False, shared_prompts=abilities.shared_prompts))


def work_once(engine: LocalEngine, stream: Stream, forward: Forward, phase: str) -> list[Tensor]:
    """What the phase gives: the log-probs, or the gradients."""
    if phase == "learning":
        learn(engine, stream, forward)
        return [weight.grad for weight in engine.network.parameters()]
    batch = stream.batch
    return [score_tokens(forward, engine.network, batch, batch.tokens, batch.valid, engine.budget.tokens)]


def engine_for(work: Work, model: Path, precision: str) -> LocalEngine:
    """Its micro-batch holds all rows, with a prompt in front of each."""
    return engine_of(model, precision, tokens=work.rows * (work.prompt_tokens + work.new_tokens))


def baseline_gib(engine: LocalEngine) -> float:
    """Resident memory with weights, gradients and moments in it. The peak begins anew here."""
    for weight in engine.network.parameters():
        weight.grad = torch.full_like(weight, 0.0)
    for group in engine.optimizer.param_groups:
        group["lr"] = 0.0
    engine.optimizer.step()
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # gives back what nobody uses: held, it would hide as much of the peak above
    clear_peak()
    return peak_gib()


def measure(work: Work, model: Path, precision: str, side: str, phase: str, result: Path) -> dict:
    """Seconds, baseline and peak above it, of this process: call it once. What the phase gave is written to `result`."""
    engine, stream = engine_for(work, model, precision), random_stream(work)
    forward = forward_of(engine, side)
    baseline = baseline_gib(engine)
    if phase == "learning":
        engine.optimizer.zero_grad()
    started = perf_counter()
    given = work_once(engine, stream, forward, phase)
    measured = {"seconds": perf_counter() - started, "baseline_gib": baseline, "above_gib": peak_gib() - baseline}
    torch.save(given, result)
    return measured


def in_child(work: Work, model: Path, precision: str, side: str, phase: str, result: Path) -> dict:
    """`measure` in a process of its own."""
    child = [work.to_json(), str(model), precision, side, phase, str(result)]
    done = subprocess.run([sys.executable, "-m", "benchmarks.vocabulary", "--child", *child], stdout=subprocess.PIPE,
                          text=True, env=environment("plain"))
    if done.returncode:
        raise SystemExit(f"{side}, {phase}: the process ended with {done.returncode}; its messages are above.")
    return json.loads(done.stdout.splitlines()[-1])


def compare(work: Work, precision: str, repeats: int, run: Callable[..., dict] = in_child) -> dict:
    """Both phases on both sides in turns. `run` is `measure`, wherever it is done."""
    record: dict = {"vocabulary": work.vocabulary, "hidden": work.hidden, "completion_tokens": work.rows * work.new_tokens,
                    "precision": precision}
    with tempfile.TemporaryDirectory() as folder:
        model, results = save(work, Path(folder) / "model"), {side: Path(folder) / side for side in SIDES}
        for phase in PHASES:
            measured: dict[str, list[dict]] = {side: [] for side in SIDES}
            for turn in range(repeats):
                for side in reversed(SIDES) if turn % 2 else SIDES:
                    measured[side].append(run(work, model, precision, side, phase, results[side]))
            record[phase] = _of(measured) | {"difference": _apart(phase, *(torch.load(results[side]) for side in SIDES))}
    return record


def _of(measured: dict[str, list[dict]]) -> dict:
    """Each number's spread on each side, and the materialised over the pieces' turn by turn."""
    names = ("seconds", "above_gib", "baseline_gib")
    of_sides = {side: {name: spread([turn[name] for turn in turns]) for name in names} for side, turns in measured.items()}
    ratios = {f"{name}_ratio": spread([other[name] / max(one[name], 2**-10)
                                       for one, other in zip(*(measured[side] for side in SIDES), strict=True)])
              for name in names[:2]}
    return of_sides | ratios


def _apart(phase: str, one: list[Tensor], other: list[Tensor]) -> float:
    """Of the log-probs the largest difference in nats, of the gradients the relative one."""
    return difference(one, other) if phase == "learning" else float((one[0] - other[0]).abs().max())


def table(record: dict) -> Table:
    title = f"{record['vocabulary']} words, hidden {record['hidden']}, {record['completion_tokens']} completion tokens, " \
            f"{record['precision']}: median (lowest - highest)"
    shown = Table("", "in pieces", "materialised", "ratio", title=title, title_justify="left")
    for phase in PHASES:
        sides = [record[phase][side] for side in SIDES]
        shown.add_row(f"{phase}, s", *(ranged(side["seconds"]) for side in sides), ranged(record[phase]["seconds_ratio"]))
        shown.add_row(f"{phase}, peak above the baseline, GiB", *(ranged(side["above_gib"], ".3f") for side in sides),
                      ranged(record[phase]["above_gib_ratio"], ".1f"))
        shown.add_row(f"{phase}, baseline, GiB", *(ranged(side["baseline_gib"]) for side in sides), "")
    shown.add_row("largest difference of log-probs, nats", f"{record['scoring']['difference']:.1e}", "", "")
    shown.add_row("relative difference of gradients", f"{record['learning']['difference']:.1e}", "", "")
    return shown


def main() -> None:
    parser = arguments(__doc__, "vocabulary.json", repeats=1)
    parser.add_argument("--vocabulary", type=int, default=151936)
    parser.add_argument("--hidden", type=int, default=896)
    parser.add_argument("--tokens", type=int, default=4096, help="completion tokens, in steps of 512 (default %(default)s)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        work, model, *middle, result = given.child
        print(json.dumps(measure(Work.from_json(work), Path(model), *middle, Path(result))))
        return
    record = compare(work_of(given.vocabulary, given.hidden, given.tokens), given.precision, given.repeats)
    show(table(record))
    write(given.out, record)


def work_of(vocabulary: int, hidden: int, tokens: int) -> Work:
    """One layer; rows of 64 tokens, eight to a short prompt."""
    heads = max(1, hidden // 64)
    return Work(vocabulary=vocabulary, hidden=hidden, layers=1, heads=heads, key_value_heads=heads, prompt_tokens=16,
                new_tokens=64, completions=8, prompts=max(1, tokens // 512))


if __name__ == "__main__":
    main()
