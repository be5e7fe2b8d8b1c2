"""RMSNorm with one function for its many small operations.

Written out, the norms of a small Qwen3 took a third of an update on a CPU and most of its activations; as here they take an
eighth, and keep their input and one number a row. Measured in docs/performance.md.
"""

import types

import torch
from torch import Tensor, nn


class RmsNorm(torch.autograd.Function):
    """y = w x / sqrt(mean(x^2) + eps) over the last dimension, in fp32 inside, given back in `dtype`.

    With n = x / sqrt(mean(x^2) + eps) and upstream g:  dw = sum g n,  dx = (g w - n mean(g w n)) / sqrt(mean(x^2) + eps).
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        wide = x.float()
        scale = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx, grad: Tensor):
        x, weight, scale = ctx.saved_tensors
        normed, grad = x.float() * scale, grad.float()
        product = grad * normed
        grad_weight = product.flatten(0, -2).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        shared = (product @ weight.float()).div_(x.shape[-1])[..., None]
        grad_x = torch.addcmul(grad * weight, normed, shared, value=-1).mul_(scale)
        return grad_x.to(x.dtype), grad_weight, None, None


def fuse_norms(network: nn.Module) -> int:
    """Replaces the forward of every module that is an RMSNorm of the usual form; how many there were.

    One that is like it in name only (with an offset, say) is found out by trying it.
    """
    found = [module for module in network.modules()
             if type(module).__name__.endswith("RMSNorm") and is_usual(module)]
    for module in found:
        module.forward = types.MethodType(forward, module)
    return len(found)


def forward(module: nn.Module, hidden: Tensor) -> Tensor:
    """Under autocast the result is in its dtype at once: the matrix products that follow would turn it into that."""
    kind = hidden.device.type
    narrow = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if narrow else torch.promote_types(module.weight.dtype, hidden.dtype)
    return RmsNorm.apply(hidden, module.weight, module.variance_epsilon, dtype)


@torch.no_grad()
def is_usual(module: nn.Module) -> bool:
    if not hasattr(module, "variance_epsilon") or [name for name, _ in module.named_parameters()] != ["weight"]:
        return False
    x = torch.linspace(-2, 3, 2 * len(module.weight), device=module.weight.device).view(2, -1)
    kept, module.weight.data = module.weight.data, torch.linspace(0.5, 1.5, len(module.weight), device=x.device)
    try:
        return torch.allclose(module(x), forward(module, x), atol=1e-5)
    finally:
        module.weight.data = kept
