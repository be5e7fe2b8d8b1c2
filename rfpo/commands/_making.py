"""From the arguments that `train`, `check` and `show` share to a Run."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rfpo.errors import UserError

TASK_FORMS = ("a task's name, reasoning_gym:chain_sum and the like, FILE.jsonl, FILE.parquet, hub:owner/name, or a "
              "TOML table "
              "{kind = ...}")


def arguments(parser: ArgumentParser) -> None:
    """What decides a run."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="a named run (see rfpo recipes) or module:function")
    parser.add_argument("--model", metavar="DIR", help="a model directory, a Hub name, or a shipped student's name")
    parser.add_argument("--tasks", nargs="+", metavar="T", help=TASK_FORMS)
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="changes",
                        help="change any field of the run; repeat for several")
    parser.add_argument("--config", type=Path, metavar="run.toml", help="start from a written run in place of a recipe")
    parser.add_argument("--templates", metavar="SET", help="wording of the correction prompts: prose, student, or a folder")
    parser.add_argument("--steps", type=int, help="end after so many steps")
    parser.add_argument("--tokens", type=int, help="end at so many generated tokens, corrections included")
    parser.add_argument("--max-tokens", type=int, help="longest answer, in tokens")
    parser.add_argument("--seed", type=int, help="of prompts, sampling and everything else that is random")
    parser.add_argument("--trust-remote-code", action="store_true", help="let the model directory's own code run")


def run_from(given: Namespace):
    """The run that the arguments describe: the recipe or file, then the flags, then each --set in order.

    Raises UserError for anything that does not fit, and for a combination that cannot work.
    """
    from rfpo.config.change import change, put
    from rfpo.config.refuse import refuse

    run = start_of(given)
    if given.templates is not None and run.fixing is None:
        raise UserError(f"--templates is {given.templates!r} and {run.name!r} corrects nothing, so there is no wording to "
                        "choose. Use a recipe that corrects, such as rfpo.")
    flags = {
        "model.path": given.model,
        "model.trust_remote_code": given.trust_remote_code or None,
        "tasks": [task_of(text) for text in given.tasks] if given.tasks else None,
        "steps": given.steps,
        "token_budget": given.tokens,
        "sampling.max_tokens": given.max_tokens,
        "seed": given.seed,
        "fixing.operator.templates": given.templates,
    }
    run = put(run, [(path, value) for path, value in flags.items() if value is not None])
    run = change(run, given.changes)
    refuse(run)
    return run


def start_of(given: Namespace):
    """The recipe, or the run of --config."""
    if given.recipe is not None and given.config is not None:
        raise UserError(f"both a recipe ({given.recipe}) and --config {given.config} were given; a run starts from one. "
                        "Drop one.")
    if given.config is not None:
        from rfpo.config.load import load

        return load(given.config)
    if given.recipe is None:
        raise UserError("no recipe was named; start with rfpo, as in rfpo train rfpo --model DIR --tasks data.jsonl. "
                        "See rfpo recipes")
    from rfpo.recipes import recipe

    return recipe(given.recipe)


def task_of(text: str):
    """The plain table of a task from what was written after --tasks."""
    from rfpo.config.change import value_of
    from rfpo.config.save import plain
    from rfpo.tasks import Task
    from rfpo.tasks._names import task_from_text

    return value_of(text) if text.startswith("{") else plain(Task, task_from_text(text))
