"""Time and peak memory of a step over model size, group size, prompt length, completion length and vocabulary.

    python -m benchmarks.scaling                                  # five axes around a small base, and a plot of each
    python -m benchmarks.scaling --quick                          # two points an axis
    python -m benchmarks.scaling --axes model completion --bf16
    python -m benchmarks.scaling --axes group --repeats 9 --out runs/bench/group.json

One axis moves at a time, the rest stays at the base: 4 M parameters, 4 prompts of 64 tokens x 8 completions of 64 tokens,
128 words. Each point is a process of its own; the points of an axis take their steps in turns, after one to warm up. The
larger models get fewer prompts, and the tables and plots show seconds per prompt (with its group of completions).

Counted, with P parameters beside the embedding, a head of V x d, and attention to all tokens before:
  sampling   2 P a token (a prompt counts once), 2 V d a completion token, 4 layers d a pair of tokens
  learning   three times that, and the head's forward pass once more (it is run again in the backward pass)
  memory     16 bytes a parameter (weight, gradient, two moments) and 4 bytes x 24 hidden a token and layer of a micro-batch
A slope of 1 against what is counted says that the measured grows as the arithmetic does; less, that fixed costs still weigh.
Memory is the peak above that of an idle process with the libraries and no model. Linux only.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from statistics import linear_regression, median

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from rich.table import Table

from benchmarks.measure import arguments, ranged, save, show, spread, write
from benchmarks.step_time import Side, environment, start
from benchmarks.work import MICRO_BATCH, Work
from rfpo.reporting.plots import COLOURS, DASHES, INK, STYLE

BASE = Work(layers=5, prompts=4, prompt_tokens=64)
PARTS = ("sampling", "learning", "memory")


def model(hidden: int, layers: int, prompts: int) -> dict:
    return {"hidden": hidden, "layers": layers, "heads": hidden // 64, "key_value_heads": hidden // 64, "prompts": prompts}


AXES: dict[str, tuple[str, tuple[dict, ...]]] = {
    "model": ("parameters", (model(128, 5, 4), {}, model(384, 9, 2), model(768, 8, 1))),
    "group": ("completions of a prompt", tuple({"completions": n} for n in (2, 8, 16, 32))),
    "prompt": ("tokens of a prompt", tuple({"prompt_tokens": n} for n in (16, 64, 256, 1024))),
    "completion": ("tokens of a completion", tuple({"new_tokens": n} for n in (16, 64, 128, 256))),
    "vocabulary": ("words", tuple({"vocabulary": n} for n in (128, 1024, 8192, 32768))),
}
"""The label of each axis, and how its points differ from the base, which is one of them."""


def parameters(work: Work) -> tuple[int, int]:
    """Of the layers, and of the embedding, which is the head too."""
    heads = 2 * work.hidden**2 * (1 + work.key_value_heads / work.heads)
    return int(work.layers * (heads + 9 * work.hidden**2)), work.vocabulary * work.hidden


@dataclass(frozen=True)
class Counted:
    """Arithmetic of one step: operations, and GiB."""

    sampling: float
    learning: float
    memory: float

    @classmethod
    def of(cls, work: Work) -> "Counted":
        body, head = parameters(work)
        prompts, answers = work.prompts * work.prompt_tokens, work.rows * work.new_tokens
        pairs = prompts * work.prompt_tokens / 2 + answers * (work.prompt_tokens + work.new_tokens / 2)
        once = 2 * body * (prompts + answers) + 4 * work.layers * work.hidden * pairs
        tokens = min(prompts + answers, MICRO_BATCH)
        size = 16 * (body + head) + 4 * 24 * work.hidden * work.layers * tokens
        return cls(once + 2 * head * answers, 3 * once + 8 * head * answers, size / 2**30)


@dataclass(frozen=True)
class Point:
    """One point of an axis, with what its steps measured."""

    x: float
    work: Work
    steps: tuple[dict, ...]
    idle_gib: float

    def values(self, part: str) -> list[float]:
        """Seconds per prompt of a phase, or GiB above the idle process, step by step."""
        if part == "memory":
            return [step["peak_gib"] - self.idle_gib for step in self.steps]
        return [step[part] / self.work.prompts for step in self.steps]

    def counted(self, part: str) -> float:
        return getattr(Counted.of(self.work), part) / (1 if part == "memory" else self.work.prompts)

    def record(self) -> dict:
        return {"x": self.x, "work": json.loads(self.work.to_json()), "parameters": sum(parameters(self.work)),
                "measured": {part: spread(self.values(part)) for part in PARTS},
                "counted": {part: self.counted(part) for part in PARTS}, "idle_gib": self.idle_gib, "steps": list(self.steps)}


def works(axis: str, base: Work = BASE, quick: bool = False) -> list[tuple[float, Work]]:
    """The axis's values and the work at each; two of them when it must be `quick`."""
    found = [replace(base, **change) for change in AXES[axis][1]]
    names = {"group": "completions", "prompt": "prompt_tokens", "completion": "new_tokens", "vocabulary": "vocabulary"}
    points = [(getattr(work, names[axis]) if axis in names else sum(parameters(work)), work) for work in found]
    return points[:2] if quick else points


def worker(work: Work, folder: Path, bf16: bool) -> Side:
    """rfpo_worker in a process of its own, which takes a step when it is asked to."""
    shared = [work.to_json(), str(folder), str(folder / "unused.json"), *(("--bf16",) if bf16 else ())]
    return Side("rfpo", start("benchmarks.rfpo_worker", shared, environment("plain")))


def idle_gib() -> float:
    """Peak of a process that has imported what a worker imports, and done nothing."""
    code = "import benchmarks.rfpo_worker; from benchmarks.memory import peak_gib; print(peak_gib())"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True,
                          env=environment("plain"))
    return float(done.stdout.split()[-1])


def measure(points: Sequence[tuple[float, Work]], repeats: int, bf16: bool = False, idle: float = 0.0,
            launch: Callable = worker) -> list[Point]:
    """All points of an axis, step by step in turns, there and back. `launch(work, folder, bf16)` gives what answers
    ask("step") and is closed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for number, (_, work) in enumerate(points):
            sides.append(launch(work, save(work, Path(folder) / str(number)), bf16))
        for side in sides:  # warms up
            side.ask("step")
        for turn in range(repeats):
            for side in reversed(sides) if turn % 2 else sides:
                side.steps.append(side.ask("step"))
        for side in sides:
            side.close()
    return [Point(x, work, tuple(side.steps), idle) for (x, work), side in zip(points, sides, strict=True)]


def measure_quickly(axes: Sequence[str], bf16: bool = False, idle: float = 0.0, launch: Callable = worker
                    ) -> dict[str, list[Point]]:
    """Two points of each axis and one step at each, all in turns; the base, which the axes share, is measured once."""
    points = {axis: works(axis, quick=True) for axis in axes}
    distinct = list(dict.fromkeys(work for found in points.values() for _, work in found))
    measured = dict(zip(distinct, measure([(0, work) for work in distinct], 1, bf16, idle, launch), strict=True))
    return {axis: [replace(measured[work], x=x) for x, work in found] for axis, found in points.items()}


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the line through (log x, log y); nan for a single x, or where something is not positive."""
    if len(set(x)) < 2 or min(*x, *y) <= 0:
        return float("nan")
    return linear_regression([log(value) for value in x], [log(value) for value in y]).slope


def slopes(points: Sequence[Point]) -> dict[str, dict[str, float]]:
    """Of each part's medians: against the axis, and against what is counted."""
    found = {}
    for part in PARTS:
        measured = [median(point.values(part)) for point in points]
        found[part] = {"axis": slope([point.x for point in points], measured),
                       "counted": slope([point.counted(part) for point in points], measured)}
    return found


def table(axis: str, points: Sequence[Point]) -> Table:
    title = f"{axis}: median (lowest - highest) of {len(points[0].steps)} steps; slopes are log-log fits"
    shown = Table(AXES[axis][0], "prompts", "sampling, s a prompt", "G counted", "learning, s a prompt", "G counted",
                  "memory, GiB", "counted", title=title, title_justify="left")
    for point in points:
        cells = []
        for part in PARTS:
            unit = 1 if part == "memory" else 1e9
            cells += [ranged(spread(point.values(part)), ".3f"), f"{point.counted(part) / unit:.3g}"]
        shown.add_row(f"{point.x:,.0f}", str(point.work.prompts), *cells)
    fitted = slopes(points)
    shown.add_section()
    for against in ("axis", "counted"):
        shown.add_row(f"slope, {against}", "", *(cell for part in PARTS for cell in (f"{fitted[part][against]:.2f}", "")))
    return shown


def plot(axes: dict[str, Sequence[Point]], path: Path) -> None:
    """A panel an axis, log-log: each part as a multiple of its value at the first point; thin, the same of the counted."""
    wide = min(3, len(axes))
    tall = -(-len(axes) // wide)
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6 * wide, 3.8 * tall), layout="constrained", facecolor="white")
        panels = figure.subplots(tall, wide, squeeze=False).flatten()
        for panel, (axis, points) in zip(panels, axes.items(), strict=False):
            x = [point.x for point in points]
            for number, part in enumerate(PARTS):
                draw(panel, x, [median(point.values(part)) for point in points], number, part)
                draw(panel, x, [point.counted(part) for point in points], number)
            panel.set_xscale("log", base=2)
            panel.set_yscale("log", base=2)
            panel.set_xticks(x)
            for ticks in (panel.xaxis, panel.yaxis):
                ticks.set_major_formatter(EngFormatter(places=0, sep=""))
            panel.set_title(f"{axis}: times the first point", color=INK)
            panel.set_xlabel(AXES[axis][0], color=INK)
            panel.grid(axis="y", color=INK, alpha=0.15)
        for panel in panels[len(axes):]:
            panel.set_axis_off()
        look = {"frameon": False, "labelcolor": INK, "handlelength": 3, "title": "thin: counted", "title_fontsize": 10}
        handles = panels[0].get_legend_handles_labels()
        panels[-1].legend(*handles, loc="center" if len(panels) > len(axes) else "best", **look)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="png", dpi=120, metadata={"Software": None})


def draw(panel, x: Sequence[float], y: Sequence[float], number: int, label: str | None = None) -> None:
    look = {"lw": 2.4, "marker": "o"} if label else {"lw": 1, "alpha": 0.7}
    panel.plot(x, [value / y[0] for value in y], color=COLOURS[number], linestyle=DASHES[number], label=label, **look)


def main() -> None:
    parser = arguments(__doc__, "scaling.json", repeats=3)
    parser.add_argument("--axes", nargs="+", choices=tuple(AXES), default=list(AXES), help="default: all")
    parser.add_argument("--quick", action="store_true", help="the first two points of each axis, and one step at each")
    parser.add_argument("--bf16", action="store_true", help="the engine in bf16")
    given = parser.parse_args()
    idle = idle_gib()
    found = measure_quickly(given.axes, given.bf16, idle) if given.quick else {}
    for axis in given.axes:
        if not given.quick:
            found[axis] = measure(works(axis), given.repeats, given.bf16, idle)
        show(table(axis, found[axis]))
    write(given.out, {axis: {"points": [point.record() for point in points], "slopes": slopes(points)}
                      for axis, points in found.items()})
    plot(found, given.out.with_suffix(".png"))
    print(f"written to {given.out.with_suffix('.png')}")


if __name__ == "__main__":
    main()
