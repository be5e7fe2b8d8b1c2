"""Combinations that cannot work, refused before the first token: each in one line that says what, why, and what instead.

A rule is a function from a run to its complaint, or None. What a single piece can know of itself it checks itself.
"""

from collections.abc import Iterable, Iterator
from math import ceil

from rfpo.config import _refuse_merges
from rfpo.config.run import Run
from rfpo.correction import Operator
from rfpo.correction._reference import worked
from rfpo.diagnosis import Diagnosis
from rfpo.errors import UserError, near_miss
from rfpo.pieces import kind_of
from rfpo.records import Prompt
from rfpo.schedule._resolve import resolve

HAVE = {
    "solution": lambda prompt: prompt.solution is not None,
    "worked": lambda prompt: worked(prompt) is not None or bool(prompt.data.get("demonstrations")),
    "hints": lambda prompt: bool(prompt.data.get("hints")),
}
"""What an operator reads of the prompts, and whether a prompt has it."""


def refuse(run: Run) -> None:
    """Raise UserError for the first thing in the run that cannot work."""
    for rule in RULES:
        complaint = rule(run)
        if complaint:
            raise UserError(complaint)
    for progress in (0.0, 1.0):  # a schedule must not lead to a number that its piece refuses
        resolve((run.objective, run.streams), progress)


def refuse_columns(run: Run, offers: frozenset[str]) -> None:
    """Raise UserError when a piece reads a column that the learner does not offer."""
    losses = {"objective": run.objective}
    for name, stream in run.streams.items():
        losses[f"streams.{name}.{'pairs' if stream.pairs else 'objective'}"] = stream.loss
    for path, loss in losses.items():
        for piece in loss.pieces:
            lacking = sorted(piece.needs - offers)
            if lacking:
                raise UserError(f"{path}: {kind_of(piece)!r} reads {lacking[0]!r}, which this engine does not offer; it "
                                f"offers {', '.join(sorted(offers))}. Choose another piece or another engine.")


def refuse_prompts(run: Run, prompts: Iterable[Prompt]) -> None:
    """Raise UserError when there are no prompts, when an operator needs solutions and no prompt of a task has one, or when no
    prompt is visited as often as the diagnosis asks for."""
    prompts, tasks = list(prompts), {}
    for prompt in prompts:
        tasks.setdefault(prompt.task, set()).update(what for what, has in HAVE.items() if has(prompt))
    if not prompts:
        raise UserError("tasks have no training prompts; there is nothing to train on. Give at least one.")
    for path, operator in _operators(run):
        for task, have in tasks.items():
            lacking = operator.reads & HAVE.keys() - have
            if lacking:
                what, give = ("hints", "hints (a column `hints`)") if lacking == {"hints"} else ("a solution", "an answer")
                raise UserError(f"{path} is {kind_of(operator)!r} and no prompt of task {task!r} has {what}. "
                                f"Set fixing.operator=fix_located, or give the prompts {give}.")
    _refuse_streaks(run, len(prompts))


def _refuse_streaks(run: Run, prompts: int) -> None:
    rounds = run.dynamic_sampling.max_rounds if run.dynamic_sampling else 1
    visits = ceil(run.steps * run.prompts_per_step * rounds / prompts)
    for path, diagnosis in _diagnoses(run):
        if getattr(diagnosis, "streak", 1) > visits:
            raise UserError(f"{path}.streak is {diagnosis.streak} and the run visits a prompt at most {visits} "
                            f"time{'s' * (visits > 1)}: no group would ever meet it. Set {path}.streak to at most {visits}, or "
                            "give more steps.")


def refuse_lengths(run: Run, context_length: int, lengths: dict[str, int]) -> None:
    """Raise UserError when a prompt, by its id, is longer in tokens than the model's context leaves room for, or when
    max_tokens fills the context alone."""
    longest = max(lengths, key=lengths.get)
    if lengths[longest] >= context_length:
        raise UserError(f"prompt {longest!r} is {lengths[longest]} tokens long and the model's context is {context_length}: "
                        "there is no room for an answer. Shorten it or leave it out.")
    if run.sampling.max_tokens >= context_length:
        raise UserError(f"sampling.max_tokens is {run.sampling.max_tokens} and the model's context is {context_length} "
                        f"tokens, prompt included. Set it to at most {context_length - lengths[longest]}.")


def _operators(run: Run) -> Iterator[tuple[str, Operator]]:
    """The run's operators with their paths: of a chain those in it."""
    return _leaves("fixing.operator", run.fixing.operator, "operators") if run.fixing else iter(())


def _diagnoses(run: Run) -> Iterator[tuple[str, Diagnosis]]:
    """The run's diagnoses with their paths: of a combination those in it."""
    return _leaves("fixing.diagnosis", run.fixing.diagnosis, "diagnoses") if run.fixing else iter(())


def _leaves(path: str, piece, inside: str) -> Iterator[tuple[str, object]]:
    held = getattr(piece, inside, None)
    if not isinstance(held, tuple):
        yield path, piece
        return
    for index, each in enumerate(held):
        yield from _leaves(f"{path}.{inside}.{index}", each, inside)


def no_model(run: Run) -> str | None:
    if not run.model.path:
        return "model.path is empty; there is nothing to train. Give --model DIR, a Hub name, or a student's name."


def no_tasks(run: Run) -> str | None:
    if not run.tasks:
        return "tasks is empty; there is nothing to train on. Give --tasks a file or a task's name; see rfpo pieces tasks."


def same_task_twice(run: Run) -> str | None:
    names = [task.name for task in run.tasks]
    for index, name in enumerate(names):
        if name in names[:index]:
            return (f"tasks.{index} is named {name!r}, as is tasks.{names.index(name)}; a prompt must know which of them "
                    "judges it. Give one of them another label, or drop it.")


def group_of_one(run: Run) -> str | None:
    if run.group_size == 1:
        return ("group_size is 1; the answers to a prompt are compared with each other, so there must be at least 2. Set "
                "group_size=8.")


def diagnosis_never_met(run: Run) -> str | None:
    for path, diagnosis in _diagnoses(run):
        least = getattr(diagnosis, "min_graded", 1)
        if least > run.group_size:
            end = "be stuck" if path == "fixing.diagnosis" else "meet it"
            return (f"{path}.min_graded is {least} and group_size is {run.group_size}: no group would ever {end}. "
                    f"Set {path}.min_graded to at most {run.group_size}.")


def nothing_stored(run: Run) -> str | None:
    for path, operator in _operators(run):
        if "stored" in operator.reads and run.fixing.keep == 0:
            return (f"{path} is {kind_of(operator)!r}, which reads right answers of earlier steps, and fixing.keep is 0: there "
                    "would never be one. Set fixing.keep=8.")


def no_critic(run: Run) -> str | None:
    for path, operator in _operators(run):
        if "critic" in operator.reads and run.fixing.critic is None:
            return (f"{path} is {kind_of(operator)!r}, which asks the run's critic, and fixing.critic is none. Give "
                    "fixing.critic one (see rfpo pieces critics), or let the operator ask the policy.")


def idle_critic(run: Run) -> str | None:
    if run.fixing and run.fixing.critic and not any("critic" in operator.reads for _, operator in _operators(run)):
        return (f"fixing.critic is {kind_of(run.fixing.critic)!r} and fixing.operator is {kind_of(run.fixing.operator)!r}, "
                "which does not ask it. Set fixing.critic=none, or choose an operator that asks a critic.")


def cap_below_one_row(run: Run) -> str | None:
    rows = run.prompts_per_step * run.group_size
    share = run.fixing.help.max_share if run.fixing else None
    if share is not None and run.fixing.help.most_rows(rows) < 1:
        return (f"fixing.help.max_share is {share} and a step samples {rows} rows: not one of them could be a correction. "
                f"Set fixing.help.max_share to at least {ceil(10_000 / rows) / 10_000}.")


def more_updates_than_prompts(run: Run) -> str | None:
    if run.updates_per_step > run.prompts_per_step:
        return (f"updates_per_step is {run.updates_per_step} and prompts_per_step is {run.prompts_per_step}: an update "
                f"would get no group. Set updates_per_step to at most {run.prompts_per_step}.")


def stale_on_policy(run: Run) -> str | None:
    name = "epochs" if run.epochs > 1 else "updates_per_step"
    if kind_of(run.objective.ratio) == "on_policy" and getattr(run, name) > 1:
        return (f"{name} is {getattr(run, name)} and objective.ratio is 'on_policy', which is 1 whatever an earlier update "
                f"has changed. Set objective.ratio=token or {name}=1.")


def weight_twice(run: Run) -> str | None:
    held = [kind_of(weight) for weight in run.objective.weights]
    kinds = set(held)
    if len(kinds) < len(held):
        twice = next(kind for kind in held if held.count(kind) > 1)
        return f"objective.weights holds {twice!r} twice, so that it would be multiplied in twice. Keep one of them."
    for slot in ("advantage", "ratio", "surrogate"):
        piece = getattr(run.objective, slot)
        inner = getattr(piece, "weight", None)
        if inner is not None and kind_of(inner) in kinds:
            return (f"objective.{slot} is {kind_of(piece)!r}, which multiplies {kind_of(inner)!r} in, and objective.weights "
                    "holds it again. Set objective.weights=[].")


def mismatch_twice(run: Run) -> str | None:
    kinds = [kind_of(weight) for weight in run.objective.weights]
    if kind_of(run.objective.ratio) == "behaviour" and "engine_mismatch" in kinds:
        return ("objective.ratio is 'behaviour' and objective.weights holds 'engine_mismatch', which that ratio contains "
                "already. Set objective.ratio=token, or drop the weight.")


def idle_regularizer(run: Run) -> str | None:
    for index, regularizer in enumerate(run.objective.regularizers):
        if getattr(regularizer, "coefficient", None) == 0:
            return (f"objective.regularizers.{index}.coefficient is 0: {kind_of(regularizer)!r} would be computed at every "
                    "step for nothing. Drop it from objective.regularizers, or give it a coefficient.")


def unknown_leak(run: Run) -> str | None:
    known = [kind for test in run.fixing.leak_tests for kind in test.kinds] if run.fixing else []
    for leak in run.fixing.reject_leaks if run.fixing else ():
        if leak not in known:
            return f"fixing.reject_leaks holds {leak!r}, which no test of fixing.leak_tests finds; {near_miss(leak, known)}"


def overlong_out_of_reach(run: Run) -> str | None:
    longest = run.sampling.max_tokens
    for index, reward in enumerate(run.rewards):
        if kind_of(reward) != "soft_overlong" or reward.limit is None:
            continue
        shortest = reward.limit - (reward.buffer or reward.limit // 5)
        if not shortest < longest <= reward.limit:
            return (f"rewards.{index} punishes answers from {shortest} to {reward.limit} tokens and sampling.max_tokens, which "
                    f"is {longest}, is not among them. Set rewards.{index}.limit={longest}, or leave limit and buffer out.")


def reserved_stream(run: Run) -> str | None:
    if "policy" in run.streams:
        return "streams.policy is the name of the main objective's own stream; choose another name for a further loss."


RULES = (no_model, no_tasks, same_task_twice, group_of_one, diagnosis_never_met, nothing_stored, no_critic, idle_critic,
         cap_below_one_row, more_updates_than_prompts, stale_on_policy, weight_twice, mismatch_twice,
         idle_regularizer, unknown_leak, overlong_out_of_reach, reserved_stream, *_refuse_merges.RULES)
