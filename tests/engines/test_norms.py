"""The fused RMSNorm against transformers' own, and which modules are taken for one."""

import copy

import pytest
import torch
from torch import nn
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from rfpo.engines.local.norms import RmsNorm, fuse_norms, is_usual
from tests.engines.build import engine_of, same, weights
from tests.tiny_models import tiny_network

SIZE = 24


def filled(module):
    torch.manual_seed(1)
    with torch.no_grad():
        module.weight.uniform_(0.3, 2.0)
    return module


def fused(module):
    twin = copy.deepcopy(module)
    assert fuse_norms(twin) == 1
    return twin


def values(*shape, dtype=torch.float32):
    return (torch.randn(*shape, SIZE, generator=torch.Generator().manual_seed(2)) * 3 + 0.5).to(dtype).requires_grad_()


def exact(x, weight, epsilon):
    return weight * x * (x.pow(2).mean(-1, keepdim=True) + epsilon).rsqrt()


class Offset(nn.Module):
    """Gemma's form under Llama's names."""

    def __init__(self, size):
        super().__init__()
        self.weight, self.variance_epsilon = nn.Parameter(torch.zeros(size)), 1e-6

    def forward(self, x):
        return exact(x, 1 + self.weight, self.variance_epsilon)


class OffsetRMSNorm(Offset):
    pass


class BiasedRMSNorm(LlamaRMSNorm):
    def __init__(self, size):
        super().__init__(size)
        self.bias = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return super().forward(x) + self.bias


class CentredRMSNorm(LlamaRMSNorm):
    def forward(self, x):
        return super().forward(x - x.mean(-1, keepdim=True))


@pytest.mark.parametrize("kind", [LlamaRMSNorm, Qwen3RMSNorm])
@pytest.mark.parametrize("shape", [(1,), (5,), (2, 7), (2, 3, 4)])
@pytest.mark.parametrize("epsilon", [1e-6, 0.5])
def test_value_and_gradient_in_fp32(kind, shape, epsilon):
    plain = filled(kind(SIZE, eps=epsilon))
    module, x, y = fused(plain), values(*shape), values(*shape)
    found, expected = module(x), plain(y)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    slope = torch.linspace(-1, 2, x.numel()).view_as(x)
    (found * slope).sum().backward()
    (expected * slope).sum().backward()
    assert (x.grad - y.grad).norm() < 1e-5 * y.grad.norm()
    assert (module.weight.grad - plain.weight.grad).norm() < 1e-5 * plain.weight.grad.norm()


def test_small_values_are_scaled_by_the_epsilon():
    module = fused(filled(LlamaRMSNorm(SIZE, eps=1e-2)))
    x = values(3).detach() * 1e-3
    torch.testing.assert_close(module(x).double(), exact(x.double(), module.weight.double(), 1e-2), rtol=1e-5, atol=1e-8)
    assert not module(torch.zeros(2, SIZE)).any()


def test_bf16_activations_are_summed_in_fp32():
    plain = filled(LlamaRMSNorm(SIZE))
    module, x = fused(plain), values(40, dtype=torch.bfloat16)
    wide, weight = x.detach().double().requires_grad_(), plain.weight.detach().double().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = module(x)
    expected = exact(wide, weight, plain.variance_epsilon)
    assert found.dtype == torch.bfloat16
    assert ((found - expected).abs() <= expected.abs() * 2**-8).all()  # rounded once, at the end
    slope = torch.linspace(-1, 2, x.numel()).view_as(x).bfloat16()
    (found * slope).sum().backward()
    (expected * slope).sum().backward()
    assert x.grad.dtype == torch.bfloat16 and module.weight.grad.dtype == torch.float32
    assert (x.grad - wide.grad).norm() < 2**-8 * wide.grad.norm()
    assert (module.weight.grad - weight.grad).norm() < 1e-5 * weight.grad.norm()


@pytest.mark.parametrize("weight, values_in, expected", [
    (torch.float32, torch.float32, torch.float32), (torch.float32, torch.bfloat16, torch.float32),
    (torch.bfloat16, torch.bfloat16, torch.bfloat16)])
def test_without_autocast_the_dtype_is_transformers_own(weight, values_in, expected):
    plain = filled(LlamaRMSNorm(SIZE)).to(weight)
    x = values(3).detach().to(values_in)
    assert fused(plain)(x).dtype == plain(x).dtype == expected


def test_under_autocast_fp32_comes_out_in_bf16():
    module = fused(LlamaRMSNorm(SIZE))
    with torch.autocast("cpu", torch.bfloat16):
        assert module(values(3)).dtype == torch.bfloat16


def test_a_frozen_weight_gets_no_gradient_and_the_input_the_same():
    x, y, weight = values(4), values(4), filled(LlamaRMSNorm(SIZE)).weight
    RmsNorm.apply(x, weight, 1e-6, torch.float32).pow(2).sum().backward()
    frozen = weight.detach()
    RmsNorm.apply(y, frozen, 1e-6, torch.float32).pow(2).sum().backward()
    assert frozen.grad is None and torch.equal(x.grad, y.grad)


@pytest.mark.parametrize("module", [OffsetRMSNorm(SIZE), BiasedRMSNorm(SIZE), CentredRMSNorm(SIZE), GemmaRMSNorm(SIZE),
                                    nn.LayerNorm(SIZE), Offset(SIZE)], ids=lambda module: type(module).__name__)
def test_a_norm_of_another_form_is_left_alone(module):
    network, x = nn.Sequential(module), values(3).detach()
    before = module(x)
    assert fuse_norms(network) == 0 and torch.equal(module(x), before) and "forward" not in vars(module)


@pytest.mark.parametrize("module", [LlamaRMSNorm(SIZE), OffsetRMSNorm(SIZE)], ids=lambda module: type(module).__name__)
def test_trying_a_norm_leaves_its_weight_as_it_was(module):
    parameter, before = filled(module).weight, module.weight.detach().clone()
    is_usual(module)
    assert module.weight is parameter and torch.equal(parameter, before) and parameter.grad is None


@pytest.mark.parametrize("architecture, count", [("qwen3", 2 * 4 + 1), ("llama", 2 * 2 + 1)])
def test_every_norm_of_a_network(architecture, count):
    network, plain = tiny_network(architecture), tiny_network(architecture)
    assert fuse_norms(network) == count and same(dict(network.named_parameters()), dict(plain.named_parameters()))


def test_a_loaded_network_has_them(engine):
    norms = [module for module in engine.network.modules() if type(module).__name__.endswith("RMSNorm")]
    assert norms and all("forward" in vars(module) for module in norms)


def test_the_norms_of_a_copy_read_the_copys_own_weights(directory):
    engine = engine_of(directory, reference=True)
    tokens = torch.tensor([[3, 4, 5, 6]])
    before = engine.reference(tokens).logits
    kept = weights(engine)
    with torch.no_grad():
        for name, weight in engine.network.named_parameters():
            if "norm" in name:
                weight.mul_(-2)
    assert torch.equal(engine.reference(tokens).logits, before) and not same(weights(engine), kept)
    assert (engine.network(tokens).logits - before).abs().max() > 0.1
