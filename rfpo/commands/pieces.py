"""List the pieces that a run is made of, room by room, without importing any."""

EXAMPLES = """examples:
  rfpo pieces                     all rooms
  rfpo pieces surrogate           one room
  rfpo train rfpo --set objective.surrogate=unbounded ...      use one
"""

ROOMS = ("tasks", "diagnosis", "correction.operators", "correction.merge", "correction.locators", "correction.leaks",
         "critics", "rewards", "objective.advantage", "objective.ratio",
         "objective.surrogate", "objective.weight", "objective.regularizer", "objective.aggregation", "objective.pairwise",
         "schedule")


def arguments(parser) -> None:
    parser.add_argument("room", nargs="?", metavar="ROOM", help="one of " + ", ".join(word(room) for room in ROOMS))


def run(given) -> None:
    from rfpo.errors import UserError, near_miss
    from rfpo.pieces import names, summary

    rooms = [room for room in ROOMS if given.room in (None, room, word(room))]
    if not rooms:
        raise UserError(f"there is no room {given.room!r}; {near_miss(given.room, [word(room) for room in ROOMS])}")
    for room in rooms:
        print(f"{word(room)}   (rfpo.{room})")
        held = names(f"rfpo.{room}")
        width = max(24, *(len(name) + 2 for name in held))
        for name in held:
            print(f"  {name:<{width}}{summary(f'rfpo.{room}', name)}")


def word(room: str) -> str:
    return room.rsplit(".", 1)[-1]
