"""How the text of an exercise becomes the content of a prompt."""

from rfpo.records import Content, Message


def as_content(text: str, instruction: str, chat: bool) -> Content:
    """`instruction` is written on a line of its own below the text; with `chat` the whole is one turn of the user, which
    the engine renders with the model's chat template, else it goes to the tokenizer verbatim."""
    text = f"{text}\n{instruction}" if instruction else text
    return (Message("user", text),) if chat else text
