"""Binary cross-entropy with its options, for logits and for probabilities."""

import math
from typing import Any

import numpy as np

from celib._arrays import (
    Array,
    check_choice,
    check_fixed,
    check_float,
    check_not_negative,
    namespace,
)
from celib._cross_entropy import REDUCTIONS, back, plain
from celib._kernel import binary

__all__: list[str] = []


def evaluate_binary(
    logits: Array,
    target: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
    *,
    want_grad: bool,
) -> tuple[Array, Array | None]:
    """Loss, and the gradient of the loss, or of its sum if it is not reduced."""
    check_binary(logits, target, weight, pos_weight, reduction, name="logits")
    xp, (x, y, w, c) = plain(logits, target, weight, pos_weight)
    real = xp.float32 if x.dtype.itemsize == 2 else x.dtype
    x_wide, y_wide = xp.asarray(x, dtype=real), xp.asarray(y, dtype=real)
    cost, grad = binary(x_wide, y_wide, 1 if c is None else c, xp)
    loss = xp.asarray(reduce(cost, w, reduction, xp), dtype=x.dtype)
    if not want_grad:
        return back(loss, logits), None
    grad = grad if w is None else grad * w
    if reduction == "mean":
        grad = grad / max(1, math.prod(x.shape))
    return back(loss, logits), back(xp.asarray(grad, dtype=x.dtype), logits)


def reduce(cost: Array, weight: Array | None, reduction: str, xp: Any) -> Array:
    """Weigh each entry; then keep them, add them up, or average over all."""
    cost = cost if weight is None else cost * weight
    if reduction == "none":
        return cost
    if reduction == "sum":
        return xp.sum(cost)
    n = math.prod(cost.shape)
    return xp.sum(cost) / n if n else xp.sum(cost) + math.nan


def check_binary(
    prediction: Array,
    target: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
    *,
    name: str,
) -> Any:
    """Check what both forms of the loss take; return the namespace."""
    weights = {"weight": weight, "pos_weight": pos_weight}
    arrays = {name: prediction, "target": target}
    arrays |= {key: w for key, w in weights.items() if w is not None}
    xp = namespace(**arrays)
    check_choice("reduction", reduction, REDUCTIONS)
    check_float(**arrays)
    if prediction.shape != target.shape:
        raise ValueError(
            f"target must have the shape of {name}, {tuple(prediction.shape)}, "
            f"got {tuple(target.shape)}"
        )
    if bool(xp.any((target < 0) | (target > 1))):
        raise ValueError(
            f"target must lie in [0, 1], got {float(xp.min(target)):.6g} "
            f"to {float(xp.max(target)):.6g}"
        )
    for key in arrays.keys() - {name, "target"}:
        _check_factor(xp, key, arrays[key], tuple(prediction.shape))
    if name == "logits":
        check_fixed(**{key: x for key, x in arrays.items() if key != name})
    return xp


def _check_factor(xp: Any, key: str, factor: Array, shape: tuple[int, ...]) -> None:
    check_not_negative(xp, **{key: factor})
    try:
        fits = np.broadcast_shapes(tuple(factor.shape), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{key} must broadcast to shape {shape}, got {tuple(factor.shape)}"
        )
