"""One GRPO step of TRL and of rfpo on the same work, taken in turns, and the ratio of their times and memory.

    python -m benchmarks.step_time                      # both of TRL's dresses, five pairs each
    python -m benchmarks.step_time --architecture llama --new-tokens 128 --dress best --pairs 3

TRL is dressed as it comes (fp32, the system's malloc, all completions in one batch) and at its best on a CPU: bf16, 64 rows
in a micro-batch, and jemalloc preloaded, told to keep freed memory and to use huge pages (install libjemalloc2; without it
glibc is told to keep freed memory). rfpo runs in bf16, or with --fp32. Each side lives in a process of its own and takes a
step when it is told to; the other one waits meanwhile. Both were tried with spinning and with sleeping threads, and with
other micro-batches; what is set here is the fastest found for each.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.work import MICRO_BATCH, Work, write_model

JEMALLOC = ("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "/usr/lib64/libjemalloc.so.2", "/usr/lib/libjemalloc.so.2")
PHASES = ("sampling", "scoring", "learning", "rest", "total")
DRESSES = {"plain": (), "best": ("--bf16", "--rows", "64")}
KEEP = {"MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always"}


@dataclass
class Side:
    """A worker process and what its measured steps said."""

    name: str
    process: subprocess.Popen
    steps: list[dict] = field(default_factory=list)

    def ask(self, line: str) -> dict:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended early; its messages are above.")
        return json.loads(answer)

    def median(self, name: str) -> float:
        return statistics.median(step[name] for step in self.steps)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


@dataclass(frozen=True)
class Comparison:
    """One dress of TRL against rfpo."""

    dress: str
    work: Work
    trl: Side
    rfpo: Side
    trl_norm: float
    rfpo_norm: float

    def ratios(self, name: str) -> list[float]:
        """TRL / rfpo, pair by pair."""
        return [a[name] / max(b[name], 1e-9) for a, b in zip(self.trl.steps, self.rfpo.steps, strict=True)]

    def table(self) -> Table:
        title = f"TRL {self.dress}, {self.work.architecture}, {self.work.prompts} x {self.work.completions}, " \
                f"{self.work.prompt_tokens} + {self.work.new_tokens} tokens: medians of {len(self.trl.steps)} pairs"
        table = Table("", "TRL", "rfpo", "ratio", "lowest", "highest", title=title, title_justify="left")
        for name in PHASES:
            self._row(table, f"{name}, s", name, "{:.2f}")
        self._row(table, "peak memory, GiB", "peak_gib", "{:.2f}")
        for name in ("prompt_tokens", "completion_tokens"):
            self._row(table, name.replace("_", " "), name, "{:.0f}")
        speed = [side.median("completion_tokens") / side.median("total") for side in (self.trl, self.rfpo)]
        table.add_row("completion tokens / s", f"{speed[0]:.0f}", f"{speed[1]:.0f}", f"{speed[1] / speed[0]:.2f}", "", "")
        table.add_row("gradient norm, same batch", f"{self.trl_norm:.5f}", f"{self.rfpo_norm:.5f}",
                      f"{self.trl_norm / self.rfpo_norm:.4f}", "", "")
        return table

    def _row(self, table: Table, title: str, name: str, form: str) -> None:
        ratios = self.ratios(name) if self.rfpo.median(name) > 1e-3 else []
        shown = [f"{x:.2f}" for x in (statistics.median(ratios), min(ratios), max(ratios))] if ratios else ["", "", ""]
        table.add_row(title, form.format(self.trl.median(name)), form.format(self.rfpo.median(name)), *shown)

    def record(self) -> dict:
        return {"dress": self.dress, "work": json.loads(self.work.to_json()), "trl": self.trl.steps, "rfpo": self.rfpo.steps,
                "trl_gradient_norm": self.trl_norm, "rfpo_gradient_norm": self.rfpo_norm,
                "time_ratio": statistics.median(self.ratios("total")),
                "memory_ratio": statistics.median(self.ratios("peak_gib"))}


def compare(work: Work, dress: str, pairs: int, ours: Sequence[str] = ("--bf16",)) -> Comparison:
    """A warm-up of both sides and of the check that their gradients agree, then `pairs` steps in turns."""
    with tempfile.TemporaryDirectory() as folder:
        model, batch = Path(folder) / "model", Path(folder) / "batch.json"
        write_model(work, model)
        shared = [work.to_json(), str(model), str(batch)]
        trl = Side("TRL", start("benchmarks.trl_worker", [*shared, *DRESSES[dress]], environment(dress)))
        rfpo = Side("rfpo", start("benchmarks.rfpo_worker", [*shared, *ours], environment("plain")))
        trl.ask("step")
        norms = json.loads(batch.read_text())["gradient_norm"], rfpo.ask("gradient")["gradient_norm"]
        rfpo.ask("step")
        for pair in range(pairs):
            for side in (trl, rfpo) if pair % 2 else (rfpo, trl):
                side.steps.append(side.ask("step"))
        trl.close()
        rfpo.close()
    return Comparison(dress, work, trl, rfpo, *norms)


def environment(dress: str) -> dict[str, str]:
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
    if dress == "best":
        found = next((path for path in JEMALLOC if Path(path).exists()), None)
        glibc = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "2147483647"}
        quiet |= KEEP | {"LD_PRELOAD": found} if found else glibc
    return os.environ | quiet


def start(module: str, arguments: Sequence[str], env: dict[str, str]) -> subprocess.Popen:
    """Its progress bars and logs are dropped; an error is shown."""
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, env=env)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in fields(Work):
        parser.add_argument("--" + option.name.replace("_", "-"), type=type(option.default), default=option.default)
    parser.add_argument("--dress", choices=(*DRESSES, "both"), default="both")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=MICRO_BATCH, help="in one of rfpo's micro-batches (default %(default)s)")
    parser.add_argument("--fp32", action="store_true", help="rfpo in fp32, against either dress")
    parser.add_argument("--out", type=Path, default=Path("runs/bench/step_time.json"))
    given = vars(parser.parse_args())
    work = Work(**{option.name: given[option.name] for option in fields(Work)})
    console, records = Console(), []
    for dress in DRESSES if given["dress"] == "both" else (given["dress"],):
        ours = ["--tokens", str(given["tokens"]), *(() if given["fp32"] else ("--bf16",))]
        comparison = compare(work, dress, given["pairs"], ours)
        console.print(comparison.table())
        records.append(comparison.record())
    given["out"].parent.mkdir(parents=True, exist_ok=True)
    given["out"].write_text(json.dumps(records, indent=1) + "\n")
    console.print(f"written to {given['out']}")


if __name__ == "__main__":
    main()
