"""List the recipes: named runs, each one method."""

import json

EXAMPLES = """examples:
  rfpo recipes
  rfpo recipes --json     with paper, place in the space of methods, and what each needs
  rfpo show rfpo          one of them in full
"""


def arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="as a JSON list, for programs")


def run(given) -> None:
    from rfpo.recipes import describe, method_names, recipe_names

    if given.json:
        from rfpo.recipes._card import card

        print(json.dumps([card(name) for name in recipe_names()], indent=1))
        return
    for title, chosen in (("", [name for name in recipe_names() if name not in method_names()]),
                          ("\npublished methods for groups in which nothing was learned:", method_names())):
        if title:
            print(title)
        for name in chosen:
            print(f"{name:<22}{describe(name).split(chr(10))[0]}")
