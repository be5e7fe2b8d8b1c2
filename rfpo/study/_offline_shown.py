"""The ranking as a table on the terminal and as a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from matplotlib.ticker import MaxNLocator
from rich.box import SIMPLE_HEAD
from rich.table import Table

from rfpo.reporting import page
from rfpo.reporting.wording import duration, percent
from rfpo.study._offline_probe import Effect
from rfpo.study._offline_said import ABOVE, BELOW, SAME, SOURCE, UNCLEAR, Line, TaskSaid, ranked, student
from rfpo.study.study import Where

NUMBER = 7  # characters of a number on the terminal
MINUS = "\N{MINUS SIGN}"
COLOURS = {ABOVE: "green", BELOW: "red", UNCLEAR: "grey", SAME: "grey", SOURCE: "blue"}
CANNOT = (
    "How heavy an update is: Adam's first step is as long for a small gradient as for a large one, and so is the even step. "
    "Only how answers weigh against each other shows; the gradient's norm is given for the rest. (Below Adam's "
    "epsilon a gradient moves less.)",
    "What comes after the first updates: weights that fall as the policy turns to the corrections, the clip (in a first update "
    "the ratio is 1, and arms that differ in its bounds are the same), help that ends, new mistakes.",
    "How many stuck prompts will be solved: few come loose after so few updates. The solution's log-probability moves first.",
    "Right answers other than the solution that the task gives.",
    "Arms that sample or correct otherwise: they are left out.",
)


@dataclass(frozen=True)
class Column:
    """A head, what is read off an effect, how its mean is written, and its head on a terminal ("": only on
    the page)."""

    head: str
    read: Callable[[Effect], float | None]
    write: Callable[[float], str]
    short: str = ""


def left_out_line(task: TaskSaid) -> str:
    """One line that names the arms that are not ranked, and why."""
    reasons: dict[str, list[str]] = {}
    for arm, reason in task.left_out.items():
        reasons.setdefault(reason, []).append(arm)
    said = "; ".join(f"{', '.join(arms)} ({reason})" for reason, arms in reasons.items())
    return f"{task.task}, left out: {said}." if said else f"{task.task}: no arm is left out."


def columns(task: TaskSaid) -> list[Column]:
    """What is said of an arm beside its place."""
    return [
        Column("wrong", lambda e: e.one.wrong, nats),
        Column("margin", lambda e: e.one.margin, nats, short="margin"),
        Column(f"{task.draws} updates: right", lambda e: e.steps.right, nats, short=f"{task.draws} steps right"),
        Column("margin", lambda e: e.steps.margin, nats),
        Column("trained prompts: right", lambda e: e.one.trained_right, nats, short="trained right"),
        Column("margin", lambda e: e.one.trained_margin, nats),
        Column("even step: right", lambda e: e.even.right, nats, short="even right"),
        Column("margin", lambda e: e.even.margin, nats),
        Column("chance of the solution", lambda e: e.steps.chance, points),
        Column("stuck pass@1", lambda e: e.steps.stuck, points, short="stuck pass@1"),
        Column("gradient norm", lambda e: e.gradient_norm, "{:.2g}".format, short="grad. norm"),
        Column("other pass@1", lambda e: e.steps.other, points, short="other pass@1"),
        Column("rows", lambda e: e.rows, "{:.0f}".format),
    ]


def ranking(task: TaskSaid, width: int) -> Table:
    """For a terminal: as many columns as it has room for."""
    lines = ranked(task)
    fixed = max(len(line.arm) for line in lines) + len("+0.000 \u00b1 0.000  +0.000  the same  ") + 1
    shown = [column for column in columns(task) if column.short][: max(1, (width - fixed) // (NUMBER + 2))]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("arm", no_wrap=True)
    for head in ("right \u00b1 se", f"{MINUS} {task.source}"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for column in shown:
        table.add_column(column.short, justify="right", min_width=NUMBER)
    for line in lines:
        table.add_row(line.arm, _with_error(line), nats(line.difference), line.verdict, *_means(task, line.arm, shown),
                      style="bold" if line.verdict == SOURCE else None)
    return table


def caption(task: TaskSaid) -> str:
    return ("Changes of log pi in nats, after one update and on held-out stuck prompts where nothing else is said; pass@1 in "
            f"points, after {task.draws} updates. Above, below: the 95% interval of the difference from {task.source} leaves "
            "out 0.")


def _means(task: TaskSaid, arm: str, shown: Sequence[Column]) -> list[str]:
    means = [task.mean(arm, column.read) for column in shown]
    return ["-" if value is None else column.write(value) for value, column in zip(means, shown, strict=True)]


def title(task: TaskSaid) -> str:
    stuck, fixed, groups = (sum(getattr(each, name) for each in task.sets) for name in ("stuck", "fixed", "groups"))
    return (f"{task.task}: one update on the same answers and corrections of {task.source} ({fixed:,} of {stuck:,} stuck "
            f"groups corrected; {groups:,} groups in {len(task.sets)} sets)")


def write_offline(where: Where, said: Sequence[TaskSaid], seconds: float) -> Path:
    """offline.html. Returns its path."""
    path = where.directory / "offline.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [page.heading(f"{where.plan.name}: one update of every arm", 1), page.paragraph(
        "All arms are trained on the same answers and corrections of the untrained student, from the same weights, at the full "
        "learning rate, and ranked by what one update does to the log-probability of the right answers to held-out stuck "
        "prompts. It says what to study, and takes no study's place.", "lead")]
    for task in said:
        parts += _task(task)
    parts += [page.heading("What this cannot tell"), page.bullets(CANNOT), page.paragraph(
        f"{where.command or 'rfpo study --offline'}, {duration(seconds)}; plan {where.plan.hash}.", "quiet")]
    page.write_page(path, f"{where.plan.name}: one update of every arm", parts)
    return path


def _task(task: TaskSaid) -> list[str]:
    lines, shown = ranked(task), columns(task)
    head = ("arm", "right", "\u00b1 se", f"{MINUS} {task.source}", *(column.head for column in shown))
    rows = [(line.arm, nats(line.change), "-" if line.error is None else f"{line.error:.3f}", nats(line.difference),
             *_means(task, line.arm, shown)) for line in lines]
    return [page.heading(title(task)), page.paragraph(
        f"Change of log \u03c0(solution | prompt) in nats: the mean over {task.stuck:,} held-out stuck prompts and "
        f"{len(task.sets)} sets, with its 95% interval over sets. Above or below {task.source}: the interval of the "
        "difference, paired by set, leaves out 0; not corrected for the number of arms.", "quiet"),
        _dots(task, lines), page.paragraph(left_out_line(task)),
        page.heading("All numbers", 3), page.paragraph(_legend(task), "quiet"),
        page.table(head, rows, [index for index, line in enumerate(lines) if line.arm == task.source])]


def _legend(task: TaskSaid) -> str:
    before = [each.before for each in task.sets]
    right, wrong = fmean(each.right for each in before), fmean(each.wrong for each in before)
    at_first = f"{task.other:,} other prompts, {percent(fmean(each.other or 0.0 for each in before))} before"
    return ("Means over sets, of changes. Right and wrong: log-probabilities of the solution and of the student's own wrong "
            f"answer, {right:.2g} and {wrong:.2g} before; margin: "
            f"their difference. {task.draws} updates: one a draw of the set; the chance of the solution and pass@1 are after "
            f"them, in points, pass@1 from one draw a prompt ({at_first}). Trained prompts: those of the set that have a "
            "correction. Even step: along the gradient itself, equally long for all arms; other numbers are of the run's own "
            "AdamW. Gradient norm and rows: of the one update, before clipping.")


def _dots(task: TaskSaid, lines: Sequence[Line]) -> str:
    """The ranking drawn: a dot an arm, with its interval."""
    intervals = {line.arm: student([each.effects[line.arm].one.right for each in task.sets]) for line in lines}
    edges = [0.0, *(line.change for line in lines), *(edge for pair in intervals.values() if pair for edge in pair)]
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(min(edges), max(edges))
    start, width = float(ticks[0]), float(ticks[-1] - ticks[0]) or 1.0

    def at(value: float) -> float:
        return (value - start) / width

    rows = [page.Row(line.arm, at(line.change), tuple(map(at, pair)) if (pair := intervals[line.arm]) else None,
                     _with_error(line), line.verdict, COLOURS[line.verdict], line.arm == task.source) for line in lines]
    labels = tuple((at(float(tick)), f"{tick:+g}".replace("-", MINUS) if abs(tick) > 1e-9 else "0") for tick in ticks)
    zero = at(0.0)
    return page.forest(rows, page.Axis(labels, zero, (zero, zero), "right answers less likely", "more likely"))


def _with_error(line: Line) -> str:
    return nats(line.change) + ("" if line.error is None else f" \u00b1 {line.error:.3f}")


def nats(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS).replace(f"{MINUS}0.000", "0.000").replace("+0.000", "0.000")


def points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", MINUS).replace(f"{MINUS}0.0", "0.0").replace("+0.0", "0.0")
