"""What must be there before the first token: the engine, the prompts, and every refusal that needs to see them."""

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rfpo import students
from rfpo.config.refuse import refuse, refuse_columns, refuse_lengths, refuse_prompts
from rfpo.config.run import Run
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.records import Prompt
from rfpo.reporting.loggers import check_loggers
from rfpo.tasks import Task
from rfpo.verification.verifier import Verifier


def located(model: Model) -> Model:
    """The model with its directory made absolute, so that a run can be resumed from elsewhere; names stay names."""
    return replace(model, path=str(Path(model.path).resolve())) if Path(model.path).is_dir() else model


def found(run: Run) -> Run:
    """The run with the directories of its models made absolute: the policy's, and a critic's that is a model here."""
    run = replace(run, model=located(run.model))
    critic = getattr(run.fixing, "critic", None)
    if isinstance(getattr(critic, "model", None), Model):
        run = replace(run, fixing=replace(run.fixing, critic=replace(critic, model=located(critic.model))))
    return run


def load_engine(model: Model, **settings) -> LocalEngine:
    """The local engine of a directory, a Hub name, or a student's name (a directory of that name comes first)."""
    model = replace(model, path=students.resolve(model.path))
    return LocalEngine.load(model, settings.pop("optimizer", Optimizer()), **settings)


def engine_of(run: Run) -> LocalEngine:
    """The engine that a run asks for. A reference policy is kept only when a piece reads it."""
    losses = [run.objective, *(stream.loss for stream in run.streams.values())]
    return load_engine(run.model, optimizer=run.optimizer, temperature=run.sampling.temperature,
                       tokens_per_micro_batch=run.tokens_per_micro_batch, seed=run.seed,
                       reference=any("reference" in loss.needs for loss in losses))


@contextmanager
def verifier(tasks: Sequence[Task], seconds: float = 5.0):
    """The judge of the tasks' answers; its worker processes end with the block."""
    with Verifier(tuple(tasks), seconds=seconds) as made:
        yield made


def prepare(run: Run) -> tuple[LocalEngine, tuple[Prompt, ...]]:
    """The engine and the training prompts. Raises UserError for whatever cannot work, before anything is written."""
    refuse(run)
    if run.fixing and run.fixing.critic:
        run.fixing.critic.check()
    check_loggers(run.loggers)
    prompts = tuple(prompt for task in run.tasks for prompt in task.training_prompts())
    refuse_prompts(run, prompts)
    engine = engine_of(run)
    refuse_columns(run, engine.offers)
    refuse_lengths(run, engine.context_length, {prompt.id: len(engine.encode(prompt.content)) for prompt in prompts})
    return engine, prompts
