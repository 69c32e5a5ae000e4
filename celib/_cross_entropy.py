"""Cross-entropy with its options: checked, turned into weights, given to the kernel.

The kernel knows no options. It knows which weight a row of logits has on its
label, and which on every class: that is all that the options mean.
"""

from dataclasses import dataclass
from typing import Any

import array_api_compat.numpy
import numpy as np

from celib import _kernel
from celib._arrays import (
    Array,
    as_class_indices,
    check_axis,
    check_choice,
    check_fixed,
    check_float,
    check_not_negative,
    check_weight,
    is_float,
    namespace,
    quiet,
)
from celib._bridge import (
    can_lend,
    give_back,
    is_numpy,
    is_recorded,
    lend_to_numpy,
    narrow_half,
    reduce,
    widen_half,
)

__all__: list[str] = []

REDUCTIONS = ("mean", "sum", "none")


@dataclass(slots=True)
class Options:
    """The options of `cross_entropy`, as they came."""

    axis: int = -1
    weight: Array | None = None
    ignore_index: int | None = -100
    label_smoothing: float = 0.0
    reduction: str = "mean"


@dataclass(slots=True)
class RowWeights:
    """What each row's cost is multiplied by, and what their mean is divided by.

    The label's weight is an array, or one number where it is the same for all
    rows. `soft_weights` gives the weights of every class for a slice of rows.
    """

    label: Array
    label_weight: Any
    soft_weights: Any
    denominator: Any


def cross_entropy_loss(logits: Array, target: Array, o: Options) -> Array:
    """Loss, which autograd can differentiate if the logits are a tensor."""
    check(logits, target, o)
    wide = widen_half(logits)
    if not (is_numpy(logits) or can_lend(logits, target, o.weight)):
        return narrow_half(formula(wide, target, o), logits)
    record = is_recorded(wide)
    loss, grad = _in_numpy(wide, target, o, None, want_grad=record)
    if record:
        from celib._autograd import Known

        def again(z: Array) -> Array:
            return formula(z, target, o)

        loss = Known.apply(wide, loss, grad, o.axis, again)
    return narrow_half(loss, logits)


def cross_entropy_value_and_grad(
    logits: Array, target: Array, o: Options, out: Array | None
) -> tuple[Array, Array]:
    """Loss, and the gradient of the loss, or of its sum if it is not reduced."""
    check(logits, target, o)
    if out is not None:
        _check_out(out, logits, o.axis)
    wide = widen_half(logits)
    if is_numpy(logits) or can_lend(logits, target, o.weight):
        memory = out if wide is logits else None
        loss, grad = _in_numpy(wide, target, o, memory, want_grad=True)
    else:
        from celib._autograd import value_and_grad

        loss, grad = value_and_grad(lambda z: formula(z, target, o), wide)
    loss = narrow_half(loss, logits)
    if out is None:
        return loss, narrow_half(grad, logits)
    if grad is not out:
        out[...] = grad
    return loss, out


def _in_numpy(
    logits: Array, target: Array, o: Options, out: Array | None, *, want_grad: bool
) -> tuple[Array, Array | None]:
    z, t, weight, memory = lend_to_numpy(logits, target, o.weight, out)
    indices = not is_float(t)
    z = class_axis_last(z, o.axis)
    rows = np.ascontiguousarray(z.reshape(-1, z.shape[-1]))
    if indices:
        weights = from_indices(rows, t.reshape(-1), weight, o)
    else:
        t = class_axis_last(t, o.axis)
        weights = from_probabilities(rows, t.reshape(rows.shape), weight, o)
    buffer = None
    if want_grad:
        buffer = np.empty_like(rows) if memory is None else memory.reshape(rows.shape)
    costs = _kernel.fused(
        rows, weights.label, weights.label_weight, weights.soft_weights, buffer
    )
    # the weights of a mean are divided already
    loss = costs.reshape(z.shape[:-1]) if o.reduction == "none" else costs.sum()
    if o.reduction == "mean" and not weights.denominator > 0:
        loss = loss + z.dtype.type(np.nan)
    loss = give_back(loss, logits)
    if buffer is None:
        return loss, None
    if out is not None:
        return loss, out
    grad = buffer.reshape(z.shape)
    if o.axis not in (-1, z.ndim - 1):
        grad = np.moveaxis(grad, -1, o.axis)
    return loss, give_back(grad, logits)


def formula(logits: Array, target: Array, o: Options) -> Array:
    """Compute the loss in operations that torch can trace and differentiate."""
    from celib._autograd import class_costs

    z = logits.movedim(o.axis, -1)
    weight = None if o.weight is None else o.weight.to(z.dtype)
    k = z.shape[-1]
    if is_float(target):
        soft = target.movedim(o.axis, -1).to(z.dtype)
        soft = soft * (1 - o.label_smoothing) + o.label_smoothing / k
        soft = soft if weight is None else soft * weight
        costs = class_costs(z, None, None, soft)
        return reduce(costs, o.reduction)
    label, counted = class_indices(target, k, o.ignore_index)
    label_weight = counted.to(z.dtype)
    if weight is not None:
        label_weight = label_weight * weight[label]
    denominator = label_weight.sum()
    soft = None
    if o.label_smoothing:
        share = z.new_full((k,), 1 / k) if weight is None else weight / k
        # counted as numbers first: a float times bools would be float32
        soft = counted.to(z.dtype)[..., None] * (o.label_smoothing * share)
        label_weight = label_weight * (1 - o.label_smoothing)
    costs = class_costs(z, label, label_weight, soft)
    return reduce(costs, o.reduction, denominator)


def class_indices(
    target: Array, k: int, ignore_index: int | None
) -> tuple[Array, Array]:
    """Labels of a tensor, 0 where they are ignored; and which of them count."""
    import torch

    label, counted = as_class_indices(
        namespace(target=target), target, k, ignore_index=ignore_index
    )
    return torch.where(counted, label, torch.zeros_like(label)), counted


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
        if o.ignore_index is not None and o.ignore_index >= 0:
            raise ValueError(
                "ignore_index must not be given for a target of probabilities, "
                f"got {o.ignore_index}"
            )
    return indices


def _check_out(out: Array, logits: Array, axis: int) -> None:
    same_kind = type(out) is type(logits) and out.dtype == logits.dtype
    if not (same_kind and out.shape == logits.shape):
        raise ValueError(
            f"out must be like logits, {tuple(logits.shape)} and {logits.dtype}, "
            f"got {tuple(out.shape)} and {out.dtype}"
        )
    whole = out.flags.c_contiguous if is_numpy(out) else out.is_contiguous()
    if not whole or axis not in (-1, logits.ndim - 1):
        raise ValueError("out must be contiguous, with the class axis last")


# --- weights of rows -------------------------------------------------------


def class_axis_last(x: np.ndarray, axis: int) -> np.ndarray:
    """View of `x` whose last axis is `axis`."""
    return x if axis in (-1, x.ndim - 1) else np.moveaxis(x, axis, -1)


@quiet
def from_indices(
    z: np.ndarray, target: np.ndarray, weight: np.ndarray | None, o: Options
) -> RowWeights:
    """Weights of rows whose targets are class indices."""
    n, k = z.shape
    plain = weight is None and not o.label_smoothing
    if plain and _every_row_counts(target, k, o.ignore_index):
        return RowWeights(target, _scale(n, o), None, n)
    label, counted = as_class_indices(
        array_api_compat.numpy, target, k, ignore_index=o.ignore_index
    )
    label = np.where(counted, label, 0)
    counts = counted.astype(z.dtype)
    weight = None if weight is None else weight.astype(z.dtype, copy=False)
    label_weight = counts if weight is None else counts * weight[label]
    # in float64, because float32 cannot count above 2**24
    denominator = label_weight.sum(dtype=np.float64)
    scale = _scale(denominator, o)
    soft_weights = None
    if o.label_smoothing:
        share = np.ones(k, dtype=z.dtype) if weight is None else weight
        share = z.dtype.type(scale * o.label_smoothing / k) * share

        every = bool(counted.all())

        def soft_weights(rows: slice) -> np.ndarray:
            if every:
                # one row for all of them, without a copy
                return np.broadcast_to(share, z[rows].shape)
            return counts[rows, None] * share

    label_weight = label_weight * z.dtype.type(scale * (1 - o.label_smoothing))
    return RowWeights(label, label_weight, soft_weights, denominator)


def _every_row_counts(label: np.ndarray, k: int, ignore_index: int | None) -> bool:
    """Tell if labels are of the common type and in range; False if in doubt."""
    if label.dtype != np.int64 or not len(label):
        return False
    if ignore_index is not None and 0 <= ignore_index < k:
        return False
    # argmin and argmax, because NumPy takes longer to call min and max
    return bool(label[label.argmin()] >= 0 and label[label.argmax()] < k)


def from_probabilities(
    z: np.ndarray, target: np.ndarray, weight: np.ndarray | None, o: Options
) -> RowWeights:
    """Weights of rows whose targets are probabilities."""
    n, k = z.shape
    scale = _scale(n, o)
    weight = None if weight is None else weight.astype(z.dtype, copy=False)

    def soft_weights(rows: slice) -> np.ndarray:
        p = target[rows].astype(z.dtype, copy=False)
        p = p * z.dtype.type(scale * (1 - o.label_smoothing))
        if o.label_smoothing:
            p += scale * o.label_smoothing / k
        if weight is not None:
            p *= weight
        return p

    no_label = np.zeros(n, dtype=np.int64)
    return RowWeights(no_label, np.zeros(n, dtype=z.dtype), soft_weights, n)


def _scale(denominator: Any, o: Options) -> float:
    """Return the factor of the costs before they are added up."""
    if o.reduction != "mean":
        return 1.0
    # the mean of nothing is NaN, and nothing moves it
    return float(1 / denominator) if denominator > 0 else 0.0
