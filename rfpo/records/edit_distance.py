"""How far two token sequences are apart."""

from collections.abc import Sequence


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    """The least number of insertions, deletions and replacements of one token that lead from `first` to `second`.

    A column of the table of distances is kept as two sets of bits, where it goes up by 1 and where down, so that a column
    takes a dozen operations on integers of len(first) bits (Myers 1999, in Hyyro's form of 2003).
    """
    where: dict[int, int] = {}
    for row, token in enumerate(first):
        where[token] = where.get(token, 0) | 1 << row
    every, last = (1 << len(first)) - 1, 1 << len(first) >> 1
    up, down, distance = every, 0, len(first)
    for token in second:
        same = where.get(token, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        rises, falls = (down | ~(diagonal | up)) & every, up & diagonal
        distance += bool(rises & last) - bool(falls & last) if first else 1
        rises = rises << 1 | 1
        up = (falls << 1 | ~(diagonal | rises)) & every
        down = rises & diagonal & every
    return distance
