"""What a student's plain answers are worth: how likely each prompt is solved, and so which prompts are stuck."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log1p

from rfpo.batch import collate
from rfpo.engines.local import LocalEngine
from rfpo.records import Attempt, Content, Outcome, Prompt, RandomKey, Request, Sample, Sampling
from rfpo.tasks import Task

DRAWS = 256  # plain samples that a stuck prompt must survive
CONFIRMED = 64  # samples of a prompt whose p was computed
MAX_TOKENS = 64


@dataclass(frozen=True)
class Plain:
    """Of each prompt: `p`, the probability that a plain answer solves it; `survives`, that it is in H (none of DRAWS samples
    solves it); `fresh`, that one of DRAWS further samples does; `attempts`, one answer. `sampled` and `computed` are means of p
    over the same few prompts, got in the two ways; None where p is sampled only."""

    p: list[float]
    survives: list[float]
    fresh: list[float]
    attempts: list[Attempt]
    sampled: float | None = None
    computed: float | None = None

    @property
    def stuck(self) -> list[int]:
        """The prompts that are more likely than not in H, and whose answer is wrong at a place that can be named."""
        return [index for index, (share, attempt) in enumerate(zip(self.survives, self.attempts, strict=True))
                if share > 0.5 and attempt.wrong and attempt.verdict.location]


def computed(engine: LocalEngine, task: Task, prompts: Sequence[Prompt], confirm: int, seed: int) -> Plain:
    """For a task whose right answer has one text: p is the probability of that text, and a prompt is in H with probability
    (1-p)^DRAWS. `confirm` prompts are sampled too, to hold the computed p against."""
    p, plainly = solve_probability(engine, prompts), [(prompt, prompt.content) for prompt in prompts]
    survives = [exp(DRAWS * log1p(-min(x, 1 - 1e-12))) for x in p]
    attempts = [drawn for (drawn,) in ask(engine, task, plainly, "rollout", seed)]
    again = ask(engine, task, plainly[:confirm], "confirm", seed, n=CONFIRMED)
    return Plain(p, survives, [1 - share for share in survives], attempts,
                 solved([attempt for drawn in again for attempt in drawn]), sum(p[:confirm]) / confirm)


def sampled(engine: LocalEngine, task: Task, prompts: Sequence[Prompt], seed: int) -> Plain:
    """For any task: H is the prompts that none of DRAWS samples solves. Of those, p and `fresh` come from DRAWS samples more:
    in the ones by which they were chosen, p would be 0. Of the others they come from the first."""
    p, survives, fresh, attempts = [], [], [], []
    for prompt in prompts:  # one at a time: 256 answers are enough for a batch, and too many to keep of each prompt
        plainly = [(prompt, prompt.content)]
        drawn, = ask(engine, task, plainly, "rollout", seed, n=DRAWS)
        stuck = not solved(drawn)
        again = ask(engine, task, plainly, "again", seed, n=DRAWS)[0] if stuck else drawn
        p.append(solved(again))
        survives.append(float(stuck))
        fresh.append(float(solved(again) > 0))
        attempts.append(drawn[0])
    return Plain(p, survives, fresh, attempts)


def solve_probability(engine: LocalEngine, prompts: Sequence[Prompt]) -> list[float]:
    """pi(solution, end of sequence | prompt), in one teacher-forced pass."""
    end = engine.text.tokenizer.eos_token_id
    return sequence_probability(engine, [(engine.encode(prompt.content), (*engine.encode(prompt.solution), end))
                                         for prompt in prompts])


def sequence_probability(engine: LocalEngine, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[float]:
    """pi(tokens | context) of each (context, tokens)."""
    samples = [Sample(context=context, tokens=tokens, trained=(True,) * len(tokens), outcome=Outcome.SOLVED, reward=0.0,
                      group=(str(index), 0)) for index, (context, tokens) in enumerate(rows)]
    batch = engine.score(collate(samples, max_length=MAX_TOKENS), frozenset({"old"}))
    return batch.old.double().sum(-1).exp().tolist()


def ask(engine: LocalEngine, task: Task, questions: Sequence[tuple[Prompt, Content]], purpose: str, seed: int, n: int = 1
        ) -> list[list[Attempt]]:
    """`n` judged answers to each question about a prompt."""
    sampling = Sampling(max_tokens=MAX_TOKENS)
    requests = [Request(prompt, content, RandomKey(seed, prompt=prompt.id, purpose=purpose), n, sampling)
                for prompt, content in questions]
    return [[Attempt(drawn, task.verify(drawn.request.prompt, drawn.text)) for drawn in answers]
            for answers in engine.sample(requests)]


def solved(attempts: Sequence[Attempt]) -> float:
    """The share of them that is."""
    return sum(attempt.solved for attempt in attempts) / max(1, len(attempts))
