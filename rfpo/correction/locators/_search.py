"""A locator's talks about several wrong answers, answered together."""

from collections.abc import Generator, Iterable
from itertools import islice

from rfpo.correction import Answers, Round
from rfpo.correction.locators import Locator
from rfpo.records import Attempt, Group, Location, RandomKey


class Search:
    """A wrong answer and where its error is. It has begun when it is made: `done` says whether the locator had nothing to
    ask, and `find` asks. `place` is what it found, `heard` what it was told on the way."""

    def __init__(self, locator: Locator, group: Group, parent: Attempt, key: RandomKey):
        self.parent = parent
        self.place: Location | None = None
        self.asked: Round = ()
        self.heard: tuple[Attempt, ...] = ()
        self._talk = locator.locate(group, parent, key)
        self._go_on(None)

    @property
    def done(self) -> bool:
        return not self.asked

    def answer(self, answers: Answers) -> None:
        self.heard += tuple(attempt for attempts in answers for attempt in attempts)
        self._go_on(answers)

    def _go_on(self, answers: Answers | None) -> None:
        try:
            self.asked = self._talk.send(answers)
        except StopIteration as end:
            self.asked, self.place = (), end.value


def find(searches: Iterable[Search]) -> Generator[Round, Answers, None]:
    """Brings the searches to their ends, in rounds that they share; none where all are done."""
    open_ = list(dict.fromkeys(searches))
    while open_ := [search for search in open_ if not search.done]:
        answers = iter((yield tuple(request for search in open_ for request in search.asked)))
        for search in open_:
            search.answer(tuple(islice(answers, len(search.asked))))
