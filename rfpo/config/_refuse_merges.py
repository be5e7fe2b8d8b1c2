"""Merges, streams and objectives that cannot work together. Rules as in `refuse`."""

from collections.abc import Iterator

from rfpo.config.run import Run
from rfpo.correction import Merge
from rfpo.pieces import kind_of

TEACH = frozenset({"equal_rewards_teach_nothing", "group_sees_itself_only"})
"""An advantage that narrows neither is 0 in a group of equal rewards."""
IMITATED = ("imitation", "distillation")
"""Streams of which a prompt's rows are all alike right, or all alike wrong."""
EXAMPLES = {"pairs": 'streams.pairs={pairs="dpo"}'}
R_OFF = "off_policy_ratio"


def _merges(run: Run) -> Iterator[tuple[str, Merge]]:
    """The run's merge, and the one beside it."""
    path, merge = "fixing.merge", run.fixing.merge if run.fixing else None
    while merge is not None:
        yield path, merge
        path, merge = f"{path}.beside", getattr(merge, "beside", None)


def group_relative(advantage) -> bool:
    """Whether rows of equal rewards get the advantage 0."""
    return not TEACH & set(getattr(advantage, "narrows", {}))


def all_replaced(run: Run) -> str | None:
    """A stuck group whose every answer is replaced. Methods that edit each wrong answer of any group may do so: there it is
    chance how many edits succeed."""
    if run.fixing and kind_of(run.fixing.diagnosis) == "each_wrong":
        return None
    for path, merge in _merges(run):
        relative = group_relative(run.objective.advantage) and getattr(merge, "baseline", "") == "merged"
        if kind_of(merge) == "replace_all" and relative:
            return (f"{path} is 'replace_all' and objective.advantage is {kind_of(run.objective.advantage)!r}: a group in "
                    "which all are right teaches nothing again. Set fixing.merge=replace_one or append.")


def stream_missing(run: Run) -> str | None:
    for path, merge in _merges(run):
        for name in sorted(merge.streams - run.streams.keys()):
            return (f"{path} is {kind_of(merge)!r}, whose rows are for the stream {name!r}, and the run has no streams.{name}. "
                    f"Add it, as in --set '{EXAMPLES.get(name, f'streams.{name}={{objective={{...}}}}')}', or choose another "
                    "merge.")


def stream_without_signal(run: Run) -> str | None:
    for name in IMITATED:
        stream = run.streams.get(name)
        if stream and stream.objective and group_relative(stream.objective.advantage):
            return (f"streams.{name}.objective.advantage is {kind_of(stream.objective.advantage)!r}, which is 0 where all rows "
                    "of a prompt have one reward, as they have in this stream. "
                    f"Set streams.{name}.objective.advantage=constant.")


def stale_stream(run: Run) -> str | None:
    name = "epochs" if run.epochs > 1 else "updates_per_step"
    for stream, held in run.streams.items():
        loss = held.objective
        stale = loss and kind_of(loss.ratio) == "on_policy" and kind_of(loss.surrogate) != "log_likelihood"
        if stale and getattr(run, name) > 1:
            return (f"{name} is {getattr(run, name)} and streams.{stream}.objective.ratio is 'on_policy', which is 1 whatever "
                    f"an earlier update has changed. Set streams.{stream}.objective.ratio=token or {name}=1.")


def idle_ratio(run: Run) -> str | None:
    if R_OFF not in [kind_of(weight) for weight in run.objective.weights]:
        return None
    held = list(_merges(run))
    if held and all(getattr(merge, "conditioning", "original") == "guided" or kind_of(merge) == "leave" for _, merge in held):
        return (f"fixing.merge trains no correction under its original prompt, and objective.weights holds {R_OFF!r}, which is "
                "defined there only: it would be 1 on every row. Set fixing.merge.conditioning=original, or drop the weight.")


def truncated_parent(run: Run) -> str | None:
    concise = run.fixing and getattr(run.fixing.operator, "concise", False)
    if concise and R_OFF in [kind_of(weight) for weight in run.objective.weights]:
        return ("fixing.operator.concise is true, by which a truncated answer can be corrected, and objective.weights holds "
                f"{R_OFF!r}, which would take its mean log-prob, too high for want of an end. Set "
                "fixing.operator.concise=false, or drop the weight.")


def nothing_drawn(run: Run) -> str | None:
    if not run.fixing or run.fixing.operator.draws:
        return None
    for path, merge in _merges(run):
        if getattr(merge, "trained", "answer") == "drawn":
            return (f"{path}.trained is 'drawn' and fixing.operator is {kind_of(run.fixing.operator)!r}, of which no token is "
                    f"drawn: nothing would be trained. Set {path}.trained=answer.")


def first_turn_let_go(run: Run) -> str | None:
    for path, merge in _merges(run):
        stream = run.streams.get("first_turn")
        if "first_turn" in merge.streams and stream and stream.objective and not stream.objective.regularizers:
            return (f"{path}.stage is 1, in which first attempts are only kept near the reference, and streams.first_turn has "
                    "no regularizer that does. Set streams.first_turn.objective.regularizers=[\"kl_to_reference\"].")


RULES = (all_replaced, stream_missing, stream_without_signal, stale_stream, idle_ratio, truncated_parent,
         nothing_drawn, first_turn_let_go)
