"""A whole study, at a size for a test: run, stopped, gone on with, asked how it stands, repeated cell by cell."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rfpo.cli import main
from rfpo.study.results import from_line, to_line
from rfpo.study.table import Table
from tests.study.small import TEXT, plan_file

ONE = TEXT.replace("seeds = 2", "seeds = 1")


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, Path]:
    """A finished study: its plan and its directory."""
    folder = tmp_path_factory.mktemp("study")
    plan = plan_file(folder, ONE)
    assert main(["study", str(plan), "--out", str(folder / "out"), "--workers", "1"]) == 0
    return plan, folder / "out"


def test_a_study_leaves_its_cells_its_report_and_its_versions(done):
    _, out = done
    cells = Table(out).lines
    assert {cell.name for cell in cells} == {(arm, "sums", 0) for arm in ("rfpo", "grpo", "extra")}
    assert len({cell.marks[0] for cell in cells}) == 1, "arms must start from the same student, on the same draws"
    summary = json.loads((out / "summary.json").read_text())
    assert summary["cells"] == 3 and summary["missing"] == []
    rows = {row["arm"]: row for row in summary["rows"]}
    assert {"updates", "trained_rows"} <= set(rows["rfpo"]) and rows["grpo"]["told"] != rows["rfpo"]["told"]
    assert "<html" in (out / "report.html").read_text() and not (out / "work").exists() or not list((out / "work").iterdir())
    assert "torch" in json.loads((out / "versions.json").read_text())[0]


def test_a_finished_cell_is_never_run_again(done, capsys):
    plan, out = done
    before = (out / "cells.jsonl").read_bytes()
    assert main(["study", str(plan), "--out", str(out)]) == 0
    assert (out / "cells.jsonl").read_bytes() == before
    assert "All 3 cells are done." in capsys.readouterr().err


def test_a_cell_run_again_gives_its_numbers_and_one_that_does_not_says_so(done, capsys, tmp_path):
    plan, out = done
    assert main(["study", str(plan), "--out", str(out), "--again", "extra/sums/0"]) == 0
    assert "bit for bit" in capsys.readouterr().err
    lines = (out / "cells.jsonl").read_text().splitlines()
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "sums.json").write_text((out / "base" / "sums.json").read_text())
    changed = [line.replace('"updates":', '"updates":1', 1) if '"arm":"rfpo"' in line else line for line in lines]
    (tmp_path / "cells.jsonl").write_text("\n".join(changed) + "\n")
    assert main(["study", str(plan), "--out", str(tmp_path), "--again", "rfpo/sums/0"]) == 1
    assert "differs in updates" in capsys.readouterr().err


def test_a_cell_of_before_scored_tokens_were_counted_is_compared_without_them(done, capsys, tmp_path):
    plan, out = done
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "sums.json").write_text((out / "base" / "sums.json").read_text())
    old = [replace(cell, scored_tokens=None) for cell in Table(out).lines]
    (tmp_path / "cells.jsonl").write_text("".join(to_line(cell) + "\n" for cell in old))
    assert main(["study", str(plan), "--out", str(tmp_path), "--again", "rfpo/sums/0"]) == 0
    assert "bit for bit" in capsys.readouterr().err
    assert all(cell.scored_tokens for cell in Table(out).lines if cell.arm == "rfpo")


def test_status_names_what_is_missing(done, capsys, tmp_path):
    plan = plan_file(tmp_path, TEXT)
    assert main(["study", str(plan), "--out", str(done[1]), "--status"]) == 0
    shown = capsys.readouterr().out
    assert "3 cells are done, 3 are missing" in shown and "missing  sums  rfpo  seeds 1" in shown


def test_a_changed_plan_makes_other_cells_and_keeps_the_old_ones(done, capsys, tmp_path):
    plan = plan_file(tmp_path, ONE.replace("1e-4", "2e-4"))
    assert main(["study", str(plan), "--out", str(done[1]), "--status"]) == 0
    shown = capsys.readouterr().out
    assert "0 cells are done, 3 are missing" in shown and "3 lines of" in shown


def test_most_stops_after_so_many_cells_and_the_rest_follows(done, tmp_path, capsys):
    plan, out = done[0], tmp_path / "out"
    assert main(["study", str(plan), "--out", str(out), "--workers", "1", "--most", "1"]) == 0
    assert len(Table(out).lines) == 1 and "1 cells are done, 2 are missing" in capsys.readouterr().err
    assert main(["study", str(plan), "--out", str(out), "--workers", "1"]) == 0
    assert stable(out) == stable(done[1])


def stable(out: Path) -> list[dict]:
    """The table's numbers, in the order of arms."""
    cells = [json.loads(line) for line in (out / "cells.jsonl").read_text().splitlines()]
    return sorted(({name: value for name, value in cell.items() if name not in ("seconds", "core_seconds", "commit")}
                   for cell in cells), key=lambda cell: cell["arm"])


def test_a_study_that_is_killed_goes_on_where_it_was(done, tmp_path):
    plan, out = done[0], tmp_path / "out"
    command = [sys.executable, "-m", "rfpo", "study", str(plan), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (out / "cells.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 1 <= len(Table(out).lines) < 3
    time.sleep(2)  # its workers notice
    assert main(["study", str(plan), "--out", str(out), "--workers", "1"]) == 0
    assert stable(out) == stable(done[1])


def test_a_cell_that_fails_costs_no_other(tmp_path, capsys):
    text = ONE.replace('[arms.grpo]\nrecipe = "grpo"', '[arms.grpo]\nrecipe = "grpo"\nset = { "sampling.max_tokens" = 20 }\n'
                       '[arms.lost]\nrecipe = "grpo"\nset = { "model.path" = "nowhere/at-all" }')
    code = main(["study", str(plan_file(tmp_path, text)), "--out", str(tmp_path / "out"), "--workers", "1"])
    shown = capsys.readouterr().err
    assert code == 1 and "lost/sums/0 failed:" in shown and "1 failed" in shown
    assert {cell.arm for cell in Table(tmp_path / "out").lines} == {"rfpo", "extra", "grpo"}


def test_a_dry_run_predicts_from_two_cells_and_refuses_twice_the_hours(tmp_path, capsys):
    plan = plan_file(tmp_path, TEXT)
    assert main(["study", str(plan), "--out", str(tmp_path / "out"), "--workers", "1", "--dry-run"]) == 0
    shown = capsys.readouterr().err
    cells = Table(tmp_path / "out").lines
    assert [cell.arm for cell in cells] == ["rfpo", "grpo"] and "6 cells; 2 measured" in shown
    dear = plan_file(tmp_path, TEXT.replace("seeds = 2", "seeds = 2\ncore_hours = 0.000001"))
    assert main(["study", str(dear), "--out", str(tmp_path / "out"), "--workers", "1", "--dry-run"]) == 2
    assert "more than twice its core_hours=1e-06" in capsys.readouterr().err
    assert len(Table(tmp_path / "out").lines) == 2, "what was measured is kept"


def test_a_pilot_runs_the_first_arm_on_seeds_of_its_own(tmp_path, capsys):
    plan = plan_file(tmp_path, ONE)
    assert main(["study", str(plan), "--out", str(tmp_path / "out"), "--workers", "1", "--pilot"]) == 0
    cells = Table(tmp_path / "out" / "pilot").lines
    assert {cell.name for cell in cells} == {("rfpo", "sums", seed) for seed in (1000, 1001, 1002)}
    shown = capsys.readouterr().err
    assert all(word in shown for word in ("fixed", "end", "seeds needed", "sums: the end has"))
    assert not (tmp_path / "out" / "cells.jsonl").exists()
    measured = [(tmp_path / "out" / folder / "base" / "sums.json").read_text() for folder in (".", "pilot")]
    assert measured[0] == measured[1], "the student is measured once"


def test_some_tasks_alone_are_worked_on(tmp_path, capsys):
    text = ONE + '[tasks.words]\nstudent = "column_addition"\ntoken_budget = 100_000\n'
    plan, out = plan_file(tmp_path, text), tmp_path / "out"
    assert main(["study", str(plan), "--out", str(out), "--workers", "1", "--tasks", "sums"]) == 0
    assert {cell.task for cell in Table(out).lines} == {"sums"} and "All 3 cells are done." in capsys.readouterr().err
    assert json.loads((out / "summary.json").read_text())["missing"] == ["rfpo/words/0", "grpo/words/0", "extra/words/0"]
    assert main(["study", str(plan), "--out", str(out), "--status"]) == 0
    assert "3 cells are done, 3 are missing" in capsys.readouterr().out


@pytest.mark.parametrize(("flags", "message"), [
    (["--tasks", "sum"], "--tasks names 'sum'"),
    (["--again", "rfpo/sums/7"], "is no cell of the plan"), (["--again", "rfpo/sums/0"], "is not done"),
    (["--report"], "no finished cell"), (["--workers", "0"], "--workers is 0"), (["--small"], "has no [small] table"),
])
def test_what_cannot_be_done_is_one_line(tmp_path, capsys, flags, message):
    assert main(["study", str(plan_file(tmp_path, ONE)), "--out", str(tmp_path / "out"), *flags]) == 2
    shown = capsys.readouterr().err
    assert message in shown and shown.count("\n") == 1


def test_two_studies_do_not_write_one_table(tmp_path, capsys):
    from rfpo.study.course import alone

    with alone(tmp_path / "out"):
        assert main(["study", str(plan_file(tmp_path, ONE)), "--out", str(tmp_path / "out")]) == 2
    assert "another rfpo study is at work there" in capsys.readouterr().err


def test_a_line_of_the_table_is_a_cell(done):
    for line in (done[1] / "cells.jsonl").read_text().splitlines():
        assert from_line(line).key
