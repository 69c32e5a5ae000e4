"""Calls drawn at random, and what they must return, to 40 digits.

`python tests/fuzzed.py SEED CASES` runs as many as you like; `make fuzz` calls it.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import torch
from arrays import to_torch
from diagnosed import Call, valid_calls

from celib import losses, softmax

INF = mpmath.inf
MARKS = (-100, -1, 255, 0, 2)
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
REDUCTIONS = ("mean", "sum", "none")
FAMILIES: list[Callable[[np.random.Generator], "Case"]] = []

# How many units in the last place a result may be off. The tests of each function
# have closer bounds; these are for any options at once.
ULPS = 64


class Case(NamedTuple):
    """A call, and what must come out, item by item, before it is reduced.

    The prediction `x` has its classes last, if it has any. `costs` and `slopes` are
    exact: the cost of each item, and its derivative in x; `sizes` says how large the
    numbers are that may cancel in a slope. The mean divides by `denominator`.
    """

    name: str
    x: np.ndarray
    others: tuple[np.ndarray, ...]
    options: dict[str, Any]
    costs: np.ndarray
    slopes: np.ndarray
    sizes: np.ndarray
    denominator: Any
    has_classes: bool
    slack: float = 1.0
    # how large the numbers are that may cancel in a cost
    level: float = 0.0


def family(function: Callable[..., Case]) -> Callable[..., Case]:
    FAMILIES.append(function)
    return function


# ---- drawing ------------------------------------------------------------------


def pick(draw: Any, choices: Any) -> Any:
    return choices[draw.integers(len(choices))]


def chance(draw: Any, probability: float) -> bool:
    return bool(draw.random() < probability)


def shape(draw: Any) -> tuple[int, ...]:
    """From no axis to three; now and then an empty one."""
    sizes = (0, 1, 2, 3) if chance(draw, 0.15) else (1, 2, 3)
    return tuple(int(pick(draw, sizes)) for _ in range(draw.integers(4)))


def scores(draw: Any, size: tuple[int, ...], dtype: str) -> np.ndarray:
    """Any numbers of one magnitude, sometimes moved far from 0, or many alike."""
    z = np.asarray(draw.normal(size=size)) * 10.0 ** draw.integers(-4, 4)
    if chance(draw, 0.2):
        z = z + pick(draw, (30, -30, 1000, -1000, 86))
    if chance(draw, 0.1):
        z = np.round(z)
    z = np.asarray(z.clip(-6e4, 6e4).astype(dtype))
    if dtype == "float32" and chance(draw, 0.3):
        # numbers that bfloat16 can hold
        z = torch.tensor(z).bfloat16().float().numpy()
    return z


def distributions(draw: Any, size: tuple[int, ...], dtype: str) -> np.ndarray:
    p = draw.dirichlet(np.ones(size[-1]), size[:-1])
    if chance(draw, 0.3):
        p = np.eye(size[-1])[draw.integers(0, size[-1], size[:-1])]
    return np.asarray(p.astype(dtype))


def class_weight(draw: Any, k: int) -> np.ndarray:
    weight = draw.random(k) * 2
    weight[draw.random(k) < 0.3] = 0
    return np.asarray(weight.astype(pick(draw, FLOATS[1:])))


def exactly(x: Any) -> Any:
    """The stored numbers, without rounding, in an array of the same shape."""
    made = np.empty(np.shape(x), object)
    for i in np.ndindex(made.shape):
        made[i] = mpmath.mpf(float(np.asarray(x)[i]))
    return made


# ---- classes ------------------------------------------------------------------


def probabilities(z: Any) -> Any:
    top = max(z)
    exps = [mpmath.exp(v - top) for v in z]
    return [e / sum(exps) for e in exps]


def surprisals(z: Any) -> Any:
    """-log q of each class; the largest is treated apart for its digits."""
    top_at = int(np.argmax(z))
    top = z[top_at]
    rest = sum(mpmath.exp(v - top) for i, v in enumerate(z) if i != top_at)
    total = mpmath.log1p(rest)
    return [INF if v == -INF else top - v + total for v in z]


def nothing_like(x: np.ndarray, items: tuple[int, ...]) -> tuple[Any, Any, Any]:
    costs = np.full(items, mpmath.mpf(0), object)
    slopes = np.full(x.shape, mpmath.mpf(0), object)
    return costs, slopes, slopes.copy()


def row_of_classes(z: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Cost, slopes and sizes of one row of logits with a weight on each class."""
    q, nats = probabilities(z), surprisals(z)
    total = sum(weights)
    cost = sum(w * h for w, h in zip(weights, nats, strict=True) if w)
    slopes = [total * p - w for p, w in zip(q, weights, strict=True)]
    sizes = [total * p + w for p, w in zip(q, weights, strict=True)]
    return cost, slopes, sizes


def labels_for(draw: Any, items: tuple[int, ...], k: int) -> tuple[Any, dict[str, Any]]:
    """Class indices of any integer type, some of them marked to be ignored."""
    dtype = pick(draw, INTEGERS)
    labels = draw.integers(0, k, items)
    options = {}
    if chance(draw, 0.4):
        mark = int(pick(draw, MARKS))
        options["ignore_index"] = mark
        if np.iinfo(dtype).min <= mark <= np.iinfo(dtype).max:
            labels = np.where(draw.random(items) < 0.4, mark, labels)
    return np.asarray(labels.astype(dtype)), options


@family
def cross_entropy_of_labels(draw: Any) -> Case:
    """Whatever takes logits and class indices."""
    names = ("cross_entropy", "cross_entropy", "nll", "focal_loss")
    name = pick(draw, (*names, "poly1_cross_entropy"))
    items, k = shape(draw), int(pick(draw, (1, 2, 3, 5)))
    z = scores(draw, (*items, k), pick(draw, FLOATS))
    if chance(draw, 0.2):
        z[draw.random(z.shape) < 0.3] = -np.inf
        z[..., 0] = np.where(np.isinf(z).all(-1), 0, z[..., 0])
    if name == "nll":
        z = np.asarray(softmax.log_softmax(z))
    labels, options = labels_for(draw, items, k)
    weight = np.ones(k)
    if chance(draw, 0.4):
        options["weight"] = weight = class_weight(draw, k)
    smoothing = 0.0
    if name == "cross_entropy" and chance(draw, 0.4):
        options["label_smoothing"] = smoothing = pick(draw, (0.1, 0.5, 1.0))
    if name == "focal_loss":
        options["gamma"] = pick(draw, (0.0, 0.5, 1.0, 2.0))
    if name == "poly1_cross_entropy":
        options["epsilon"] = pick(draw, (-1.0, 0.0, 1.0))
    exact_weight = exactly(weight.astype(z.dtype if z.dtype != "f2" else "f4"))
    costs, slopes, sizes = nothing_like(z, items)
    denominator = mpmath.mpf(0)
    ignored = options.get("ignore_index", -100)
    for i in np.ndindex(items):
        y = int(labels[i])
        if y == ignored:
            continue
        row = exactly(z[i])
        w = exact_weight[y]
        denominator += w
        if name == "nll":
            costs[i] = -w * row[y] if w else mpmath.mpf(0)
            slopes[i][y] = -w
            continue
        weights = [mpmath.mpf(smoothing) / k * v for v in exact_weight]
        weights[y] += (1 - mpmath.mpf(smoothing)) * w
        cost, slope, size = row_of_classes(row, weights)
        if name in ("focal_loss", "poly1_cross_entropy") and w:
            cost, factor = curved(name, options, row, y)
            cost *= w
            slope = [factor * s for s in slope]
            size = [abs(factor) * s for s in size]
        costs[i], slopes[i], sizes[i] = cost, slope, size
    return Case(name, z, (labels,), options, costs, slopes, sizes, denominator, True)


def curved(name: str, options: Any, row: Any, y: int) -> tuple[Any, Any]:
    """Cost of a label, and its derivative in the cross-entropy."""
    nats = surprisals(row)[y]
    q = probabilities(row)[y]
    missed = 1 - q if q < 0.5 else -mpmath.expm1(-nats)
    pull = 0 if nats == INF else q * nats
    if name == "poly1_cross_entropy":
        epsilon = options["epsilon"]
        with mpmath.workdps(700):
            # without its first term the cost is what is left of a long subtraction
            cost = nats - epsilon * mpmath.expm1(-nats) if nats != INF else INF
        return cost, (1 + epsilon) - epsilon * missed
    gamma = options["gamma"]
    if missed == 0:
        return mpmath.mpf(0), mpmath.mpf(gamma == 0)
    scale = missed**gamma
    return scale * nats, scale * (1 + gamma * pull / missed)


@family
def cross_entropy_of_distributions(draw: Any) -> Case:
    """Targets that are probabilities."""
    items, k = shape(draw), int(pick(draw, (1, 2, 3, 5)))
    dtype = pick(draw, FLOATS)
    z = scores(draw, (*items, k), dtype)
    y = distributions(draw, (*items, k), pick(draw, FLOATS))
    if chance(draw, 0.3):
        z = np.where((y == 0) & (draw.random(z.shape) < 0.5), -np.inf, z)
        z[..., 0] = np.where(np.isinf(z).all(-1), 0, z[..., 0])
    z = np.asarray(z.astype(dtype))
    options: dict[str, Any] = {}
    weight = np.ones(k)
    if chance(draw, 0.4):
        options["weight"] = weight = class_weight(draw, k)
    smoothing = 0.0
    if chance(draw, 0.3):
        options["label_smoothing"] = smoothing = 0.1
    wide = z.dtype if z.dtype != "f2" else "f4"
    exact_weight = exactly(weight.astype(wide))
    costs, slopes, sizes = nothing_like(z, items)
    for i in np.ndindex(items):
        shares = exactly(y[i].astype(wide)) * (1 - mpmath.mpf(smoothing))
        shares = shares + mpmath.mpf(smoothing) / k
        costs[i], slopes[i], sizes[i] = row_of_classes(
            exactly(z[i]), list(shares * exact_weight)
        )
    n = mpmath.mpf(costs.size)
    return Case("cross_entropy", z, (y,), options, costs, slopes, sizes, n, True)


# ---- yes or no ------------------------------------------------------------------


def softplus(x: Any) -> Any:
    if x == -INF:
        return mpmath.mpf(0)
    if x == INF:
        return INF
    return mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x))


def logistic(x: Any) -> Any:
    if abs(x) == INF:
        return mpmath.mpf(x > 0)
    e = mpmath.exp(-abs(x))
    return e / (1 + e) if x < 0 else 1 / (1 + e)


def times(weight: Any, cost: Any) -> Any:
    """Product in which a weight of zero leaves nothing of an infinite cost."""
    return weight * cost if weight else mpmath.mpf(0)


@family
def binary_cross_entropy(draw: Any) -> Case:
    """Yes-or-no questions: from logits, from probabilities, and focal."""
    name = pick(
        draw,
        (
            "binary_cross_entropy_with_logits",
            "binary_cross_entropy",
            "sigmoid_focal_loss",
        ),
    )
    items = shape(draw)
    x = scores(draw, items, pick(draw, FLOATS))
    y = draw.random(items) if chance(draw, 0.3) else draw.integers(0, 2, items)
    y = np.asarray(np.asarray(y).astype(pick(draw, FLOATS)))
    if chance(draw, 0.2):
        x = np.where(draw.random(items) < 0.3, pick(draw, (np.inf, -np.inf)), x)
        x = np.asarray(x.astype(y.dtype))
    wide = x.dtype if x.dtype != "f2" else np.dtype("f4")
    options: dict[str, Any] = {}
    weight = positive = np.ones(items)
    if name == "binary_cross_entropy":
        x = np.asarray(softmax.sigmoid(x))
    if name == "sigmoid_focal_loss":
        options["gamma"] = pick(draw, (0.0, 0.5, 1.0, 2.0))
        options["alpha"] = pick(draw, (None, 0.0, 0.25, 1.0))
    elif chance(draw, 0.4):
        weight = draw.random(items[draw.integers(2) :])
        weight = np.where(draw.random(weight.shape) < 0.4, 0, weight)
        options["weight"] = weight = np.asarray(weight.astype(pick(draw, FLOATS)))
    if name == "binary_cross_entropy_with_logits" and chance(draw, 0.4):
        positive = np.asarray(draw.random(items[draw.integers(2) :])) * 3
        positive = np.asarray(positive.astype(pick(draw, FLOATS)))
        options["pos_weight"] = positive
    weights = exactly(np.broadcast_to(weight.astype(wide), items))
    factors = exactly(np.broadcast_to(positive.astype(wide), items))
    costs, slopes, sizes = nothing_like(x, items)
    for i in np.ndindex(items):
        v = mpmath.mpf(float(x[i]))
        t = mpmath.mpf(float(y[i].astype(wide)))
        w, c = weights[i], factors[i]
        if name == "binary_cross_entropy":
            low = -mpmath.log(v) if v else INF
            high = -mpmath.log1p(-v) if v < 1 else INF
            costs[i] = times(w, times(t, low) + times(1 - t, high))
            yes = t / v if t and v else times(t, INF)
            no = (1 - t) / (1 - v) if 1 - t and 1 - v else times(1 - t, INF)
            slopes[i], sizes[i] = times(w, no - yes), times(w, no + yes)
            continue
        yes, no = c * t, 1 - t
        cost = times(yes, softplus(-v)) + times(no, softplus(v))
        up, down = no * logistic(v), yes * logistic(-v)
        slope, size = up - down, up + down
        if name == "sigmoid_focal_loss":
            w = mpmath.mpf(1)
            if options["alpha"] is not None:
                alpha = mpmath.mpf(options["alpha"])
                w = alpha * t + (1 - alpha) * (1 - t)
            cost, slope, size = focal(options["gamma"], v, t, cost, slope, size)
        costs[i], slopes[i], sizes[i] = times(w, cost), times(w, slope), times(w, size)
    n = mpmath.mpf(costs.size)
    return Case(name, x, (y,), options, costs, slopes, sizes, n, False)


def focal(gamma: Any, v: Any, t: Any, cost: Any, slope: Any, size: Any) -> Any:
    missed = t * logistic(-v) + (1 - t) * logistic(v)
    if missed == 0:
        return mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0)
    moved = (1 - 2 * t) * logistic(v) * logistic(-v)
    pull = gamma * cost * moved / missed if moved else mpmath.mpf(0)
    scale = missed**gamma
    return scale * cost, scale * (slope + pull), scale * (size + abs(pull))


# ---- two of a kind ----------------------------------------------------------------


@family
def squares_and_margins(draw: Any) -> Case:
    """Squared error, and hinges, whose kinks are not met."""
    name = pick(draw, ("mse_loss", "hinge_loss"))
    items = shape(draw)
    x = scores(draw, items, pick(draw, FLOATS)).clip(-100, 100)
    x = np.asarray(x)
    costs, slopes, sizes = nothing_like(x, items)
    wide = x.dtype if x.dtype != "f2" else "f4"
    options: dict[str, Any] = {}
    if name == "mse_loss":
        y = scores(draw, items, x.dtype.name).clip(-100, 100)
    else:
        signs = draw.choice([-1, 1], items)
        y = np.asarray(np.asarray(signs).astype(pick(draw, (*FLOATS, "int8", "int64"))))
        options["squared"] = chance(draw, 0.5)
    for i in np.ndindex(items):
        v = mpmath.mpf(float(x[i]))
        t = mpmath.mpf(float(np.asarray(y[i]).astype(wide)))
        if name == "mse_loss":
            costs[i], slopes[i] = (v - t) ** 2, 2 * (v - t)
            sizes[i] = 2 * (abs(v) + abs(t))
            continue
        lack = max(1 - t * v, mpmath.mpf(0))
        costs[i] = lack**2 if options["squared"] else lack
        power = 2 * lack if options["squared"] else mpmath.mpf(lack > 0)
        slopes[i] = -t * power
        sizes[i] = abs(power) + abs(v)
    n = mpmath.mpf(costs.size)
    # the differences are rounded before they are squared
    return Case(
        name,
        np.asarray(x),
        (np.asarray(y),),
        options,
        costs,
        slopes,
        sizes,
        n,
        False,
        1e3,
    )


@family
def contrast(draw: Any) -> Case:
    """A positive among negatives, of which some may be ruled out."""
    items, m = shape(draw), int(pick(draw, (1, 2, 4)))
    dtype = pick(draw, FLOATS[1:])
    positive = np.asarray(np.asarray(draw.normal(size=items)).astype(dtype))
    negatives = draw.normal(size=(*items, m)).astype(dtype)
    if chance(draw, 0.3):
        negatives[draw.random(negatives.shape) < 0.4] = -np.inf
    temperature = pick(draw, (0.1, 1.0, 3.0))
    costs, slopes, sizes = nothing_like(positive, items)
    for i in np.ndindex(items):
        row = [mpmath.mpf(float(positive[i])), *exactly(negatives[i])]
        row = [v / mpmath.mpf(temperature) for v in row]
        costs[i] = surprisals(row)[0]
        missed = sum(probabilities(row)[1:])
        slopes[i] = -missed / mpmath.mpf(temperature)
        sizes[i] = -slopes[i]
    n = mpmath.mpf(costs.size)
    options = {"temperature": temperature}
    others = (negatives,)
    return Case(
        "info_nce", positive, others, options, costs, slopes, sizes, n, False, 1e3
    )


@family
def margins_of_classes(draw: Any) -> Case:
    """Both hinges of several classes; scores are random, so that no two are alike."""
    items, k = shape(draw), int(pick(draw, (1, 2, 3, 5)))
    s = draw.normal(size=(*items, k)).astype(pick(draw, FLOATS[1:]))
    labels = draw.integers(0, k, items)
    labels = np.asarray(np.asarray(labels).astype(pick(draw, INTEGERS)))
    variant = pick(draw, ("crammer-singer", "weston-watkins"))
    power = int(pick(draw, (1, 2)))
    costs, slopes, sizes = nothing_like(s, items)
    for i in np.ndindex(items):
        y = int(labels[i])
        row = exactly(s[i])
        lacks = {c: max(1 - row[y] + row[c], mpmath.mpf(0)) for c in range(k) if c != y}
        share = mpmath.mpf(1)
        if variant == "weston-watkins":
            share = share / k
        elif lacks:
            worst = max(lacks, key=lambda c: lacks[c])
            lacks = {worst: lacks[worst]}
        for c, lack in lacks.items():
            costs[i] += share * lack**power
            pull = share * power * lack ** (power - 1) if lack else mpmath.mpf(0)
            slopes[i][c] += pull
            slopes[i][y] -= pull
        sizes[i][:] = sum(abs(v) for v in slopes[i]) + 1
    n = mpmath.mpf(costs.size)
    name, options = "multiclass_hinge_loss", {"variant": variant, "power": power}
    return Case(name, s, (labels,), options, costs, slopes, sizes, n, True, 1e3)


@family
def distillation(draw: Any) -> Case:
    """A student and its teacher, of moderate logits: T rounds every quotient."""
    items, k = shape(draw), int(pick(draw, (1, 2, 3, 5)))
    dtype = pick(draw, FLOATS[1:])
    s = np.asarray(draw.normal(size=(*items, k)).astype(dtype))
    t = np.asarray(draw.normal(size=(*items, k)).astype(dtype))
    if chance(draw, 0.3) and k > 1:
        masked = draw.random(k) < 0.4
        masked[0] = False
        s[..., masked] = -np.inf
        t[..., masked] = -np.inf
    temperature = pick(draw, (0.5, 1.0, 3.0))
    costs, slopes, sizes = nothing_like(s, items)
    for i in np.ndindex(items):
        student = exactly(s[i]) / temperature
        teacher = exactly(t[i]) / temperature
        p, q = probabilities(teacher), probabilities(student)
        pairs = zip(p, surprisals(student), surprisals(teacher), strict=True)
        costs[i] = temperature**2 * sum(a * (b - c) for a, b, c in pairs if a)
        slopes[i] = [temperature * (b - a) for a, b in zip(p, q, strict=True)]
        sizes[i] = [temperature * (b + a) for a, b in zip(p, q, strict=True)]
    n = mpmath.mpf(costs.size)
    options = {"temperature": temperature}
    return Case(
        "distillation_loss", s, (t,), options, costs, slopes, sizes, n, True, 1e3
    )


# ---- softmax and its kin ------------------------------------------------------------


@family
def kin_of_the_softmax(draw: Any) -> Case:
    """What comes out is compared entry by entry, and the slopes of its sum."""
    name = pick(draw, softmax.__all__)
    if name in ("sigmoid", "log_sigmoid"):
        return sigmoids(draw, name)
    items, k = shape(draw), int(pick(draw, (1, 2, 3, 5)))
    z = scores(draw, (*items, k), pick(draw, FLOATS))
    costs, slopes, sizes = nothing_like(z, z.shape)
    if name == "logsumexp":
        costs = costs[..., 0]
    for i in np.ndindex(items):
        row = exactly(z[i])
        p, nats = probabilities(row), surprisals(row)
        if name == "softmax":
            costs[i], sizes[i] = p, p
        elif name == "log_softmax":
            costs[i] = [-h for h in nats]
            slopes[i] = [1 - k * v for v in p]
            sizes[i] = [1 + k * v for v in p]
        else:
            costs[i] = max(row) + min(nats)
            slopes[i] = sizes[i] = p
    level = float(abs(z).max(initial=0)) if name == "logsumexp" else 0.0
    one = mpmath.mpf(1)
    return Case(name, z, (), {}, costs, slopes, sizes, one, True, level=level)


def sigmoids(draw: Any, name: str) -> Case:
    x = scores(draw, shape(draw), pick(draw, FLOATS))
    costs, slopes, sizes = nothing_like(x, x.shape)
    for i in np.ndindex(x.shape):
        v = mpmath.mpf(float(x[i]))
        if name == "sigmoid":
            costs[i], slopes[i] = logistic(v), logistic(v) * logistic(-v)
        else:
            costs[i], slopes[i] = -softplus(-v), logistic(-v)
        sizes[i] = slopes[i]
    return Case(name, x, (), {}, costs, slopes, sizes, mpmath.mpf(1), False)


# ---- calling --------------------------------------------------------------------


def laid_out(draw: Any, x: np.ndarray) -> np.ndarray:
    """The same numbers in another place in memory."""
    layout = pick(draw, ("plain", "fortran", "gaps", "backwards", "read-only"))
    if layout == "fortran" and x.ndim:
        return np.asfortranarray(x)
    if layout == "gaps" and x.ndim:
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if layout == "backwards" and x.ndim:
        return x[..., ::-1].copy()[..., ::-1]
    if layout == "read-only":
        x = x.copy()
        x.flags.writeable = False
    return x


def as_tensor(x: np.ndarray) -> torch.Tensor:
    """The tensor of an array, which has its strides where torch can have them."""
    if any(stride < 0 for stride in x.strides) or not x.flags.writeable:
        x = x.copy()
    return torch.from_numpy(x)


def tensor_of(x: np.ndarray, draw: Any) -> torch.Tensor:
    """The tensor of the prediction: in bfloat16 now and then, if that can hold it."""
    tensor = as_tensor(x)
    fits = x.dtype == np.float32 and bool((tensor.bfloat16().float() == tensor).all())
    return tensor.bfloat16() if fits and chance(draw, 0.7) else tensor


class Found(NamedTuple):
    """What a call returned: its loss, and the gradient of it if one was asked for."""

    way: str
    loss: Any
    grad: Any
    kind: str


def run(case: Case, draw: Any) -> Any:
    """Call the function in a way drawn at random, with one axis and one reduction."""
    reduction = "none"
    options = dict(case.options)
    if case.name in losses.__all__:
        options["reduction"] = reduction = pick(draw, REDUCTIONS)
    function = getattr(losses, case.name, None) or getattr(softmax, case.name)
    x, others = case.x, case.others
    if case.has_classes and x.ndim > 1 and chance(draw, 0.5):
        axis = int(draw.integers(-x.ndim, x.ndim))
        options["axis"] = axis
        whole = [other for other in others if other.shape == x.shape]
        x = np.moveaxis(x, -1, axis)
        if whole:
            others = tuple(np.moveaxis(other, -1, axis) for other in others)
    x = laid_out(draw, x)
    others = tuple(laid_out(draw, other) for other in others)
    ways = ("numpy", "eager", "backward", "functional", "vmap", "no_grad")
    way = pick(draw, ways)
    before = [np.copy(a) for a in (x, *others)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if way == "numpy":
            found = Found(way, function(x, *others, **options), None, x.dtype.name)
        else:
            found = in_torch(function, tensor_of(x, draw), others, options, way)
    for a, b in zip(before, (x, *others), strict=True):
        np.testing.assert_array_equal(a, b, err_msg="an input was changed")
    return found, reduction, options, x


def in_torch(function: Any, z: Any, others: Any, options: Any, way: str) -> Found:
    ys = [as_tensor(other) for other in others]
    options = {
        key: to_torch(v) if isinstance(v, np.ndarray) else v
        for key, v in options.items()
    }

    kind = str(z.dtype).removeprefix("torch.")

    def loss(z: Any) -> Any:
        return function(z, *ys, **options)

    if way == "eager":
        return Found(way, loss(z), None, kind)
    if way == "no_grad":
        with torch.inference_mode():
            return Found(way, loss(z), None, kind)
    if way == "vmap":
        both = torch.func.vmap(loss)(torch.stack([z, z]))
        torch.testing.assert_close(both[0], both[1], equal_nan=True, rtol=0, atol=0)
        return Found(way, both[0], None, kind)
    if way == "functional":

        def total(z: Any) -> Any:
            value = loss(z)
            return value.sum(), value

        grad, (_, value) = torch.func.grad_and_value(total, has_aux=True)(z)
        return Found(way, value, grad, kind)
    z = z.detach().requires_grad_()
    value = loss(z)
    (grad,) = torch.autograd.grad(value.sum(), z)
    return Found(way, value.detach(), grad, kind)


# ---- comparing ------------------------------------------------------------------


def expected_loss(case: Case, reduction: str) -> Any:
    if reduction == "none":
        return case.costs
    total = sum(case.costs.reshape(-1)) if case.costs.size else mpmath.mpf(0)
    if reduction == "sum":
        return np.array(total, object)
    made = total / case.denominator if case.denominator else mpmath.nan
    return np.array(made, object)


def check(case: Case, draw: Any) -> None:
    """Raise an AssertionError if a call returns anything but what it must."""
    found, reduction, options, x = run(case, draw)
    wanted = expected_loss(case, reduction)
    is_array = found.way == "numpy"
    kind = str(found.loss.dtype).removeprefix("torch.")
    story = f"{case.name}, {found.way}, {kind}, {x.shape}, {options}"
    assert isinstance(found.loss, (np.ndarray, np.generic)) == is_array, story
    assert kind == found.kind, f"{story}: from {found.kind}"
    loss = values(found.loss)
    if "axis" in options and loss.ndim == x.ndim:
        loss = np.moveaxis(loss, options["axis"], -1)
    assert loss.shape == wanted.shape, f"{story}: {loss.shape}"
    info = torch.finfo(getattr(torch, kind))
    # rounded in the working precision, then to the type of the logits
    work = 2.0**-52 if kind == "float64" else 2.0**-23
    relative = ULPS * case.slack * work + info.eps
    sizes = np.full(wanted.shape, mpmath.mpf(case.level), object)
    compare(loss, wanted, sizes, relative, info, story)
    if found.grad is None:
        return
    grad = values(found.grad)
    if "axis" in options:
        grad = np.moveaxis(grad, options["axis"], -1)
    came = str(found.grad.dtype).removeprefix("torch.")
    assert came == kind, f"{story}: gradient of {came}"
    scale = mpmath.mpf(1)
    if reduction == "mean":
        scale = 1 / case.denominator if case.denominator else mpmath.mpf(0)
    slopes = np.vectorize(lambda v: scale * v, otypes=[object])(case.slopes)
    sizes = np.vectorize(lambda v: scale * v, otypes=[object])(case.sizes)
    compare(grad, slopes, sizes, relative, info, story + ": gradient")


def compare(
    found: Any, exact: Any, sizes: Any, relative: float, info: Any, story: str
) -> None:
    for i in np.ndindex(found.shape):
        value, wanted = float(found[i]), exact[i]
        if mpmath.isnan(wanted):
            assert np.isnan(value), f"{story}: {value} at {i}, nan expected"
            continue
        if abs(wanted) >= 0.99 * float(info.max):
            near = abs(value) >= 0.98 * float(info.max)
            assert near, f"{story}: {value}, {wanted}"
            assert (value > 0) == (wanted > 0), f"{story}: {value}, {wanted}"
            continue
        size = max(abs(wanted), sizes[i] if sizes[i] != INF else 0)
        # what underflows may do so in one step or two
        bound = relative * float(size) + 4 * info.tiny
        off = abs(mpmath.mpf(value) - wanted)
        assert off <= bound, (
            f"{story}: {value} at {i}, {mpmath.nstr(wanted, 9)} expected"
        )


def check_valid_call(call: Call) -> None:
    """A call in which nothing is wrong must not warn, and must leave its input."""
    before = [values(a) for a in (call.output, call.target)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean = getattr(losses, call.loss)(call.output, call.target, **call.options)
    assert np.isfinite(values(mean))
    after = [values(a) for a in (call.output, call.target)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=str(call))


def values(x: Any) -> Any:
    """A copy of the numbers in an array or a tensor."""
    if isinstance(x, torch.Tensor):
        x = x.detach().double().numpy()
    return np.copy(x)


def faults(seed: int, cases: int) -> list[str]:
    """Run so many cases; tell which went wrong, each with the seed that repeats it."""
    found = []
    for number in range(cases):
        draw = np.random.default_rng([seed, number])
        case = pick(draw, FAMILIES)(draw)
        try:
            with mpmath.workdps(40):
                check(case, draw)
        except Exception as error:
            kind = type(error).__name__
            found.append(f"[{seed}, {number}] {case.name}: {kind}: {error}")
    return found


def faults_of_valid_calls(seed: int, cases: int) -> list[str]:
    found = []
    for call in valid_calls(seed, cases):
        try:
            check_valid_call(call)
        except Exception as error:
            found.append(f"{call}: {type(error).__name__}: {error}")
    return found


def main() -> int:
    seed, cases = int(sys.argv[1]), int(sys.argv[2])
    found = faults(seed, cases) + faults_of_valid_calls(seed, cases)
    print(*found, sep="\n")
    print(
        f"{cases} calls drawn with seed {seed}, and as many valid ones: "
        f"{len(found)} faults"
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
