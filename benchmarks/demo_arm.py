"""Seconds of one arm of the demo, evaluations left out; of this code, or of another commit's.

    python benchmarks/demo_arm.py                                       # the rfpo arm of column_addition
    PYTHONPATH=/tmp/other python benchmarks/demo_arm.py --tokens 50000  # with the package of another clone

Prints where the package lies, what the arm did and how long it took. Run both sides in turns on free cores; a clone whose
students are others must be given these (rfpo/students/shipped), or it does other work.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from rich.console import Console

import rfpo
from rfpo.demo import run_of
from rfpo.reporting.display import Display
from rfpo.training.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", default="rfpo", help="a recipe (default %(default)s)")
    parser.add_argument("--student", default="column_addition", help="default %(default)s")
    parser.add_argument("--tokens", type=int, default=222_000, help="generated tokens (default %(default)s)")
    given = parser.parse_args()
    run = replace(run_of(given.arm, given.student, seed=0), token_budget=given.tokens)
    marks, last = [], []

    def watch(engine, judge, state, progress: float) -> None:
        """Called before the first step and after each."""
        marks.append(perf_counter())
        last[:] = [state]

    with tempfile.TemporaryDirectory() as folder:
        screen = Display(run.steps, quiet=True, console=Console(stderr=True))
        train(run, Path(folder) / "run", screen=screen, watch=watch)
    state, = last
    print(f"{Path(rfpo.__file__).parents[1]}: {marks[-1] - marks[0]:.2f} s, {state.step} steps, {state.updates} updates, "
          f"{state.tokens.generated} tokens")


if __name__ == "__main__":
    main()
