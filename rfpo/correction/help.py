"""When help is given, and how much of it: withdrawal, annealing, caps."""

from dataclasses import dataclass
from math import cos, floor, inf, pi

from rfpo.checks import one_of, require
from rfpo.records import Group, RandomKey


def _share(x) -> bool:
    return x is None or 0 < x <= 1


@dataclass(frozen=True, kw_only=True)
class Help:
    """When a group that the diagnosis calls stuck is corrected.

    after, until  shares of the run between which help is given: after <= share done < until, and until=1 is the run's end
                  (Scaf-GRPO's exemption, arXiv 2510.19807: after=0.15)
    fading        between them the probability of help is 1 ("none"), or falls from 1 to 0 ("linear", "cosine")
    solved_at     no help for a prompt whose plain answers were right at the last visit for at least this share (None: never
                  withdrawn). Only plain answers count, so that help does not withdraw itself; a prompt that is lost again is
                  helped again, from the visit after. 0.5 in ZPPO (2606.18216)
    max_share     at most this share of prompts_per_step x group_size rows may be trained corrections (None: any); the groups in
                  the order in which they were drawn, and what does not fit is dropped after it was paid for. REX-RAG
                  (2508.08149) keeps at most .08
    token_share   no help in a step that begins with correction tokens above this share of all generated ones (None: any). The
                  step that crosses it is finished, so that the share may end above

    How much help is given to a prompt is the operator's business, which reads the prompt's history.

    Degenerate: with the defaults every stuck group is corrected.
    """

    after: float = 0.0
    until: float = 1.0
    fading: str = "none"
    solved_at: float | None = None
    max_share: float | None = None
    token_share: float | None = None

    def __post_init__(self):
        require(self, "after", lambda x: 0 <= x < 1, "at least 0 and below 1", 0.15)
        require(self, "until", lambda x: self.after < x <= 1, f"above after, which is {self.after}, and at most 1", 1.0)
        one_of(self, "fading", ("none", "linear", "cosine"))
        require(self, "solved_at", _share, "above 0 and at most 1, or left out", 0.5)
        require(self, "max_share", _share, "above 0 and at most 1, or left out", 0.25)
        require(self, "token_share", _share, "above 0 and at most 1, or left out", 0.5)

    def given(self, group: Group) -> bool:
        """Whether this group may be corrected. The draw of a fading help is keyed by prompt and step, so that a resumed run
        decides alike."""
        if group.progress < self.after or (self.until < 1.0 and group.progress >= self.until):
            return False
        share = group.history.solved_share
        if self.solved_at is not None and share is not None and share >= self.solved_at:
            return False
        key = RandomKey(seed=group.seed, step=group.step, prompt=group.prompt.id, visit=group.visit, purpose="help")
        return self.fading == "none" or key.number() / 2**128 < self.probability(group.progress)

    def probability(self, progress: float) -> float:
        """Of help, at this share of the run."""
        done = min(1.0, max(0.0, (progress - self.after) / (self.until - self.after)))
        return {"none": 1.0, "linear": 1.0 - done, "cosine": 0.5 * (1.0 + cos(pi * done))}[self.fading]

    def most_rows(self, rows: int) -> float:
        """How many corrections may be trained in a step that samples so many rows; infinite without a cap."""
        return inf if self.max_share is None else floor(self.max_share * rows + 1e-9)  # 0.29 x 100 is 28.999999999999996

    def affordable(self, correction_tokens: int, generated_tokens: int) -> bool:
        """Whether the step may spend tokens on corrections at all."""
        return self.token_share is None or correction_tokens <= self.token_share * generated_tokens
