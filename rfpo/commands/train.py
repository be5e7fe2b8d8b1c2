"""Train a model with a recipe, on tasks of your own or on shipped ones.

The run directory holds the resolved run (run.toml), one line of metrics a step, every completion, checkpoints that
transformers loads, and a report. A stopped run goes on with --resume.
"""

from pathlib import Path

from rfpo.commands import _making
from rfpo.errors import UserError

EXAMPLES = """examples:
  rfpo train rfpo --model Qwen/Qwen3-0.6B --tasks data.jsonl --max-tokens 1024 --tokens 5000000
  rfpo train rfpo_dapo --model ./my-model --tasks reasoning_gym:chain_sum --steps 200 --out runs/first
  rfpo train rfpo --model column_addition --tasks column_addition --templates student --set optimizer.learning_rate=1e-4
  rfpo train rfpo --model DIR --tasks data.jsonl --set objective.weights.0.gamma=-1 --set group_size=16
  rfpo train grpo --model DIR --tasks data.jsonl --set 'optimizer.decay="cosine"' --set objective.surrogate=unbounded
  rfpo train --config runs/first/run.toml --seed 1 --out runs/second
  rfpo train --resume runs/first

Before the first run on your own data: rfpo check, with the same arguments.
"""


def arguments(parser) -> None:
    _making.arguments(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run directory (default: runs/RECIPE)")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with a stopped run; takes nothing else")


def run(given) -> None:
    if given.resume is not None:
        refuse_beside_resume(given)
        made, directory = None, given.resume
    else:
        made = _making.run_from(given)
        directory = given.out or Path("runs") / made.name
    from rfpo.training.train import resume, train

    try:
        train(made, directory) if made else resume(directory)
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(f"Go on with: rfpo train --resume {directory}") from stopped


def refuse_beside_resume(given) -> None:
    """A resumed run is the run that was written; changing it half way would make it neither."""
    others = [name for name in ("recipe", "model", "tasks", "changes", "config", "templates", "steps", "tokens", "max_tokens",
                                "seed", "trust_remote_code", "out") if getattr(given, name)]
    if others:
        raise UserError(f"--resume {given.resume} was given together with {others[0]}; a resumed run is the one in its "
                        f"run.toml. Drop the rest, or start anew with --config {given.resume}/run.toml.")
