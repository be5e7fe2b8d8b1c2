"""Named runs. The folder is the registry: `rfpo/recipes/grpo.py` holds a function `grpo()` that returns a Run, and
`rfpo/recipes/methods` those of the published methods around RFPO.

Every base recipe X also exists as rfpo_X, which is `corrected(X())`: the same run with the correction stage and one weight.
Sizes (group_size, prompts_per_step, steps, learning rate) are those of Run unless a recipe says otherwise, so that recipes
differ in their method only. Listing reads docstrings and imports nothing.
"""

import ast
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from rfpo.errors import UserError, near_miss
from rfpo.pieces import find, names

ROOM = "rfpo.recipes"
METHODS = "rfpo.recipes.methods"
PREFIX = "rfpo_"


def recipe(name: str):
    """The Run of a recipe by name, or of a function of the user's own, "my_module:my_recipe".

    Raises UserError for a name that is unknown, with the nearest one that is.
    """
    if name in own_names():
        run = getattr(import_module(f"{_room(name)}.{name}"), name)()
    elif name in corrected_names():
        from rfpo.recipes._corrected import corrected

        run = corrected(recipe(name.removeprefix(PREFIX)))
    elif ":" in name:
        run = _own(name)
    else:
        raise UserError(f"there is no recipe named {name!r}; {near_miss(name, recipe_names())}")
    return replace(run, name=name.rpartition(":")[2])


def _own(name: str):
    """The Run that a user's function makes."""
    from rfpo.config.run import Run

    made = find(ROOM, name)
    try:
        run = made() if callable(made) else made
    except UserError:
        raise
    except Exception as error:  # the user's function may raise anything
        raise UserError(f"recipe {name!r} failed: {type(error).__name__}: {error}. A recipe is a function without arguments "
                        "that returns a Run.") from error
    if not isinstance(run, Run):
        raise UserError(f"recipe {name!r} is {run!r:.60}; it must be a function without arguments that returns a Run.")
    return run


def recipe_names() -> list[str]:
    """Every name that `recipe` knows, sorted."""
    return sorted([*own_names(), *corrected_names()])


def own_names() -> list[str]:
    """The recipes that have a file."""
    return [*names(ROOM), *names(METHODS)]


def method_names() -> list[str]:
    """The published methods around RFPO."""
    return names(METHODS)


def _room(name: str) -> str:
    return METHODS if name in names(METHODS) else ROOM


def base_names() -> list[str]:
    """The recipes without a correction stage."""
    return [name for name in names(ROOM) if name != "rfpo" and not name.startswith(PREFIX)]


def corrected_names() -> list[str]:
    """rfpo_X for every base recipe X that has no file of that name."""
    return [PREFIX + name for name in base_names() if PREFIX + name not in own_names()]


def describe(name: str) -> str:
    """The recipe's docstring, read from its file."""
    if name in corrected_names():
        base = name.removeprefix(PREFIX)
        return f"{base} with the correction stage: corrected({base}()).\n\n{describe(base)}"
    folder = Path(__file__).parent / _room(name).removeprefix(ROOM).strip(".")
    tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    return ast.get_docstring(function) or ""
