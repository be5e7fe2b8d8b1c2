"""First and second attempts: does the model mend what was wrong, and keep what was right?"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from string import Template

from rfpo.correction._templates import fill
from rfpo.engines.protocols import Sampler
from rfpo.errors import UserError
from rfpo.records import Attempt, Prompt, RandomKey, Request, Sampling
from rfpo.training.evaluate import Judge, ask, plain_requests

NEEDS, MAY = (("question",), ("attempt",)), ("answer",)
"""The fields of the second turn's template, such as rewrite_plain: the first answer is shown, and whether it was right is not
said."""


@dataclass(frozen=True)
class Pairs:
    """Of one prompt: its task, and how many of its (first, second) pairs were right-right, right-wrong, wrong-right and
    wrong-wrong. Pairs with an UNGRADED answer, or whose second turn left no room, are not counted."""

    task: str
    prompt: str
    kept: int = 0
    lost: int = 0
    mended: int = 0
    missed: int = 0

    @property
    def n(self) -> int:
        return self.kept + self.lost + self.mended + self.missed


@dataclass(frozen=True)
class TwoTurns:
    """Confidence v.s. Critique (arXiv 2412.19513), from the pairs of each prompt i.

        p_i = P(first right)     b_i = P(second right | first right)     c_i = P(second right | first wrong)
        Acc1 = mean p_i          Acc2 = mean [ p_i b_i + (1 - p_i) c_i ]
        CL = sum p_i b_i / sum p_i          (confidence level: what was right stays right)
        CS = sum (1-p_i) c_i / sum (1-p_i)  (critique score: what was wrong is mended)
        RSS = (Acc2 - Acc1^2) / (2 Acc1 (1 - Acc1))

    A condition that never occurs counts 0 in its sum. Undefined (None): CL without a right first answer, CS without a wrong
    one, RSS where Acc1 is 0 or 1; RSS may leave [0, 1].
    """

    prompts: tuple[Pairs, ...]
    tokens: int = 0
    unasked: int = 0

    def scores(self, task: str | None = None) -> dict[str, float | None]:
        """Of one task, or of all prompts."""
        rows = [pairs for pairs in self.prompts if pairs.n and task in (None, pairs.task)]
        if not rows:
            return dict.fromkeys(("first", "second", "right_to_wrong", "wrong_to_right", "CL", "CS", "RSS"))
        first, second = _mean((r.kept + r.lost) / r.n for r in rows), _mean((r.kept + r.mended) / r.n for r in rows)
        kept, mended = _mean(r.kept / r.n for r in rows), _mean(r.mended / r.n for r in rows)
        return {"first": first, "second": second, "right_to_wrong": _mean(r.lost / r.n for r in rows),
                "wrong_to_right": mended, "CL": kept / first if first else None,
                "CS": mended / (1 - first) if first < 1 else None,
                "RSS": (second - first**2) / (2 * first * (1 - first)) if 0 < first < 1 else None}

    def table(self) -> str:
        """A row for each task."""
        tasks = [*dict.fromkeys(pairs.task for pairs in self.prompts)]
        names = list(self.scores())
        width = max(map(len, (*tasks, "task", "all")))
        lines = [f"{'task':<{width}}" + "".join(f"{name.replace('_', ' '):>16}" for name in names)]
        for task in (*tasks, *((None,) if len(tasks) > 1 else ())):
            shown = ("-" if value is None else f"{value:.4f}" for value in self.scores(task).values())
            lines.append(f"{task or 'all':<{width}}" + "".join(f"{value:>16}" for value in shown))
        lines.append(f"{self.tokens:,} tokens generated; {sum(p.n for p in self.prompts)} pairs of a first and a second answer"
                     + (f"; {self.unasked} second turns were longer than the model's context" if self.unasked else ""))
        return "\n".join(lines)

    def to_json(self) -> str:
        tasks = [*dict.fromkeys(pairs.task for pairs in self.prompts)]
        detail = [{"task": p.task, "prompt": p.prompt, "right_right": p.kept, "right_wrong": p.lost, "wrong_right": p.mended,
                   "wrong_wrong": p.missed} for p in self.prompts]
        return json.dumps({"tasks": {task: self.scores(task) for task in tasks}, "all": self.scores(),
                           "generated_tokens": self.tokens, "prompts": detail}, indent=1)


def two_turns(sampler: Sampler, judge: Judge, prompts: Sequence[Prompt], template: Template, sampling: Sampling, samples: int,
              key: RandomKey, finished: Callable | None = None) -> TwoTurns:
    """`samples` first answers of each prompt, and one second answer to each of them, asked for by `template` with the fields
    ${question} and ${attempt}. Raises UserError when no pair of answers could be judged."""
    first = ask(sampler, judge, plain_requests(prompts, sampling, samples, key), finished)

    def follow(prompt: Prompt, attempt: Attempt, number: int) -> Request:
        content = fill(template, prompt, attempt=attempt.completion.text, answer=attempt.verdict.answer or "")
        told = replace(attempt.completion.request.key, purpose=f"{key.purpose}/second", sample=number)
        return Request(prompt, content, told, 1, sampling)

    turns = [(i, one, follow(p, one, j)) for i, (p, answers) in enumerate(zip(prompts, first, strict=True))
             for j, one in enumerate(answers)]
    fitting = [turn for turn in turns if len(sampler.encode(turn[2].content)) < sampler.context_length]
    second_answers = ask(sampler, judge, [request for _, _, request in fitting], finished)
    counts = [[0, 0, 0, 0] for _ in prompts]
    for (i, one, _), (two,) in zip(fitting, second_answers, strict=True):
        if one.graded and two.graded:
            counts[i][2 * one.wrong + two.wrong] += 1
    drawn = sum(a.completion.drawn for answers in (*first, *second_answers) for a in answers)
    found = tuple(Pairs(p.task, p.id, *numbers) for p, numbers in zip(prompts, counts, strict=True))
    if not any(pairs.n for pairs in found):
        raise UserError("no pair of a first and a second answer could be judged; there is nothing to compare. Look at the "
                        "verifier, or give the model a longer context.")
    return TwoTurns(found, drawn, len(turns) - len(fitting))


def _mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)
