"""Cross-entropy with its options: checked, turned into mass, given to the kernel.

The kernel knows no options. It knows how much mass a row of logits has on its
label, and how much is spread over the classes: that is all that they mean.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from celib._arrays import (
    Array,
    check_axis,
    check_choice,
    check_fixed,
    check_float,
    check_labels,
    check_not_negative,
    check_weight,
    is_float,
    namespace,
)
from celib._kernel import Spread, fused, working_type

__all__: list[str] = []

NUMPY = (np.ndarray, np.generic)
REDUCTIONS = ("mean", "sum", "none")


@dataclass(slots=True)
class Options:
    """The options of `cross_entropy`, as they came."""

    axis: int = -1
    weight: Array | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0
    reduction: str = "mean"


@dataclass(slots=True)
class Mass:
    """What the rows are charged for, and what their mean is divided by.

    The mass on the label is an array, or one number where it is the same for all.
    """

    label: Array
    on_label: Any
    spread: Spread
    total: Any


def evaluate(
    logits: Array, target: Array, o: Options, out: Array | None, *, want_grad: bool
) -> tuple[Array, Array | None]:
    """Loss, and the gradient of the loss, or of its sum if it is not reduced."""
    indices = check(logits, target, o)
    xp, (z, t, weight) = plain(logits, target, o.weight)
    z, t = (
        class_axis_last(z, o.axis, xp),
        t if indices else class_axis_last(t, o.axis, xp),
    )
    rows = as_rows(z)
    build = from_indices if indices else from_probabilities
    mass = build(rows, t, weight, o, xp)
    buffer = _buffer(rows, out, logits, o.axis) if want_grad else None
    cost = fused(rows, mass.label, mass.on_label, mass.spread, buffer, xp)
    loss = back(
        _reduce(cost, mass.total, tuple(z.shape[:-1]), o.reduction, rows, xp), logits
    )
    if buffer is None:
        return loss, None
    if out is not None:
        return loss, out
    grad = buffer.reshape(z.shape)
    last = o.axis in (-1, logits.ndim - 1)
    return loss, back(grad if last else xp.moveaxis(grad, -1, o.axis), logits)


def plain(*arrays: Array | None) -> tuple[Any, list[Any]]:
    """Turn arrays into NumPy's own, or torch's where NumPy can't follow.

    A tensor in main memory lends its memory to NumPy at no cost.
    """
    if isinstance(arrays[0], NUMPY):
        return np, list(arrays)
    import torch

    tensors = [x if x is None else x.detach() for x in arrays]
    strange = (torch.bfloat16, torch.float16)
    for x in tensors:
        if x is not None and (x.dtype in strange or x.device.type != "cpu"):
            return torch, tensors
    return np, [x if x is None else x.numpy() for x in tensors]


def back(result: Array, like: Array) -> Array:
    """Give a result of `plain` arrays to the library that the caller used."""
    if isinstance(like, NUMPY) or not isinstance(result, NUMPY):
        return result
    import torch

    return torch.from_numpy(np.asarray(result))


# --- checks ----------------------------------------------------------------


def check(logits: Array, target: Array, o: Options, name: str = "logits") -> bool:
    """Check all but the range of labels; tell if the target holds class indices."""
    arrays = {name: logits, "target": target}
    if o.weight is not None:
        arrays["weight"] = o.weight
    xp = namespace(**arrays)
    check_choice("reduction", o.reduction, REDUCTIONS)
    check_float(**{name: logits})
    check_axis(logits, o.axis, name)
    if not 0 <= o.label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {o.label_smoothing}")
    if o.weight is not None:
        check_weight(xp, o.weight, logits.shape[o.axis])
    check_fixed(**{key: x for key, x in arrays.items() if key != name})
    return _check_target(logits, target, o, xp, name)


def _check_target(logits: Array, target: Array, o: Options, xp: Any, name: str) -> bool:
    indices = not is_float(target)
    expected = tuple(logits.shape)
    if indices:
        expected = expected[: o.axis] + expected[o.axis :][1:]
    if target.shape != expected:
        kind = "class indices" if indices else "probabilities"
        raise ValueError(
            f"target of {kind} must have shape {expected} beside {name} of "
            f"shape {tuple(logits.shape)}, got {tuple(target.shape)}"
        )
    if not indices:
        check_not_negative(xp, target=target)
        if o.ignore_index >= 0:
            raise ValueError(
                "ignore_index must not be given for a target of probabilities, "
                f"got {o.ignore_index}"
            )
    return indices


# --- rows and mass ---------------------------------------------------------


def class_axis_last(x: Array, axis: int, xp: Any) -> Array:
    return x if axis in (-1, x.ndim - 1) else xp.moveaxis(x, axis, -1)


def as_rows(z: Array) -> Array:
    """Lay the logits out as a matrix without gaps, copied only if need be."""
    rows = z.reshape(-1, z.shape[-1])
    if isinstance(rows, NUMPY):
        return np.ascontiguousarray(rows)
    return rows.contiguous()


def _buffer(rows: Array, out: Array | None, logits: Array, axis: int) -> Array:
    """Where the gradient goes: memory of our own, or the caller's."""
    if out is None:
        return (
            np.empty_like(rows)
            if isinstance(rows, NUMPY)
            else rows.new_empty(rows.shape)
        )
    if not (
        type(out) is type(logits)
        and out.dtype == logits.dtype
        and out.shape == logits.shape
    ):
        raise ValueError(
            f"out must be like logits, {tuple(logits.shape)} and {logits.dtype}, "
            f"got {tuple(out.shape)} and {out.dtype}"
        )
    _, (memory,) = plain(out)
    whole = (
        memory.flags.c_contiguous
        if isinstance(memory, NUMPY)
        else memory.is_contiguous()
    )
    if not whole or axis not in (-1, logits.ndim - 1):
        raise ValueError("out must be contiguous, with the class axis last")
    return memory.reshape(rows.shape)


def from_indices(z: Array, target: Array, weight: Any, o: Options, xp: Any) -> Mass:
    label, real, e = target.reshape(-1), working_type(z, xp), o.label_smoothing
    every = _every_row_counts(label, z.shape[1], o.ignore_index, xp)
    if every and weight is None and not e:
        return Mass(label, _scale(len(z), o), None, len(z))
    counted = check_labels(
        namespace(x=label), label, z.shape[1], ignore_index=o.ignore_index
    )
    label = xp.asarray(xp.where(counted, label, 0 * label), dtype=xp.int64)
    counts = xp.asarray(counted, dtype=real)
    mass = counts if weight is None else counts * weight[label]
    total = len(z) if every and weight is None else mass.sum()
    scale = _scale(total, o)
    spread = None
    if e:
        share = e / z.shape[1] * (xp.ones_like(z[0]) if weight is None else weight)

        def spread(rows: slice) -> Array:
            return scale * counts[rows, None] * share

    return Mass(label, mass * (scale * (1 - e)), spread, total)


def _every_row_counts(label: Array, k: int, ignore_index: int, xp: Any) -> bool:
    """Tell if labels are of the common type and in range; False if in doubt."""
    if label.dtype != xp.int64 or 0 <= ignore_index < k or not len(label):
        return False
    # argmin and argmax, because NumPy takes longer to call min and max
    return bool(label[label.argmin()] >= 0 and label[label.argmax()] < k)


def from_probabilities(
    z: Array, target: Array, weight: Any, o: Options, xp: Any
) -> Mass:
    n, k = z.shape
    t, e, real = target.reshape(-1, k), o.label_smoothing, working_type(z, xp)
    scale = _scale(n, o)

    def spread(rows: slice) -> Array:
        p = xp.asarray(t[rows], dtype=real)
        smooth = p * (scale * (1 - e)) + scale * e / k
        return smooth if weight is None else smooth * weight

    nothing = xp.zeros_like(z[:, 0], dtype=real)
    return Mass(xp.zeros_like(z[:, 0], dtype=xp.int64), nothing, spread, n)


def _scale(total: Any, o: Options) -> Any:
    return 1 / total if o.reduction == "mean" and total > 0 else 1.0


def _reduce(
    cost: Array,
    total: Any,
    shape: tuple[int, ...],
    reduction: str,
    rows: Array,
    xp: Any,
) -> Array:
    loss = cost.reshape(shape) if reduction == "none" else cost.sum()
    if reduction == "mean" and not total > 0:
        loss = loss + math.nan
    return loss if loss.dtype == rows.dtype else xp.asarray(loss, dtype=rows.dtype)
