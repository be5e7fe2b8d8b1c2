"""tables.md of a study: its contrasts and its arms, to be read, quoted and searched where the report's pictures cannot be."""

from collections.abc import Sequence
from pathlib import Path

from rfpo.reporting.wording import percent
from rfpo.study._figures import interval, points
from rfpo.study.contrasts import POOLED, ContrastResult
from rfpo.study.lead import league
from rfpo.study.plan import Plan
from rfpo.study.summary import SummaryRow


def write_tables(out: Path, plan: Plan, rows: Sequence[SummaryRow], found: Sequence[ContrastResult], missing: int) -> Path:
    """Writes `out`/tables.md from a study's rows and contrasts, of which `missing` cells are not done, and returns its path."""
    cells = sum(row.seeds for row in rows)
    done = f"Plan {plan.hash}; {cells:,} cells" + (f", {missing:,} are missing." if missing else ".")
    parts = [f"# Study: {plan.name}", done, *_contrasts(plan, found), *_arms(plan, rows)]
    path = Path(out) / "tables.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _contrasts(plan: Plan, found: Sequence[ContrastResult]) -> list[str]:
    """A table a claim: a row a contrast, a column a task, and one for all tasks together."""
    said = {(line.claim, line.arm, line.against, line.task): line for line in found if line.estimate is not None}
    parts = ["## Contrasts", f"Points of {plan.primary}, arm minus against: the mean over paired seeds, its 95% interval, the "
             f"verdict. The plan calls {100 * plan.smallest:g} points the smallest difference that would matter."]
    for name, claim in plan.claims.items():
        tasks = [task for task in (*plan.tasks, POOLED) if any(key[0] == name and key[3] == task for key in said)]
        if tasks:
            parts += [f"**{name}: {claim.text}.**", _table(("arm", "against", *tasks), [
                (arm, against, *(_cell(said.get((name, arm, against, task))) for task in tasks))
                for arm, against in claim.contrasts])]
    return parts


def _cell(line: ContrastResult | None) -> str:
    if line is None:
        return ""
    around = "" if line.low is None else f" {interval(line.low, line.high)}"
    return f"{points(line.estimate)}{around} {line.verdict}"


def _arms(plan: Plan, rows: Sequence[SummaryRow]) -> list[str]:
    """A table a task: what each arm solved, and what it took."""
    order = [place.arm for place in league(plan, rows)]
    parts = ["## Arms", "Means over seeds, and the area's standard deviation. Arms in the order of the league over all tasks."]
    for task in plan.tasks:
        here = sorted((row for row in rows if row.task == task and row.area), key=lambda row: order.index(row.arm))
        if here:
            parts += [f"**{task}**, {plan.tasks[task].token_budget:,} tokens", _table(
                ("arm", "told", "area", "end", "others after", "stuck groups corrected", "leaks", "updates", "rows trained"),
                [_arm(row) for row in here])]
    return parts


def _arm(row: SummaryRow) -> tuple[str, ...]:
    def mean(value, say=percent) -> str:
        return "-" if value is None else say(value.mean)

    area = f"{row.area.mean:.3f}" + ("" if row.area.sd is None else f" ± {row.area.sd:.3f}")
    return (row.arm, ", ".join(what for what, _ in row.told) or "-", area, mean(row.end, "{:.2f}".format),
            mean(row.other_after, "{:.2f}".format), mean(row.fix_rate), mean(row.leak_rate),
            mean(row.updates, "{:,.0f}".format), mean(row.trained_rows, "{:,.0f}".format))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
