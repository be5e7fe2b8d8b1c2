"""A stream of answers that a teacher is shown more of, through all updates of a step."""

from dataclasses import dataclass, field, replace

import torch

from rfpo.config.run import ExtraStream
from rfpo.objective import Objective
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.self_distillation import SelfDistillation
from rfpo.objective.surrogate.teacher_kl import TeacherKl
from rfpo.recipes import recipe
from rfpo.records import Outcome, Sample
from rfpo.training.learn import learn
from rfpo.training.state import LoopState
from tests.training.scripted import Parted, bench


@dataclass
class Teaching(Parted):
    """Its three likeliest tokens are 7, 8 and 9, which get less likely with each update."""

    scored: list = field(default_factory=list)
    offers: frozenset[str] = Parted.offers | {"teacher_topk"}

    def score(self, batch, columns):
        self.scored.append(sorted(columns))
        batch = super().score(batch, columns - {"teacher_topk"})
        if "teacher_topk" not in columns:
            return batch
        ids = torch.tensor([7, 8, 9]).expand(*batch.tokens.shape, 3)
        return replace(batch, teacher_ids=ids, teacher_topk=(-1.0 - self.drift * self.policy_version) * torch.ones(ids.shape))


def samples():
    return [Sample(context=(1, 2), tokens=(5,) * n, trained=(True,) * n, outcome=Outcome.WRONG, reward=0.0,
                   group=(f"p{n}", 0), stream="distillation", teacher_context=(1, 2, 3)) for n in (1, 2, 3, 4)]


def lesson(surrogate, **changes):
    objective = Objective(advantage=Constant(), ratio=Token(), surrogate=surrogate, aggregation=TokenMean())
    run = replace(recipe("grpo"), streams={"distillation": ExtraStream(objective=objective)})
    made = bench(lambda request, j: "", run=run, engine=Teaching, drift=0.25, **changes)
    return made, learn(made, LoopState(), samples(), 0.0)


def test_what_the_teacher_thinks_likely_is_that_of_the_steps_start():
    made, _ = lesson(TeacherKl(), updates_per_step=2, prompts_per_step=2, epochs=2)
    batches = [stream.batch for (stream,) in made.engine.updates]
    assert [len(batch) for batch in batches] == [2, 2, 2, 2]
    assert made.engine.scored == [["old", "teacher_topk"]]
    for batch in batches:
        assert batch.teacher_ids.dtype == torch.long and (batch.teacher_ids == torch.tensor([7, 8, 9])).all()
        assert batch.teacher_topk.shape == (2, 4, 3) and (batch.teacher_topk == -1.0).all()


def test_a_single_update_scores_only_the_teacher():
    for surrogate, column in ((SelfDistillation(), "teacher"), (TeacherKl(), "teacher_topk")):
        made, found = lesson(surrogate)
        assert made.engine.scored == [[column]] and len(found.reports) == 1
        ((stream,),) = made.engine.updates
        assert stream.batch.taught.all() and (stream.batch.advantage.sum(-1) == torch.tensor([1.0, 2.0, 3.0, 4.0])).all()
