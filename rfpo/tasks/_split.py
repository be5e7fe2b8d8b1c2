"""Training and evaluation prompts that share no text, whatever the seeds and sizes they were drawn with."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from rfpo.errors import UserError
from rfpo.records import Prompt

EVALUATION_SHARE = 0.25


@dataclass(frozen=True)
class Pools:
    """`repeated` counts the draws that were left out because their text was in a pool already."""

    training: tuple[Prompt, ...]
    evaluation: tuple[Prompt, ...]
    repeated: int = 0


class Drawn:
    """What tasks share that draw their prompts into two pools (`_pools`)."""

    _pools: Pools

    def training_prompts(self) -> tuple[Prompt, ...]:
        return self._pools.training

    def evaluation_prompts(self) -> tuple[Prompt, ...]:
        return self._pools.evaluation


def is_evaluation(text: str, share: float = EVALUATION_SHARE) -> bool:
    """Which side a text is on. It hangs on the text alone, so no seed and no size can mix the two sides."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") < share * 2**64


def fill(draws: Iterable[tuple[str, Prompt]], size: int, evaluation_size: int, of: str) -> Pools:
    """The first `evaluation_size` and `size` different texts of their sides, from as many draws of (text, prompt) as that
    takes.

    Raises UserError when the draws end before: the pool of different texts is too small.
    """
    training: dict[str, Prompt] = {}
    evaluation: dict[str, Prompt] = {}
    repeated = 0
    for text, prompt in draws:
        side, wanted = (evaluation, evaluation_size) if is_evaluation(text) else (training, size)
        if text in side:
            repeated += 1
        elif len(side) < wanted:
            side[text] = prompt
        if len(training) == size and len(evaluation) == evaluation_size:
            return Pools(tuple(training.values()), tuple(evaluation.values()), repeated)
    raise UserError(f"{of} gave only {len(training)} training and {len(evaluation)} evaluation prompts with different texts; "
                    f"size is {size} and evaluation_size {evaluation_size}. Ask for fewer or make its items more varied.")


def most_draws(size: int, evaluation_size: int) -> int:
    """After how many draws the pool counts as exhausted: ten times what an endless pool takes."""
    return 100 + int(10 * max(size / (1 - EVALUATION_SHARE), evaluation_size / EVALUATION_SHARE))
