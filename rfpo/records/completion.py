"""What the model answered, what it was judged to be, and the group of answers to one prompt."""

from dataclasses import dataclass, replace
from enum import Enum

from rfpo.records.prompt import Prompt, Request


class Finish(Enum):
    """Why a completion ended."""

    STOP = "stop"  # the end-of-sequence token or a stop string
    LENGTH = "length"  # max_tokens, or the model's context, was reached: the answer is truncated


@dataclass(frozen=True)
class Completion:
    """A sampled response, with its log-probs in the very context in which it was sampled.

    `context` holds the token ids that the model was really shown. `logps[t]` is log pi(tokens[t] | context, tokens[:t]) in
    nats at the sampling temperature, by policy number `policy_version`. All three travel together or not at all. A token that
    was put there and not drawn (an opening, a demonstration) has None for its log-prob.

    `ends[t]` is where token t ends in the text, in characters; () unless the operator reads "offsets".
    """

    request: Request
    context: tuple[int, ...]
    tokens: tuple[int, ...]
    logps: tuple[float | None, ...]
    text: str
    finish: Finish
    policy_version: int = 0
    ends: tuple[int, ...] = ()

    def __post_init__(self):
        if len(self.logps) != len(self.tokens):
            raise ValueError(f"{len(self.logps)} log-probs for {len(self.tokens)} tokens; there must be one for each token.")

    @property
    def truncated(self) -> bool:
        return self.finish is Finish.LENGTH

    @property
    def drawn(self) -> int:
        """Tokens that a model generated: those with a log-prob."""
        return sum(logp is not None for logp in self.logps)


class Outcome(Enum):
    """Failure is a value with a name: an answer that could not be judged is not a wrong one."""

    SOLVED = "solved"
    WRONG = "wrong"
    UNGRADED = "ungraded"  # the verifier crashed, hung, or returned nonsense


@dataclass(frozen=True)
class Location:
    """Where the first error is. `step` counts from 0 in the task's own unit (a column, a line, a test, a character);
    `start:end` are character offsets in the completion's text; `description` is for a person and for prose prompts, and
    does not state the right value. A task whose answers have a known number of steps says it in `places`, so that a control
    can name a wrong one; 0 means unknown.

    >>> Location(step=2, start=17, end=24, description="column 2", places=5)
    """

    step: int
    start: int
    end: int
    description: str = ""
    places: int = 0


@dataclass(frozen=True)
class Verdict:
    """`score` is the verifier's number (1.0 is full marks); decisions read `outcome` alone. `error` names what is wrong
    in words ("the carry of column 2 is wrong"), `feedback` why an UNGRADED verdict came about or what the verifier said."""

    outcome: Outcome
    score: float = 0.0
    answer: str | None = None  # as it was extracted from the completion
    feedback: str = ""
    error: str = ""
    location: Location | None = None

    @classmethod
    def solved(cls, answer: str | None = None, score: float = 1.0) -> "Verdict":
        return cls(Outcome.SOLVED, score, answer)

    @classmethod
    def wrong(cls, answer=None, score=0.0, feedback="", error="", location=None) -> "Verdict":
        return cls(Outcome.WRONG, score, answer, feedback, error, location)

    @classmethod
    def ungraded(cls, feedback: str) -> "Verdict":
        return cls(Outcome.UNGRADED, 0.0, None, feedback)


@dataclass(frozen=True)
class Attempt:
    """A completion and what the verifier said of it. A truncated completion is never SOLVED."""

    completion: Completion
    verdict: Verdict

    def __post_init__(self):
        if self.completion.truncated and self.verdict.outcome is Outcome.SOLVED:
            object.__setattr__(self, "verdict", replace(self.verdict, outcome=Outcome.WRONG, score=0.0, feedback="truncated"))

    @property
    def solved(self) -> bool:
        return self.verdict.outcome is Outcome.SOLVED

    @property
    def wrong(self) -> bool:
        return self.verdict.outcome is Outcome.WRONG

    @property
    def graded(self) -> bool:
        return self.verdict.outcome is not Outcome.UNGRADED


@dataclass(frozen=True)
class Stored:
    """A right answer that was kept from an earlier step, with the question that it answers. `origin` is "sampled" for a
    plain answer and "corrected" for one that was helped; `logps` are those of the step in which it was drawn."""

    question: str
    text: str
    tokens: tuple[int, ...]
    logps: tuple[float | None, ...]
    step: int
    origin: str = "sampled"


@dataclass(frozen=True)
class History:
    """What is known of a prompt from earlier steps.

    `visits` so far; `stuck_streak` visits in a row, up to the last, in which every graded answer was WRONG; `solved_share` of
    the plain answers at the last visit (None: never graded) and `best_share` the largest of any; `stuck` visits, in a row or
    not, in which every graded answer was WRONG, and whether a visit after one of them had a right plain answer (`recovered`);
    `helped` visits with a correction; `level` of the help that last succeeded; `stored` right answers, oldest first, where the
    run keeps any.
    """

    visits: int = 0
    stuck_streak: int = 0
    solved_share: float | None = None
    best_share: float | None = None
    helped: int = 0
    level: float = 0.0
    stored: tuple[Stored, ...] = ()
    stuck: int = 0
    recovered: bool = False


@dataclass(frozen=True)
class Group:
    """The judged answers to one prompt on one visit. The key is (prompt id, visit): a prompt drawn twice in a step makes
    two groups. Diagnosis reads outcomes from here, never shaped rewards.

    `progress` is the share of the run that was done, `history` what earlier steps knew of the prompt, and `exemplars` are
    right answers to other prompts, newest first, where the run keeps any.
    """

    prompt: Prompt
    attempts: tuple[Attempt, ...]
    visit: int = 0
    step: int = 0
    seed: int = 0
    progress: float = 0.0
    history: History = History()
    exemplars: tuple[Stored, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        return (self.prompt.id, self.visit)

    @property
    def graded(self) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.graded)

    @property
    def solved_share(self) -> float | None:
        """Share of the graded answers that are right; None when no answer was graded."""
        graded = self.graded
        return sum(attempt.solved for attempt in graded) / len(graded) if graded else None

    @property
    def sampling_request(self) -> Request:
        return self.attempts[0].completion.request


@dataclass(frozen=True)
class Correction:
    """A wrong answer and the new attempt that an operator made of it. The pair is kept: R_off and every pairwise loss
    need both. `by.completion.context` is the correction prompt; training happens under the original one, unless the merge
    says otherwise. Where no answer is wrong, `of` is the one whose place it may take.

    `help` says what the model was told: "nothing", "wrong", "place", "error", "hint", "answer" or "solution".
    `located` is True when it was told the true place; the control that names a false one is help "place", not located.
    `tries` is the number of the try that succeeded, counted from 1. `level` is how much help it was given, in the operator's
    own unit (a hint's level, the share of a reference that was shown); `origin` is "corrected", "given" for a demonstration
    or "replayed" for an answer of an earlier step.
    """

    of: Attempt
    by: Attempt
    operator: str
    tries: int
    help: str
    located: bool = False
    leaks: tuple[str, ...] = ()
    level: float = 0.0
    origin: str = "corrected"
