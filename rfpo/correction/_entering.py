"""What the merges share: how a correction enters, what it is rewarded with, which tokens of it are trained."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from rfpo.checks import one_of, require, scheduled
from rfpo.correction import Merge, Try
from rfpo.correction._samples import group_context, sample_of, sample_of_correction
from rfpo.errors import UserError
from rfpo.records import Attempt, Correction, Group, Origin, Outcome, RandomKey, Sample, common_prefix

WAYS = {"original": (False,), "guided": (True,), "both": (False, True)}
"""Whether each of a correction's rows is trained under the correction prompt."""


@dataclass(frozen=True, kw_only=True)
class Entering(Merge):
    """The options of a correction's entry, the same in every merge. One that a merge cannot honour, it refuses.

    conditioning  which prompt a correction is trained under: "original" (the group's own), "guided" (the correction prompt,
                  where it is on-policy: no parent, no off-policy ratio), or "both", two rows, one each way. However it is
                  trained, it is compared with the group that it joins
    trained       which of its tokens: "answer" (all), "suffix" (from the first that differs from its parent's; the parent's
                  row, where it stays, likewise: R3L), or "drawn" (those that the model drew, and not an opening that was put
                  there). A demonstration has no drawn token, and a correction that is a beginning of its parent no suffix:
                  nothing of them is trained
    baseline      "merged": it counts for its group's baseline; "originals": it is measured by the group's own answers and
                  does not move them. Of an all-wrong group their baseline is 0 and their advantage too
    failures      what the group's wrong answers receive once a correction has entered: "blamed", what their advantage says;
                  or "zeroed": they stay in the baseline and train nothing (an all-wrong group of GRPO blames nobody)
    progress      R(o_f) - R(o) instead of R(o_f), where R is 1 for SOLVED and the verifier's score, within 0 and 1, for WRONG
    help_discount d: the reward is multiplied by d ** level of the help. A help that has no level counts as level 1, and being
                  told nothing as 0
    leak_penalty  is subtracted once from the reward of a correction in which a leak was found

    The last two may be schedules. The parts of the reward are "verifier", "help", "progress" and "leak", where they are not 0.
    """

    conditioning: str = "original"
    trained: str = "answer"
    baseline: str = "merged"
    failures: str = "blamed"
    progress: bool = False
    help_discount: float = 1.0
    leak_penalty: float = 0.0

    def __post_init__(self):
        one_of(self, "conditioning", WAYS)
        one_of(self, "trained", ("answer", "suffix", "drawn"))
        one_of(self, "baseline", ("merged", "originals"))
        one_of(self, "failures", ("blamed", "zeroed"))
        require(self, "progress", lambda x: isinstance(x, bool), "true or false", True)
        require(self, "help_discount", lambda x: 0 <= x <= 1, "from 0 to 1", 0.9)
        require(self, "leak_penalty", lambda x: x >= 0, "at least 0", 0.5)

    def rows(self, group: Group, correction: Correction) -> tuple[Sample, ...]:
        """The correction's row, or two of them with conditioning "both", where there are two prompts."""
        ways = WAYS[self.conditioning] if correction.by.completion.context != group_context(group) else (False,)
        return tuple(self.row(group, correction, guided) for guided in ways)

    def row(self, group: Group, correction: Correction, guided: bool = False) -> Sample:
        """The correction (or failed try) trained under one of the two prompts."""
        sample = sample_of_correction(group, correction, self.baseline == "merged", guided=guided)
        parts = self.parts(group, correction)
        return replace(sample, trained=self.mask(correction), reward=sum(parts.values()), rewards=parts)

    def mask(self, correction: Correction) -> tuple[bool, ...]:
        """Which tokens of the correction are trained."""
        by = correction.by.completion
        if self.trained == "drawn":
            return tuple(logp is not None for logp in by.logps)
        start = _shared(correction) if self.trained == "suffix" else 0
        return tuple(t >= start for t in range(len(by.tokens)))

    def parts(self, group: Group, correction: Correction) -> dict[str, float]:
        """The reward of the correction, by what makes it up."""
        by = correction.by
        own = worth(by) if self.progress else float(by.solved)
        degree = 0.0 if correction.help == "nothing" else correction.level or 1.0
        rest = {"help": own * (now(self.help_discount, group) ** degree - 1.0),
                "progress": -worth(correction.of) if self.progress else 0.0,
                "leak": -now(self.leak_penalty, group) if correction.leaks else 0.0}
        return {"verifier": own} | {name: part for name, part in rest.items() if part}

    def originals(self, group: Group, entered: Sequence[Correction]) -> list[Sample]:
        """The group's own rows, in order, beside what entered."""
        rows = [sample_of(group, attempt) for attempt in group.graded]
        if self.failures == "zeroed" and any(correction.by.solved for correction in entered):
            rows = [zeroed(row) for row in rows]
        parting: dict[int, int] = {}
        for correction in entered if self.trained == "suffix" else ():
            if not plain_draw(group, correction):
                for place, attempt in enumerate(group.graded):
                    if attempt.completion.tokens == correction.of.completion.tokens:
                        parting[place] = min(_shared(correction), parting.get(place, _shared(correction)))
        return [_from(row, parting.get(place, 0)) for place, row in enumerate(rows)]

    def rows_of_all(self, group: Group, entering: Sequence[Correction]) -> tuple[Sample, ...]:
        """Rows of tries, failed ones among them; what is a plain draw of the group's own prompt is a plain row."""
        return tuple(row for each in entering
                     for row in ((sample_of(group, each.by),) if plain_draw(group, each) else self.rows(group, each)))

    def only_usual(self, names: Sequence[str], why: str) -> None:
        """Raise UserError for an option that this merge cannot honour: it must have the value that it has by itself."""
        usual = {field.name: field.default for field in fields(self)}
        for name in names:
            if getattr(self, name) != usual[name]:
                raise UserError(f"{type(self).__name__}.{name} is {getattr(self, name)!r}; {why} Leave it {usual[name]!r}.")


def now(value: float, group: Group) -> float:
    """A number, or what its schedule says at the group's place in the run."""
    return float(value.at(group.progress)) if scheduled(value) else value


def worth(attempt: Attempt) -> float:
    """1 for SOLVED, the verifier's score within 0 and 1 for anything else."""
    return 1.0 if attempt.solved else min(max(attempt.verdict.score, 0.0), 1.0)


def zeroed(row: Sample) -> Sample:
    """A wrong answer of the group's own: it is in the baseline and trains nothing. Any other row is left as it is."""
    own = row.origin is Origin.SAMPLED and row.stream == "policy" and row.compared_in is None
    if row.outcome is not Outcome.WRONG or not own:
        return row
    return replace(row, trained=(False,) * len(row.tokens))


def _shared(correction: Correction) -> int:
    return common_prefix(correction.of.completion.tokens, correction.by.completion.tokens)


def _from(row: Sample, start: int) -> Sample:
    """The row, trained from this token on."""
    return row if start == 0 else replace(row, trained=tuple(trained and t >= start for t, trained in enumerate(row.trained)))


def place_of(group: Group, attempt: Attempt) -> int:
    """The row of an answer among the graded ones; of equal answers the first."""
    return group.graded.index(attempt)


def failures_of(group: Group) -> list[int]:
    """The rows of the wrong answers, in an order that is drawn by prompt, visit and step."""
    key = RandomKey(seed=group.seed, step=group.step, prompt=group.prompt.id, visit=group.visit, purpose="merge")
    wrong = [place for place, attempt in enumerate(group.graded) if attempt.wrong]
    return sorted(wrong, key=lambda place: key.for_sample(place).number())


def distinct_first(corrections: Sequence[Correction]) -> list[Correction]:
    """In order, but a text that was there before comes after all that were not."""
    seen: dict[str, int] = {}
    again = [seen.setdefault(correction.by.completion.text, n) != n for n, correction in enumerate(corrections)]
    return [corrections[n] for n in sorted(range(len(corrections)), key=lambda n: again[n])]


def seated(rows: list[Sample], entering: Sequence[tuple[int | None, Sequence[Sample]]], free: Sequence[int]
           ) -> tuple[Sample, ...]:
    """The group with each entering correction's rows in the places of others: the first in the place that it names, where that
    is free, every other one in the next free place, or at the end where none is left."""
    rows, left = list(rows), list(free)
    for place, entrants in entering:
        for row in entrants:
            if not left:
                rows.append(row)
                continue
            taken = left.pop(left.index(place) if place in left else 0)
            rows[taken] = row
    return tuple(rows)


def shown_to(attempt: Attempt) -> tuple[int, ...]:
    """What the model was shown before it drew: the prompt, and the opening that was put there."""
    completion = attempt.completion
    drawn = next((t for t, logp in enumerate(completion.logps) if logp is not None), len(completion.tokens))
    return completion.context + completion.tokens[:drawn]


def judged(group: Group, corrections: Sequence[Correction], tries: Sequence[Attempt]) -> tuple[Correction, ...]:
    """The tries that were graded answers, failed ones too, in the order in which they were asked for, each as the correction
    that it is or would have been.

    A solved try enters as one of `corrections` only, so that what was refused for a leak does not come in this way; a plain
    draw of the group's own prompt was helped by nothing, and enters always.
    """
    accepted = {id(correction.by): correction for correction in corrections}
    found = [accepted.pop(id(attempt), None) or _as_correction(attempt) for attempt in tries if _is_answer(attempt)]
    known = {id(correction) for correction in corrections}
    return (*(c for c in found if not c.by.solved or id(c) in known or plain_draw(group, c)), *accepted.values())


def plain_draw(group: Group, correction: Correction) -> bool:
    """Drawn, every token of it, under the group's own prompt, by a model that was told nothing: on-policy like the group."""
    completion = correction.by.completion
    return (correction.help == "nothing" and completion.context == group_context(group)
            and completion.drawn == len(completion.tokens))


def _is_answer(attempt: Attempt) -> bool:
    request = attempt.completion.request
    return attempt.graded and isinstance(request, Try) and request.role == "answer"


def _as_correction(attempt: Attempt) -> Correction:
    told = attempt.completion.request
    return Correction(of=told.of, by=attempt, operator=told.key.purpose, tries=told.key.attempt + 1, help=told.help,
                      located=told.located, level=told.level, origin=told.origin)
