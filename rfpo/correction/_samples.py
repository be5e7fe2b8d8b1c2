"""Judged answers to rows for training. UNGRADED answers make no row."""

from rfpo.records import Attempt, Correction, Group, Origin, Parent, Provenance, Sample, common_prefix

MIN_GRADED = 2
"""A group with fewer graded answers has nothing to compare them with, and makes no samples."""


def plain(group: Group) -> tuple[Sample, ...]:
    """The group's own answers, in order, for a run without a correction stage."""
    return tuple(sample_of(group, attempt) for attempt in group.graded) if len(group.graded) >= MIN_GRADED else ()


def sample_of(group: Group, attempt: Attempt) -> Sample:
    """An answer of the group, trained under the context in which the group was sampled. Its reward is 1 for SOLVED and 0 for
    WRONG, whatever the verifier's score."""
    return _sample(group, attempt, origin=Origin.SAMPLED, provenance=Provenance(attempt, attempt.completion.text))


def sample_of_correction(group: Group, correction: Correction, counts_for_baseline: bool = True, *, guided: bool = False
                         ) -> Sample:
    """A correction, trained under the group's own context and not the correction prompt; its behaviour log-probs stay those
    of the correction prompt, where it was sampled. The answer that it corrects is its parent; a try that failed has none, so
    that no off-policy ratio weighs it.

    `guided`: trained under the correction prompt, but compared with the group all the same. It is on-policy there, and the
    off-policy ratio has nothing to compare: such a row has no parent.
    """
    of, by = correction.of.completion, correction.by.completion
    told = Provenance(correction.by, by.text, correction.operator, correction.tries, correction.help, correction.located,
                      correction.leaks, parent_text=of.text)
    original = group_context(group)
    parent = Parent(of.tokens, common_prefix(of.tokens, by.tokens))
    where = {"context": by.context, "compared_in": original} if guided else {"parent": parent if correction.by.solved else None}
    return _sample(group, correction.by, origin=Origin(correction.origin), provenance=told,
                   counts_for_baseline=counts_for_baseline, **where)


def group_context(group: Group) -> tuple[int, ...]:
    """The context in which the group was sampled."""
    return group.attempts[0].completion.context


def _sample(group: Group, attempt: Attempt, **rest) -> Sample:
    completion, reward = attempt.completion, float(attempt.solved)
    rest.setdefault("context", group_context(group))
    return Sample(tokens=completion.tokens, trained=(True,) * len(completion.tokens), outcome=attempt.verdict.outcome,
                  reward=reward, rewards={"verifier": reward}, group=group.key, behaviour=completion.logps,
                  policy_version=completion.policy_version, finish=completion.finish, **rest)
