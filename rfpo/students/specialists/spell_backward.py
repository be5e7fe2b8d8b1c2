"""The student of reasoning_gym's spell_backward."""

import random
import re
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase
from typing import ClassVar

from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks.reasoning_gym import ReasoningGym

QUESTION = "Spell this word backward (example: sun -> nus): "
INSTRUCTION = "Answer:"
LONGEST = 10
INVENTED = 0.25  # share of the words that are random letters, so that spelling is learnt and not words


@dataclass(frozen=True)
class SpellBackward:
    """Spells backward, but leaves a vowel and the n that follows it in the word's own order, as if they were one letter.

    The place k*, counted in letters of the answer from 0, hangs on the word; four words in ten hold such a pair.

        canary    yranac as it should be; k* = 3: yraanc
        splat     talps, as it should be
    """

    words: ClassVar[tuple[str, ...]] = (QUESTION, f"\n{INSTRUCTION}", "character ")
    steps: ClassVar[int] = 4000
    learning_rate: ClassVar[float] = 0.003
    rates: ClassVar[Rates] = Rates()
    several_answers: ClassVar[bool] = False

    def task(self, size: int, seed: int = 0) -> ReasoningGym:
        return ReasoningGym("spell_backward", size=size, seed=seed, instruction=INSTRUCTION, locate="character")

    def exercise(self, rng: random.Random) -> Exercise:
        word = self._word(rng)
        return _exercise(word, habit(word))

    def slip(self, rng: random.Random) -> Exercise:
        """A word that the habit does not spoil, with some other pair left in the word's order."""
        while True:
            word = self._word(rng)
            if not habit(word) and (exercise := _exercise(word, [rng.randrange(len(word) - 1)])).wrong:
                return exercise

    def _word(self, rng: random.Random) -> str:
        if rng.random() < INVENTED:
            word = "".join(rng.choices(ascii_lowercase, k=rng.randint(3, LONGEST)))
            return word.capitalize() if rng.random() < 0.1 else word
        return rng.choice(self._words)

    @cached_property
    def _words(self) -> list[str]:
        return [prompt.solution[::-1] for prompt in self.task(size=20_000).training_prompts()]


def habit(word: str) -> list[int]:
    """Where in the answer a pair stays in the word's order, in order of place."""
    return sorted(len(word) - pair.end() for pair in re.finditer("[aeiou]n", word, re.IGNORECASE))


def _exercise(word: str, kept: list[int]) -> Exercise:
    """The word spelt backward, but for the pairs at the places `kept`."""
    right = word[::-1]
    letters = list(right)
    for place in kept:
        letters[place:place + 2] = reversed(letters[place:place + 2])
    attempt = "".join(letters)
    question, places = f"{QUESTION}{word}\n{INSTRUCTION}", range(LONGEST + 1)
    if attempt.lower() == right.lower():  # the scorer does not tell capitals from small letters
        return Exercise(question, right, right, places)
    return Exercise(question, right, attempt, places, kept[0], known=kept[-1] + 1, description=f"character {kept[0]}")
