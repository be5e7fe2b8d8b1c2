"""Losses on pairs: numbers by hand, what every one of them promises, and the same gradient whatever the micro-batches."""

from dataclasses import fields, replace
from math import exp, log

import pytest
import torch
from torch.testing import assert_close

from rfpo.batch import ORIGINS, collate, split
from rfpo.engines.local import learning
from rfpo.engines.protocols import Stream
from rfpo.errors import UserError
from rfpo.objective import PairObjective, Policy, Side
from rfpo.objective.pairwise.accelerated import Accelerated
from rfpo.objective.pairwise.dpo import Dpo
from rfpo.objective.pairwise.hinge import Hinge
from rfpo.objective.pairwise.inpo import Inpo
from rfpo.objective.pairwise.ipo import Ipo
from rfpo.objective.pairwise.mpo import Mpo
from rfpo.objective.pairwise.refuel import Refuel
from rfpo.objective.pairwise.robust import Robust
from rfpo.objective.pairwise.rpo import Rpo
from rfpo.objective.pairwise.simpo import Simpo
from rfpo.objective.pairwise.sppo import Sppo
from rfpo.objective.pairwise.srpo import Srpo
from rfpo.objective.pairwise.xpo import Xpo
from rfpo.pieces import find, kind_of, names
from rfpo.records import Outcome, Sample
from tests.contract.cases import floats
from tests.contract.contracts import is_a_value, refuses_bad_values, variants
from tests.engines.build import engine_of
from tests.objective.build import close, gradient, tensor
from tests.tiny_models import save_tiny_model

ROOM = "rfpo.objective.pairwise"
PIECES = [piece for name in names(ROOM) for piece in variants(find(ROOM, name)())]


def title(piece) -> str:
    return " ".join([kind_of(piece), *(f"{f.name}={getattr(piece, f.name)}" for f in fields(piece)
                                       if getattr(piece, f.name) != f.default)])


def every(argvalues):
    return pytest.mark.parametrize("loss", argvalues, ids=title)


def softplus(x: float) -> float:
    """-log sigmoid(-x)."""
    return log(1 + exp(x))


def side(logp=0.0, length=1.0, reward=0.0, old=0.0, reference=0.0, rows=1, origin="sampled") -> Side:
    numbers = {name: tensor([x]) for name, x in dict(length=length, reward=reward, old=old, reference=reference).items()}
    return Side(logp=tensor([logp]).requires_grad_(), rows=torch.tensor([rows]),
                origin=torch.tensor([ORIGINS.index(origin)]), **numbers)


WON = dict(logp=-2.0, length=2.0, reward=1.0, old=-2.5, reference=-3.0)
LOST = dict(logp=-4.0, length=4.0, reward=0.25, old=-3.5, reference=-3.0)
"""l(y_w) - l(y_l) is 2 against the reference, 1 against the old policy and 2 against nothing; a token costs 1 nat in both."""
BY_HAND = [
    (Dpo(beta=0.5), softplus(-1)), (Dpo(beta=2.0, base="old"), softplus(-2)), (Dpo(beta=0.25, base="none"), softplus(-0.5)),
    (Dpo(beta=0.5, smoothing=0.1), 0.9 * softplus(-1) + 0.1 * softplus(1)),
    (Robust(beta=0.5, flipped=0.2), (0.8 * softplus(-1) - 0.2 * softplus(1)) / 0.6),
    (Ipo(beta=0.5), 0.0625), (Ipo(beta=0.5, per_token=False), 1.0),
    (Simpo(beta=2.0, gamma=0.5), softplus(0.5)),
    (Hinge(beta=0.25), 0.5), (Hinge(beta=0.25, margin=0.5), 0.0),
    (Sppo(beta=0.5), 0.25), (Sppo(beta=0.5, wins="reward"), 0.125),
    (Sppo(beta=0.5, wins="pair"), (0.5 - 2 * (1 / (1 + exp(-0.75)) - 0.5)) ** 2),
    (Inpo(eta=0.5, tau=0.25), 0.25), (Inpo(eta=0.5, tau=0.5), 1.0),
    (Rpo(beta=0.5), softplus(-1) + 0.2), (Rpo(beta=0.5, per_token=False), softplus(-1) + 0.4),
    (Xpo(beta=0.5, alpha=0.1), softplus(-1)), (Xpo(beta=0.5, alpha=0.1, drawn="rejected"), softplus(-1) - 0.4),
    (Xpo(beta=0.5, alpha=0.1, drawn="chosen"), softplus(-1) - 0.2),
    (Xpo(beta=0.5, alpha=0.1, drawn="sampled"), softplus(-1) - 0.6),
    (Accelerated(beta=2.0, alpha=0.5), softplus(-1)), (Accelerated(beta=2.0, alpha=0.0), softplus(-2)),
    (Mpo(beta=0.5, gap=0.5), softplus(-1)), (Mpo(beta=0.5, gap=0.75), 0.0),
    (Srpo(beta=0.5, alpha=0.25), 0.25 * 0.25), (Refuel(eta=2.0), 0.0625),
]


@pytest.mark.parametrize(("loss", "expected"), BY_HAND, ids=lambda x: title(x) if hasattr(x, "needs") else "")
def test_worked_by_hand(loss, expected):
    close(loss(side(**WON), side(**LOST)), [expected])


def test_every_loss_is_worked_by_hand():
    assert {kind_of(loss) for loss, _ in BY_HAND} == set(names(ROOM))


def test_srpo_of_two_rows_a_side_halves_beta_and_takes_the_other_share():
    close(Srpo(beta=1.0, alpha=0.25)(side(**WON, rows=2), side(**LOST, rows=2)), [0.75 * 0.25])


@pytest.mark.parametrize(("loss", "expected", "slope"), [
    (Dpo(), log(2), -0.05), (Dpo(smoothing=0.2), log(2), -0.03), (Robust(flipped=0.2), log(2), -0.05 / 0.6),
    (Ipo(per_token=False), 25.0, -10.0), (Simpo(), softplus(1.0), -2.0 / (1 + exp(-1.0))), (Hinge(), 1.0, -0.1),
    (Sppo(), 250_000.0, -500.0), (Sppo(wins="reward"), 125_000.0 * 2, -500.0), (Inpo(eta=0.5, tau=0.1), 1.0, -2.0),
    (Rpo(), log(2), -0.25 - 0.2), (Xpo(drawn="chosen", alpha=0.01), log(2), -0.04), (Accelerated(), log(2), -0.05),
    (Mpo(), log(2), -0.05), (Srpo(), 0.125, -0.05), (Refuel(), 1.0, -0.002),
], ids=lambda x: title(x) if hasattr(x, "needs") else "")
def test_where_all_policies_agree(loss, expected, slope):
    chosen, rejected = side(reward=1.0), side()
    value = loss(chosen, rejected)
    close(value, [expected])
    close(gradient(value.sum(), chosen.logp), [slope])


def test_the_equations_that_hold_between_the_losses():
    won, lost = side(**WON), side(**LOST)
    close(Robust(flipped=0.0)(won, lost), Dpo()(won, lost).tolist())
    close(Rpo(beta=0.1, eta=0.0)(won, lost), Dpo()(won, lost).tolist())
    close(Xpo(alpha=0.0, drawn="sampled")(won, lost), Dpo()(won, lost).tolist())
    close(Accelerated(alpha=0.0)(won, lost), Dpo(base="old")(won, lost).tolist())
    close(Srpo(beta=0.2, alpha=1.0)(won, lost), (0.04 * Ipo(beta=0.2, per_token=False)(won, lost)).tolist())
    at_old = [replace(x, reference=x.old) for x in (won, lost)]
    close(Inpo(eta=0.2, tau=0.1)(*at_old), Ipo(beta=0.2, per_token=False)(*at_old).tolist())


def test_xpo_pushes_the_references_answer_down_whether_it_won_or_lost():
    for won, lost, drawn in (("given", "sampled", 0), ("sampled", "given", 1)):
        answers = side(**WON, origin=won), side(**LOST, origin=lost)
        with_term, plain = (Xpo(alpha=a)(*answers).sum() for a in (0.3, 0.0))
        slopes = [gradient(with_term - plain, x.logp).item() for x in answers]
        assert slopes[drawn] == pytest.approx(0.3) and slopes[1 - drawn] == pytest.approx(0.0)


def test_a_large_enough_eta_keeps_the_chosen_answer_likely():
    """On answers that share a token which the rejected one has twice, DPO alone widens the margin by lowering both."""
    theta = tensor([0.0]).requires_grad_()
    chosen, rejected = replace(side(reward=1.0), logp=theta), replace(side(length=2.0), logp=2 * theta)
    assert gradient(Rpo(beta=0.5, eta=0.0)(chosen, rejected).sum(), theta).item() == pytest.approx(0.25)
    assert gradient(Rpo(beta=0.5, eta=0.3)(chosen, rejected).sum(), theta).item() == pytest.approx(-0.05)


# What every loss promises


@every(PIECES)
def test_it_raises_the_chosen_answer_and_lowers_the_rejected_one(loss):
    chosen, rejected = side(**WON | {"logp": -3.0, "old": -3.0}), side(**LOST | {"logp": -3.0, "old": -3.0})
    value = loss(chosen, rejected)
    assert gradient(value.sum(), chosen.logp).item() < 0 < gradient(value.sum(), rejected.logp).item()


@every(PIECES)
def test_it_is_a_value(loss):
    is_a_value(loss)


@every([find(ROOM, name)() for name in names(ROOM)])
def test_it_refuses_bad_values(loss):
    refuses_bad_values(loss)


def test_tau_is_at_most_eta():
    with pytest.raises(UserError, match="Inpo.tau is 0.5; it must be above 0 and at most eta"):
        Inpo(eta=0.4, tau=0.5)


@every(PIECES)
def test_it_reads_the_columns_that_it_names_and_no_other(loss):
    answers = [side(**WON), side(**LOST)]
    known = loss(*answers)
    without = [replace(x, **{name: None for name in ("old", "reference") if name not in loss.needs}) for x in answers]
    close(loss(*without), known.tolist())
    for name in loss.needs:
        moved = replace(answers[0], **{name: getattr(answers[0], name) - 0.3})
        assert loss(moved, answers[1]).item() != pytest.approx(known.item(), rel=1e-9)


@every(PIECES)
@pytest.mark.parametrize("nats", [500.0, -500.0])
def test_it_is_finite_500_nats_away_and_at_any_length(loss, nats):
    length = torch.tensor([1.0, 4000.0])
    for here, there in ((nats, 0.0), (0.0, nats), (nats, -nats)):
        chosen, rejected = (Side(logp=(x - 2 * length).requires_grad_(), length=length, rows=torch.ones(2, dtype=torch.long),
                                 reward=torch.full((2,), r), origin=torch.zeros(2, dtype=torch.long), old=-2 * length,
                                 reference=-2 * length) for x, r in ((here, 1.0), (there, 0.0)))
        value = loss(chosen, rejected)
        assert value.shape == (2,) and value.dtype == torch.float32 and value.isfinite().all()
        assert gradient(value.sum(), chosen.logp).isfinite().all()


@every(PIECES)
def test_its_gradient_is_that_of_finite_differences(loss):
    won, lost = side(**WON), side(**LOST)
    assert torch.autograd.gradcheck(lambda a, b: loss(replace(won, logp=a), replace(lost, logp=b)), (won.logp, lost.logp))


# PairObjective


def row(context, tokens, reward, unit, trained=None, **changes) -> Sample:
    return Sample(context=context, tokens=tokens, trained=trained or (True,) * len(tokens), reward=reward, group=("a", 0),
                  outcome=Outcome.SOLVED if reward else Outcome.WRONG, unit=unit, stream="pairs", **changes)


def pairs() -> list[Sample]:
    """Four pairs, ragged, in other contexts and orders, one with spans."""
    return [row((3, 4), (5, 6, 1), 1.0, 7), row((3, 4), (5, 9, 8, 7, 1), 0.0, 7),
            row((3, 4, 5, 6), (9, 1), 0.0, 2), row((3, 4, 5, 6), (20, 21, 22, 1), 0.5, 2),
            row((8,), (6, 6, 6, 1), 1.0, 0, trained=(False, True, True, False)), row((8,), (7,), -1.0, 0),
            row((8, 9), (30, 31, 2, 3, 1), 0.0, 1), row((3, 4), (1,), 1.0, 1)]


def filled(samples=None):
    """The batch in float64 with its columns, and the policy's log-probs."""
    batch = floats(collate(samples or pairs(), 8), torch.float64)
    noise = torch.Generator().manual_seed(1)
    now, old, reference = (-3 * torch.rand(batch.mask.shape, generator=noise, dtype=torch.float64) for _ in range(3))
    return replace(batch, old=old, reference=reference), now


def total(loss, batch, now, parts=None):
    """Value, and gradient on the log-probs, of the parts of an update."""
    objective, leaf = PairObjective(loss), now.clone().requires_grad_()
    batch = objective.with_advantages(batch)
    value = sum(objective(Policy(leaf[list(part)]), batch.rows(torch.tensor(part))) for part in parts or [range(len(batch))])
    return value.detach(), gradient(value, leaf)


@every(PIECES)
def test_it_is_the_mean_over_the_pairs_of_sums_over_trained_tokens(loss):
    batch, now = filled()
    sums = [{name: (column[i] * batch.mask[i]).sum().item() for name, column in
             (("logp", now), ("old", batch.old), ("reference", batch.reference))} for i in range(8)]
    sides = [side(**sums[i], length=float(batch.mask[i].sum()), reward=batch.reward[i].item()) for i in range(8)]
    expected = sum(loss(sides[a], sides[b]).item() for a, b in ((0, 1), (3, 2), (4, 5), (7, 6))) / 4
    assert total(loss, batch, now)[0].item() == pytest.approx(expected, rel=1e-12)


@every(PIECES)
@pytest.mark.parametrize("parts", [((0, 1), (2, 3), (4, 5), (6, 7)), ((1, 6, 0, 7), (5, 2, 4, 3))])
def test_micro_batches_of_whole_pairs_add_up(loss, parts):
    batch, now = filled()
    for whole, cut in zip(total(loss, batch, now), total(loss, batch, now, parts), strict=True):
        assert_close(cut, whole, rtol=1e-10, atol=1e-12)


def test_row_order_is_free_and_padding_is_never_read():
    batch, now = filled()
    value, slopes = total(Sppo(beta=0.5), batch, now)
    order = torch.tensor([6, 1, 3, 0, 7, 5, 2, 4])
    again, moved = total(Sppo(beta=0.5), batch.rows(order), now[order])
    assert_close(again, value)
    assert_close(moved, slopes[order])
    for junk in (1e4, float("nan"), float("-inf")):
        dirty = replace(batch, **{name: torch.where(batch.valid, getattr(batch, name), junk) for name in ("old", "reference")})
        again, moved = total(Dpo(), dirty, torch.where(batch.valid, now, junk))
        value, slopes = total(Dpo(), batch, now)
        assert_close(again, value)
        assert_close(moved, slopes)


def test_only_trained_tokens_have_a_gradient():
    batch, now = filled()
    slopes = total(Dpo(), batch, now)[1]
    assert ((slopes != 0) == batch.mask).all()
    assert (slopes[[0, 3, 4, 7]] <= 0).all() and (slopes[[1, 2, 5, 6]] >= 0).all()


def test_a_pair_without_a_preference_is_not_run_and_stays_in_the_count():
    tie = [row((3,), (5, 1), 1.0, 9), row((3,), (6, 1), 1.0, 9)]
    cut = [row((3,), (5, 1), 1.0, 10), row((3,), (6, 1), 0.0, 10, trained=(False, False))]
    empty = [row((3,), (5, 1), 1.0, 11), row((3,), (), 0.0, 11)]
    batch = PairObjective(Dpo()).with_advantages(collate(pairs() + tie + cut + empty, 8))
    assert batch.counts.groups == 7 and (batch.advantage[8:] == 0).all()
    assert learning.rows_to_run(Stream(batch, PairObjective(Dpo()))).tolist() == [True] * 8 + [False] * 6
    batch, now = filled(pairs() + tie)
    alone, known = filled()
    value = total(Dpo(base="none"), batch, now)[0]
    assert value.item() == pytest.approx(total(Dpo(base="none"), alone, now[:8, :5])[0].item() * 4 / 5)
    assert total(Dpo(), *filled(tie))[0].item() == 0.0


@pytest.mark.parametrize(("extra", "line"), [
    ([row((3,), (5, 1), 1.0, 9)], "1 of 5 units of a stream of pairs hold one row"),
    ([row((3,), (5, 1), reward, 9) for reward in (0.0, 0.5, 1.0)], "holds three different rewards"),
])
def test_a_unit_that_is_no_pair_is_refused(extra, line):
    with pytest.raises(UserError, match=line):
        PairObjective(Dpo()).with_advantages(collate(pairs() + extra, 8))


def test_a_pair_torn_by_a_micro_batch_is_an_error():
    batch, now = filled()
    with pytest.raises(ValueError, match="must stay together"):
        total(Dpo(), batch, now, parts=((0, 2, 3),))


def test_four_rows_of_a_unit_are_two_answers_of_two_rows():
    extra = [row((3, 9), (5, 6, 1), 1.0, 7), row((3, 8), (5, 9, 8, 7, 1), 0.0, 7)]
    batch, now = filled(pairs()[:2] + extra)
    l = ((now - batch.reference) * batch.mask).sum(-1)
    expected = 0.5 * (0.5 - 0.15 * (l[0] + l[2] - l[1] - l[3])) ** 2
    assert total(Srpo(beta=0.3), batch, now)[0].item() == pytest.approx(expected.item())


def test_updates_of_a_step_are_cut_between_pairs_and_count_their_own():
    batch, _ = filled()
    parts = split(PairObjective(Dpo()).with_advantages(batch), 3)
    assert [part.counts.groups for part in parts] == [2, 1, 1]
    assert all((part.advantage.sign().sum(-1).sign().sum() == 0) and len(part) == 2 * part.counts.groups for part in parts)


# Through the real learner


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("pairs"))


def gradients(engine, stream):
    tally = engine._gradient([learning.prepare(stream, engine.score)])
    return {name: weight.grad.clone() for name, weight in engine.network.named_parameters()}, tally


@every([find(ROOM, name)() for name in names(ROOM)])
def test_one_micro_batch_or_four_give_the_same_gradient(model, loss):
    objective = PairObjective(loss)
    stream = Stream(objective.with_advantages(collate(pairs(), 8)), objective, 0.5)
    found = {tokens: gradients(engine_of(model, tokens=tokens, reference=True), stream) for tokens in (4096, 9)}
    assert [tally.micro_batches for _, tally in found.values()] == [1, 4]
    (one, whole), (four, parts) = found.values()
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    scale = max(g.abs().max().item() for g in one.values())
    assert scale > 0
    for name in one:
        assert_close(four[name] / scale, one[name] / scale, rtol=1e-5, atol=1e-5)


def test_an_update_widens_the_margin_and_the_reference_stays(model):
    engine, objective = engine_of(model, reference=True), PairObjective(Dpo(beta=1.0))
    stream = Stream(objective.with_advantages(collate(pairs(), 8)), objective)
    before = engine.score(stream.batch, frozenset({"old", "reference"}))
    reports = [engine.update([stream], 1e-3) for _ in range(4)]
    after = engine.score(stream.batch, frozenset({"old", "reference"}))
    assert_close(before.reference, after.reference)
    assert reports[0].loss == pytest.approx(log(2), abs=1e-5) and reports[-1].loss < reports[0].loss
    margin = (stream.batch.advantage * (after.old - before.old)).sum(-1).view(4, 2).sum(-1)
    assert (margin > 0).all()
