"""GRPO and RFPO side by side on a tiny model, on the CPU, in minutes.

Both start from the same student, on the same prompts, with the same number of generated tokens. Writes summary.json and
report.html. The student's misconception is planted; the README says what that does and does not show.
"""

from pathlib import Path

EXAMPLES = """examples:
  rfpo demo                            one seed
  rfpo demo --seeds 3 --out runs/demo3
  rfpo demo --long                     one seed, to four times the tokens
  rfpo demo --student spell_backward   the other student, on a data set of reasoning_gym
  rfpo demo --arms rfpo rfpo_shuffled  other recipes: here, told where the error is or told some other place
"""


def arguments(parser) -> None:
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds (default: 1)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="count the seeds from here (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), metavar="DIR", help="default: runs/demo")
    parser.add_argument("--student", default="column_addition", metavar="NAME", help="see rfpo students (default: "
                        "column_addition)")
    parser.add_argument("--arms", nargs="+", default=("grpo", "rfpo"), metavar="RECIPE", help="default: grpo rfpo")
    parser.add_argument("--long", action="store_true", help="draw the curves to four times the budget")


def run(given) -> None:
    from rfpo.errors import UserError

    if given.seeds < 1:
        raise UserError(f"--seeds is {given.seeds}; it must be at least 1. Try 1.")
    if given.first_seed < 0:
        raise UserError(f"--first-seed is {given.first_seed}; it must be 0 or more. Try 1000.")
    from rfpo.demo import demo

    demo(range(given.first_seed, given.first_seed + given.seeds), given.out, given.long, given.student, given.arms)
