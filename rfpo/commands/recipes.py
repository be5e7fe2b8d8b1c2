"""List the recipes: named runs, each one method."""

import json

EXAMPLES = """examples:
  rfpo recipes
  rfpo recipes --json
  rfpo show rfpo          one of them in full
"""


def arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="as a JSON list, for programs")


def run(given) -> None:
    from rfpo.recipes import base_names, describe, recipe_names

    rows = [{"name": name, "corrects": name not in base_names(), "summary": describe(name).split("\n")[0]}
            for name in recipe_names()]
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['name']:<18}{row['summary']}")
