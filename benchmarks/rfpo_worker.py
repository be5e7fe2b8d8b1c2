"""rfpo's side of step_time: the loop's own step, taken each time a line arrives on stdin.

    python -m benchmarks.rfpo_worker WORK_JSON MODEL_DIR BATCH_FILE [--bf16] [--tokens 2048]

The line "gradient" asks for the gradient norm of the batch in BATCH_FILE, which the other side wrote.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from benchmarks.memory import clear_peak, peak_gib
from benchmarks.work import MICRO_BATCH, Work, prompts, solved
from rfpo.batch import collate
from rfpo.engines.local import LocalEngine
from rfpo.engines.protocols import Stream
from rfpo.engines.settings import Model, Optimizer
from rfpo.recipes.grpo import grpo
from rfpo.records import Outcome, Prompt, Sample, Sampling, Verdict
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState
from rfpo.training.step import take_step


class PhaseClock:
    """A screen that times the phases it is told of."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self.name, self.since = "rest", perf_counter()

    def phase(self, name: str, total: int | None = None) -> None:
        now = perf_counter()
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + now - self.since
        self.name, self.since = name, now

    def extend(self, n: int) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True)
class Coin:
    """A reward thrown by the completion, as on the other side: the completions run into their limit, and a verifier's word
    on a truncated answer is never SOLVED."""

    def __call__(self, sample: Sample) -> Sample:
        return replace(sample, reward=float(solved(sample.tokens)))


def judge(items):
    return [Verdict.wrong()] * len(items)


def make_engine(model: Path, bf16: bool, tokens: int = 16384) -> LocalEngine:
    return LocalEngine.load(Model(path=str(model), precision="bf16" if bf16 else "fp32"), Optimizer(learning_rate=1e-6),
                            tokens_per_micro_batch=tokens)


def step(engine: LocalEngine, work: Work, number: int) -> dict:
    """One step's seconds by phase, its tokens, and the peak of memory."""
    run = replace(grpo(), prompts_per_step=work.prompts, group_size=work.completions,
                  sampling=Sampling(max_tokens=work.new_tokens), rewards=(Coin(),))
    asked = tuple(Prompt(id=f"{number}.{i}", content=text, task="bench") for i, text in enumerate(prompts(work, number)))
    screen = PhaseClock()
    state = LoopState(step=number, cursor=number * work.prompts)
    clear_peak()
    started = perf_counter()
    take_step(Bench(run, engine, judge, asked, screen), state, progress=0.0)
    total = perf_counter() - started
    screen.phase("end")
    named = {name: screen.seconds.get(name, 0.0) for name in ("sampling", "scoring", "learning")}
    return {**named, "rest": total - sum(named.values()), "total": total, "completion_tokens": state.tokens.rollout,
            "prompt_tokens": state.tokens.prompt, "peak_gib": peak_gib()}


def gradient_norm(engine: LocalEngine, work: Work, path: Path) -> float:
    """Of the first batch that the other side trained on, before clipping; the step that is taken has length 0."""
    batch = json.loads(path.read_text())
    samples = [Sample(context=tuple(context), tokens=tuple(tokens), trained=(True,) * len(tokens), outcome=Outcome.WRONG,
                      reward=0.0, group=(str(tuple(context)), 0))
               for context, tokens in zip(batch["prompts"], batch["completions"], strict=True)]
    collated = collate(samples, max_length=work.new_tokens)
    advantage = collated.reward.new_tensor(batch["advantages"])[:, None].expand_as(collated.mask)
    return engine.update([Stream(replace(collated, advantage=advantage), grpo().objective)], learning_rate=0.0).gradient_norm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Work.from_json)
    parser.add_argument("model", type=Path)
    parser.add_argument("batch", type=Path)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--tokens", type=int, default=MICRO_BATCH, help="in a micro-batch")
    given = parser.parse_args()
    reply, sys.stdout = sys.stdout, sys.stderr
    engine = make_engine(given.model, given.bf16, given.tokens)
    for number, line in enumerate(sys.stdin):
        if line.strip() == "gradient":
            answer = {"gradient_norm": gradient_norm(engine, given.work, given.batch)}
        else:
            answer = step(engine, given.work, number)
        print(json.dumps(answer), file=reply, flush=True)


if __name__ == "__main__":
    main()
