"""The head a piece at a time, against the logits as a whole in fp64."""

import math

import pytest
import torch

from rfpo.engines.local import head
from rfpo.engines.local.head import TokenLogProbs, pieces, top_log_probs

SIZE, WIDTH = 51, 16


def inputs(tokens, dtype=torch.float32):
    """hidden [M,d], weight [V,d], targets [M]."""
    generator = torch.Generator().manual_seed(tokens)
    hidden, weight = (torch.randn(rows, WIDTH, generator=generator).to(dtype).requires_grad_() for rows in (tokens, SIZE))
    return hidden, weight, torch.randint(SIZE, (tokens,), generator=generator)


def whole(hidden, weight, targets, temperature):
    logp = (hidden @ weight.t() / temperature).log_softmax(-1)
    return logp.gather(-1, targets[:, None]).squeeze(-1), -(logp.exp() * logp).sum(-1)


def loss(logp, entropy, weights=(1.0, 1.0)):
    slopes = torch.linspace(-1, 2, len(logp), dtype=logp.dtype), torch.linspace(2, -1.5, len(logp), dtype=logp.dtype)
    parts = [w * (x * slope).sum() for w, x, slope in zip(weights, (logp, entropy), slopes, strict=True) if x is not None and w]
    return sum(parts)


def compare(tokens, temperature, entropy=True, weights=(1.0, 1.0)):
    hidden, weight, targets = inputs(tokens)
    wide = [x.detach().double().requires_grad_() for x in (hidden, weight)]
    found = TokenLogProbs.apply(hidden, weight, targets, temperature, entropy, torch.float32)
    expected = whole(*wide, targets, temperature)
    for one, other in zip(found, expected, strict=True):
        if one is not None:
            assert one.dtype == torch.float32
            torch.testing.assert_close(one.double(), other, rtol=0, atol=1e-5)
    loss(*found, weights).backward()
    loss(expected[0], expected[1] if entropy else None, weights).backward()
    for one, other in zip((hidden, weight), wide, strict=True):
        assert (one.grad - other.grad).norm() < 1e-5 * other.grad.norm()


@pytest.mark.parametrize("tokens", [1, 64, 65, 200])
@pytest.mark.parametrize("temperature", [1.0, 0.6, 2.0])
@pytest.mark.parametrize("entropy", [True, False])
def test_several_pieces_give_what_the_whole_gives(monkeypatch, tokens, temperature, entropy):
    monkeypatch.setattr(head, "ELEMENTS", 1)
    assert len(pieces(*inputs(tokens)[:2])) == math.ceil(tokens / 64)
    compare(tokens, temperature, entropy)


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0)])
def test_a_loss_that_reads_one_of_the_two(weights):
    compare(40, 0.7, weights=weights)


def test_without_an_entropy_there_is_none():
    assert TokenLogProbs.apply(*inputs(3), 1.0, False, torch.float32)[1] is None


def test_no_more_than_a_piece_of_the_logits_is_there_at_once(monkeypatch):
    monkeypatch.setattr(head, "ELEMENTS", SIZE * 80)
    seen, plain = [], head.scaled
    monkeypatch.setattr(head, "scaled", lambda logits, temperature: (seen.append(logits.shape), plain(logits, temperature))[1])
    hidden, weight, targets = inputs(200)
    loss(*TokenLogProbs.apply(hidden, weight, targets, 0.7, True, torch.float32)).backward()
    assert seen == [(80, SIZE), (80, SIZE), (40, SIZE)] * 2


def test_pieces_hold_at_most_so_many_logits_but_at_least_64_tokens(monkeypatch):
    monkeypatch.setattr(head, "ELEMENTS", 1000)
    cut = [(s.start, s.stop) for s in pieces(torch.zeros(250, 2), torch.zeros(10, 2))]
    assert cut == [(0, 100), (100, 200), (200, 300)]
    assert [s.start for s in pieces(torch.zeros(130, 2), torch.zeros(1000, 2))] == [0, 64, 128]
    assert pieces(torch.zeros(0, 2), torch.zeros(10, 2)) == []


def test_a_frozen_head_gets_no_gradient_and_the_states_the_same():
    hidden, weight, targets = inputs(30)
    loss(*TokenLogProbs.apply(hidden, weight, targets, 1.0, True, torch.float32)).backward()
    states = hidden.detach().clone().requires_grad_()
    frozen = weight.detach()
    loss(*TokenLogProbs.apply(states, frozen, targets, 1.0, True, torch.float32)).backward()
    assert frozen.grad is None and torch.equal(states.grad, hidden.grad)


def test_in_bf16_the_softmax_is_wide_and_the_gradient_of_the_weight_is_summed_wide(monkeypatch):
    """The products are rounded to 8 bits once; what is left of the error is theirs, whatever the number of tokens."""
    monkeypatch.setattr(head, "ELEMENTS", 1)
    hidden, weight, targets = inputs(2000)
    states = hidden.detach().bfloat16().requires_grad_()
    found = TokenLogProbs.apply(states, weight, targets, 0.7, True, torch.bfloat16)
    wide = states.detach().double().requires_grad_(), weight.detach().bfloat16().double().requires_grad_()
    expected = whole(*wide, targets, 0.7)
    logits = (wide[0] @ wide[1].t() / 0.7).abs().max()
    assert all(x.dtype == torch.float32 for x in found)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() < logits * 2**-7  # a logit is rounded by 2^-9 of itself
    loss(*found).backward()
    loss(*expected).backward()
    assert states.grad.dtype == torch.bfloat16 and weight.grad.dtype == torch.float32
    for one, other, bound in zip((states, weight), wide, (1e-2, 4e-3), strict=True):  # summed in bf16 it would be 5e-3
        assert (one.grad - other.grad).norm() < bound * other.grad.norm()


def test_even_logits_worked_by_hand():
    """p = 1/4 each: log p = -log 4, H = log 4; the gradient of log p(2) is [v=2] - 1/4, that of H is 0."""
    hidden, weight = torch.zeros(1, 4, requires_grad=True), torch.eye(4)
    logp, entropy = TokenLogProbs.apply(hidden, weight, torch.tensor([2]), 1.0, True, torch.float32)
    assert logp.item() == pytest.approx(-math.log(4)) and entropy.item() == pytest.approx(math.log(4))
    (logp + 3 * entropy).sum().backward()
    torch.testing.assert_close(hidden.grad, torch.tensor([[-0.25, -0.25, 0.75, -0.25]]))


def test_several_tokens_at_each_place(monkeypatch):
    """Of repeated tokens too: their slopes add up."""
    monkeypatch.setattr(head, "ELEMENTS", 1)
    hidden, weight, _ = inputs(150)
    targets = torch.randint(SIZE, (150, 4), generator=torch.Generator().manual_seed(1))
    targets[:, 3] = targets[:, 0]
    wide = [x.detach().double().requires_grad_() for x in (hidden, weight)]
    logp, entropy = TokenLogProbs.apply(hidden, weight, targets, 0.7, True, torch.float32)
    expected = (wide[0] @ wide[1].t() / 0.7).log_softmax(-1)
    torch.testing.assert_close(logp.double(), expected.gather(-1, targets), rtol=0, atol=1e-5)
    slopes = torch.linspace(-1, 2, logp.numel()).view_as(logp)
    ((logp * slopes).sum() + entropy.sum()).backward()
    ((expected.gather(-1, targets) * slopes).sum() - (expected.exp() * expected).sum()).backward()
    for one, other in zip((hidden, weight), wide, strict=True):
        assert (one.grad - other.grad).norm() < 1e-5 * other.grad.norm()


@pytest.mark.parametrize("count", [1, 7, SIZE + 3])
def test_the_likeliest_tokens(monkeypatch, count):
    monkeypatch.setattr(head, "ELEMENTS", 1)
    hidden, weight, _ = inputs(130)
    ids, logp = top_log_probs(hidden, weight, count, 0.6, torch.float32)
    expected = (hidden.double() @ weight.double().t() / 0.6).log_softmax(-1)
    assert ids.shape == logp.shape == (130, min(count, SIZE)) and not logp.requires_grad
    torch.testing.assert_close(logp.double(), expected.topk(min(count, SIZE), -1).values, rtol=0, atol=1e-5)
    torch.testing.assert_close(expected.gather(-1, ids), logp.double(), rtol=0, atol=1e-5)
