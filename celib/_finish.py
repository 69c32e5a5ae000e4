"""How a loss ends: reduced, in the caller's type, with its gradient attached."""

import math
from typing import Any

from celib._arrays import Array, namespace, narrow
from celib._cross_entropy import back

__all__: list[str] = []


def records(x: Array) -> bool:
    """Whether autograd is watching: never for NumPy, which needs no torch."""
    if not getattr(x, "requires_grad", False):
        return False
    from celib._autograd import is_recording

    return is_recording()


def attach(x: Array, loss: Array, grad: Array, axis: int | None) -> Array:
    """Return `loss` as a function of the tensor `x` whose derivative is `grad`."""
    from celib import _autograd

    return _autograd.attach(x, loss, grad, axis)


def finish(
    x: Array,
    cost: Array,
    grad: Array,
    reduction: str,
    *,
    total: Any = None,
    axis: int | None = None,
) -> Array:
    """Reduce the `cost` of items, and turn it into what the caller of `x` expects.

    `grad` belongs to the sum of all costs, with the class axis last; the mean
    divides by `total`, or by the number of costs.
    """
    n, xp = math.prod(cost.shape) if total is None else total, namespace(x=x)
    loss = cost if reduction == "none" else cost.sum()
    if reduction == "mean":
        loss, grad = (loss / n, grad / n) if n > 0 else (loss + math.nan, grad)
    loss = narrow(back(loss, x), x, xp)
    if not records(x):
        return loss
    grad = narrow(back(grad, x), x, xp)
    return attach(x, loss, grad if axis is None else grad.movedim(-1, axis), axis)
