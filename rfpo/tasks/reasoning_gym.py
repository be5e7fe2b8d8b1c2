"""Any data set of the reasoning_gym package, with its own configuration and its own scorer."""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar

from rfpo.checks import one_of, require
from rfpo.errors import UserError, near_miss
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._content import as_content
from rfpo.tasks._extract import Span, answer_span, check_extract
from rfpo.tasks._locate import CHOICES, UNITS, first_difference
from rfpo.tasks._split import Pools, fill, most_draws

NONSENSE = "qwrtz 0x7 #"


@dataclass(frozen=True)
class ReasoningGym:
    """Procedural exercises of reasoning_gym (Stojanovski et al. 2025, arXiv 2505.24760), by the name of a data set.

    `config` holds the data set's own settings. An answer is SOLVED when the data set's scorer gives it at least
    `solved_at`; the scorers give part of a point to many wrong answers, so 1 is the value to keep. An answer that makes the
    scorer fail is WRONG, as long as the reference answer does not.

    Two seeds of a data set share items, and a seed repeats some: which side of the split an exercise is on therefore hangs
    on the hash of its question. `locate` says in which unit ("character", "word", "line") the first difference to the
    reference is the place of the error; it is right only for a data set whose reference is the only right answer. The places
    are the units of the reference and its end, where an answer that goes on is wrong.
    `instruction` is written below the question, `chat` makes a user's turn of it; where references have several lines, let it
    ask for <answer> tags, because the last line alone is never right. `label` is the task's name in a run.

    Raises UserError when the package or the data set is missing, when the data set refuses `config`, when it cannot be
    judged (no reference answers, a reference that its own scorer does not accept, nonsense that it does) and when it has too
    few different questions.
    """

    dataset: str
    config: Mapping[str, Any] = field(default_factory=dict)
    size: int = 1000
    evaluation_size: int = 200
    seed: int = 0
    extract: str = "auto"
    solved_at: float = 1.0
    locate: str = "nowhere"
    instruction: str = ""
    chat: bool = False
    label: str = ""
    isolated: ClassVar[bool] = True
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        require(self, "config", lambda x: isinstance(x, Mapping), "a table of the data set's own settings", {"min_terms": 2})
        for name in ("size", "evaluation_size"):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 1000)
        require(self, "solved_at", lambda x: 0 < x <= 1, "above 0 and at most 1", 1.0)
        one_of(self, "locate", CHOICES)
        check_extract(self)

    @property
    def name(self) -> str:
        return self.label or f"reasoning_gym:{self.dataset}"

    def training_prompts(self) -> tuple[Prompt, ...]:
        return self._pools.training

    def evaluation_prompts(self) -> tuple[Prompt, ...]:
        return self._pools.evaluation

    def warm_up(self) -> None:
        """Import the package and build the data set before the clock of the first verdict starts."""
        _ = self._source

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        span = answer_span(text, self.extract)
        if span is None:
            return Verdict.wrong(feedback="no answer found")
        answer = text[slice(*span)]
        try:
            score = self._score(answer, self._entry(prompt))
        except Exception:
            if not self._accepts(prompt.solution, self._entry(prompt)):
                raise  # the scorer is at fault, not the answer
            return Verdict.wrong(answer, feedback="unreadable")
        if score >= self.solved_at:
            return Verdict.solved(answer, score)
        return Verdict.wrong(answer, score, location=self._place(text, span, prompt.solution))

    def _place(self, text: str, span: Span, right: str) -> Location | None:
        place = first_difference(text, span, right, self.locate)
        return place and replace(place, places=len(re.findall(UNITS[self.locate], right)) + 1)

    @cached_property
    def _pools(self) -> Pools:
        pools = fill(self._draws(), self.size, self.evaluation_size, of=f"reasoning_gym's {self.dataset}")
        for prompt in pools.training + pools.evaluation:
            self._check(prompt)
        return pools

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        for index in range(len(self._source)):
            entry = self._generate(index)
            if not isinstance(entry["answer"], str):
                raise self._refusal(f"item {index} has no reference answer in text")
            yield entry["question"], Prompt(
                f"{self.name}/{self.seed}/{index}", as_content(entry["question"], self.instruction, self.chat), self.name,
                entry["answer"].strip(), self._data(entry, index))

    def _data(self, entry: dict, index: int) -> dict:
        """What the scorer needs: the entry where it survives JSON, else where to generate it again."""
        try:
            plain = json.loads(json.dumps(entry))
        except (TypeError, ValueError):
            return {"index": index}
        return {"entry": plain} if self._accepts(entry["answer"].strip(), plain) else {"index": index}

    def _entry(self, prompt: Prompt) -> dict:
        if "entry" in prompt.data:
            return prompt.data["entry"]
        entry = self._generate(prompt.data["index"])
        if entry["question"] not in prompt.text:
            raise RuntimeError(f"{self.dataset} did not generate item {prompt.data['index']} a second time")
        return entry

    def _check(self, prompt: Prompt) -> None:
        entry = self._entry(prompt)
        if not self._accepts(prompt.solution, entry):
            raise self._refusal(f"its scorer does not accept the reference answer {prompt.solution[:40]!r} of {prompt.id}")
        if self._accepts(NONSENSE, entry):
            raise self._refusal(f"its scorer accepts the nonsense answer {NONSENSE!r} to {prompt.id}")
        if self.extract == "last_line" and "\n" in prompt.solution:
            raise self._refusal(f"the reference answer of {prompt.id} has several lines and extract is 'last_line'; "
                                f"try extract 'tag'")

    def _score(self, answer: str, entry: dict) -> float:
        return float(self._source.score_answer(answer, deepcopy(entry)))

    def _accepts(self, answer: str, entry: dict) -> bool:
        """Whether the answer is scored as solved. A scorer that fails on it does not accept it."""
        try:
            return self._score(answer, entry) >= self.solved_at
        except Exception:
            return False

    def _generate(self, index: int) -> dict:
        try:
            return self._source[index]
        except Exception as error:
            raise self._refusal(f"it cannot generate item {index}: {type(error).__name__}: {error}") from error

    def _refusal(self, reason: str) -> UserError:
        return UserError(f"reasoning_gym's {self.dataset!r} cannot be used: {reason}. Choose another data set or config.")

    @cached_property
    def _source(self):
        gym = _import_gym()
        known = gym.factory.DATASETS
        if self.dataset not in known:
            raise UserError(f"ReasoningGym.dataset is {self.dataset!r}; reasoning_gym has no such data set; "
                            + near_miss(str(self.dataset), known))
        settings = {setting.name for setting in fields(known[self.dataset][1])} - {"seed", "size"}
        for key in self.config:
            if key not in settings:
                raise UserError(f"ReasoningGym.config names {key!r}; {self.dataset} has no such setting; "
                                + near_miss(str(key), settings))
        try:
            return gym.create_dataset(self.dataset, seed=self.seed, size=most_draws(self.size, self.evaluation_size),
                                      **self.config)
        except Exception as error:
            raise UserError(f"ReasoningGym.config is {dict(self.config)!r}; {self.dataset} refuses it: "
                            f"{' '.join(str(error).split()) or type(error).__name__}. Its settings are: "
                            f"{', '.join(sorted(settings))}.") from error


def _import_gym():
    try:
        import reasoning_gym
    except ImportError as error:
        raise UserError(f"reasoning_gym cannot be imported ({error}). Install it with: pip install 'rfpo[gym]' (it compiles "
                        f"a part of itself, so a C compiler is needed).") from error
    return reasoning_gym
