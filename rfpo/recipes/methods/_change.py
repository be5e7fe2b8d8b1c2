"""Small changes that recipes make to a run."""

from dataclasses import replace

from rfpo.config.run import Run


def with_objective(run: Run, **pieces) -> Run:
    """The run with these slots of its main objective filled otherwise."""
    return replace(run, objective=replace(run.objective, **pieces))


def with_fixing(run: Run, **changes) -> Run:
    """The run with these fields of its correction stage changed."""
    return replace(run, fixing=replace(run.fixing, **changes))


def keeping(run: Run, answers: int) -> Run:
    """The run that keeps so many right answers of each prompt for later steps."""
    return with_fixing(run, keep=answers)
