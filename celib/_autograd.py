"""Torch operations: formulas that torch can trace, and losses with known gradients.

The formulas are written so that torch's own differentiation is exact. They serve
whatever has to see each operation (``torch.compile``, ``torch.export``,
``torch.func``, forward mode, differentiating twice) and tensors on other devices.
`Known` serves everything else: its loss and gradient come from one pass of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from celib import _kernel
from celib._arrays import excess

__all__: list[str] = []

Tensor = torch.Tensor


class Known(torch.autograd.Function):
    """A loss that was computed elsewhere, together with its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        loss: Tensor,
        grad: Tensor,
        class_axis: int | None,
        formula: Callable[[Tensor], Tensor],
    ) -> Tensor:
        ctx.save_for_backward(logits, grad)
        ctx.class_axis = class_axis
        ctx.formula = formula
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        logits, grad = ctx.saved_tensors
        if torch.is_grad_enabled():
            # somebody differentiates twice: what autograd can follow is needed
            again = ctx.formula(logits)
            (grad,) = torch.autograd.grad(again, logits, upstream, create_graph=True)
            return grad, None, None, None, None
        if upstream.ndim and ctx.class_axis is not None:
            upstream = upstream.unsqueeze(ctx.class_axis)
        if upstream.ndim or upstream.item() != 1:
            grad = grad * upstream
        return grad, None, None, None, None


def value_and_grad(
    formula: Callable[[Tensor], Tensor], z: Tensor
) -> tuple[Tensor, Tensor]:
    """Value of a formula, and the gradient of its sum."""
    if torch.jit.is_tracing() or torch.compiler.is_exporting():
        raise TypeError(
            "the gradient is not formed while torch.jit traces or torch.export "
            "writes down: differentiate the loss that they return"
        )

    def total(z: Tensor) -> tuple[Tensor, Tensor]:
        value = formula(z)
        return value.sum(), value

    grad, (_, value) = torch.func.grad_and_value(total, has_aux=True)(z)
    return value, grad


# --- softmax ---------------------------------------------------------------


def log_softmax(z: Tensor) -> Tensor:
    """Logarithm of the softmax along the last axis.

    The logarithm of the sum is written twice, with equal values. An entry at the
    top has log1p(sum_{k != t} exp(z_k - z_t)), whose derivative there is the rest
    of the probability. The other entries hold the maximum fixed: their derivative
    at the top is the top's probability. Neither is a difference of nearly equal
    numbers.
    """
    is_top, top, fixed = _top(z)
    rest = _sum_but_top(exp_of_gap(z, top), is_top)
    others = _sum_but_top(exp_of_gap(z, fixed), is_top)
    # expm1(top - fixed) is 0, with derivative 1
    elsewhere = torch.log1p(others + torch.expm1(top - fixed))
    return torch.where(is_top, -torch.log1p(rest), (z - fixed) - elsewhere)


def logsumexp(z: Tensor) -> Tensor:
    """Logarithm of the sum of exponentials along the last axis, which is kept."""
    is_top, top, fixed = _top(z)
    infinite = torch.isinf(fixed)
    z = torch.where(infinite, torch.zeros_like(z), z)
    level = torch.where(infinite, torch.zeros_like(fixed), fixed)
    others = _sum_but_top(exp_of_gap(z, level), is_top)
    at_top = z.gather(-1, is_top.to(torch.int8).argmax(-1, keepdim=True))
    result = level + torch.log1p(others + torch.expm1(at_top - level))
    return torch.where(infinite, top, result)


def softmax(z: Tensor, temperature: Any = 1.0) -> Tensor:
    """Softmax of z / T along the last axis."""
    _, _, fixed = _top(z)
    if isinstance(temperature, float) and temperature == 1.0:
        exps = exp_of_gap(z, fixed)
    else:
        gap = z - fixed
        # an entry of minus infinity stays there, whatever T is
        lost = gap == -torch.inf
        exps = torch.exp(torch.where(lost, 0.0, gap) / temperature)
        exps = torch.where(lost, 0.0, exps)
    return exps / exps.sum(-1, keepdim=True)


def _top(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the top entry is, the entry, and the entry without its derivative."""
    index = torch.arange(z.shape[-1], device=z.device)
    top_at = z.argmax(-1, keepdim=True)
    top = z.gather(-1, top_at)
    return index == top_at, top, top.detach()


def _sum_but_top(exps: Tensor, is_top: Tensor) -> Tensor:
    return torch.where(is_top, 0.0, exps).sum(-1, keepdim=True)


def exp_of_gap(z: Tensor, top: Tensor) -> Tensor:
    """Compute exp(z - top), corrected for what the subtraction rounds off."""
    gap = z - top
    with torch.no_grad():
        # TwoSum of Knuth: gap and rounded_off add up to z - top exactly
        back = gap - z
        rounded_off = (z - (gap - back)) - (top + back)
        correction = torch.where(torch.isfinite(rounded_off), rounded_off, 0.0)
    exps = torch.exp(gap)
    return exps + exps * correction


def class_costs(
    z: Tensor, label: Tensor | None, label_weight: Any, soft_weights: Tensor | None
) -> Tensor:
    """Cost of each row along the last axis, as in `celib._kernel.fused`."""
    weight = torch.zeros_like(z[..., 0])
    if label is not None:
        weight = weight + label_weight
    if soft_weights is not None:
        weight = weight + soft_weights.sum(-1)
    # a row of weight 0 is no row, whatever it holds
    z = torch.where((weight > 0)[..., None], z, torch.zeros_like(z))
    nats = -log_softmax(z)
    zero = torch.zeros_like(nats)
    cost = zero[..., 0]
    if label is not None:
        label_weight = cost + label_weight
        at_label = nats.gather(-1, label[..., None])[..., 0]
        # a weight of zero times an infinite cost is no cost
        at_label = torch.where(label_weight > 0, at_label, cost)
        cost = cost + label_weight * at_label
    if soft_weights is not None:
        counted = torch.where(soft_weights > 0, nats, zero)
        cost = cost + (soft_weights * counted).sum(-1)
    return cost


def distillation_costs(student: Tensor, teacher: Tensor, temperature: Any) -> Tensor:
    """Cost of each row, as `celib.losses.distillation_loss` describes it.

    The steps are those of its version for NumPy.
    """
    p = softmax(teacher, temperature)
    q = softmax(student, temperature)
    possible = p > 0
    x = torch.where(possible, student - teacher, 0.0) / temperature
    x = x - (p * x).sum(-1, keepdim=True)
    x = x - (p * x).sum(-1, keepdim=True)
    near = possible & (x <= 2)
    grown = p * excess(torch.where(near, x, 0.0), torch)
    terms = torch.where(near, grown, q - p * (1 + torch.where(near, 0.0, x)))
    share = torch.where(near, q, 0.0).sum(-1)
    log_p = log_softmax(_scaled(teacher, temperature))
    log_q = log_softmax(_scaled(student, temperature))
    gap = torch.where(possible, log_p - log_q, 0.0)
    apart = (p * gap).sum(-1)
    mostly_near = share > 0.5
    close = torch.log1p(terms.sum(-1) / torch.where(mostly_near, share, 1.0))
    return temperature**2 * torch.where(mostly_near, close, apart)


def _scaled(z: Tensor, temperature: Any) -> Tensor:
    """Compute z / T, where an infinite entry stays as it is, whatever T is."""
    infinite = torch.isinf(z)
    return torch.where(infinite, z, torch.where(infinite, 0.0, z) / temperature)


class LogSoftmax(torch.autograd.Function):
    """A logarithm of the softmax that NumPy computed; its derivative keeps digits."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, log_probs: Tensor, probs: Tensor) -> Tensor:
        ctx.save_for_backward(z, log_probs, probs)
        return log_probs

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        z, log_probs, probs = ctx.saved_tensors
        if torch.is_grad_enabled():
            (grad,) = torch.autograd.grad(
                log_softmax(z), z, upstream, create_graph=True
            )
            return grad, None, None
        k = z.shape[-1]
        rows = (x.numpy().reshape(-1, k) for x in (upstream, log_probs, probs))
        grad = _kernel.log_softmax_gradient(*rows)
        return torch.from_numpy(grad).reshape(z.shape), None, None


# --- sigmoid ---------------------------------------------------------------


def sigmoid(x: Tensor) -> Tensor:
    """Logistic sigmoid, exact in both tails, also where it underflows to 0."""
    # not abs, whose derivative at 0 is 0
    tail = torch.exp(torch.where(x < 0, x, -x))
    return torch.where(x < 0, tail, torch.ones_like(tail)) / (1 + tail)


def binary_costs(x: Tensor, y: Tensor, positive: Any) -> Tensor:
    """Cost of each logit, as in `celib._kernel.binary`."""
    yes = positive * y
    no = 1 - y
    zero = torch.zeros_like(x)
    # a weight of zero times an infinite cost is no cost, and moves nothing
    cost_yes = yes * F.logsigmoid(torch.where(yes > 0, x, zero))
    cost_no = no * F.logsigmoid(torch.where(no > 0, -x, zero))
    return -(cost_yes + cost_no)
