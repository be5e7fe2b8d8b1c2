"""What the loop knows of each prompt from earlier steps: plain JSON in `LoopState.memory`, so that a resumed run knows it.

It grows with the prompts that were visited, by about 200 bytes each, and with `Fixing.keep`: a kept answer is its text, and
about 25 bytes a token. So 10,000 prompts are 2 MB in a checkpoint, and 300 MB with one answer of 1,000 tokens kept of each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache

from rfpo.correction.fix import Key
from rfpo.records import Attempt, Correction, Group, History, Stored

PROMPTS, SOLVED = "prompts", "solved"
EXEMPLARS = 32
"""Right answers to other prompts that are kept in all, the newest, one for each question."""
UNKNOWN = "null"
"""In the place of a log-prob that nobody knows."""


def history_of(memory: dict, prompt: str) -> History:
    """What is known of a prompt."""
    known = memory.get(PROMPTS, {}).get(prompt)
    return History(**(known | {"stored": tuple(_stored(**kept) for kept in known["stored"])})) if known else History()


def exemplars_for(memory: dict, question: str) -> tuple[Stored, ...]:
    """Right answers to other questions, newest first."""
    return tuple(_stored(**kept) for kept in reversed(memory.get(SOLVED, [])) if kept["question"] != question)


def remember(memory: dict, groups: Iterable[Group], corrections: Mapping[Key, tuple[Correction, ...]], keep: int) -> None:
    """After a draw: what it showed of its prompts. `corrections` are those that entered their groups, so that an answer that
    was refused for a leak is not kept either. At most `keep` right answers stay of each prompt, of distinct texts, the newest.
    """
    prompts = memory.setdefault(PROMPTS, {})
    for group in groups:
        known, mine = prompts.get(group.prompt.id, {}), corrections.get(group.key, ())
        history = _after(replace(History(**known), stored=()), group, mine)
        found = _found(group, mine) if keep else []
        texts = {kept["text"] for kept in found}
        stored = [kept for kept in known.get("stored", ()) if kept["text"] not in texts] + found
        prompts[group.prompt.id] = asdict(history) | {"stored": stored[-keep:] if keep else []}
        if found:
            others = [kept for kept in memory.get(SOLVED, []) if kept["question"] != group.prompt.text]
            memory[SOLVED] = [*others, found[0]][-EXEMPLARS:]


def _after(history: History, group: Group, corrections: tuple[Correction, ...]) -> History:
    """A visit of which nothing was graded is counted, and changes nothing else."""
    share = group.solved_share
    if share is None:
        return replace(history, visits=history.visits + 1)
    return replace(
        history, visits=history.visits + 1, stuck_streak=history.stuck_streak + 1 if share == 0 else 0, solved_share=share,
        best_share=max(share, history.best_share or 0.0), stuck=history.stuck + (share == 0),
        recovered=history.recovered or (share > 0 and history.stuck > 0), helped=history.helped + bool(corrections),
        level=corrections[0].level if corrections else history.level)


def _found(group: Group, corrections: tuple[Correction, ...]) -> list[dict]:
    """The visit's first right answer of the model's own, and the first that it was helped to. What was given to it, and what it
    had answered before, is not kept again."""
    helped = [c.by for c in corrections if c.origin == "corrected"]
    redrawn = [a for a in helped if _plain(group, a)]
    sampled = [a for a in group.attempts if a.solved] + redrawn
    corrected = [a for a in helped if a not in redrawn]
    return [_kept(group, a, "sampled") for a in sampled[:1]] + [_kept(group, a, "corrected") for a in corrected[:1]]


def _plain(group: Group, attempt: Attempt) -> bool:
    """Drawn, every token of it, under the group's own prompt."""
    return attempt.completion.context == group.attempts[0].completion.context and None not in attempt.completion.logps


def _kept(group: Group, attempt: Attempt, origin: str) -> dict:
    """A right answer as it is kept: the numbers as one text, since a JSON list has a line for each."""
    completion = attempt.completion
    return {"question": group.prompt.text, "text": completion.text, "tokens": " ".join(map(str, completion.tokens)),
            "logps": " ".join(UNKNOWN if logp is None else repr(logp) for logp in completion.logps),
            "step": group.step, "origin": origin}


@lru_cache(maxsize=4 * EXEMPLARS)
def _stored(question: str, text: str, tokens: str, logps: str, step: int, origin: str) -> Stored:
    """What was kept. A read answer stays unpacked for a while: exemplars are shown to every group."""
    return Stored(question, text, tuple(map(int, tokens.split())),
                  tuple(None if logp == UNKNOWN else float(logp) for logp in logps.split()), step, origin)
