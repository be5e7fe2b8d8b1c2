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

    path = Path(given.run_or_recipe)
    file = path / "run.toml" if path.is_dir() else path
    is_file = file.is_file() or file.suffix == ".toml"
    shown = load(file) if is_file else recipe(given.run_or_recipe)
    shown = change(shown, given.changes)
    if not is_file and given.run_or_recipe in recipe_names():
        print("\n".join(f"# {line}".rstrip() for line in describe(given.run_or_recipe).splitlines()), end="\n\n")
    print(to_toml(shown), end="")
    for task in shown.tasks:
        print(f"# task {task.name}: {extraction(task)}")
