"""How well the leak tests that ask no model agree with a reader, on a hundred labelled corrections."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from rfpo.correction.leaks import LeakTest
from rfpo.pieces import find, names
from rfpo.records import Correction, Group, Prompt, RandomKey, Request, Verdict
from tests.correction.builders import attempt

CASES = [json.loads(line) for line in (Path(__file__).parent / "leak_cases.jsonl").read_text(encoding="utf-8").splitlines()]
KINDS = ("mentions_attempt", "mentions_feedback", "mentions_reference", "no_derivation", "reference_in_head", "parrots_help",
         "answer_only_edit", "invalid_step")
QUOTED = ("mentions_attempt", "mentions_feedback", "mentions_reference", "invalid_step")
"""Kinds whose place in the text a case quotes."""
HALVES = {"all": CASES, "odd": CASES[0::2], "even": CASES[1::2]}


def built(case: dict) -> tuple[Correction, Group]:
    """The case as the leak tests see it: the model was shown the question, the wrong answer and what it was told."""
    prompt = Prompt(case["id"], case["question"], task="exercise", solution=case["solution"])
    of = attempt(case["attempt"], Verdict.wrong(case["attempt_answer"]), request=Request(prompt, prompt.content, RandomKey()))
    shown = f"{case['question']}\n\nAn answer:\n{case['attempt']}\n\n{case['told']}"
    by = attempt(case["text"], Verdict.solved(case["answer"]), request=Request(prompt, shown, RandomKey()))
    return Correction(of, by, "fix", 1, case["help"]), Group(prompt, (of,), visit=0, step=3, seed=11)


def found(case: dict) -> set[str]:
    """What all leak tests find with their defaults and without asking a model."""
    correction, group = built(case)
    return {kind for name in names(LeakTest.room) for kind in find(LeakTest.room, name)().find(correction, group)}


@dataclass(frozen=True)
class Row:
    """Of one kind: leaks that are there, leaks that are reported, and those that are both."""

    gold: int
    reported: int
    both: int

    @property
    def precision(self) -> float:
        return self.both / self.reported if self.reported else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.gold if self.gold else 1.0


def table(cases: list[dict]) -> dict[str, Row]:
    """A row for each kind, and "any" for a leak of whatever kind against none."""
    pairs = [(set(case["leaks"]), found(case)) for case in cases]
    rows = {kind: Row(sum(kind in g for g, _ in pairs), sum(kind in f for _, f in pairs), sum(kind in g & f for g, f in pairs))
            for kind in KINDS}
    rows["any"] = Row(sum(bool(g) for g, _ in pairs), sum(bool(f) for _, f in pairs), sum(bool(g and f) for g, f in pairs))
    return rows


def shown(half: str) -> str:
    lines = [f"{half:20} gold reported both precision recall"]
    lines += [f"{kind:20} {row.gold:4} {row.reported:8} {row.both:4} {row.precision:9.2f} {row.recall:6.2f}"
              for kind, row in table(HALVES[half]).items()]
    return "\n".join(lines)


def disagreements(half: str) -> str:
    lines = []
    for case in HALVES[half]:
        gold, reported = set(case["leaks"]), found(case)
        if gold != reported:
            lines.append(f"{case['id']} missed {sorted(gold - reported)} false {sorted(reported - gold)}: {case['note']}")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys
    print("\n\n".join(shown(half) for half in HALVES))
    for half in sys.argv[1:]:
        print(f"\n{half}: where reader and tests disagree\n{disagreements(half)}")
