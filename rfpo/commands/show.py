"""Print a recipe or a run fully resolved, as TOML, and how its tasks take an answer out of a completion."""

from pathlib import Path

EXAMPLES = """examples:
  rfpo show rfpo                       every field of the recommended recipe, with its value
  rfpo show runs/first                 what that run was
  rfpo show rfpo > my.toml             a file to edit and to train with: rfpo train --config my.toml
"""


def arguments(parser) -> None:
    parser.add_argument("run_or_recipe", metavar="RECIPE|RUN", help="a recipe's name, a run directory or a run's TOML file")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="changes", help="change a field first")


def run(given) -> None:
    from rfpo.config.change import change
    from rfpo.config.describe import extraction
    from rfpo.config.load import load
    from rfpo.config.save import to_toml
    from rfpo.recipes import describe, recipe, recipe_names

    name, path = given.run_or_recipe, Path(given.run_or_recipe)
    known = name in recipe_names()
    if known or not (path.is_dir() or path.suffix == ".toml"):
        shown = recipe(name)
    else:
        shown = load(path / "run.toml" if path.is_dir() else path)
    shown = change(shown, given.changes)
    if known:
        print("\n".join(f"# {line}".rstrip() for line in describe(name).splitlines()), end="\n\n")
    print(to_toml(shown), end="")
    for task in shown.tasks:
        print(f"# task {task.name}: {extraction(task)}")
