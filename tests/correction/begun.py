"""Groups with a reference, a history and exemplars, for the tests of operators that use them."""

from dataclasses import replace

from rfpo.records import History, Message, Prompt, Stored, Verdict
from tests.correction.builders import PLACE, group, play, wrong
from tests.correction.hostile import reply

STEPS = "2+4 is 6.\n1+3 is 4.\nTogether 46"
SUM = Prompt("sum/1", "12+34=", task="sum", solution="46", data={"worked": STEPS})
CHAT = (Message("system", "Use tags."), Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "12+34="))
BARE = Prompt("sum/2", "1+1=", task="bare")


def kept(text, question="12+35=", logps=None, origin="sampled", step=1):
    tokens = tuple(map(ord, text))
    return Stored(question, text, tokens, logps or (-0.5,) * len(tokens), step, origin)


def stuck(*texts, prompt=SUM, level=0.0, stored=(), exemplars=(), progress=0.0, **rest):
    wrongs = [wrong(text, PLACE) if isinstance(text, str) else text for text in texts or ("47",)]
    return replace(group(*wrongs, prompt=prompt, **rest), progress=progress, exemplars=tuple(exemplars),
                   history=History(visits=1, level=level, stored=tuple(stored)))


FULL = replace(SUM, data={"worked": STEPS, "hints": ["units", "units first"], "demonstrations": [STEPS, "so 46"]})


def never(request):
    return reply(request, "no", Verdict.wrong("no"))


def right(request):
    return reply(request, "46")


def asked(operator, group_, answer=never):
    """All requests, in order."""
    return [request for round_ in play(operator, group_, answer)[0] for request in round_]


def full(*texts, **rest):
    stored = (kept("a 46", SUM.text, origin="corrected"), kept("b 46", SUM.text))
    return stuck(*texts or ("47", "48", "a\n49"), prompt=rest.pop("prompt", FULL), stored=stored, level=rest.pop("level", 1.0),
                 exemplars=(kept("47", "12+35="), kept("9", "4+5=")), **rest)
