"""The user's own data: a JSONL or Parquet file, or a data set of the Hugging Face Hub."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from typing import ClassVar

from rfpo.checks import one_of, require
from rfpo.errors import UserError, near_miss
from rfpo.records import Content, Message, Prompt, Verdict
from rfpo.tasks._content import as_content
from rfpo.tasks._extract import answer_span, check_extract
from rfpo.tasks._locate import CHOICES, NOWHERE, first_difference
from rfpo.tasks._math import equal, is_readable_gold, read
from rfpo.tasks._own_verifier import as_verdict, load
from rfpo.tasks._rows import Row, read_rows, short_name
from rfpo.tasks._split import Pools

VERIFIERS = ("math", "exact")


@dataclass(frozen=True)
class Data:
    """Prompts and reference answers from `path`: FILE.jsonl, FILE.parquet, or hub:owner/name[:configuration][@split].

    The prompt column holds text, or chat messages as a list of {"role": ..., "content": ...}; `chat` makes a user's turn of
    a text, and `instruction` is written below it. The answer column holds text or a number; "" for none, which only a
    verifier of one's own can do without. The columns `worked_column` (a worked solution), `hints_column` (hints, from little to
    much) and `demonstrations_column` (whole answers of others) are read where a row has them, for the operators that show them;
    the last two hold lists of texts.

    `verifier` is "math" (equal as mathematics, by math-verify), "exact" (the same text) or `module:function`, a function

        def verify(completion: str, answer: str | None, row: dict) -> bool | float | dict

    that sees the whole completion and the whole row; a float is SOLVED from `solved_at` on. The other two see the answer that
    `extract` takes out of the completion. `locate` ("character", "word", "line"; verifier "exact" only) makes the first
    difference to the reference the place of the error.

    Evaluation prompts are those of `evaluation_path`, or the `evaluation_share` of the prompts whose texts hash lowest (at
    least one). Training prompts with the text of an evaluation prompt are removed and counted in `removed`. `limit` reads
    the first rows only; 0 reads all. `label` is the task's name in a run, the file's name by default; an id is that name and
    the line, "data.jsonl:17". Raises UserError naming the line for broken rows, and for a data set without a prompt.
    """

    path: str
    prompt_column: str = "prompt"
    answer_column: str = "answer"
    verifier: str = "math"
    extract: str = "auto"
    evaluation_path: str = ""
    evaluation_share: float = 0.1
    limit: int = 0
    solved_at: float = 1.0
    locate: str = NOWHERE
    instruction: str = ""
    chat: bool = False
    label: str = ""
    worked_column: str = "worked"
    hints_column: str = "hints"
    demonstrations_column: str = "demonstrations"
    isolated: ClassVar[bool] = True
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        require(self, "path", lambda x: isinstance(x, str) and x, "a file's path or hub:owner/name", "data.jsonl")
        require(self, "prompt_column", lambda x: isinstance(x, str) and x, "the name of a column", "prompt")
        require(self, "evaluation_share", lambda x: 0 <= x < 1, "at least 0 and below 1", 0.1)
        require(self, "limit", lambda x: isinstance(x, int) and x >= 0, "a whole number, 0 for all rows", 1000)
        require(self, "solved_at", lambda x: 0 < x <= 1, "above 0 and at most 1", 1.0)
        one_of(self, "locate", CHOICES)
        check_extract(self)
        require(self, "verifier", lambda x: isinstance(x, str), "math, exact or module:function", "math")
        if ":" not in self.verifier:
            one_of(self, "verifier", (*VERIFIERS, "module:function"))
        if self.verifier != "exact":
            require(self, "locate", lambda x: x == NOWHERE, "'nowhere' unless the verifier is 'exact'", NOWHERE)
        if self.verifier in VERIFIERS:
            require(self, "answer_column", lambda x: isinstance(x, str) and x, "the name of a column", "answer")

    @property
    def name(self) -> str:
        return self.label or short_name(self.path)

    @property
    def removed(self) -> int:
        """Training prompts left out because evaluation has their text."""
        return self._pools.repeated

    def training_prompts(self) -> tuple[Prompt, ...]:
        return self._pools.training

    def evaluation_prompts(self) -> tuple[Prompt, ...]:
        return self._pools.evaluation

    def warm_up(self) -> None:
        """Import what the verifier needs before the clock of the first verdict starts."""
        if self.verifier == "math":
            read("1")
        elif self.verifier != "exact":
            _ = self._function

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        if self.verifier not in VERIFIERS:
            return as_verdict(self._function(text, prompt.solution, dict(prompt.data["row"])), self.solved_at)
        span = answer_span(text, self.extract)
        if span is None:
            return Verdict.wrong(feedback="no answer found")
        answer = text[slice(*span)]
        same = equal(prompt.solution, answer) if self.verifier == "math" else answer == prompt.solution
        if same:
            return Verdict.solved(answer)
        return Verdict.wrong(answer, feedback="unreadable" if same is None else "",
                             location=first_difference(text, span, prompt.solution, self.locate))

    @cached_property
    def _function(self):
        return load(self.verifier)

    @cached_property
    def _pools(self) -> Pools:
        self.warm_up()
        rows = list(self._read(self.path, self.name, self.limit))
        if self.evaluation_path:
            evaluation = list(self._read(self.evaluation_path, f"{self.name}/{short_name(self.evaluation_path)}", limit=0))
        else:
            count = max(1, round(self.evaluation_share * len(rows))) if self.evaluation_share else 0
            evaluation = sorted(rows, key=lambda prompt: blake2b(_plain(prompt).encode()).digest())[:count]
        held_out, chosen = {_plain(prompt) for prompt in evaluation}, {prompt.id for prompt in evaluation}
        training = [prompt for prompt in rows if _plain(prompt) not in held_out]
        if not training:
            raise UserError(f"{self.path} has {len(rows)} prompts and none is left to train on beside the {len(evaluation)} "
                            f"of evaluation. Give more rows or a smaller evaluation_share.")
        own = 0 if self.evaluation_path else len(chosen)
        return Pools(tuple(training), tuple(evaluation), repeated=len(rows) - len(training) - own)

    def _read(self, source: str, ids: str, limit: int) -> Iterator[Prompt]:
        row = None
        for row in islice(read_rows(source), limit or None):
            yield self._prompt(row, f"{ids}:{row.number}")
        if row is None:
            raise UserError(f"{source} is empty; give at least two rows with the columns {self.prompt_column!r} and "
                            f"{self.answer_column!r}.")

    def _prompt(self, row: Row, id: str) -> Prompt:
        content = self._content(row)
        solution = _answer(row, self.answer_column) if self.answer_column else None
        if self.verifier == "math" and not is_readable_gold(solution):
            raise UserError(f"{row.place}: math-verify cannot read the answer {solution[:60]!r}. Write it as mathematics, or "
                            f"set the verifier to 'exact'.")
        data = {} if self.verifier in VERIFIERS else {"row": json.loads(json.dumps(row.values, default=str))}
        return Prompt(id, content, self.name, solution, data | self._help(row))

    def _help(self, row: Row) -> dict:
        """What the row holds for operators to show; an empty cell is none."""
        found = {}
        for name in ("worked", "hints", "demonstrations"):
            column = getattr(self, f"{name}_column")
            value = row.values.get(column)
            if value in (None, "", []):
                continue
            texts = value if isinstance(value, list) and name != "worked" else [value]
            if not all(isinstance(text, str) and text.strip() for text in texts):
                wanted = "a text" if name == "worked" else "a list of texts"
                raise UserError(f"{row.place}: the column {column!r} is {value!r:.60}; write {wanted}, or leave it out.")
            found[name] = value if name == "worked" else texts
        return found

    def _content(self, row: Row) -> Content:
        value = _column(row, self.prompt_column)
        if isinstance(value, str) and value.strip():
            return as_content(value, self.instruction, self.chat)
        if isinstance(value, list) and value and all(_is_message(turn) for turn in value):
            messages = [Message(turn["role"], turn["content"]) for turn in value]
            if self.instruction:
                messages[-1] = Message(messages[-1].role, f"{messages[-1].content}\n{self.instruction}")
            return tuple(messages)
        raise UserError(f"{row.place}: the column {self.prompt_column!r} is {value!r:.60}; write a text that is not empty, or "
                        f"a list of {{\"role\": ..., \"content\": ...}}.")


def _column(row: Row, column: str):
    if column not in row.values:
        raise UserError(f"{row.place}: there is no column {column!r}; {near_miss(column, map(str, row.values))}")
    return row.values[column]


def _answer(row: Row, column: str) -> str:
    value = _column(row, column)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UserError(f"{row.place}: the answer in the column {column!r} is {value!r:.60}; write a text or a number.")
    text = str(value).strip()
    if not text:
        raise UserError(f"{row.place}: the answer in the column {column!r} is empty. Fill it in or remove the line.")
    return text


def _is_message(turn) -> bool:
    return isinstance(turn, dict) and all(isinstance(turn.get(key), str) for key in ("role", "content"))


def _plain(prompt: Prompt) -> str:
    """The text by which two prompts are the same: runs of white space do not matter."""
    return " ".join(prompt.text.split())
