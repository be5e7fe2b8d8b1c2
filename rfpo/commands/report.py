"""Write a run's report: one self-contained HTML page."""

from pathlib import Path

EXAMPLES = """examples:
  rfpo report runs/first               writes runs/first/report.html
"""


def arguments(parser) -> None:
    parser.add_argument("run_directory", type=Path, metavar="RUN")


def run(given) -> None:
    from rfpo.reporting.report import report

    print(report(given.run_directory))
