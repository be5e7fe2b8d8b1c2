"""A stream of pairs in the loop: alone, beside the policy, over several updates, and with the reference that it needs."""

from dataclasses import dataclass, replace

import pytest

from rfpo.config.change import change
from rfpo.config.load import from_plain
from rfpo.config.refuse import refuse_columns
from rfpo.config.run import ExtraStream
from rfpo.config.save import to_plain
from rfpo.correction import Merge
from rfpo.correction._samples import plain, sample_of_correction
from rfpo.errors import UserError
from rfpo.objective import PairObjective
from rfpo.objective.pairwise.dpo import Dpo
from rfpo.objective.pairwise.inpo import Inpo
from rfpo.objective.pairwise.ipo import Ipo
from rfpo.recipes import recipe
from rfpo.schedule.linear import Linear
from rfpo.training import prepare
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, bench, is_try, step, sum_of

EASY = sum_of(11, 11)


def corrected(request, j):
    return RIGHT if is_try(request) else (RESULT, CARRY, RESULT, RESULT)[j]


def solved_elsewhere(request, j):
    """HARD is corrected; the other prompts have one right answer."""
    return corrected(request, j) if request.prompt == HARD else request.prompt.solution if j == 0 else RESULT


@dataclass(frozen=True)
class CorrectionOverOriginal(Merge):
    """Each correction and the answer that it corrects, as a pair; the group itself only where `beside`."""

    beside: bool = False

    def __call__(self, group, corrections, tries=()):
        rows = plain(group)
        made = list(rows) if self.beside else []
        for number, correction in enumerate(corrections):
            original = next(row for row in rows if row.provenance.attempt is correction.of)
            made += [replace(row, stream="pairs", unit=(group.key, number))
                     for row in (sample_of_correction(group, correction, False), original)]
        return tuple(made)


def made_of(pairs, *prompts, beside=False, script=corrected, **changes):
    run = recipe("rfpo")
    run = replace(run, fixing=replace(run.fixing, merge=CorrectionOverOriginal(beside)),
                  streams={"pairs": ExtraStream(pairs=pairs, coefficient=0.5)})
    return bench(script, *(prompts or (HARD,)), run=run, **changes)


def test_a_stream_of_pairs_alone():
    made = made_of(Dpo(base="old"))
    state, metrics, rows = step(made)
    ((stream,),) = made.engine.updates
    assert isinstance(stream.objective, PairObjective) and stream.coefficient == 0.5
    assert [(row["origin"], row["reward"]) for row in rows if row["trained"]] == [("corrected", 1.0), ("sampled", 0.0)]
    assert stream.batch.advantage[:, 0].tolist() == [1.0, -1.0] and stream.batch.counts.groups == 1
    assert stream.batch.old is None  # the update's own
    assert state.updates == 1 and metrics["step_trained_rows"] == 2


def test_the_pairs_of_two_groups_are_two_pairs():
    other = sum_of(56, 77)
    made = made_of(Dpo(base="none"), HARD, other, prompts_per_step=2,
                   script=lambda request, j: request.prompt.solution if is_try(request) else RESULT)
    step(made)
    ((stream,),) = made.engine.updates
    assert len(stream.batch) == 4 and stream.batch.counts.groups == 2


def test_beside_the_policy():
    made = made_of(Dpo(base="none"), HARD, EASY, beside=True, script=solved_elsewhere, prompts_per_step=2)
    step(made)
    ((policy, pairs),) = made.engine.updates
    assert (len(policy.batch), len(pairs.batch)) == (8, 2)
    assert not isinstance(policy.objective, PairObjective) and pairs.objective == PairObjective(Dpo(base="none"))


def test_several_updates_score_the_policy_that_drew_the_pairs():
    made = made_of(Dpo(base="old"), epochs=2, drift=0.25)
    step(made)
    batches = [stream.batch for (stream,) in made.engine.updates]
    assert len(batches) == 2
    assert all((batch.old[batch.valid] == -0.5).all() for batch in batches)


def test_fields_of_a_pair_loss_may_follow_a_schedule():
    made = made_of(Dpo(beta=Linear(0.1, 0.5), base="none"))
    step(made, progress=0.5)
    ((stream,),) = made.engine.updates
    assert stream.objective.pairs.beta == pytest.approx(0.3)


@pytest.mark.parametrize(("pairs", "kept"), [
    (Dpo(), True), (Inpo(), True), (Dpo(base="old"), False), (Ipo(base="none"), False)])
def test_a_reference_is_loaded_when_a_pair_loss_reads_it(monkeypatch, pairs, kept):
    asked = {}
    monkeypatch.setattr(prepare, "load_engine", lambda model, **settings: asked.update(settings))
    prepare.engine_of(replace(recipe("grpo"), streams={"pairs": ExtraStream(pairs=pairs)}))
    assert asked["reference"] is kept


def test_a_pair_loss_that_reads_what_no_engine_offers_is_refused():
    run = replace(recipe("grpo"), streams={"pairs": ExtraStream(pairs=Dpo())})
    with pytest.raises(UserError, match="^streams.pairs.pairs: 'dpo' reads 'reference', which this engine does not offer"):
        refuse_columns(run, frozenset({"behaviour", "old"}))
    refuse_columns(replace(run, streams={"pairs": ExtraStream(pairs=Dpo(base="old"))}), frozenset({"behaviour", "old"}))


def test_pairs_are_named_in_a_run_file_and_from_the_command_line():
    run = change(recipe("grpo"), ["streams.pairs.pairs=inpo", "streams.pairs.pairs.eta=0.01", "streams.pairs.coefficient=0.1"])
    assert run.streams["pairs"] == ExtraStream(pairs=Inpo(eta=0.01), coefficient=0.1)
    assert from_plain(to_plain(run)) == run


def test_a_stream_has_one_loss():
    for both in ({}, {"objective": recipe("grpo").objective, "pairs": Dpo()}):
        with pytest.raises(UserError, match="^a further stream has .* objective .* pairs; it is trained with one of the two"):
            ExtraStream(**both)
