"""Which part of a text says anything besides the answer."""

import re

_DRESSING = re.compile(r"</?\w+>|\\(?:boxed|text|mathbf)")
_EMPTY = frozenset(
    "a an the this that these those it its is are was be there here i we you one of in on at for from to by with as and or all "
    "any so thus hence therefore then finally now after into our my your me can let us s "
    "final correct right answer result solution value total number output outcome equals equal "
    "find found finds get gets got obtain obtained give gives given yield yields come comes have has "
    "careful carefully step steps stepwise calculation calculations calculate calculating compute computing computed "
    "computation derivation derive work working solve solving solved consider considering taking takes take account "
    "condition conditions exercise question problem task think".split())
"""Words in which nothing is derived."""
_WORKING = re.compile(r"[=+*/×÷·^<>≈≤≥√\u2212]|\\(?:frac|times|cdot|sqrt)|\d\s*-\s*\d")


def is_bare(text: str, answer: str, question: str) -> bool:
    """No sign of working, and no words but the answer, those of the question, and such as announce an answer.

    Words of five letters and more are the question's when they begin as one of its words does ("arrangements", "arranged").
    """
    rest = text.replace(answer, " ") if answer else text
    rest = _DRESSING.sub(" ", rest).lower()
    if _WORKING.search(rest):
        return False
    known = _EMPTY | {_stem(word) for word in re.findall(r"\w+", question.lower())}
    return all(word in _EMPTY or _stem(word) in known for word in re.findall(r"\w+", rest))


def _stem(word: str) -> str:
    return word[:5] if word.isalpha() else word
