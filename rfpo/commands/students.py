"""The tiny models that are shipped for the demo and the tests: list them, test one at its gate, build one anew."""

EXAMPLES = """examples:
  rfpo students                        list them
  rfpo students gate column_addition   measure what the student can, cannot, and can correct
  rfpo students build column_addition  train it from scratch (minutes)
  rfpo students build sorting --size 4M
                                       a larger one: 0.65M (as most are), 1M, 2M, 4M or 10M parameters
"""


def arguments(parser) -> None:
    parser.add_argument("action", nargs="?", default="list", choices=("list", "gate", "build"))
    parser.add_argument("name", nargs="?", metavar="NAME", help="a student, or its directory for gate; all when left out")
    parser.add_argument("--out", metavar="DIR", help="where build writes (default: students/NAME)")
    parser.add_argument("--size", metavar="SIZE", help="how many parameters build gives it, about (default: 0.65M)")


def run(given) -> int | None:
    from rfpo import students
    from rfpo.errors import UserError
    from rfpo.pieces import names

    if given.action == "list":
        for name in students.names():
            print(f"{name:<20}{students.path(name)}")
        return None
    if given.action == "gate":
        from rfpo.students.gate import main

        return main([given.name] if given.name else students.names())
    if given.name is None:
        raise UserError("build needs the student's name; known are: " + ", ".join(names("rfpo.students.specialists")))
    from rfpo.students.build import main

    size = ["--size", given.size] if given.size else []
    return main([given.name, "--out", given.out or f"students/{given.name}", *size])
