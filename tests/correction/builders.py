"""Groups, judged answers and a stand-in for the model, in a few words each. A token is a character's number."""

from rfpo.records import Attempt, Completion, Finish, Group, Location, Prompt, RandomKey, Request, Sampling, Verdict

PROMPT = Prompt("sum/1", "12+34=", task="sum", solution="46")
SAMPLING = Sampling(temperature=0.7, max_tokens=9, stop=("\n",))
CONTEXT = (1, 2, 3)
PLACE = Location(step=2, start=0, end=1, description="column 2", places=5)


def attempt(text, verdict, *, request=None, context=CONTEXT, finish=Finish.STOP):
    request = request or Request(PROMPT, PROMPT.content, RandomKey(), sampling=SAMPLING)
    tokens = tuple(map(ord, text))
    return Attempt(Completion(request, context, tokens, (-0.5,) * len(tokens), text, finish, policy_version=7), verdict)


def wrong(text, location=None, **rest):
    return attempt(text, Verdict.wrong(answer=text, location=location), **rest)


def solved(text="46", **rest):
    return attempt(text, Verdict.solved(text), **rest)


def ungraded(text):
    return attempt(text, Verdict.ungraded("the verifier raised"))


def truncated(text):
    return wrong(text, finish=Finish.LENGTH)


def group(*attempts, prompt=PROMPT, visit=0):
    return Group(prompt, attempts, visit=visit, step=3, seed=11)


def answered(request, text, verdict=None):
    """What comes back for a correction request: SOLVED unless the verdict says otherwise."""
    return attempt(text, verdict or Verdict.solved(text), request=request, context=(8, 8))


def play(operator, stuck, answer):
    """Runs an operator alone: `answer(request)` gives a request's judged answers. The rounds asked, and what it returned."""
    talk, rounds, sent = operator.correct(stuck), [], None
    while True:
        try:
            rounds.append(talk.send(sent))
        except StopIteration as end:
            return rounds, end.value
        sent = tuple(answer(request) for request in rounds[-1])
