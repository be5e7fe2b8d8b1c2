"""What the loop remembers between steps. Plain numbers, so that a checkpoint holds it as JSON."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path


@dataclass
class Ledger:
    """Tokens, the currency: comparisons are made at equal `generated`. End-of-sequence counts; padding and prompts do not.

    `rollout` and `correction` are sampled for training (corrections: every try, accepted or not, and every reflection or hint
    on the way); `evaluation` is counted apart, and so is what another model wrote as a `critic`; `prompt` tokens were read,
    `trained` tokens had a gradient, `scored` tokens were passed through the model for their log-probs alone
    (Learner.scored_tokens).
    """

    rollout: int = 0
    correction: int = 0
    evaluation: int = 0
    prompt: int = 0
    trained: int = 0
    critic: int = 0
    scored: int = 0

    @property
    def generated(self) -> int:
        return self.rollout + self.correction


@dataclass
class Tally:
    """What the correction stage did over the whole run."""

    stuck: int = 0
    fixed: int = 0
    tries: int = 0
    successes: int = 0
    too_long: int = 0
    unasked: int = 0
    ungraded: int = 0


@dataclass
class LoopState:
    """`step` counts finished steps, `cursor` prompts drawn, `updates` optimizer steps, `idle_steps` steps in which nothing
    was trained, `bad_updates` updates in a row whose loss or gradient was not finite."""

    step: int = 0
    cursor: int = 0
    updates: int = 0
    trained_rows: int = 0
    idle_steps: int = 0
    bad_updates: int = 0
    skipped_updates: int = 0
    tokens: Ledger = field(default_factory=Ledger)
    tally: Tally = field(default_factory=Tally)
    memory: dict = field(default_factory=dict)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "LoopState":
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["tokens"], stored["tally"] = Ledger(**stored["tokens"]), Tally(**stored["tally"])
        return cls(**{f.name: stored[f.name] for f in fields(cls)})
