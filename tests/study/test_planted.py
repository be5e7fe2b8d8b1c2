"""Bugs planted in a real study are seen in its report: at the top, and in red."""

import pytest

from rfpo.cli import main
from rfpo.study.health import GREEN, RED, checks
from rfpo.study.plan import load_plan
from rfpo.study.table import Table
from tests.study.small import TEXT, plan_file

BUGS = {
    "unmerged": ('"fixing.merge" = "tests.study.planted:NeverMerged"', "Training on corrections:"),
    "upside_down": ('"objective.weights" = [{kind = "tests.study.planted:WrongSign", gamma = 1.0}]', "The off-policy ratio:"),
    "leaking": ('"fixing.leak_tests" = ["tests.study.planted:AlwaysLeaks"]', "Leaks:"),
}


def text(*bugs: str) -> str:
    planted = "".join(f'[arms.{bug}]\nrecipe = "rfpo_outer"\nset = {{ {BUGS[bug][0]} }}\n' for bug in bugs)
    return TEXT.replace("seeds = 2", "seeds = 1").replace('[arms.extra]\nrecipe = "extra_samples"\nspends_like = "rfpo"\n'
                                                          'set = { "fixing.operator.tries" = 50 }\n', planted)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    plan = plan_file(folder, text(*BUGS))
    assert main(["study", str(plan), "--out", str(folder / "out"), "--workers", "1"]) == 0
    return load_plan(plan), folder / "out"


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_red_and_names_its_arm_alone(study, bug):
    plan, out = study
    check = next(check for check in checks(plan, Table(out).lines) if check.title == BUGS[bug][1])
    assert check.level == RED and check.who == (bug,)


def test_without_the_bugs_nothing_is_red(study):
    plan, out = study
    sound = [cell for cell in Table(out).lines if cell.arm not in BUGS]
    found = {check.title: check.level for check in checks(plan, sound)}
    assert RED not in [found[title] for _, title in BUGS.values()] and found["Training on corrections:"] == GREEN


def test_the_first_thing_that_the_report_says_is_that_it_cannot_be_trusted(study):
    page = (study[1] / "report.html").read_text(encoding="utf-8")
    assert page.index("Do not trust") < page.index("Learning curves")
    assert all(bug in page for bug in BUGS)
