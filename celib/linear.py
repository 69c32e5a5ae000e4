"""Cross-entropy of a linear layer, its logits never whole: torch. Chapter 18.

Tokens go through in chunks. The logits of a chunk are formed in a buffer that all
chunks share, the kernel turns them into their gradient where they lie, and two
products hand that on to the inputs before the next chunk comes.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from celib._arrays import check_axis, check_float, check_labels, is_float, namespace
from celib._autograd import is_recording, refuse_graph
from celib._cross_entropy import Options, back, check, plain
from celib._kernel import fused, working_type

__all__ = ["linear_cross_entropy"]

# Logits and tokens a chunk: fewer, and the weights are read too often.
LOGITS, TOKENS = 1 << 23, 256


def linear_cross_entropy(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    target: torch.Tensor,
    /,
    *,
    bias: torch.Tensor | None = None,
    ignore_index: int = -100,
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
    ignore_index : int
        Tokens with this index count for nothing, and cost next to nothing.
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

    Raises
    ------
    TypeError
        If an argument is no tensor, or holds what it must not.
    ValueError
        If shapes do not fit, a label is out of range, or an option is unknown.

    Notes
    -----
    The loss is exact in both tails, as that of `celib.losses.cross_entropy`. The
    gradients are formed in the forward pass, if they are asked for: nothing is
    left to do backwards but to scale them. Two cases compute the logits again:
    ``reduction="none"``, where the scale of a token is not known before, and a
    second backward pass through a retained graph. Differentiating twice is an
    error. Probabilities as targets are refused: they are as large as the logits.

    All is computed in the type of `hidden`, half precision in float32. Gradients
    are added up there too, and rounded to the types of the inputs at the end.

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
    o = Options(-1, None, ignore_index, label_smoothing, reduction)
    _check(given if bias is None else given | {"bias": bias}, o)
    if chunk_size is not None and not (isinstance(chunk_size, int) and chunk_size > 0):
        came = f"got {chunk_size!r}"
        raise ValueError(f"chunk_size must be None or a positive integer, {came}")
    step = chunk_size or max(TOKENS, LOGITS // len(weight))
    _, (flat,) = plain(target.reshape(-1))
    counted = check_labels(
        namespace(x=flat), flat, len(weight), ignore_index=ignore_index
    )
    kept, labels = torch.as_tensor(counted).nonzero()[:, 0], target.reshape(-1).long()
    # where all count, slices spare the copies that indices need
    whole = len(kept) == len(labels)
    starts = range(0, len(kept), step)
    chunks = [slice(i, i + step) if whole else kept[i : i + step] for i in starts]
    scale = (1 / len(kept) if len(kept) else math.nan) if reduction == "mean" else 1.0
    arrays = (hidden, weight, bias, labels)
    loss = _Linear.apply(chunks, scale, o, is_recording(), *arrays)
    return loss.reshape(target.shape if reduction == "none" else ())


class _Linear(torch.autograd.Function):
    """The loss, with gradients that wait for the backward pass."""

    @staticmethod
    def forward(ctx: Any, chunks: Any, scale: float, o: Options, *args: Any) -> Any:
        record, *arrays = args
        ctx.job, ctx.grads = (chunks, scale, o), None
        ctx.save_for_backward(*arrays)
        if o.reduction == "none":
            return _sweep(chunks, o, arrays, [False] * 3, None)[0]
        needs = [record and need for need in ctx.needs_input_grad[4:7]]
        by = torch.full_like(arrays[3], scale, dtype=working_type(arrays[0], torch))
        cost, ctx.grads = _sweep(chunks, o, arrays, needs, by)
        return cost.sum() * scale

    @staticmethod
    def backward(ctx: Any, upstream: Any) -> tuple[Any, ...]:
        refuse_graph()
        # given away, they are no longer ours: who comes again gets new ones
        grads, ctx.grads = ctx.grads, None
        (chunks, scale, o), arrays = ctx.job, ctx.saved_tensors
        if grads is None:
            by = (upstream * scale).expand(len(arrays[3]))
            _, grads = _sweep(chunks, o, arrays, ctx.needs_input_grad[4:7], by)
            upstream = 1
        # scaled before they are rounded to the types of the inputs
        pairs = zip(grads, arrays, strict=False)
        scaled = (g if g is None else g.mul_(upstream).to(x.dtype) for g, x in pairs)
        return None, None, None, None, *scaled, None


def _sweep(chunks: Any, o: Options, arrays: Any, needs: Any, by: Any) -> Any:
    """Cost of each token, and the gradients needed of costs weighed with `by`."""
    (hidden, weight, bias, labels), memory = arrays, torch.contiguous_format
    real, rows = working_type(hidden, torch), hidden.reshape(-1, hidden.shape[-1])
    w, b = weight.to(real), bias if bias is None else bias.to(real)
    cost, buffer = rows.new_zeros(len(rows), dtype=real), w.new_empty(0)
    grads = [
        torch.zeros_like(x, dtype=real, memory_format=memory) if need else None
        for x, need in zip(arrays, needs, strict=False)
    ]
    for chunk in chunks:
        h = rows[chunk].to(real)
        # the first chunk is the longest
        buffer = buffer if len(buffer) else w.new_empty(len(h), len(w))
        z = buffer[: len(h)]
        torch.mm(h, w.T, out=z) if b is None else torch.addmm(b, h, w.T, out=z)
        cost[chunk] = _charge(z, labels[chunk], o.label_smoothing, any(needs))
        if any(needs):
            _collect(grads, chunk, h, w, z, by[chunk])
    return cost, grads


def _charge(z: torch.Tensor, y: torch.Tensor, e: float, grad: bool) -> torch.Tensor:
    """Cost of each row of logits, which their gradients replace if `grad` is set."""
    xp, (logits, label) = plain(z, y)
    # as many numbers as rows, because there may be nothing left for labels
    mass = xp.full_like(logits[:, 0], 1 - e) if e else 1.0

    def spread(block: slice) -> Any:
        return xp.full_like(logits[block], e / logits.shape[1])

    out = logits if grad else None
    return back(fused(logits, label, mass, spread if e else None, out, xp), z)


def _collect(grads: Any, chunk: Any, h: Any, w: Any, g: Any, by: Any) -> None:
    """Hand the gradient `g` of a chunk of logits on to the inputs."""
    for_hidden, for_weight, for_bias = grads
    if for_hidden is not None:
        for_hidden.view(-1, h.shape[1])[chunk] = (g @ w).mul_(by[:, None])
    if for_weight is not None:
        for_weight.addmm_(g.T, h * by[:, None])
    if for_bias is not None:
        for_bias.addmv_(g.T, by)


def _check(given: dict[str, Any], o: Options) -> None:
    for name, x in given.items():
        if not isinstance(x, torch.Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(x).__name__}")
    real = {name: x for name, x in given.items() if name != "target"}
    check_float(**real)
    hidden, target = given["hidden"], given["target"]
    check_axis(hidden, -1, "hidden")
    k, d = given["weight"].shape[:1].numel(), hidden.shape[-1]
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
    check(hidden.new_empty(1).expand(*hidden.shape[:-1], k), target, o)
