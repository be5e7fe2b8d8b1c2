"""Compare two runs' metrics and rollouts, number by number; exit code 1 when they differ."""

from pathlib import Path

EXAMPLES = """examples:
  rfpo diff runs/first runs/again      prints nothing but "equal" when they are equal bit for bit
"""


def arguments(parser) -> None:
    parser.add_argument("first", type=Path, metavar="RUN")
    parser.add_argument("second", type=Path, metavar="RUN")


def run(given) -> int:
    from rfpo.reporting.diff import diff

    lines = diff(given.first, given.second)
    print("\n".join(lines) if lines else "equal")
    return 1 if lines else 0
