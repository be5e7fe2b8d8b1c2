"""Content to token ids and back."""

from collections.abc import Sequence

from rfpo.errors import UserError
from rfpo.records import Content, Opening


class Text:
    """A tokenizer and the ends of a completion: `eos` ids, of which the model may have several."""

    def __init__(self, tokenizer, generation_config=None):
        self.tokenizer = tokenizer
        self.eos = end_tokens(tokenizer, generation_config)

    @property
    def pad(self) -> int:
        return self.tokenizer.pad_token_id or 0

    def encode(self, content: Content) -> tuple[int, ...]:
        """Plain text verbatim, with the special tokens that the tokenizer puts in front but never one that ends the text;
        messages through the chat template, up to where the model's turn begins. Raises UserError without a template."""
        if isinstance(content, str):
            return self._encode_text(content)
        if not self.tokenizer.chat_template:
            raise UserError("the prompt is a list of messages and the model's tokenizer has no chat template; use a model "
                            "with one, or give prompts as plain text.")
        messages = [{"role": message.role, "content": message.content} for message in content]
        rendered = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=True)
        return tuple(rendered["input_ids"])

    def _encode_text(self, text: str) -> tuple[int, ...]:
        ids = self.tokenizer(text)["input_ids"]
        if ids and ids[-1] in self.eos:  # written by the user, or added by the tokenizer?
            written = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            if not written or written[-1] != ids[-1]:
                ids = ids[:-1]
        return tuple(ids)

    def open(self, opening: Opening) -> tuple[int, ...]:
        """An answer's beginning: an earlier answer's tokens as they are, up to where it is cut; then the text's."""
        tokens = [token for token in opening.tokens if token not in self.eos]
        if opening.cut is not None:
            tokens = tokens[: self._ending_by(tokens, opening.cut)]
        text = self.tokenizer(opening.text, add_special_tokens=False)["input_ids"] if opening.text else []
        return (*tokens, *text, *((self.tokenizer.eos_token_id,) if opening.ends else ()))

    def _ending_by(self, tokens: Sequence[int], cut: int) -> int:
        """The most tokens whose text is whole and has at most `cut` characters."""
        text = self.decode(tokens)
        for number in range(len(tokens), 0, -1):
            part = self.decode(tokens[:number])
            if len(part) <= cut and text.startswith(part):  # half a character decodes to something else
                return number
        return 0

    def ends(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Where each token ends in the text, in characters. A token within a character ends where the one before it does."""
        text, found = self.decode(tokens), []
        for number in range(len(tokens)):
            part = self.decode(tokens[: number + 1])
            found.append(len(part) if text.startswith(part) else found[-1] if found else 0)
        return tuple(found)

    def decode(self, tokens: Sequence[int]) -> str:
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def stopped(self, tokens: Sequence[int], stop: Sequence[str]) -> bool:
        """Whether the last token completed one of the stop strings.

        Only a tail is decoded: a token holds at least one byte of text, so a stop string of b bytes lies within the last b
        tokens; eight more keep a character that the cut has split away from it.
        """
        tail = self.decode(tokens[-(max(len(text.encode()) for text in stop) + 8):])
        return any(text in tail for text in stop)


def end_tokens(tokenizer, generation_config) -> frozenset[int]:
    """Every id that ends a completion: chat models name several in their generation configuration."""
    named = getattr(generation_config, "eos_token_id", None)
    named = named if isinstance(named, (list, tuple)) else [named]
    return frozenset(token for token in (*named, tokenizer.eos_token_id) if token is not None)
