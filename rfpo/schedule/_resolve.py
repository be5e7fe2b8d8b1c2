"""Schedules to the numbers of one step."""

from dataclasses import fields, is_dataclass, replace

from rfpo.checks import scheduled


def resolve(tree, progress: float):
    """The same tree with `schedule.at(progress)` in the place of every schedule in its dataclasses, tuples, lists and dicts.

    What holds no schedule comes back as the very object it was. A piece that is rebuilt checks its fields again, so a
    schedule that leaves the allowed range raises UserError.
    """
    if isinstance(tree, type):
        return tree
    if scheduled(tree):
        return float(tree.at(progress))
    if is_dataclass(tree):
        return _dataclass(tree, progress)
    if isinstance(tree, dict):
        changed = {key: resolve(value, progress) for key, value in tree.items()}
        return changed if any(changed[key] is not tree[key] for key in tree) else tree
    if type(tree) in (tuple, list):
        items = [resolve(item, progress) for item in tree]
        return type(tree)(items) if any(new is not old for new, old in zip(items, tree, strict=True)) else tree
    return tree


def _dataclass(piece, progress: float):
    values = {f.name: getattr(piece, f.name) for f in fields(piece) if f.init}
    resolved = {name: resolve(value, progress) for name, value in values.items()}
    changed = {name: value for name, value in resolved.items() if value is not values[name]}
    return replace(piece, **changed) if changed else piece
