"""Judged answers to rows for training. UNGRADED answers make no row."""

from dataclasses import replace

from rfpo.records import Attempt, Correction, Group, Origin, Outcome, Parent, Provenance, Sample, Verdict, common_prefix

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
    off-policy ratio has nothing to compare: such a row has no parent. What came about under the group's own prompt, as a
    demonstration does, has no other prompt to be trained under, and keeps its parent.
    """
    of, by = correction.of.completion, correction.by.completion
    told = Provenance(correction.by, by.text, correction.operator, correction.tries, correction.help, correction.located,
                      correction.leaks, parent_text=of.text)
    original = group_context(group)
    parent = Parent(of.tokens, common_prefix(of.tokens, by.tokens)) if correction.by.solved else None
    elsewhere = guided and by.context != original
    where = {"context": by.context, "compared_in": original} if elsewhere else {"parent": parent}
    return _sample(group, correction.by, origin=Origin(correction.origin), provenance=told,
                   counts_for_baseline=counts_for_baseline, **where)


def sample_of_reflection(group: Group, reflection: Attempt, helped: bool, reward: float) -> Sample:
    """What was written on the way to a correction, trained under the prompt in which it was drawn. It was not judged itself:
    its outcome is SOLVED where an answer that followed it is, and its reward what came of it."""
    completion, request = reflection.completion, reflection.completion.request
    told = Provenance(reflection, completion.text, request.key.purpose, request.key.attempt + 1, request.help,
                      request.located, parent_text=request.of.completion.text)
    unsolved = replace(reflection, verdict=Verdict(Outcome.WRONG))
    sample = _sample(group, unsolved, origin=Origin.SAMPLED, provenance=told, context=completion.context)
    return replace(sample, trained=tuple(logp is not None for logp in completion.logps), reward=reward,
                   rewards={"verifier": reward}, outcome=Outcome.SOLVED if helped else Outcome.WRONG)


def group_context(group: Group) -> tuple[int, ...]:
    """The context in which the group was sampled."""
    return group.attempts[0].completion.context


def _sample(group: Group, attempt: Attempt, **rest) -> Sample:
    completion, reward = attempt.completion, float(attempt.solved)
    rest.setdefault("context", group_context(group))
    return Sample(tokens=completion.tokens, trained=(True,) * len(completion.tokens), outcome=attempt.verdict.outcome,
                  reward=reward, rewards={"verifier": reward}, group=group.key, behaviour=completion.logps,
                  policy_version=completion.policy_version, finish=completion.finish, **rest)
