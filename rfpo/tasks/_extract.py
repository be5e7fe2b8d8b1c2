r"""How an answer is taken out of a completion. A task names one of these in its field `extract`.

| name            | the answer is                                                                                        |
|-----------------|------------------------------------------------------------------------------------------------------|
| `auto`          | what `tag` finds, else what `last_line` finds                                                        |
| `tag`           | what stands in the last `<answer>...</answer>`; `tag:NAME` for another tag                           |
| `last_line`     | the last line that is not empty                                                                      |
| `boxed`         | what stands in the last `\boxed{...}`, braces balanced                                               |
| `whole`         | the whole completion                                                                                 |
| `regex:PATTERN` | the last match of PATTERN: its first group if it has one (`.` does not match a line end, see `(?s)`) |

White space around the answer is dropped. Where nothing is found there is no answer, and the completion is WRONG.
"""

import re

from rfpo.errors import UserError, near_miss

NAMES = ("auto", "tag", "last_line", "boxed", "whole")
Span = tuple[int, int]
"""Character offsets of the answer in the completion."""


def check_extract(piece) -> None:
    """Refuse a field `extract` that is none of the above."""
    how = piece.extract
    field = f"{type(piece).__name__}.extract is {how!r}"
    kind, _, rest = how.partition(":") if isinstance(how, str) else ("", "", "")
    if kind == "regex" and rest:
        try:
            re.compile(rest)
        except re.error as error:
            raise UserError(f"{field}; the pattern is not a regular expression: {error}. Mend the pattern.") from error
    elif kind == "tag" and ":" in str(how):
        if not re.fullmatch(r"[A-Za-z][\w-]*", rest):
            raise UserError(f"{field}; a tag's name is one word. Try 'tag:answer'.")
    elif how not in NAMES:
        raise UserError(f"{field}; it must be one of {', '.join(NAMES)}, tag:NAME, regex:PATTERN; "
                        + near_miss(str(how), NAMES))


def answer_span(text: str, how: str) -> Span | None:
    """Where the answer stands in the completion, or None when there is none.

    >>> answer_span("I think <answer> 7 </answer>", "auto")
    (17, 18)
    """
    kind, _, rest = how.partition(":")
    if kind == "auto":
        return answer_span(text, "tag") or answer_span(text, "last_line")
    span = {"tag": _tag, "last_line": _last_line, "boxed": _boxed, "whole": _whole, "regex": _regex}[kind](text, rest)
    return span and _stripped(text, span)


def _tag(text: str, name: str) -> Span | None:
    opening, closing = f"<{name or 'answer'}>", f"</{name or 'answer'}>"
    end = text.rfind(closing)
    start = text.rfind(opening, 0, end) if end >= 0 else -1
    return (start + len(opening), end) if start >= 0 else None


def _last_line(text: str, _) -> Span | None:
    end = len(text.rstrip())
    return text.rfind("\n", 0, end) + 1, end


def _boxed(text: str, _) -> Span | None:
    """The last box that is closed; a box cut off by the end of the completion is none."""
    opening = text.rfind("\\boxed{")
    while opening >= 0:
        start = opening + len("\\boxed{")
        end = _closing_brace(text, start)
        if end is not None:
            return start, end
        opening = text.rfind("\\boxed{", 0, opening)
    return None


def _closing_brace(text: str, start: int) -> int | None:
    depth, index = 1, start
    while index < len(text):
        if text[index] == "\\":
            index += 1  # the next character is escaped: \{ and \} are no braces
        elif text[index] in "{}":
            depth += 1 if text[index] == "{" else -1
            if depth == 0:
                return index
        index += 1
    return None


def _whole(text: str, _) -> Span:
    return 0, len(text)


def _regex(text: str, pattern: str) -> Span | None:
    matches = list(re.finditer(pattern, text))
    if not matches:
        return None
    span = matches[-1].span(1 if matches[-1].re.groups else 0)
    return None if span == (-1, -1) else span


def _stripped(text: str, span: Span) -> Span | None:
    """The span without the white space at its ends; None when nothing is left."""
    start, end = span
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    end -= len(inside) - len(inside.rstrip())
    return (start, end) if start < end else None
