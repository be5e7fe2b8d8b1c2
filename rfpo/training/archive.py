"""What the loop knows of each prompt from earlier steps: plain JSON in `LoopState.memory`, so that a resumed run knows it."""

from collections.abc import Iterable
from dataclasses import asdict, replace

from rfpo.records import Attempt, Correction, Group, History, Stored

PROMPTS, SOLVED = "prompts", "solved"
EXEMPLARS = 32
"""Right answers to other prompts that are kept in all, the newest."""


def history_of(memory: dict, prompt: str) -> History:
    """What is known of a prompt."""
    known = memory.get(PROMPTS, {}).get(prompt)
    return History(**(known | {"stored": tuple(map(_stored, known["stored"]))})) if known else History()


def exemplars_for(memory: dict, question: str) -> tuple[Stored, ...]:
    """Right answers to other questions, newest first."""
    return tuple(_stored(kept) for kept in reversed(memory.get(SOLVED, [])) if kept["question"] != question)


def remember(memory: dict, groups: Iterable[Group], corrections: Iterable[Correction], keep: int) -> None:
    """After a step: what it showed of its prompts. At most `keep` right answers stay of each prompt, the newest."""
    helped: dict[tuple[str, int], list[Correction]] = {}
    for correction in corrections:
        request = correction.by.completion.request
        helped.setdefault((request.prompt.id, request.key.visit), []).append(correction)
    prompts = memory.setdefault(PROMPTS, {})
    for group in groups:
        mine = helped.get(group.key, [])
        history = _after(history_of(memory, group.prompt.id), group, mine)
        found = [*_kept(group, [a for a in group.attempts if a.solved][:1], "sampled"), *_kept(group, [c.by for c in mine][:1],
                                                                                          "corrected")] if keep else []
        stored = (*history.stored, *found)[-keep:] if keep else ()
        prompts[group.prompt.id] = asdict(replace(history, stored=stored))
        if found:
            memory[SOLVED] = (memory.get(SOLVED, []) + [asdict(kept) for kept in found])[-EXEMPLARS:]


def _after(history: History, group: Group, corrections: list[Correction]) -> History:
    share = group.solved_share
    if share is None:
        return replace(history, visits=history.visits + 1)
    return replace(
        history, visits=history.visits + 1, stuck_streak=history.stuck_streak + 1 if share == 0 else 0, solved_share=share,
        best_share=max(share, history.best_share or 0.0), helped=history.helped + bool(corrections),
        level=corrections[0].level if corrections else history.level)


def _kept(group: Group, attempts: list[Attempt], origin: str) -> list[Stored]:
    return [Stored(group.prompt.text, a.completion.text, a.completion.tokens, a.completion.logps, group.step, origin)
            for a in attempts]


def _stored(kept: dict) -> Stored:
    return Stored(**(kept | {"tokens": tuple(kept["tokens"]), "logps": tuple(kept["logps"])}))
