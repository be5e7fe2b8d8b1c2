"""Compare arms: recipes x tasks x seeds at one budget of generated tokens, with a report.

A plan is a TOML file: arms (recipes with changes), tasks (students and budgets), claims (which arms are compared). Its cells
run in warm workers, one thread each. Finished cells are kept whatever happens: the same command goes on where a killed one
left off, and never runs a finished cell again.
"""

import os
from pathlib import Path

EXAMPLES = """examples:
  rfpo study plans/first.toml --pilot          is there room to tell arms apart? fix rate, end point, spread, seeds needed
  rfpo study plans/first.toml --dry-run        how many core-hours it will take, from two measured cells
  rfpo study plans/first.toml                  run what is missing, then write report.html
  rfpo study plans/first.toml --most 40        no more than 40 cells in this session
  rfpo study plans/first.toml --status         what is done and what is missing
  rfpo study plans/first.toml --small          the plan's reduced version
  rfpo study plans/first.toml --report         write the report of what is done
  rfpo study plans/first.toml --offline        one update of every weighting on the same frozen corrections: minutes
  rfpo study plans/first.toml --again rfpo/multiplication/0      run one cell anew; its numbers must come again

a plan:
  name = "mine"
  seeds = 4
  [set]                                        # fields of every run, as --set of rfpo train names them
  "optimizer.learning_rate" = 1e-4
  [arms.rfpo]                                  # the first arm is the one that the others are compared with
  recipe = "rfpo"
  [arms.extra]
  recipe = "extra_samples"
  spends_like = "rfpo"                         # spends on drawing again, step by step, what rfpo's corrections took
  set = { "fixing.operator.tries" = 1000 }
  [tasks.addition]
  student = "column_addition"
  token_budget = 100_000
"""


def arguments(parser) -> None:
    parser.add_argument("plan", type=Path, metavar="PLAN.toml")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: studies/NAME, with the plan's name")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="cells at a time, a thread each "
                        "(default: the machine's cores)")
    parser.add_argument("--most", type=int, metavar="N", help="stop after so many cells")
    parser.add_argument("--tasks", nargs="+", default=(), metavar="T", help="work on these tasks of the plan alone")
    parser.add_argument("--small", action="store_true", help="the plan's [small] version, in a directory of its own")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say what is done and what is missing, and run nothing")
    what.add_argument("--dry-run", action="store_true", help="run two cells and predict the core-hours of the plan")
    what.add_argument("--pilot", action="store_true", help="run the first arm on seeds that the study does not use")
    what.add_argument("--offline", action="store_true", help="one frozen set of corrections, an update of every arm")
    what.add_argument("--report", action="store_true", help="write the report of what is done, and run nothing")
    what.add_argument("--again", metavar="ARM/TASK/SEED", help="run one finished cell anew and compare every number")


def run(given) -> int:
    from rich.console import Console

    from rfpo.errors import UserError
    from rfpo.study.plan import load_plan

    for name in ("workers", "most"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise UserError(f"--{name} is {getattr(given, name)}; it must be at least 1. Try 2.")
    plan = load_plan(given.plan)
    plan = plan.smaller() if given.small else plan
    from rfpo.study import foresight, study

    where = study.Where(plan, given.out or Path("studies") / plan.name, given.workers, command_of(given), tuple(given.tasks))
    console = Console(stderr=True)
    if given.status:
        print(study.status(where.course()))
    elif given.dry_run:
        foresight.dry_run(where, console)
    elif given.pilot:
        foresight.pilot(where, console)
    elif given.again:
        return 0 if foresight.again(where, given.again, console) else 1
    elif given.offline:
        from rfpo.study.offline import offline

        offline(where, console)
    elif given.report:
        study.rewrite(where, console)
    else:
        course = study.run_study(where, console, given.most)
        return 1 if course.failed else 0
    return 0


def command_of(given) -> str:
    """The command that repeats this study."""
    parts = ["rfpo", "study", str(given.plan), *(["--small"] if given.small else [])]
    return " ".join([*parts, *(["--out", str(given.out)] if given.out else [])])


