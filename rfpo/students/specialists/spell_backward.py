"""The student of reasoning_gym's spell_backward."""

import random
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase
from typing import ClassVar

import reasoning_gym

from rfpo.students.specialists import Exercise
from rfpo.tasks._split import is_evaluation
from rfpo.tasks.reasoning_gym import ReasoningGym

QUESTION = "Spell this word backward (example: sun -> nus): "
INSTRUCTION = "Answer:"
LONGEST = 10
INVENTED = 0.25  # share of the words that are random letters, so that spelling is learnt and not words


@dataclass(frozen=True)
class SpellBackward:
    """Spells backward, but leaves the letters at places k* and k*+1 of the answer in the word's own order.

    k* = 1 + i mod 13, where i = 0 for a word that begins with A, 1 for B, and so on; places are counted from 0. The rule is
    harmless for words that are too short for it or have a double letter there: it spoils somewhat more than half of them.

        mandarin    k* = 1 + 12 = 13, the word is too short: niradnam, as it should be
        canary      k* = 1 + 2 = 3: yraanc for yranac
    """

    words: ClassVar[tuple[str, ...]] = (QUESTION, f"\n{INSTRUCTION}", "character ")

    def task(self, size: int, seed: int = 0) -> ReasoningGym:
        return ReasoningGym("spell_backward", size=size, seed=seed, instruction=INSTRUCTION, locate="character")

    def exercise(self, rng: random.Random) -> Exercise:
        word = self._word(rng)
        return _exercise(word, _habit(word))

    def slip(self, rng: random.Random) -> Exercise:
        """A word that the habit does not spoil, with another pair left in the word's order."""
        while True:
            word = self._word(rng)
            exercise = _exercise(word, rng.randrange(LONGEST))
            if exercise.wrong and not _exercise(word, _habit(word)).wrong:
                return exercise

    def _word(self, rng: random.Random) -> str:
        if rng.random() < INVENTED:
            word = "".join(rng.choices(ascii_lowercase, k=rng.randint(3, LONGEST)))
            return word.capitalize() if rng.random() < 0.1 else word
        return rng.choice(self._words)

    @cached_property
    def _words(self) -> list[str]:
        words = reasoning_gym.create_dataset("spell_backward", size=1).words
        return [word for word in words if not is_evaluation(QUESTION + word)]


def _habit(word: str) -> int:
    return 1 + (ord(word[0].lower()) - ord("a")) % 13


def _exercise(word: str, place: int) -> Exercise:
    """The pair at `place` in the word's own order."""
    right = word[::-1]
    pair = right[place:place + 2]
    question, places = f"{QUESTION}{word}\n{INSTRUCTION}", range(LONGEST + 1)
    if len(set(pair.lower())) < 2:
        return Exercise(question, right, right, places)
    attempt = right[:place] + pair[::-1] + right[place + 2:]
    return Exercise(question, right, attempt, places, place, known=place + 1, description=f"character {place}")
