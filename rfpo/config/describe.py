"""A run in words, where a setting's name alone says too little."""

from rfpo.tasks import Task

EXTRACTS = {
    "auto": "what stands in the last <answer>...</answer>, else the last line that is not empty",
    "last_line": "the last line that is not empty",
    "boxed": "what stands in the last \\boxed{...}",
    "whole": "the whole completion",
    "regex": "the last match of the pattern, its first group if it has one",
}


def extraction(task: Task) -> str:
    """How the task takes an answer out of a completion."""
    how = getattr(task, "extract", None)
    if how is None:
        return f"the answer is {EXTRACTS['whole']}"
    kind, _, name = how.partition(":")
    tag = name or "answer"
    words = f"what stands in the last <{tag}>...</{tag}>" if kind == "tag" else EXTRACTS[kind]
    return f"the answer is {words} (extract = {how!r})"
