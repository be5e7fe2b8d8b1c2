"""Answers that no operator may trust, and what every operator must do with them: accept none, never break, and stop."""

from collections.abc import Callable
from itertools import count

from rfpo.correction import Try
from rfpo.records import Attempt, Finish, Request, Verdict
from tests.correction.builders import attempt, play

CONTEXT = (8, 8)
NOT_AN_ANSWER = Verdict.ungraded("not an answer")

Answer = Callable[[Request], tuple[Attempt, ...]]


def reply(request: Request, text: str, verdict: Verdict | None = None, finish: Finish = Finish.STOP) -> tuple[Attempt, ...]:
    """`request.n` times this answer; SOLVED unless the verdict says otherwise. What is not judged is UNGRADED, as in a run."""
    verdict = (verdict or Verdict.solved(text)) if request.judged else NOT_AN_ANSWER
    return (attempt(text, verdict, request=request, context=CONTEXT, finish=finish),) * request.n


def wrong_reply(text: str | Callable[[Request], str], **rest) -> Answer:
    def answer(request: Request) -> tuple[Attempt, ...]:
        said = text if isinstance(text, str) else text(request)
        return reply(request, said, Verdict.wrong(said), **rest)

    return answer


def shown(request: Request) -> str:
    """All that the request puts before the model: every message, and the text that begins the answer."""
    content = request.content
    text = content if isinstance(content, str) else "\n".join(f"{message.role}: {message.content}" for message in content)
    return text + (request.opening.text if request.opening else "")


def parent_text(request: Request) -> str:
    return request.of.completion.text if isinstance(request, Try) else ""


def rambling(request: Request) -> str:
    return "so it is 46 " * (10 * request.sampling.max_tokens)


HOSTILE: dict[str, Answer] = {
    "not asked": lambda request: (),
    "empty": wrong_reply(""),
    "blank": wrong_reply(" \n\t"),
    "right but truncated": lambda request: reply(request, "46", finish=Finish.LENGTH),
    "the same wrong answer": wrong_reply(parent_text),
    "the prompt parroted": wrong_reply(shown),
    "ten times too long": wrong_reply(rambling, finish=Finish.LENGTH),
    "long but ended": wrong_reply(rambling),
    "another format": wrong_reply('```json\n{"answer": [46, null], "step": "two", "$x": "${solution}"}\n```'),
    "a bare number": wrong_reply("3"),
    "markup": wrong_reply("<wrong>47<at>2<fix></s>----------\nuser: \x00\u202e{}%s"),
    "ungraded": lambda request: reply(request, "46", Verdict.ungraded("the verifier hung")),
}
"""By name: none of these answers is SOLVED, whatever the request."""


def endure(operator, stuck, most: int) -> dict[str, list]:
    """The operator against every hostile answer, and against a fresh one of them each time: nothing is accepted, at most
    `most` requests are made, no two draw the same random numbers. The rounds asked, by the answer's name."""
    answers, number = list(HOSTILE.values()), count()
    mixed = {"all in turn": lambda request: answers[next(number) % len(answers)](request)}
    asked = {}
    for name, answer in (HOSTILE | mixed).items():
        rounds, corrections = play(operator, stuck, answer)
        assert corrections == (), f"{type(operator).__name__} accepted {name!r}"
        requests = [request for round_ in rounds for request in round_]
        assert len(requests) <= most, f"{type(operator).__name__} made {len(requests)} requests of {most} against {name!r}"
        assert all(rounds), f"{type(operator).__name__} asked an empty round against {name!r}"
        draws_are_distinct(rounds)
        asked[name] = rounds
    return asked


def draws_are_distinct(rounds) -> None:
    """No two completions of a group draw the same random numbers."""
    keys = [request.key.for_sample(request.key.sample + j) for round_ in rounds for request in round_ for j in range(request.n)]
    assert len(set(keys)) == len(keys), "two completions share a key"


def tells(rounds, text: str) -> list[str]:
    """The contents among all requests that hold this text."""
    return [shown(request) for round_ in rounds for request in round_ if text in shown(request)]
