"""Templates of correction prompts: text files with the fields of `string.Template`, so that filling one runs no code.

A set is a folder: `prose` and `student` are shipped beside this file, and a path names the user's own. The fields are
    ${question}    the prompt's text; of a chat, that of its last user message
    ${attempt}     the wrong answer as the model wrote it
    ${answer}      the final answer that was taken out of it; ${answers} those of all wrong attempts
    ${place}       where its first error is, in words; ${step} the same as the task's own number
    ${error}       what the error is, in words; ${score} the verifier's number
    ${passed}, ${total}    how many of the group's judged answers were right
    ${solution}    the reference answer
    ${hint}, ${reflection}, ${critique}, ${feedback}    what an earlier round brought
    ${attempts}    several wrong answers, each written by a template of its own, where ${number} counts them from 1
An operator fills in only those that agree with what it claims to tell the model.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Template

from rfpo.errors import UserError, near_miss
from rfpo.records import Content, Prompt

SETS = Path(__file__).parent / "templates"


@cache
def load(templates: str, name: str, needs: tuple[tuple[str, ...], ...], may: tuple[str, ...] = ()) -> Template:
    """The template `name` of a set. `needs` lists the fields that must be there, each as its alternatives; `may` those that
    can be there besides. Raises UserError for a missing set or file, a missing or unknown field, and a stray dollar sign.
    """
    path = _folder(templates) / f"{name}.txt"
    if not path.is_file():
        raise UserError(f"templates {templates!r} has no {path.name}; {name} reads its prompt from it. Add the file to "
                        f"{path.parent}.")
    template = Template(path.read_text(encoding="utf-8").removesuffix("\n"))
    if not template.is_valid():
        raise UserError(f"{path} holds a $ that begins no field; write ${{field}} for a field and $$ for a dollar sign.")
    used, known = template.get_identifiers(), [field for choice in needs for field in choice] + list(may)
    for field in used:
        if field not in known:
            raise UserError(f"{path} names ${{{field}}}, which {name} does not fill in; {near_miss(field, known)}")
    for choice in needs:
        if not set(choice) & set(used):
            raise UserError(f"{path} does not name {_fields(choice)}, which {name} needs; put it into the text.")
    return template


def fill(template: Template, prompt: Prompt, **fields) -> Content:
    """The correction prompt. Plain text becomes the filled template; of a chat the last user message is replaced by it and
    every other message is kept, the system message with its format instructions among them.

    Raises UserError for a chat without a user message.
    """
    if isinstance(prompt.content, str):
        return template.substitute(fields, question=prompt.content)
    users = [index for index, message in enumerate(prompt.content) if message.role == "user"]
    if not users:
        raise UserError(f"prompt {prompt.id!r} has no user message, so there is none to put a correction prompt in; "
                        f"give it one.")
    last = prompt.content[users[-1]]
    asked = replace(last, content=template.substitute(fields, question=last.content))
    return prompt.content[: users[-1]] + (asked,) + prompt.content[users[-1] + 1 :]


def _folder(templates: str) -> Path:
    shipped = sorted(path.name for path in SETS.iterdir() if path.is_dir())
    if templates in shipped:
        return SETS / templates
    if not Path(templates).is_dir():
        raise UserError(f"templates is {templates!r}; it must be a set's name or a folder; {near_miss(templates, shipped)}")
    return Path(templates)


def _fields(choice: tuple[str, ...]) -> str:
    return " or ".join(f"${{{field}}}" for field in choice)
