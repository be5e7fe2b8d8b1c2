"""Run: one typed value that holds everything a training run depends on."""

from dataclasses import dataclass, field

from rfpo.checks import require
from rfpo.correction import Merge, Operator
from rfpo.correction.help import Help
from rfpo.correction.leaks import LeakTest
from rfpo.correction.leaks.meta_words import MetaWords
from rfpo.correction.leaks.no_derivation import NoDerivation
from rfpo.critics import Critic
from rfpo.diagnosis import Diagnosis
from rfpo.engines.settings import Lora, Model, Optimizer
from rfpo.errors import UserError
from rfpo.objective import Objective, PairLoss, PairObjective
from rfpo.records import Sampling
from rfpo.rewards import Shaping
from rfpo.tasks import Task

MOST_REPEATS = 8
"""Of a step's update, when a ledger asks for more: further passes over the same answers soon change nothing more."""


def whole(x) -> bool:
    """A whole number of at least 0."""
    return isinstance(x, int) and not isinstance(x, bool) and x >= 0


@dataclass(frozen=True, kw_only=True)
class Fixing:
    """The correction stage: which groups are stuck, how they are fixed, and how corrections enter the group.

    `leak_tests` are run on every accepted correction; `reject_leaks` keeps those out of the batch in which one of these kinds
    was found; () only counts them. `help`
    says when help ends; `critic` who is asked where the operator asks another model; `keep` how many right answers of each
    prompt stay for later steps; `control` how many plain draws of each stuck prompt are judged beside the tries: they are never
    trained and counted as evaluation, and tell how many groups would have been fixed by drawing again (`net_fix_rate`).

    `tokens_by_step` is a ledger, such as that of another run: after step t the stage has spent no more than its first t + 1
    numbers add up to, but for the answers under way; what a step leaves over, later ones may spend. () sets no limit.
    """

    diagnosis: Diagnosis
    operator: Operator
    merge: Merge
    leak_tests: tuple[LeakTest, ...] = (MetaWords(), NoDerivation())
    reject_leaks: tuple[str, ...] = ()
    help: Help = Help()
    critic: Critic | None = None
    keep: int = 0
    control: int = 0
    tokens_by_step: tuple[int, ...] = ()

    def __post_init__(self):
        require(self, "tokens_by_step", lambda ledger: all(map(whole, ledger)), "whole numbers of at least 0", (400, 380))
        require(self, "keep", whole, "a whole number of at least 0", 8)
        require(self, "control", whole, "a whole number of at least 0", 4)


@dataclass(frozen=True, kw_only=True)
class DynamicSampling:
    """DAPO: draw prompts until `prompts_per_step` groups are mixed (neither all right nor all wrong), judged after
    corrections were merged; at most `max_rounds` draws of `prompts_per_step` prompts each."""

    max_rounds: int = 4

    def __post_init__(self):
        require(self, "max_rounds", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 4)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Every `every` steps (0: only before and after), `samples` plain completions for each of at most `prompts`
    evaluation prompts of each task. Not counted in the token budget."""

    every: int = 0
    prompts: int = 128
    samples: int = 4
    ks: tuple[int, ...] = (1,)

    def __post_init__(self):
        for name in ("every", "prompts"):
            require(self, name, whole, "a whole number of at least 0", 0)
        require(self, "samples", lambda x: x >= 1, "at least 1", 4)
        require(self, "ks", lambda ks: all(1 <= k <= self.samples for k in ks), "between 1 and evaluation.samples", (1,))


@dataclass(frozen=True, kw_only=True)
class ExtraStream:
    """A further loss beside the policy's, for the samples that name this stream: an objective, or a loss on pairs of them
    (the rows that share a unit; rfpo/objective/pairs.py). Exactly one of the two."""

    objective: Objective | None = None
    pairs: PairLoss | None = None
    coefficient: float = 1.0

    def __post_init__(self):
        if (self.objective is None) == (self.pairs is None):
            held = "neither objective nor pairs" if self.objective is None else "both objective and pairs"
            raise UserError(f"a further stream has {held}; it is trained with one of the two. Give it pairs=dpo for pairs of "
                            "answers, or an objective for single ones.")

    @property
    def loss(self) -> Objective | PairObjective:
        """What the learner calls."""
        return self.objective or PairObjective(self.pairs)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that decides a run. It is written to `run.toml` and loads back equal.

    A run ends after `steps` steps, or at the first step boundary at or past `token_budget` generated tokens, whichever
    comes first. Generated tokens are every token sampled for training, corrections included; evaluation is not counted.

    `mask_truncated` trains no token of a truncated answer. `silence_stuck` takes what shaping (`rewards`) added to the
    verifier's reward away again where no answer of a group is right, its corrections included: rewards that differ by a length
    penalty alone would teach something about nothing.

    `updates_by_step` is a ledger too: a step's update is repeated, at most MOST_REPEATS times, until the run has made as many
    optimizer steps as its first t + 1 numbers add up to. () makes `epochs` of them.
    """

    name: str = "run"
    seed: int = 0
    model: Model = Model()
    tasks: tuple[Task, ...] = ()
    sampling: Sampling = Sampling()
    group_size: int = 8
    prompts_per_step: int = 16
    steps: int = 100
    token_budget: int | None = None
    objective: Objective
    fixing: Fixing | None = None
    streams: dict[str, ExtraStream] = field(default_factory=dict)
    rewards: tuple[Shaping, ...] = ()
    dynamic_sampling: DynamicSampling | None = None
    mask_truncated: bool = False
    silence_stuck: bool = False
    optimizer: Optimizer = Optimizer()
    updates_per_step: int = 1
    epochs: int = 1
    updates_by_step: tuple[int, ...] = ()
    tokens_per_micro_batch: int = 16384
    evaluation: Evaluation = Evaluation()
    checkpoint_every: int = 50
    keep_checkpoints: int = 2
    rollouts_every: int = 1
    verifier_seconds: float = 5.0
    max_ungraded_share: float = 0.5
    max_bad_updates: int = 5
    loggers: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("group_size", "prompts_per_step", "steps", "updates_per_step", "epochs", "tokens_per_micro_batch",
                     "max_bad_updates", "checkpoint_every", "keep_checkpoints", "rollouts_every"):
            require(self, name, lambda x: whole(x) and x >= 1, "a whole number of at least 1", 8)
        require(self, "updates_by_step", lambda ledger: all(map(whole, ledger)), "whole numbers of at least 0", (1, 1))
        require(self, "seed", lambda x: whole(x) and x < 2**63, "a whole number of at least 0 and below 2**63", 0)
        require(self, "token_budget", lambda x: x is None or x >= 1, "positive, or left out", 100_000)
        require(self, "verifier_seconds", lambda x: 0 < x <= 86_400, "above 0 and at most a day, 86400", 5.0)
        require(self, "max_ungraded_share", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)
        if self.sampling.temperature == 0:
            raise UserError("sampling.temperature is 0; a group of greedy completions is one completion, from which nothing "
                            "can be learned. Set it to 1.0.")


__all__ = ["DynamicSampling", "Evaluation", "ExtraStream", "Fixing", "Lora", "Model", "Optimizer", "Run"]
