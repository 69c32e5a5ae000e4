"""Cross-entropy of a linear layer, its logits never whole: torch. Chapter 18.

Tokens go through in chunks. The logits of a chunk are formed in a buffer that all
chunks share, the kernel turns them into their gradient where they lie, and two
products hand that on to the inputs before the next chunk comes.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import array_api_compat.numpy
import numpy as np
import torch
from torch.nn import functional as F

from celib import _kernel
from celib._arrays import (
    as_class_indices,
    check_axis,
    check_float,
    is_float,
    namespace,
)
from celib._autograd import class_costs, value_and_grad
from celib._bridge import autocast_is_on, is_half, is_recorded, is_transformed
from celib._cross_entropy import Options, check, formula

__all__ = ["linear_cross_entropy"]

Tensor = torch.Tensor

# hidden, weight and bias
Inputs: TypeAlias = "tuple[Tensor, Tensor, Tensor | None]"

# A chunk has as many tokens as have so many logits, but not fewer than these:
# with shorter chunks the weights are read too often.
LOGITS_PER_CHUNK = 1 << 23
LEAST_TOKENS_PER_CHUNK = 256


def linear_cross_entropy(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    target: torch.Tensor,
    /,
    *,
    bias: torch.Tensor | None = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    chunk_size: int | None = None,
) -> torch.Tensor:
    r"""Cross-entropy of the logits of a linear layer, which are never held whole.

    .. math:: \ell = \operatorname{LSE}(W h + b) - (W h + b)_y

    Parameters
    ----------
    hidden : tensor, shape (..., D)
        What goes into the layer, h for each token.
    weight : tensor, shape (K, D)
        The weights W of the layer, a row for each class.
    target : tensor of integers, the shape of `hidden` without its last axis
        Class indices y.
    bias : tensor, shape (K,), optional
        The bias b of the layer.
    ignore_index : int, optional
        Tokens with this index count for nothing, and cost next to nothing. With
        None all tokens count.
    label_smoothing : float
        Mixes this share of the uniform distribution into every target.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of tokens that count.
    chunk_size : int, optional
        Tokens at a time; by default as many as have 2**23 logits, at least 256.

    Returns
    -------
    tensor, shape () or that of `target`
        Nats, in the type of `hidden`, at least float32. NaN for the mean of nothing.

    Notes
    -----
    The loss is exact in both tails, as that of `celib.losses.cross_entropy`. The
    gradients are formed in the forward pass, if they are asked for: nothing is
    left to do backwards but to scale them. Two cases compute the logits again:
    ``reduction="none"``, where the scale of a token is not known before, and a
    second backward pass through a retained graph. Probabilities as targets are
    refused: they are as large as the logits.

    All is computed in the type of `hidden`, half precision in float32, also under
    autocast. Gradients are added up there too, and rounded to the types of the
    inputs at the end.

    Where the operations themselves are asked for, they are those of the dense
    loss, and all logits are formed: under ``torch.compile`` and the transforms of
    ``torch.func``, in forward mode, and with ``create_graph=True``.

    Elsewhere: ``F.cross_entropy(F.linear(hidden, weight, bias), target)`` for
    `hidden` of two axes; ``F.linear_cross_entropy`` with ``options``, from
    PyTorch 2.13 on.

    References
    ----------
    Wijmans et al. (2025), Cut your losses in large-vocabulary language models.

    Examples
    --------
    >>> hidden, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 1], [0, 1]])
    >>> linear_cross_entropy(hidden, weight, torch.tensor([0]))
    tensor(0.1269)
    """
    given = {"hidden": hidden, "weight": weight, "target": target}
    if bias is not None:
        given["bias"] = bias
    options = Options(-1, None, ignore_index, label_smoothing, reduction)
    _check(given, options)
    _check_chunk_size(chunk_size)
    if is_transformed(hidden, weight, bias, target):
        return _dense(hidden, weight, bias, target, options)
    plan = _plan(weight, target, options, chunk_size)
    if any(is_recorded(x) for x in (hidden, weight, bias)):
        loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, bias, target, plan)
        return loss
    costs, _ = _costs_and_gradients((hidden, weight, bias), target, plan)
    return _reduced(costs, target, plan)


def _dense(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, o: Options
) -> Tensor:
    """Compute the loss in operations that torch can follow: all logits at once."""
    dtype = _working_type(hidden)
    with _without_autocast(hidden):
        logits = F.linear(
            hidden.to(dtype),
            weight.to(dtype),
            None if bias is None else bias.to(dtype),
        )
        loss: Tensor = formula(logits, target, o)
        return loss


@dataclass(slots=True)
class _Plan:
    """Which tokens make a chunk, and what each of them counts for."""

    chunks: list[Any]
    longest: int
    token_weight: float
    options: Options


def _plan(weight: Tensor, target: Tensor, o: Options, chunk_size: int | None) -> _Plan:
    k = len(weight)
    # by NumPy, which sees the labels even if a mode of torch looks on
    _, counted = as_class_indices(
        array_api_compat.numpy,
        target.detach().cpu().numpy().reshape(-1),
        k,
        ignore_index=o.ignore_index,
    )
    n = int(counted.sum())
    if chunk_size is None:
        chunk_size = max(LEAST_TOKENS_PER_CHUNK, LOGITS_PER_CHUNK // k)
    starts = range(0, n, chunk_size)
    chunks: list[Any]
    if n == len(counted):
        # slices spare the copies that indices need
        chunks = [slice(start, start + chunk_size) for start in starts]
    else:
        kept = torch.from_numpy(np.flatnonzero(counted)).to(target.device)
        chunks = [kept[start : start + chunk_size] for start in starts]
    token_weight = 1.0
    if o.reduction == "mean":
        token_weight = 1 / n if n else math.nan
    return _Plan(chunks, min(n, chunk_size), token_weight, o)


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss, with gradients that wait for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        plan: _Plan,
    ) -> Tensor:
        ctx.save_for_backward(hidden, weight, bias, target)
        ctx.plan = plan
        ctx.gradients = None
        inputs = (hidden, weight, bias)
        if plan.options.reduction == "none":
            # what a token counts for is known only in the backward pass
            costs, _ = _costs_and_gradients(inputs, target, plan)
        else:
            each = hidden.new_tensor(plan.token_weight, dtype=_working_type(hidden))
            costs, ctx.gradients = _costs_and_gradients(
                inputs,
                target,
                plan,
                needed=ctx.needs_input_grad[:3],
                token_weights=each.expand(target.numel()),
            )
        return _reduced(costs, target, plan)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        hidden, weight, bias, target = ctx.saved_tensors
        inputs = (hidden, weight, bias)
        needed = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():
            # somebody differentiates twice: what autograd can follow is needed
            gradients = _recorded_gradients(inputs, needed, target, ctx.plan, upstream)
            return *gradients, None, None
        # given away, they are no longer ours: who comes again gets new ones
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            each = (upstream * ctx.plan.token_weight).reshape(-1)
            _, gradients = _costs_and_gradients(
                inputs,
                target,
                ctx.plan,
                needed=needed,
                token_weights=each.expand(target.numel()),
            )
        else:
            for gradient in gradients:
                if gradient is not None:
                    gradient *= upstream
        # only now, when they are scaled, they are rounded to the types of the inputs
        rounded = [
            gradient if gradient is None else gradient.to(x.dtype)
            for gradient, x in zip(gradients, inputs, strict=True)
        ]
        return *rounded, None, None


def _recorded_gradients(
    inputs: Inputs,
    needed: Sequence[bool],
    target: Tensor,
    plan: _Plan,
    upstream: Tensor,
) -> list[Tensor | None]:
    """Form the gradients that are needed in operations that autograd records."""
    # views, because one input may be made of another
    hidden = inputs[0].view_as(inputs[0])
    weight = inputs[1].view_as(inputs[1])
    bias = None if inputs[2] is None else inputs[2].view_as(inputs[2])
    loss = _dense(hidden, weight, bias, target, plan.options)
    views = zip((hidden, weight, bias), needed, strict=True)
    wanted = [x for x, need in views if x is not None and need]
    found = torch.autograd.grad(loss, wanted, upstream, create_graph=True)
    in_order = iter(found)
    return [next(in_order) if need else None for need in needed]


def _costs_and_gradients(
    inputs: Inputs,
    target: Tensor,
    plan: _Plan,
    *,
    needed: Sequence[bool] = (False, False, False),
    token_weights: Tensor | None = None,
) -> tuple[Tensor, list[Tensor | None]]:
    """Cost of each token; and what gradients are needed of their weighted sum.

    The logits of a chunk turn into their gradient where they lie. Without weights
    of the tokens no gradients are formed.
    """
    hidden, weight, bias = inputs
    dtype = _working_type(hidden)
    rows = hidden.reshape(-1, hidden.shape[-1])
    labels = target.reshape(-1).long()
    wide_weight = weight.to(dtype)
    wide_bias = None if bias is None else bias.to(dtype)
    costs = torch.zeros(len(rows), dtype=dtype, device=rows.device)
    gradients = [
        _zeros_like(x, dtype) if x is not None and need else None
        for x, need in zip(inputs, needed, strict=True)
    ]
    costs_of = _costs_in_numpy if rows.is_cpu else _costs_in_torch
    # all chunks share it
    buffer = wide_weight.new_empty(plan.longest, len(weight))
    smoothing = plan.options.label_smoothing
    want_grad = token_weights is not None
    with _without_autocast(hidden):
        for chunk in plan.chunks:
            x = rows[chunk].to(dtype)
            logits = buffer[: len(x)]
            torch.mm(x, wide_weight.T, out=logits)
            if wide_bias is not None:
                logits += wide_bias
            costs[chunk] = costs_of(logits, labels[chunk], smoothing, want_grad)
            if token_weights is not None:
                each = token_weights[chunk]
                _add_gradients(gradients, chunk, x, wide_weight, logits, each)
    return costs, gradients


def _zeros_like(x: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros_like(x, dtype=dtype, memory_format=torch.contiguous_format)


def _costs_in_numpy(
    logits: Tensor, label: Tensor, smoothing: float, want_grad: bool
) -> Tensor:
    """Cost of each row of logits; their gradient replaces them if it is wanted."""
    z = logits.numpy()
    label_weight: Any = 1.0
    soft_weights = None
    if smoothing:
        # as many as rows, because one number for all must not be 0
        label_weight = np.full(len(z), 1 - smoothing, dtype=z.dtype)

        def soft_weights(block: slice) -> np.ndarray:
            return np.full_like(z[block], smoothing / z.shape[1])

    gradient = z if want_grad else None
    costs = _kernel.fused(z, label.numpy(), label_weight, soft_weights, gradient)
    return torch.from_numpy(costs)


def _costs_in_torch(
    logits: Tensor, label: Tensor, smoothing: float, want_grad: bool
) -> Tensor:
    """Do the same in torch's operations, on any device."""
    soft_weights = None
    if smoothing:
        share = logits.new_tensor(smoothing / logits.shape[1])
        soft_weights = share.expand_as(logits)

    def costs_of(z: Tensor) -> Tensor:
        return class_costs(z, label, 1 - smoothing, soft_weights)

    if not want_grad:
        return costs_of(logits)
    costs, gradient = value_and_grad(costs_of, logits)
    logits.copy_(gradient)
    return costs


def _add_gradients(
    gradients: Sequence[Tensor | None],
    chunk: Any,
    x: Tensor,
    weight: Tensor,
    for_logits: Tensor,
    token_weights: Tensor,
) -> None:
    """Hand the gradient of a chunk of logits on to the inputs."""
    for_hidden, for_weight, for_bias = gradients
    if for_hidden is not None:
        for_rows = for_hidden.view(-1, x.shape[1])
        for_rows[chunk] = (for_logits @ weight) * token_weights[:, None]
    if for_weight is not None:
        for_weight.addmm_(for_logits.T, x * token_weights[:, None])
    if for_bias is not None:
        for_bias.addmv_(for_logits.T, token_weights)


def _reduced(costs: Tensor, target: Tensor, plan: _Plan) -> Tensor:
    if plan.options.reduction == "none":
        return costs.reshape(target.shape)
    return costs.sum() * plan.token_weight


def _working_type(hidden: Tensor) -> torch.dtype:
    """Half precision has too few digits to add numbers up."""
    return torch.float32 if is_half(hidden) else hidden.dtype


def _without_autocast(x: Tensor) -> Any:
    """Autocast would round what goes into the products to half precision."""
    if not x.is_meta and autocast_is_on(x):
        return torch.autocast(x.device.type, enabled=False)
    return contextlib.nullcontext()


# --- checks ----------------------------------------------------------------


def _check(given: dict[str, Any], o: Options) -> None:
    for name, x in given.items():
        if not isinstance(x, torch.Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(x).__name__}")
    namespace(**given)
    check_float(**{name: x for name, x in given.items() if name != "target"})
    hidden = given["hidden"]
    target = given["target"]
    check_axis(hidden, -1, "hidden")
    k = given["weight"].shape[:1].numel()
    d = hidden.shape[-1]
    for name, shape in {"weight": (k, d), "bias": (k,)}.items():
        if name in given and given[name].shape != shape:
            came = tuple(given[name].shape)
            raise ValueError(
                f"{name} must have shape {shape} beside {d} hidden units, got {came}"
            )
    if is_float(target):
        raise TypeError(
            f"target must hold integer class indices, got {target.dtype}: "
            "probabilities are as large as the logits, see losses.cross_entropy"
        )
    # the shape that the logits would have, without their memory
    logits = hidden.detach().new_empty(1).expand(*hidden.shape[:-1], k)
    check(logits, target, o)


def _check_chunk_size(chunk_size: int | None) -> None:
    if chunk_size is None:
        return
    if not (isinstance(chunk_size, int) and chunk_size > 0):
        raise ValueError(
            f"chunk_size must be None or a positive integer, got {chunk_size!r}"
        )
