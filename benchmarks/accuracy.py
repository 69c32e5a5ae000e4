"""How many units in the last place celib and its peers are off, against mpmath.

Run by ``make bench``. Every library is given the same stored numbers; the true
value is that of the stored numbers, to 60 digits.
"""

import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import results

PEERS = {
    "torch": "torch",
    "scipy": "scipy",
    "scikit-learn": "scikit-learn",
    "optax": "jax optax",
}
LIBRARIES = ("celib", *PEERS)
NO_SUCH = "\N{EN DASH}"
ABSENT = "absent"

# What a library offers: the name of a quantity, and how it is computed.
Functions = Mapping[str, Callable[..., Any]]


class Case(NamedTuple):
    """A quantity, the inputs it is computed from, and its true value for each."""

    name: str
    dtype: str
    quantity: str
    inputs: Sequence[tuple[Any, ...]]
    truth: Callable[..., mpmath.mpf]


# --- the libraries ---------------------------------------------------------


def load_celib() -> Functions:
    """Return celib's functions, given NumPy arrays."""
    from celib import gradients, information, losses, softmax

    return {
        "loss": losses.cross_entropy,
        "gradient": lambda z, y: gradients.cross_entropy_value_and_grad(z, y)[1][
            int(y)
        ],
        "logsumexp": softmax.logsumexp,
        "bce": losses.binary_cross_entropy_with_logits,
        "bce gradient": lambda x, y: (
            gradients.binary_cross_entropy_with_logits_value_and_grad(x, y)[1]
        ),
        "bce of p": losses.binary_cross_entropy,
        "kl": information.kl_divergence,
    }


def load_torch() -> Functions:
    """Return torch's functions; gradients come from its autograd."""
    import torch
    from torch.nn import functional as F

    def tensors(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arrays: f(*map(torch.from_numpy, map(np.asarray, arrays)))

    def slope(f: Callable[..., Any]) -> Callable[..., Any]:
        def gradient(x: Any, y: Any) -> Any:
            x = x.clone().requires_grad_()
            f(x, y).backward()
            return x.grad if x.ndim == 0 else x.grad[y]

        return gradient

    bce = F.binary_cross_entropy_with_logits
    return {
        "loss": tensors(F.cross_entropy),
        "gradient": tensors(slope(F.cross_entropy)),
        "logsumexp": tensors(lambda z: torch.logsumexp(z, -1)),
        "bce": tensors(bce),
        "bce gradient": tensors(slope(bce)),
        "bce of p": tensors(F.binary_cross_entropy),
        "kl": tensors(lambda p, q: F.kl_div(q.log(), p, reduction="sum")),
    }


def load_scipy() -> Functions:
    """Return SciPy's functions, combined where it has no loss of its own."""
    from scipy import special

    def loss(z: Any, y: Any) -> Any:
        log_q = special.log_softmax(z)
        return -log_q[y] if y.ndim == 0 else -(y * log_q).sum()

    return {
        "loss": loss,
        "gradient": lambda z, y: special.softmax(z)[y] - 1,
        "logsumexp": special.logsumexp,
        "bce": lambda x, y: (
            -(y * special.log_expit(x) + (1 - y) * special.log_expit(-x))
        ),
        "bce gradient": lambda x, y: special.expit(x) - y,
        "kl": lambda p, q: special.rel_entr(p, q).sum(),
    }


def load_scikit_learn() -> Functions:
    """Return scikit-learn's log_loss, of probabilities from its own softmax."""
    from sklearn.metrics import log_loss
    from sklearn.utils.extmath import softmax

    def loss(z: Any, y: Any) -> Any:
        label = y if y.ndim == 0 else y.argmax()
        return log_loss([int(label)], softmax(z[None]), labels=range(len(z)))

    return {
        "loss": loss,
        "bce of p": lambda p, y: log_loss([int(y)], [float(p)], labels=[0, 1]),
    }


def load_optax() -> Functions:
    """Return optax's functions; gradients and logsumexp come from JAX."""
    import jax
    import optax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def arrays(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: f(*map(jnp.asarray, given))

    def loss(z: Any, y: Any) -> Any:
        if y.ndim:
            return optax.softmax_cross_entropy(z, y)
        return optax.softmax_cross_entropy_with_integer_labels(z, y)

    bce = optax.sigmoid_binary_cross_entropy
    return {
        "loss": arrays(loss),
        "gradient": arrays(lambda z, y: jax.grad(loss)(z, y)[y]),
        "logsumexp": arrays(jax.nn.logsumexp),
        "bce": arrays(bce),
        "bce gradient": arrays(jax.grad(bce)),
        "kl": arrays(lambda p, q: optax.losses.kl_divergence(jnp.log(q), p)),
    }


LOADERS: dict[str, Callable[[], Functions]] = {
    "celib": load_celib,
    "torch": load_torch,
    "scipy": load_scipy,
    "scikit-learn": load_scikit_learn,
    "optax": load_optax,
}


def load_all() -> tuple[dict[str, Functions], list[str]]:
    """Load what is installed; name what is not."""
    loaded, missing = {}, []
    for library, load in LOADERS.items():
        try:
            loaded[library] = load()
        except ImportError:
            if library not in PEERS:
                raise
            missing.append(results.missing_line(library, PEERS[library]))
    return loaded, missing


# --- the truth -------------------------------------------------------------


def exactly(x: Any) -> list[mpmath.mpf]:
    """Return the stored numbers, without rounding."""
    return [mpmath.mpf(float(v)) for v in np.ravel(x)]


def split(z: Any) -> tuple[list[mpmath.mpf], int, list[mpmath.mpf]]:
    """Return the stored scores, where the top is, and exponentials below it."""
    scores = exactly(z)
    top = max(range(len(scores)), key=scores.__getitem__)
    return scores, top, [mpmath.exp(v - scores[top]) for v in scores]


def without(values: list[mpmath.mpf], i: int) -> mpmath.mpf:
    """Add up all but one."""
    return mpmath.fsum(values[:i] + values[i + 1 :])


def true_logsumexp(z: Any) -> mpmath.mpf:
    """Return the top score and log1p of the rest."""
    scores, top, parts = split(z)
    return scores[top] + mpmath.log1p(without(parts, top))


def true_loss(z: Any, y: Any) -> mpmath.mpf:
    """Return the loss, from a sum of what is not negative."""
    scores, top, parts = split(z)
    return scores[top] - scores[int(y)] + mpmath.log1p(without(parts, top))


def true_gradient(z: Any, y: Any) -> mpmath.mpf:
    """Return the gradient at the target: minus the probability of the others."""
    _, _, parts = split(z)
    return -without(parts, int(y)) / mpmath.fsum(parts)


def true_bce(x: Any, y: Any) -> mpmath.mpf:
    """Return the binary loss for a target of 0 or 1."""
    against = -exactly(x)[0] if y else exactly(x)[0]
    return mpmath.log1p(mpmath.exp(against))


def true_bce_gradient(x: Any, y: Any) -> mpmath.mpf:
    """Return the derivative of the binary loss for a target of 0 or 1."""
    against = -exactly(x)[0] if y else exactly(x)[0]
    wrong = 1 / (1 + mpmath.exp(-against))
    return -wrong if y else wrong


def true_kl(p: Any, q: Any) -> mpmath.mpf:
    """Return the divergence of stored distributions."""
    pairs = zip(exactly(p), exactly(q), strict=True)
    return mpmath.fsum(a * mpmath.log(a / b) for a, b in pairs)


# --- the cases -------------------------------------------------------------


def logits(values: Any, dtype: str, label: int = 0) -> list[tuple[Any, Any]]:
    """Make one input of a loss: scores and a label."""
    return [(np.array(values, dtype=dtype), np.array(label))]


def random_logits(spread: float, dtype: str, count: int = 20) -> list[tuple[Any, Any]]:
    """Make inputs of a loss whose label is the top of 1000 random scores."""
    rng = np.random.default_rng(0)
    drawn = (rng.standard_normal((count, 1000)) * spread).astype(dtype)
    return [(z, np.array(z.argmax())) for z in drawn]


def binary(x: float, y: float, dtype: str) -> list[tuple[Any, Any]]:
    """Make one input of a binary loss."""
    return [(np.array(x, dtype=dtype), np.array(y, dtype=dtype))]


def all_cases() -> list[Case]:
    """List the right answers that libraries are known to lose, and a few easy ones."""
    zero = mpmath.mpf(0)
    cases = [
        Case(f"{quantity}, logits {values}", dtype, quantity, given, truth)
        for values, dtype in [
            ([1, 0, 0], "float32"),
            ([20, 0, 0], "float32"),
            ([46, 0, 0], "float32"),
            ([700, 0, 0], "float64"),
            ([10010, 10000, 10000], "float32"),
        ]
        for given in [logits(values, dtype)]
        for quantity, truth in [("loss", true_loss), ("gradient", true_gradient)]
    ]
    same = np.full(1000, 1e4)
    cases += [
        Case(
            "loss, 1,000 logits of 10,000",
            "float32",
            "loss",
            logits(same, "float32"),
            true_loss,
        ),
        *(
            Case(
                f"{quantity}, 1,000 logits, spread {spread}, worst of 20",
                "float32",
                quantity,
                random_logits(spread, "float32"),
                truth,
            )
            for spread in (5, 20)
            for quantity, truth in [("loss", true_loss), ("gradient", true_gradient)]
        ),
        Case(
            "loss, 100,000 equal logits",
            "float16",
            "loss",
            logits(np.zeros(100_000), "float16"),
            lambda z, y: mpmath.log(len(z)),
        ),
        Case(
            "loss, logits [0, -inf], target [1, 0]",
            "float64",
            "loss",
            [(np.array([0.0, -np.inf]), np.array([1.0, 0.0]))],
            lambda z, y: zero,
        ),
        Case(
            "logsumexp [0, -40]",
            "float64",
            "logsumexp",
            [(np.array([0.0, -40.0]),)],
            true_logsumexp,
        ),
    ]
    return cases + binary_cases() + divergences()


def binary_cases() -> list[Case]:
    """List the cases of the binary loss."""
    cases = [
        Case(f"{quantity}, x = {x}, y = {y}", dtype, quantity, [given], truth)
        for x, y, dtype in [
            (-20, 0, "float32"),
            (20, 1, "float32"),
            (-40, 0, "float64"),
            (40, 1, "float64"),
            (40, 0, "float64"),
        ]
        for given in binary(x, y, dtype)
        for quantity, truth in [("bce", true_bce), ("bce gradient", true_bce_gradient)]
    ]
    return [
        *cases,
        Case(
            "bce, x = +inf, y = 1",
            "float64",
            "bce",
            binary(np.inf, 1, "float64"),
            lambda x, y: mpmath.mpf(0),
        ),
        Case(
            "bce of p = 1e-50, y = 1",
            "float64",
            "bce of p",
            binary(1e-50, 1, "float64"),
            lambda p, y: -mpmath.log(exactly(p)[0]),
        ),
    ]


def divergences() -> list[Case]:
    """List near-equal distributions that sum to exactly one."""
    cases = []
    for power in (20, 34):
        step = 2.0**-power
        p, q = np.array([0.75, 0.25]), np.array([0.75 + step, 0.25 - step])
        name = f"kl, [3/4, 1/4] moved by 2^-{power}"
        cases.append(Case(name, "float64", "kl", [(p, q)], true_kl))
    return cases


# --- measuring -------------------------------------------------------------


def ulps(value: float, exact: mpmath.mpf, dtype: str) -> float:
    """Return how many units in the last place `value` is from `exact`."""
    unit = np.spacing(np.dtype(dtype).type(abs(float(exact))))
    return float(abs(mpmath.mpf(value) - exact) / mpmath.mpf(float(unit)))


def in_words(value: float, exact: mpmath.mpf, dtype: str) -> str:
    """Judge one value: ulps, or what became of it."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0 and exact != 0:
        return "0 (lost)"
    off = ulps(value, exact, dtype)
    if off < 100:
        return f"{off:.1f}"
    return (
        f"{off:,.0f}"
        if off < 1e5
        else f"{off:.0e}".replace("e+0", "e").replace("e+", "e")
    )


def badness(value: float, exact: mpmath.mpf, dtype: str) -> float:
    """Order values from good to bad: what is not a number is worst."""
    return ulps(value, exact, dtype) if math.isfinite(value) else math.inf


def measure(case: Case, functions: Functions) -> str:
    """Judge a library on a case, by the worst of its inputs."""
    if case.quantity not in functions:
        return NO_SUCH
    worst, words = -1.0, ""
    for given in case.inputs:
        exact = case.truth(*given)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value = float(functions[case.quantity](*given))
        bad = badness(value, exact, case.dtype)
        if bad > worst:
            worst, words = bad, in_words(value, exact, case.dtype)
    return words


def run(cases: Sequence[Case], loaded: Mapping[str, Functions]) -> list[dict[str, str]]:
    """Judge every library on every case."""
    rows = []
    for i, case in enumerate(cases, 1):
        print(f"[{i}/{len(cases)}] {case.name}", file=sys.stderr, flush=True)
        row = {"case": case.name, "dtype": case.dtype}
        for library in LIBRARIES:
            known = library in loaded
            row[library] = measure(case, loaded[library]) if known else ABSENT
        rows.append(row)
    return rows


def main() -> None:
    """Measure, print, and keep the result."""
    mpmath.mp.dps = 60
    loaded, missing = load_all()
    rows = run(all_cases(), loaded)
    result = results.make(
        "accuracy",
        "Error in units in the last place (ulps), against 60 digits",
        ["case", "dtype", *LIBRARIES],
        rows,
        missing=missing,
        notes=[
            "gradient: that at the target. 0 (lost): the answer is not 0, but the "
            "library says so.",
            f"{NO_SUCH}: the library has no such function. SciPy's losses are "
            "combined from its log_softmax, softmax, log_expit and rel_entr; "
            "scikit-learn's is log_loss of its softmax.",
        ],
    )
    print(results.report(result))
    print(f"Written to {results.write('accuracy', result).relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
