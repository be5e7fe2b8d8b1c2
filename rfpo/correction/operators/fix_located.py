"""Told that the answer is wrong, and where."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import one_of
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, key_of, parents_of, say_once, try_parents
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly, tell_wrong
from rfpo.records import Attempt, Correction, Group, Location, RandomKey

NEEDS, MAY = (("question",), ("attempt",), ("place", "step")), ("answer",)


@dataclass(frozen=True, kw_only=True)
class FixLocated(Operator):
    """RFPO's own operator: the model is told that its answer is wrong, and where.

    It sees its answer and the place of the first error, and gives a corrected stand-alone solution. What error it is, is
    not said.

    `tries`, `at_once` and `templates` (here `fix_located.txt`) are those of fix_wrong_only. Answers with a known place
    come first. For one without, `otherwise` is "fix_wrong_only" (told that it is wrong; a line says so the first time) or
    "skip". `place="shuffled"` is the control: a place drawn from those that are not the true one, else unchanged; where the
    task does not say how many there are, a neighbouring one. Its corrections do not count as located.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    otherwise: str = "fix_wrong_only"
    place: str = "true"

    def __post_init__(self):
        check_tries(self)
        one_of(self, "otherwise", ("fix_wrong_only", "skip"))
        one_of(self, "place", ("true", "shuffled"))
        load(self.templates, "fix_located", NEEDS, MAY)
        if self.otherwise == "fix_wrong_only":
            FixWrongOnly(templates=self.templates)  # its template too is refused here and not in the middle of a run

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        def tell(parent: Attempt, number: int) -> Told:
            return self._tell(group, parent, number)

        parents = sorted(parents_of(group), key=lambda parent: parent.verdict.location is None)
        if self.otherwise == "skip":
            parents = [parent for parent in parents if parent.verdict.location is not None]
        return try_parents(self, group, parents, tell)

    def _tell(self, group: Group, parent: Attempt, number: int) -> Told:
        location = parent.verdict.location
        if location is None:
            say_once(f"fix_located: the verifier of task {group.prompt.task!r} gave no place for a wrong answer; the model is "
                     f"told that it is wrong, not where (fix_wrong_only).")
            return tell_wrong(self.templates, group, parent)
        if self.place == "shuffled":
            location = elsewhere(location, replace(key_of(self, group, number), purpose="shuffled_place"))
        template = load(self.templates, "fix_located", NEEDS, MAY)
        content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "",
                       place=location.description or f"step {location.step}", step=location.step)
        return Told(content, help="place", located=self.place == "true")


def elsewhere(location: Location, key: RandomKey) -> Location:
    """A place that is not this one: uniform over the others of `location.places`, or over the two neighbours where that
    number is unknown or leaves no other."""
    others = [step for step in range(location.places) if step != location.step]
    others = others or [step for step in (location.step - 1, location.step + 1) if step >= 0]
    step = others[key.number() % len(others)]
    return Location(step=step, start=0, end=0, description=f"step {step}", places=location.places)
