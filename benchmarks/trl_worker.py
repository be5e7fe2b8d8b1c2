"""TRL's side of step_time: a GRPOTrainer that takes one step each time a line arrives on stdin.

    python -m benchmarks.trl_worker WORK_JSON MODEL_DIR BATCH_FILE [--rows 64] [--bf16]

Answers with a line of JSON a step. The first step's batch and gradient norm are written to BATCH_FILE for the other side.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback  # noqa: E402
from trl import GRPOConfig, GRPOTrainer  # noqa: E402

from benchmarks.memory import clear_peak, peak_gib  # noqa: E402
from benchmarks.work import Work, prompts, solved  # noqa: E402


class Clock:
    """Seconds spent inside named calls since the last reset, and what the step generated."""

    def __init__(self):
        self.seconds: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)

    def wrap(self, owner, method: str, phase: str) -> None:
        inner = getattr(owner, method)

        def timed(*args, **kwargs):
            started = perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds[phase] += perf_counter() - started

        setattr(owner, method, timed)


class OnDemand(TrainerCallback):
    """Waits for a line before each step and answers after it."""

    def __init__(self, clock: Clock, reply):
        self.clock, self.reply = clock, reply

    def on_step_begin(self, args, state, control, **kwargs):
        if not sys.stdin.readline():
            os._exit(0)
        self.clock.seconds.clear()
        self.clock.counts.clear()
        clear_peak()
        self.started = perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        total, seconds = perf_counter() - self.started, self.clock.seconds
        learning = seconds["training"] - seconds["preparing"] + seconds["optimizer"]
        named = {"sampling": seconds["sampling"], "scoring": seconds["scoring"], "learning": learning}
        self.answer = {**named, "rest": total - sum(named.values()), "total": total, **self.clock.counts,
                       "peak_gib": peak_gib()}

    def on_log(self, args, state, control, **kwargs):
        print(json.dumps(self.answer), file=self.reply, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Work.from_json)
    parser.add_argument("model", type=Path)
    parser.add_argument("batch", type=Path)
    parser.add_argument("--rows", type=int, default=1 << 30, help="rows in a micro-batch (default: all)")
    parser.add_argument("--bf16", action="store_true")
    given = parser.parse_args()
    reply, sys.stdout = sys.stdout, sys.stderr
    work, clock = given.work, Clock()
    rows = min(given.rows, work.rows)
    trainer = make_trainer(work, given.model, rows, given.bf16, clock)
    clock.wrap(trainer, "_generate", "sampling")
    clock.wrap(trainer, "_prepare_inputs", "preparing")
    clock.wrap(trainer, "training_step", "training")
    record_first(trainer, given.batch, clock)
    trainer.add_callback(OnDemand(clock, reply))
    make_optimizer = trainer.create_optimizer_and_scheduler

    def create(*args, **kwargs):
        make_optimizer(*args, **kwargs)
        clock.wrap(trainer.optimizer, "step", "optimizer")

    trainer.create_optimizer_and_scheduler = create
    trainer.train()


def make_trainer(work: Work, folder: Path, rows: int, bf16: bool, clock: Clock) -> GRPOTrainer:
    def reward(completion_ids, **kwargs):
        clock.counts["completion_tokens"] += sum(map(len, completion_ids))
        return [float(solved(ids)) for ids in completion_ids]

    steps = 64
    data = Dataset.from_dict({"prompt": [text for step in range(steps) for text in prompts(work, step)]})
    config = GRPOConfig(
        output_dir=mkdtemp(), per_device_train_batch_size=rows, gradient_accumulation_steps=work.rows // rows,
        num_generations=work.completions, max_completion_length=work.new_tokens, temperature=1.0, top_k=0, top_p=1.0,
        beta=0.0, loss_type="grpo", scale_rewards="group", num_iterations=1, learning_rate=1e-6, max_grad_norm=1.0,
        lr_scheduler_type="constant", bf16=bf16, use_cpu=not torch.cuda.is_available(), max_steps=steps, logging_steps=1,
        save_strategy="no", report_to=[], shuffle_dataset=False, disable_tqdm=True, log_level="error",
        gradient_checkpointing=False)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return GRPOTrainer(model=model, reward_funcs=reward, args=config, train_dataset=data,
                       processing_class=AutoTokenizer.from_pretrained(folder))


def record_first(trainer: GRPOTrainer, path: Path, clock: Clock) -> None:
    """Counts prompt tokens; keeps the first generation batch, and its gradient norm once it is known."""
    inner, log = trainer._generate_and_score_completions, trainer.log
    kept: dict = {}

    def generate(inputs):
        before = clock.seconds["sampling"]
        started = perf_counter()
        out = inner(inputs)
        clock.seconds["scoring"] += perf_counter() - started - (clock.seconds["sampling"] - before)
        clock.counts["prompt_tokens"] += int(out["prompt_mask"].sum())
        if not kept:
            kept.update(prompts=unpad(out["prompt_ids"], out["prompt_mask"]), advantages=out["advantages"].tolist(),
                        completions=unpad(out["completion_ids"], out["completion_mask"]))
        return out

    def logged(logs, *args, **kwargs):
        if "grad_norm" in logs and not path.exists():
            path.write_text(json.dumps(kept | {"gradient_norm": float(logs["grad_norm"])}))
        return log(logs, *args, **kwargs)

    trainer._generate_and_score_completions, trainer.log = generate, logged


def unpad(ids: torch.Tensor, mask: torch.Tensor) -> list[list[int]]:
    return [row[present.bool()].tolist() for row, present in zip(ids, mask, strict=True)]


if __name__ == "__main__":
    main()
