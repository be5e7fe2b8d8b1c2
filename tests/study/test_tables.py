"""tables.md: every contrast and every arm, with the numbers that the report has."""

from rfpo.study.contrasts import POOLED, contrasts
from rfpo.study.summary import summary_rows
from rfpo.study.tables import write_tables
from tests.study.synthetic import cells, plan

SMALL = plan(arms=4, tasks=2, seeds=3)
CELLS = cells(SMALL)


def written(tmp_path, results=CELLS) -> str:
    made = summary_rows(SMALL, results), contrasts(SMALL, results)
    return write_tables(tmp_path, SMALL, *made, len(CELLS) - len(results)).read_text()


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_a_contrast_has_a_column_a_task_and_one_for_all(tmp_path):
    text = written(tmp_path)
    head, _, *lines = rows(text.split("**")[2])  # of the first claim
    assert head == ["arm", "against", *SMALL.tasks, POOLED]
    found = {(line.arm, line.against, line.task): line for line in contrasts(SMALL, CELLS)}
    assert len(lines) == len(next(iter(SMALL.claims.values())).contrasts)
    for line in lines:
        for task, cell in zip(head[2:], line[2:], strict=True):
            told = found[line[0], line[1], task]
            assert cell.endswith(told.verdict)
            number = float(cell.split()[0].replace("−", "-"))
            assert abs(number - 100 * told.estimate) <= 0.051


def test_an_arm_has_a_row_on_every_task(tmp_path):
    text = written(tmp_path)
    means = {(row.task, row.arm): row.area.mean for row in summary_rows(SMALL, CELLS)}
    for task in SMALL.tasks:
        part = text.split(f"**{task}**")[1].split("**")[0]
        shown = {row[0]: float(row[2].split()[0]) for row in rows(part)[2:]}
        assert shown == {arm: round(means[task, arm], 3) for arm in SMALL.arms}


def test_what_is_missing_is_counted_and_has_no_cell(tmp_path):
    half = [cell for cell in CELLS if cell.task == next(iter(SMALL.tasks))]
    text = written(tmp_path, half)
    assert f"{len(half)} cells, {len(CELLS) - len(half)} are missing." in text
    assert all(task not in rows(text)[0] for task in list(SMALL.tasks)[1:])
