"""The fused pass: cross-entropy and its gradient together. Chapters 7 and 9.

A row of logits z costs a (LSE(z) - z_y) + sum_k s_k (LSE(z) - z_k), where LSE is
the logarithm of the sum of exponentials: the label y has the weight a, and every
class k may have a soft weight s_k. The gradient is softmax(z) times the sum of
all weights, minus the weights. Everything here is NumPy, in float32 or float64.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from celib._arrays import quiet

__all__: list[str] = []

# Entries per block. 2**19 float32 numbers are 2 MiB: small enough to stay in a
# cache, and large enough that the cost of calling NumPy does not matter.
BLOCK = 1 << 19

# Entries per block where many temporary arrays are needed: 64 KiB of float32 come
# from memory that the process has, where larger arrays may be asked of the system
# and handed back each time.
SMALL_BLOCK = 1 << 14

# exp needs no shift while the row's maximum m lies in [0, SAFE). At m >= 0 an
# entry underflows only where its probability does. Below SAFE no sum of K
# exponentials overflows: K e**60 < 3.4e38 for K < 3e12 in float32, and
# K e**490 < 1.8e308 for K < 3e95 in float64.
SAFE = {4: 60.0, 8: 490.0}

# Soft weights of a block of rows; they may be too large to hold for all rows.
SoftWeights = Callable[[slice], np.ndarray]


@quiet
def fused(
    z: np.ndarray,
    label: np.ndarray,
    label_weight: Any,
    soft_weights: SoftWeights | None,
    grad: np.ndarray | None,
) -> np.ndarray:
    """Cost of each row of `z`; the gradient goes to `grad`, unless that is None.

    `z` and `grad` have shape (N, K) and no gaps in memory, and may be the same
    array. `label` has shape (N,), and so has `label_weight`, or it is one number,
    not 0, for all rows.
    """
    n, k = z.shape
    cost = np.empty(n, dtype=z.dtype)
    rows_per_block = max(1, BLOCK // k)
    scratch = np.empty_like(z[:rows_per_block] if grad is None else z[:0])
    for start in range(0, n, rows_per_block):
        rows = slice(start, start + rows_per_block)
        block = z[rows]
        exps = scratch[: len(block)] if grad is None else grad[rows]
        weight = label_weight if isinstance(label_weight, float) else label_weight[rows]
        soft = soft_weights(rows) if soft_weights else None
        cost[rows] = _fused_block(
            block, label[rows], weight, soft, exps, want_grad=grad is not None
        )
    return cost


@lru_cache(maxsize=4)
def _constants(n: int, k: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where rows start in a flat array, and ones: a product with them adds rows up."""
    return np.arange(0, n * k, k), np.ones(k, dtype=dtype)


def _fused_block(
    z: np.ndarray,
    label: np.ndarray,
    label_weight: Any,
    soft: np.ndarray | None,
    exps: np.ndarray,
    *,
    want_grad: bool,
) -> np.ndarray:
    row_starts, _ = _constants(*z.shape, z.dtype)
    label_at = row_starts + label
    top_at = row_starts + z.argmax(1)
    top = z.reshape(-1)[top_at]
    cost = label_weight * (top - z.reshape(-1)[label_at])
    weight = label_weight
    soft_sum = None
    if soft is not None:
        soft_sum = soft.sum(1)
        weight = label_weight + soft_sum
        cost = np.where(label_weight > 0, cost, 0)
        cost += _soft_costs(soft, top, z, exps)
    peak, rest = _split_exponentials(z, top, top_at, exps)
    cost += weight * np.log1p(rest / peak)
    if want_grad:
        _gradient(
            exps, label_at, top_at, label_weight, soft, soft_sum, weight, peak, rest
        )
    if not (isinstance(label_weight, float) or weight.all()):
        # a row of weight 0 is no row, whatever it holds
        cost[weight == 0] = 0
        exps[weight == 0] = 0
    return cost


def _soft_costs(
    soft: np.ndarray, top: np.ndarray, z: np.ndarray, scratch: np.ndarray
) -> np.ndarray:
    """Sum of s (top - z) over each row; zero times infinity is zero.

    The products go to `scratch`, unless that is `z` itself, which is still needed.
    """
    gap = np.empty_like(z) if np.may_share_memory(z, scratch) else scratch
    np.subtract(top[:, None], z, out=gap)
    gap *= soft
    costs = gap.sum(1)
    if np.isnan(costs.sum()):
        costs = np.where(soft > 0, gap, 0).sum(1)
    return costs


def _gradient(
    exps: np.ndarray,
    label_at: np.ndarray,
    top_at: np.ndarray,
    label_weight: Any,
    soft: np.ndarray | None,
    soft_sum: np.ndarray | None,
    weight: Any,
    peak: np.ndarray,
    rest: np.ndarray,
) -> None:
    """Turn exponentials, which are zero at the top, into the gradient of the cost."""
    flat = exps.reshape(-1)
    whole = peak + rest
    if soft is None or soft_sum is None:
        # the peak is subtracted first: if the label is at the top, exactly -rest
        # is left
        flat[top_at] = peak
        flat[label_at] = flat[label_at] - peak - rest
        exps *= (weight / whole)[:, None]
        return
    exps *= (weight / whole)[:, None]
    flat[label_at] -= label_weight
    # the top entry holds minus the label's weight if the label is at the top
    soft_at_top = soft[np.arange(len(soft)), top_at % soft.shape[1]]
    weight_elsewhere = label_weight + flat[top_at] + (soft_sum - soft_at_top)
    exps -= soft
    flat[top_at] = (weight_elsewhere * peak + flat[top_at] * rest) / whole


def exponentials(z: np.ndarray, top: np.ndarray, out: np.ndarray) -> None:
    """Put exp(z - shift) into `out`, with a shift per row that avoids overflow.

    The shift depends on the row's maximum `top` alone. It is 0 where that is safe;
    elsewhere it is a whole number, so that subtracting it seldom rounds.
    """
    safe = SAFE[z.dtype.itemsize]
    # argmin and argmax, because NumPy takes longer to call min and max
    if top[top.argmin()] >= 0 and top[top.argmax()] < safe:
        np.exp(z, out=out)
        return
    shift = np.where((top >= 0) & (top < safe), 0, np.floor(top))[:, None]
    highest = shift.reshape(-1)[shift.argmax()]
    lowest = z.reshape(-1)[z.argmin()]
    if highest <= 0 or lowest >= highest / 2:
        # A shift below 0 leaves a difference no longer than z, which is exact. So
        # is one of numbers within a factor of two of each other (Sterbenz).
        np.subtract(z, shift, out=out)
        np.exp(out, out=out)
        return
    gap = z - shift
    # FastTwoSum of Dekker: what the subtraction rounded off, exact for
    # |z| <= shift. Below -shift the exponential is 0 anyway.
    rounded_off = z - (gap + shift)
    np.exp(gap, out=out)
    out += out * np.where(np.isfinite(rounded_off), rounded_off, 0)


def _split_exponentials(
    z: np.ndarray, top: np.ndarray, top_at: np.ndarray, exps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exponentials of the rows: those at the top, and the sum of the rest.

    `exps` gets them all but those at the top, which it holds as 0: what is added
    up without the largest number keeps its digits.
    """
    _, ones = _constants(*z.shape, z.dtype)
    exponentials(z, top, exps)
    flat = exps.reshape(-1)
    peak = flat[top_at]
    flat[top_at] = 0
    return peak, exps @ ones


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Logarithm of the softmax of the rows of `z`."""
    log_probs = np.empty_like(z)
    # the exponentials may lie where the result will
    _fill_log_softmax(z, log_probs, log_probs, want_probs=False)
    return log_probs


def log_softmax_and_softmax(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the softmax of the rows of `z`, and the softmax."""
    log_probs = np.empty_like(z)
    probs = np.empty_like(z)
    _fill_log_softmax(z, log_probs, probs, want_probs=True)
    return log_probs, probs


@quiet
def _fill_log_softmax(
    z: np.ndarray, log_probs: np.ndarray, probs: np.ndarray, *, want_probs: bool
) -> None:
    n, k = z.shape
    rows_per_block = max(1, BLOCK // k)
    for start in range(0, n, rows_per_block):
        rows = slice(start, start + rows_per_block)
        block = z[rows]
        exps = probs[rows]
        row_starts, _ = _constants(*block.shape, z.dtype)
        top_at = row_starts + block.argmax(1)
        top = block.reshape(-1)[top_at]
        peak, rest = _split_exponentials(block, top, top_at, exps)
        if want_probs:
            exps.reshape(-1)[top_at] = peak
            exps /= (peak + rest)[:, None]
        np.subtract(block, top[:, None], out=log_probs[rows])
        log_probs[rows] -= np.log1p(rest / peak)[:, None]


@quiet
def log_softmax_gradient(
    upstream: np.ndarray, log_probs: np.ndarray, probs: np.ndarray
) -> np.ndarray:
    """Gradient u - p sum(u) of rows of log-probabilities, weighted by `upstream` u."""
    n, k = probs.shape
    grad = np.empty_like(probs)
    rows_per_block = max(1, SMALL_BLOCK // k)
    for start in range(0, n, rows_per_block):
        rows = slice(start, start + rows_per_block)
        _fill_gradient_block(upstream[rows], log_probs[rows], probs[rows], grad[rows])
    return grad


def _fill_gradient_block(
    upstream: np.ndarray, log_probs: np.ndarray, probs: np.ndarray, grad: np.ndarray
) -> None:
    row_starts, ones = _constants(*probs.shape, probs.dtype)
    top_at = row_starts + log_probs.argmax(1)
    flat = grad.reshape(-1)
    grad[...] = upstream
    u = flat[top_at]
    p = probs.reshape(-1)[top_at]
    flat[top_at] = 0
    others = grad @ ones
    grad -= probs * (others + u)[:, None]
    # u - p sum(u) = u (1 - p) - p others; 1 - p keeps its digits near p = 1
    missed = -np.expm1(log_probs.reshape(-1)[top_at])
    flat[top_at] = u * missed - p * others


@quiet
def logsumexp(z: np.ndarray) -> np.ndarray:
    """Logarithm of the sum of exponentials of each row of `z`."""
    n, k = z.shape
    result = np.empty(n, dtype=z.dtype)
    rows_per_block = max(1, BLOCK // k)
    exps = np.empty_like(z[:rows_per_block])
    for start in range(0, n, rows_per_block):
        rows = slice(start, start + rows_per_block)
        block = z[rows]
        row_starts, _ = _constants(*block.shape, z.dtype)
        top_at = row_starts + block.argmax(1)
        top = block.reshape(-1)[top_at]
        peak, rest = _split_exponentials(block, top, top_at, exps[: len(block)])
        result[rows] = np.where(np.isinf(top), top, top + np.log1p(rest / peak))
    return result


@quiet
def binary(
    x: np.ndarray, y: np.ndarray, positive: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Cost of each logit `x` with target `y` in [0, 1], and its derivative.

    The cost is positive * y * softplus(-x) + (1 - y) * softplus(x), where
    softplus(x) = max(x, 0) + log1p(exp(-|x|)).
    """
    if not isinstance(positive, np.ndarray):
        return _in_small_blocks(
            lambda x, y: _binary_block(x, positive * y, 1 - y), x, y
        )
    positive = np.broadcast_to(positive, x.shape)
    return _in_small_blocks(
        lambda x, y, factor: _binary_block(x, factor * y, 1 - y), x, y, positive
    )


@quiet
def sigmoid_focal(
    x: np.ndarray, y: np.ndarray, alpha: float | None, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Focal loss a m**gamma c of each logit, and its derivative.

    Here c is the binary cross-entropy, m = y sigmoid(-x) + (1 - y) sigmoid(x) the
    probability missed, and a = alpha y + (1 - alpha) (1 - y), or 1.
    """
    return _in_small_blocks(lambda x, y: _sigmoid_focal_block(x, y, alpha, gamma), x, y)


def _in_small_blocks(
    function: Callable[..., tuple[np.ndarray, np.ndarray]], *arrays: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Apply `function` to blocks of entries of arrays of one shape."""
    x = arrays[0]
    cost = np.empty(x.shape, dtype=x.dtype)
    slope = np.empty(x.shape, dtype=x.dtype)
    flat_cost = cost.reshape(-1)
    flat_slope = slope.reshape(-1)
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, x.size, SMALL_BLOCK):
        part = slice(start, start + SMALL_BLOCK)
        flat_cost[part], flat_slope[part] = function(*(a[part] for a in flat))
    return cost, slope


def _binary_block(
    x: np.ndarray, yes: np.ndarray, no: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute yes * softplus(-x) + no * softplus(x), and its derivative.

    No choice is made entry by entry: that takes longer than the exponentials.
    """
    above = np.maximum(x, 0)
    below = np.minimum(x, 0)
    # one of the two is 1, the other exp(-|x|)
    exp_below = np.exp(below)
    exp_above = np.exp(-above)
    tail = exp_below * exp_above
    soft = (yes + no) * np.log1p(tail)
    cost = soft + no * above - yes * below
    if np.isnan(cost.sum()):
        # a weight of zero times an infinite cost is no cost
        cost = soft + np.where(no > 0, no * above, 0)
        cost -= np.where(yes > 0, yes * below, 0)
    slope = (no * exp_below - yes * exp_above) / (1 + tail)
    return cost, slope


def _sigmoid_focal_block(
    x: np.ndarray, y: np.ndarray, alpha: float | None, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    nats, slope = _binary_block(x, y, 1 - y)
    exp_below = np.exp(np.minimum(x, 0))
    exp_above = np.exp(-np.maximum(x, 0))
    whole = 1 + exp_below * exp_above
    up = exp_below / whole
    down = exp_above / whole
    missed = y * down + (1 - y) * up
    missed_slope = (1 - 2 * y) * up * down
    scale = missed**gamma
    if alpha is not None:
        scale *= alpha * y + (1 - alpha) * (1 - y)
    cost = scale * nats
    # d(m**gamma c) = m**gamma (c' + gamma c m'/m)
    pull = nats * (missed_slope / missed)
    grad = scale * (slope + gamma * pull)
    if np.isnan(grad.sum()):
        # Where nothing is missed, there is no cost; where the cost is infinite,
        # m' is 0; where alpha leaves no weight, neither counts.
        pull = np.where(missed_slope != 0, nats, 0) * np.where(
            missed > 0, missed_slope / missed, 0
        )
        grad = scale * (slope + gamma * pull)
        counted = scale > 0
        cost = np.where(counted, cost, 0)
        grad = np.where(counted, grad, 0)
    return cost, grad
