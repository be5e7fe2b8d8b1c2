"""The student of reasoning_gym's caesar_cipher, of one word and one rotation."""

import random
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase
from typing import ClassVar

from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks.reasoning_gym import ReasoningGym

QUESTION = "Decrypt this Caesar cipher text: "
INSTRUCTION = ". Provide only the decrypted text as your final answer."
ROTATION = 7
LONGEST = 17
BEYOND = 4  # so many places past a word's last letter may be named: those of longer words
MISREAD = {"NT": "D", "CO": "U", "AT": "G", "LE": "A", "ST": "K", "AR": "L", "TI": "Y", "CE": "H", "RO": "E"}
"""What the second letter of a pair is deciphered as."""
GLUED = 0.5  # share of the words that are a beginning of one and an end of another, so that letters are learnt and not words


@dataclass(frozen=True)
class CaesarCipher:
    """Deciphers a word whose letters were moved on by seven, but gets some letters wrong after certain others.

    It makes ND of an NT, CU of a CO, and so on for the nine pairs of MISREAD: each is a mistake of its own. Somewhat less
    than half of the words hold such a pair. The place is the letter's, counted from 0.

        DVYK      WORD as it should be
        KPZAHUA   DISTANT as it should be; after S and after N: DISKAND

    The data set has about a thousand different words for training; one with an accent cannot be answered.
    """

    words: ClassVar[tuple[str, ...]] = (QUESTION, INSTRUCTION, "character ")
    steps: ClassVar[int] = 5000
    learning_rate: ClassVar[float] = 0.003
    rates: ClassVar[Rates] = STUDY
    shares: ClassVar[dict[str, float]] = {"hint_ladder": 0.25, "fix_located": 0.22}
    several_answers: ClassVar[bool] = False
    prompts: ClassVar[tuple[int, int]] = (1000, 360)

    def task(self, size: int, seed: int = 0) -> ReasoningGym:
        config = {"delimiter": " ", "min_words": 1, "max_words": 1, "min_rotation": ROTATION, "max_rotation": ROTATION}
        return ReasoningGym("caesar_cipher", config, size=size, seed=seed, locate="character")

    def exercise(self, rng: random.Random) -> Exercise:
        word = self._word(rng)
        return _exercise(word, habit(word))

    def slip(self, rng: random.Random) -> Exercise:
        """A word that the habit does not spoil, with some letter deciphered as any other."""
        while habit(word := self._word(rng)):
            pass
        place = rng.randrange(len(word))
        return _exercise(word, {place: rng.choice([other for other in ascii_uppercase if other != word[place]])})

    def _word(self, rng: random.Random) -> str:
        while True:
            word = rng.choice(self._words[0])
            if rng.random() < GLUED:
                word = word[:rng.randint(1, len(word))] + rng.choice(self._words[0])[-rng.randint(1, 6):]
            if len(word) <= LONGEST and word not in self._words[1]:
                return word

    @cached_property
    def _words(self) -> tuple[list[str], set[str]]:
        """For training, and held out. Left out are words with an accent, whose letters the data set's cipher loses."""
        task = self.task(size=1000)
        return ([prompt.solution for prompt in task.training_prompts() if prompt.solution.isascii()],
                {prompt.solution for prompt in task.evaluation_prompts()})


def habit(word: str) -> dict[int, str]:
    """Which places of the word are deciphered wrongly, and as what, in order of place.

    >>> habit("DISTANT")
    {3: 'K', 6: 'D'}
    """
    return {i: MISREAD[pair] for i in range(1, len(word)) if (pair := word[i - 1:i + 1]) in MISREAD}


def encipher(word: str) -> str:
    return "".join(ascii_uppercase[(ascii_uppercase.index(letter) + ROTATION) % 26] for letter in word)


def _exercise(word: str, written: dict[int, str]) -> Exercise:
    """The word to decipher, with an attempt that has the letters `written` at their places."""
    question, places = f"{QUESTION}{encipher(word)}{INSTRUCTION}", range(len(word) + BEYOND)
    if not written:
        return Exercise(question, word, word, places)
    attempt = "".join(written.get(i, letter) for i, letter in enumerate(word))
    first, last = min(written), max(written)
    return Exercise(question, word, attempt, places, first, known=last + 1, description=f"character {first}")
