"""The student's own failures. It is taught to mend invented mistakes; those that it really makes are not all like them."""

from rfpo.engines.protocols import Sampler
from rfpo.records import Attempt, Completion, RandomKey, Request, Sampling
from rfpo.students.specialists import Exercise
from rfpo.tasks import Task

SEED = 1_000_000
"""Of the prompts that are asked: one that no experiment draws its own with."""


def failures(engine: Sampler, task: Task, seed: int = 0) -> list[Exercise]:
    """The plain answers to the task's training prompts, one each, that are finished, wrong and located, as exercises.

    A place is named by its number among the places of its prompt. `known` is left at 0: how far a hint must reach to help is
    something that only a specialist knows of its own mistakes. Left out are prompts without a solution and wrong answers
    with one place only, of which no other could be named."""
    requests = [Request(prompt, prompt.content, RandomKey(seed, prompt=prompt.id, purpose="own"), 1, Sampling(max_tokens=64))
                for prompt in task.training_prompts() if prompt.solution]
    return [_exercise(attempt) for (drawn,) in engine.sample(requests) if (attempt := _judged(task, drawn)) is not None]


def _judged(task: Task, drawn: Completion) -> Attempt | None:
    """None unless it can be taught from."""
    attempt = Attempt(drawn, task.verify(drawn.request.prompt, drawn.text))
    place = attempt.verdict.location
    return attempt if attempt.wrong and not drawn.truncated and place and (place.places or 0) > 1 else None


def _exercise(attempt: Attempt) -> Exercise:
    prompt, place = attempt.completion.request.prompt, attempt.verdict.location
    return Exercise(prompt.text, prompt.solution, attempt.completion.text, range(place.places), place.step,
                    error=attempt.verdict.error, description=place.description)
