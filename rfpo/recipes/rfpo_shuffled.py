from dataclasses import replace

from rfpo.config.run import Run
from rfpo.recipes.rfpo import rfpo


def rfpo_shuffled() -> Run:
    """A control for rfpo: the model is told a place that is not the error's.

    Everything else is rfpo's. What rfpo gains over this is what the place is worth; the place is drawn from those of the
    answer that are not the true one (`fixing.operator.place`).
    """
    run = rfpo()
    return replace(run, fixing=replace(run.fixing, operator=replace(run.fixing.operator, place="shuffled")))
