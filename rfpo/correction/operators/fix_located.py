"""Told that the answer is wrong, and where."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import one_of
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, key_of, parents_of, request_of, rounds_of, say_once, successes
from rfpo.correction.locators import Locator
from rfpo.correction.locators._parts import is_true
from rfpo.correction.locators._search import Search, find
from rfpo.correction.locators.verifier import Verifier
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly, tell_wrong
from rfpo.errors import UserError
from rfpo.pieces import kind_of
from rfpo.records import Attempt, Correction, Group, Location, RandomKey

NEEDS, MAY = (("question",), ("attempt",), ("place", "step")), ("answer",)
LOCATING = 1
"""The turn of a try in which the locator asks, as `advice_of`."""


@dataclass(frozen=True, kw_only=True)
class FixLocated(Operator):
    """RFPO's own operator: the model is told that its answer is wrong, and where.

    It sees its answer and the place of the first error, and gives a corrected stand-alone solution. What error it is, is
    not said.

    `tries`, `at_once` and `templates` (here `fix_located.txt`) are those of fix_wrong_only. `locator` says where: by default
    the verifier. One that asks for a text is asked when an answer's first try comes, once for each answer; the tries at it
    name that text in `after`. Answers with a known place come first. For one without, `otherwise` is "fix_wrong_only" (told
    that it is wrong; a line says so the first time) or "skip" (its tries are not asked). A try counts as located when the
    place it was told is the verifier's: the two overlap in the text and, where the template names ${step}, have the same
    step. So the share of located tries, among those told a place of an answer whose true one is known, is the locator's
    accuracy.

    `place="shuffled"` is the control, of the verifier's places alone: a place drawn from those that are not the true one, else
    unchanged; where the task does not say how many there are, a neighbouring one. Its corrections do not count as located.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    otherwise: str = "fix_wrong_only"
    place: str = "true"
    locator: Locator = Verifier()

    def __post_init__(self):
        check_tries(self)
        one_of(self, "otherwise", ("fix_wrong_only", "skip"))
        one_of(self, "place", ("true", "shuffled"))
        if self.place == "shuffled" and not isinstance(self.locator, Verifier):
            raise UserError(f"FixLocated.place is 'shuffled' and locator is {kind_of(self.locator)!r}, whose guess may be "
                            "false as it is. Set locator=verifier, or place=true.")
        load(self.templates, "fix_located", NEEDS, MAY)
        if self.otherwise == "fix_wrong_only":
            FixWrongOnly(templates=self.templates)  # its template too is refused here and not in the middle of a run

    @property
    def reads(self) -> frozenset[str]:
        return self.locator.reads

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        searches = self._searches(group)
        for numbers in rounds_of(self) if searches else ():
            chosen = [(number, searches[number % len(searches)]) for number in numbers]
            yield from find(search for _, search in chosen)
            asked = tuple(request_of(self, group, search.parent, number, self._tell(group, search, number), search.heard)
                          for number, search in chosen if self._may_ask(search))
            answers = (yield asked) if asked else ()
            if corrections := successes(self, asked, answers):
                return corrections
        return ()

    def _searches(self, group: Group) -> list[Search]:
        """The wrong answers: those with a known place, those yet to be asked about, then those without one."""
        begun = [Search(self.locator, group, parent, key_of(self, group, number, turn=LOCATING))
                 for number, parent in enumerate(parents_of(group))]
        begun = [search for search in begun if not search.done or self._may_ask(search)]
        return sorted(begun, key=lambda search: (search.place is None, search.done))

    def _may_ask(self, search: Search) -> bool:
        return search.place is not None or self.otherwise != "skip"

    def _tell(self, group: Group, search: Search, number: int) -> Told:
        parent, location = search.parent, search.place
        if location is None:
            say_once(f"fix_located: the {kind_of(self.locator)} of task {group.prompt.task!r} gave no place for a wrong "
                     f"answer; the model is told that it is wrong, not where (fix_wrong_only).")
            return tell_wrong(self.templates, group, parent)
        if self.place == "shuffled":
            location = elsewhere(location, replace(key_of(self, group, number), purpose="shuffled_place"))
        template = load(self.templates, "fix_located", NEEDS, MAY)
        content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "",
                       place=location.description or f"step {location.step}", step=location.step)
        return Told(content, help="place", located=self._true(location, parent, "step" in template.get_identifiers()))

    def _true(self, told: Location, parent: Attempt, by_step: bool) -> bool:
        truth = parent.verdict.location
        if self.place == "shuffled" or truth is None:
            return False
        return is_true(told, truth) and (told.step == truth.step or not by_step)


def elsewhere(location: Location, key: RandomKey) -> Location:
    """A place that is not this one: uniform over the others of `location.places`, or over the two neighbours where that
    number is unknown or leaves no other."""
    others = [step for step in range(location.places) if step != location.step]
    others = others or [step for step in (location.step - 1, location.step + 1) if step >= 0]
    step = others[key.number() % len(others)]
    return Location(step=step, start=0, end=0, description=f"step {step}", places=location.places)
