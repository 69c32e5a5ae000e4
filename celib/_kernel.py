"""The fused pass: cross-entropy and its gradient together. Chapters 7 and 9.

A row of logits z costs a (lse(z) - z_y) + sum_k s_k (lse(z) - z_k), where lse is
the logarithm of the sum of exponentials: mass `a` lies on the label y, mass `s`
is spread over the classes. The gradient is softmax times all mass, minus mass.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from celib._arrays import Array, quiet

__all__: list[str] = []

# Entries a block, few enough for a cache and enough to make calls cheap.
BLOCK = 1 << 19

Spread = Callable[[slice], Array] | None


@quiet
def fused(z: Array, y: Array, a: Any, s: Spread, out: Any, xp: Any) -> Array:
    """Cost of each row of `z`; its gradient goes to `out`, unless that is None.

    `z` and `out` have shape (N, K) and no gaps in memory, `y` has (N,). So has
    `a`, or it is one number, not 0, for all rows; `s` gives the mass of rows.
    """
    n, real = len(z), working_type(z, xp)
    cost, step = xp.empty(n, dtype=real, device=z.device), max(1, BLOCK // z.shape[1])
    same = out is not None and out.dtype == real
    own: Any = None if same else xp.empty_like(z[:step], dtype=real)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        block = z[rows] if z.dtype == real else xp.asarray(z[rows], dtype=real)
        e = out[rows] if same else own[: len(block)]
        some, mass = a if isinstance(a, float) else a[rows], s(rows) if s else None
        cost[rows] = _rows(block, y[rows], some, mass, e, out is not None, xp)
        if not same and out is not None:
            out[rows] = e
    return cost


def working_type(z: Array, xp: Any) -> Any:
    """Choose the type to work in: half precision could not add things up."""
    return xp.float32 if z.dtype.itemsize == 2 else z.dtype


@lru_cache(maxsize=2)
def _constants(n: int, k: int, dtype: Any, device: Any, xp: Any) -> tuple[Array, Array]:
    """Where rows start in a flat array, and ones to add rows up by a product."""
    starts = xp.arange(0, n * k, k, device=device)
    return starts, xp.ones(k, dtype=dtype, device=device)


def _rows(z: Array, y: Array, a: Any, s: Any, e: Array, grad: bool, xp: Any) -> Array:
    n, k = z.shape
    # where labels and top entries lie in the flat arrays
    first, ones = _constants(n, k, z.dtype, z.device, xp)
    label, top = first + y, first + z.argmax(1)
    flat_z, flat_e = z.reshape(-1), e.reshape(-1)
    m = flat_z[top]
    mass, cost = a, a * (m - flat_z[label])
    if s is not None:
        mass, cost = a + s.sum(1), xp.where(a > 0, cost, 0)
        cost += xp.where(s > 0, s * (m[:, None] - z), 0).sum(1)
    _exponentials(z, m, e, xp)
    # summed without the top entry, the rest is not rounded off beside it
    peak = flat_e[top]
    flat_e[top] = 0
    rest = e @ ones
    cost += mass * xp.log1p(rest / peak)
    if grad:
        _gradient(e, label, top, a, s, mass, peak, rest)
    if not (isinstance(a, float) or mass.all()):
        cost[mass == 0], e[mass == 0] = 0, 0
    return cost


def _gradient(
    e: Array, label: Any, top: Any, a: Any, s: Any, mass: Any, peak: Any, rest: Any
) -> None:
    """Turn the exponentials `e`, zero at the top, into the gradient of the cost."""
    flat, whole = e.reshape(-1), peak + rest
    if s is None:
        # the peak first: where the label is at the top, this leaves just -rest
        flat[top] = peak
        flat[label] = flat[label] - peak - rest
        e *= (mass / whole)[:, None]
        return
    e *= (mass / whole)[:, None]
    flat[label] -= a
    # the top entry now holds minus the label's mass, if that is where it lies
    elsewhere = a + flat[top] + (s.sum(1) - s.reshape(-1)[top])
    e -= s
    flat[top] = (elsewhere * peak + flat[top] * rest) / whole


def _exponentials(z: Array, m: Array, e: Array, xp: Any) -> None:
    """Put exp(z - shift) into `e`; any shift will do that spares it the extremes."""
    safe = 60 if z.dtype.itemsize == 4 else 490
    # argmin and argmax, because NumPy takes longer to call min and max
    if m[m.argmin()] >= 0 and m[m.argmax()] < safe:
        # no shift: a pass less, and no subtraction to round
        xp.exp(z, out=e)
        return
    by = xp.where((m >= 0) & (m < safe), 0, m)[:, None]
    gap = z - by
    moved = gap - z
    lost = (z - (gap - moved)) - (by + moved)
    xp.exp(gap, out=e)
    e += e * xp.where(xp.isfinite(lost), lost, 0)


@quiet
def softmax_parts(z: Array, xp: Any) -> tuple[Array, Array]:
    """Surprisal -log p of each entry of the rows of `z`, and p, their softmax."""
    at_top = xp.arange(z.shape[1], device=z.device) == z.argmax(1)[:, None]
    m, e = xp.where(at_top, z, 0).sum(1), xp.zeros_like(z)
    if len(z):
        _exponentials(z, m, e, xp)
    peak, rest = (xp.where(at_top == t, e, 0).sum(1)[:, None] for t in (True, False))
    return m[:, None] - z + xp.log1p(rest / peak), e / (peak + rest)


@quiet
def binary(x: Array, y: Array, positive: Any, xp: Any) -> tuple[Array, Array]:
    """Cost of each logit `x` with target `y` in [0, 1], and its derivative.

    The cost is positive * y * softplus(-x) + (1 - y) * softplus(x).
    """
    tail = xp.exp(-xp.abs(x))
    up = xp.where(x > 0, 1 + 0 * tail, tail) / (1 + tail)
    down = xp.where(x > 0, tail, 1 + 0 * tail) / (1 + tail)
    soft, none = xp.log1p(tail), 0 * tail
    yes, no = positive * y, 1 - y
    # zero times an infinite cost is no cost
    cost_yes = xp.where(yes > 0, yes * (soft + xp.where(x < 0, -x, none)), none)
    cost_no = xp.where(no > 0, no * (soft + xp.where(x > 0, x, none)), none)
    return cost_yes + cost_no, no * up - yes * down
