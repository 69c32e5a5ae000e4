"""What works where: a call of every public function, and every way torch may take it.

`python tests/support.py` measures all of them and renews the table of appendix E.
"""

import contextlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from arrays import slope, to_numpy, to_torch
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from celib import (
    calibration,
    gradients,
    information,
    likelihood,
    linear,
    losses,
    parallel,
    scoring,
    softmax,
)

MODULES = (
    softmax,
    losses,
    linear,
    parallel,
    gradients,
    information,
    likelihood,
    scoring,
    calibration,
)
TABLE = Path(__file__).resolve().parent.parent / "web" / "support.json"
RENEW = "python tests/support.py"

# Said by torch about itself, or about any branch in what jit.trace follows.
OF_TORCH = (
    (".*torch.jit.* is deprecated", DeprecationWarning),
    (".*", torch.jit.TracerWarning),
)

# ---- one call of every function --------------------------------------------

_rng = np.random.default_rng(0)
Z = _rng.normal(size=(3, 4))
TEACHER = _rng.normal(size=(3, 4))
LABELS = np.array([0, 2, 1])
P = _rng.dirichlet(np.ones(4) * 4, 3)
Q = _rng.dirichlet(np.ones(4) * 4, 3)
X = _rng.normal(size=6)
ANSWERS = _rng.random(6)
FORECASTS = _rng.uniform(0.2, 0.8, 6)
SIGNS = np.array([1, -1, 1, 1, -1, -1])
YES = (SIGNS + 1) // 2


class Call(NamedTuple):
    """A function, the array that is varied, what else goes in, and what matters."""

    function: Callable[..., Any]
    x: np.ndarray
    others: tuple[np.ndarray, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012

    def bind(self, array: Callable[..., Any]) -> Callable[[Any], Any]:
        """Return a number as a function of x alone, for arrays of one kind."""
        others = [array(other) for other in self.others]

        def number(x: Any) -> Any:
            return as_number(self.function(x, *others, **self.options))

        return number


def as_number(result: Any) -> Any:
    """Return one number that depends on all that a function returns."""
    if isinstance(result, calibration.ReliabilityBins):
        return (result.confidence[result.count > 0] ** 2).sum()
    if isinstance(result, tuple):
        return sum(as_number(part) for part in result)
    # NumPy's float64 is a float, too
    return result if type(result) is float else (result**2).sum()


NAMED = {
    "softmax": {
        "log_sigmoid": Call(softmax.log_sigmoid, X),
        "log_softmax": Call(softmax.log_softmax, Z),
        "logsumexp": Call(softmax.logsumexp, Z),
        "sigmoid": Call(softmax.sigmoid, X),
        "softmax": Call(softmax.softmax, Z, (), {"temperature": 2.0}),
    },
    "losses": {
        "binary_cross_entropy": Call(
            losses.binary_cross_entropy, FORECASTS, (ANSWERS,)
        ),
        "binary_cross_entropy_with_logits": Call(
            losses.binary_cross_entropy_with_logits, X, (ANSWERS,)
        ),
        "cross_entropy": Call(
            losses.cross_entropy, Z, (LABELS,), {"label_smoothing": 0.1}
        ),
        "distillation_loss": Call(
            losses.distillation_loss, Z, (TEACHER,), {"temperature": 2.0}
        ),
        "focal_loss": Call(losses.focal_loss, Z, (LABELS,)),
        "hinge_loss": Call(losses.hinge_loss, X, (SIGNS,)),
        "info_nce": Call(losses.info_nce, Z[:, 0], (Z[:, 1:],)),
        "mse_loss": Call(losses.mse_loss, X, (ANSWERS,)),
        "multiclass_hinge_loss": Call(losses.multiclass_hinge_loss, Z, (LABELS,)),
        "nll": Call(losses.nll, np.log(P), (LABELS,)),
        "poly1_cross_entropy": Call(losses.poly1_cross_entropy, Z, (LABELS,)),
        "sigmoid_focal_loss": Call(
            losses.sigmoid_focal_loss, X, (ANSWERS,), {"alpha": 0.25}
        ),
    },
    "linear": {
        "linear_cross_entropy": Call(
            linear.linear_cross_entropy, Z, (TEACHER @ TEACHER.T @ Z, LABELS)
        ),
    },
    "parallel": {
        "vocab_parallel_cross_entropy": Call(
            parallel.vocab_parallel_cross_entropy, Z, (LABELS,)
        ),
    },
    "gradients": {
        "binary_cross_entropy_with_logits_value_and_grad": Call(
            gradients.binary_cross_entropy_with_logits_value_and_grad, X, (ANSWERS,)
        ),
        "cross_entropy_hessian": Call(gradients.cross_entropy_hessian, Z),
        "cross_entropy_value_and_grad": Call(
            gradients.cross_entropy_value_and_grad, Z, (LABELS,)
        ),
        "softmax_jacobian": Call(gradients.softmax_jacobian, Z),
    },
    "information": {
        "cross_entropy": Call(information.cross_entropy, P, (Q,)),
        "entropy": Call(information.entropy, P),
        "js_divergence": Call(information.js_divergence, P, (Q,)),
        "kl_divergence": Call(information.kl_divergence, P, (Q,)),
        "perplexity": Call(information.perplexity, P),
        "surprisal": Call(information.surprisal, P),
    },
    "likelihood": {
        "bernoulli_nll": Call(likelihood.bernoulli_nll, FORECASTS, (YES,)),
        "categorical_mle": Call(likelihood.categorical_mle, P, (), {"alpha": 1.0}),
        "categorical_nll": Call(likelihood.categorical_nll, P, (LABELS,)),
    },
    "scoring": {
        "brier_score": Call(scoring.brier_score, P, (LABELS,)),
        "log_loss": Call(scoring.log_loss, P, (LABELS,)),
    },
    "calibration": {
        "expected_calibration_error": Call(
            calibration.expected_calibration_error, FORECASTS, (YES,)
        ),
        "fit_temperature": Call(
            calibration.fit_temperature, Z, (np.roll(Z, 1, -1).argmax(-1),)
        ),
        "reliability_bins": Call(calibration.reliability_bins, FORECASTS, (YES,)),
    },
}
CALLS = {
    f"{module}.{name}": call
    for module, calls in NAMED.items()
    for name, call in calls.items()
}

# ---- the ways ----------------------------------------------------------------


class NoGradient(Exception):
    """A result that autograd does not know: torch says so if it is asked."""


def shifted(x: Any) -> Any:
    """Other numbers of the same kind, which must give another answer."""
    roll = np.roll if isinstance(x, np.ndarray) else torch.roll
    return roll(x, 1, -1)


def direction(x: np.ndarray) -> np.ndarray:
    """Where to go from x; rows keep their sums, so that distributions stay such."""
    v = np.random.default_rng(1).normal(size=x.shape)
    return v - v.mean(-1, keepdims=True)


def expected(call: Call, x: np.ndarray) -> float:
    """Value at x, in NumPy if the function takes arrays."""
    if takes_numpy(call):
        return float(call.bind(to_numpy)(x))
    with torch.no_grad():
        return float(call.bind(to_torch)(torch.tensor(x)))


def expected_slope(call: Call) -> float:
    """Derivative along `direction`, by differences."""
    v = direction(call.x)
    return float(slope(lambda t: expected(call, call.x + t * v), np.array(0.0)))


def takes_numpy(call: Call) -> bool:
    return call.function.__module__ not in ("celib.linear", "celib.parallel")


def close(found: Any, wanted: float, digits: float = 1e-9) -> None:
    """Compare numbers; the bound is wide enough for differences."""
    np.testing.assert_allclose(float(found), wanted, rtol=digits, atol=digits)


def along(grad: torch.Tensor, call: Call) -> float:
    return float((grad * torch.tensor(direction(call.x))).sum())


def recorded(call: Call) -> torch.Tensor:
    return torch.tensor(call.x, requires_grad=True)


def in_numpy(call: Call) -> None:
    if not takes_numpy(call):
        raise TypeError("takes torch tensors, got arrays of NumPy")
    others = [other.copy() for other in call.others]
    x = call.x.copy()
    result = call.function(x, *others, **call.options)
    assert np.isfinite(float(as_number(result)))
    for before, after in zip((call.x, *call.others), (x, *others), strict=True):
        np.testing.assert_array_equal(before, after)


def in_eager(call: Call) -> None:
    close(call.bind(to_torch)(torch.tensor(call.x)), expected(call, call.x), 1e-12)


def in_backward(call: Call) -> None:
    x = recorded(call)
    result = call.bind(to_torch)(x)
    if not getattr(result, "requires_grad", False):
        raise NoGradient
    result.backward()
    close(along(x.grad, call), expected_slope(call))


def twice(call: Call) -> None:
    x = recorded(call)
    f = call.bind(to_torch)
    if not getattr(f(x), "requires_grad", False):
        raise NoGradient
    # what was kept for the first pass may differ from the next in its last digit
    assert torch.autograd.gradgradcheck(f, x, nondet_tol=1e-12)


def compiled(call: Call) -> None:
    torch._dynamo.reset()
    f = torch.compile(call.bind(to_torch), fullgraph=True, backend="aot_eager")
    x = recorded(call)
    result = f(x)
    close(result.detach(), expected(call, call.x), 1e-12)
    if result.requires_grad:
        result.backward()
        close(along(x.grad, call), expected_slope(call))
    other = shifted(call.x)
    close(f(torch.tensor(other)), expected(call, other), 1e-12)


def follows(call: Call, trace: Callable[..., Any]) -> None:
    """What was written down for one input must be right for another."""
    written = trace(call.bind(to_torch), torch.tensor(call.x))
    other = shifted(call.x)
    close(written(torch.tensor(other)), expected(call, other), 1e-12)


def exported(call: Call) -> None:
    def trace(f: Any, x: Any) -> Any:
        class Module(torch.nn.Module):
            def forward(self, x: Any) -> Any:
                return f(x)

        return torch.export.export(Module(), (x,)).module()

    follows(call, trace)


def made_fx(call: Call) -> None:
    follows(call, lambda f, x: make_fx(f)(x))


def jit_traced(call: Call) -> None:
    follows(call, lambda f, x: torch.jit.trace(f, (x,), check_trace=False))


def func_grad(call: Call) -> None:
    grad = torch.func.grad(call.bind(to_torch))(torch.tensor(call.x))
    close(along(grad, call), expected_slope(call))


def jacrev(call: Call) -> None:
    grad = torch.func.jacrev(call.bind(to_torch))(torch.tensor(call.x))
    close(along(grad, call), expected_slope(call))


def mapped(call: Call) -> None:
    x = np.stack([call.x, shifted(call.x)])
    found = torch.func.vmap(call.bind(to_torch))(torch.tensor(x))
    for one, row in zip(found, x, strict=True):
        close(one, expected(call, row), 1e-12)


def jvp(call: Call) -> None:
    pair = torch.tensor(call.x), torch.tensor(direction(call.x))
    value, tangent = torch.func.jvp(call.bind(to_torch), *((x,) for x in pair))
    close(value, expected(call, call.x), 1e-12)
    close(tangent, expected_slope(call))


def in_forward_mode(call: Call) -> None:
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.tensor(call.x), torch.tensor(direction(call.x)))
        result = call.bind(to_torch)(x)
        if isinstance(result, float):
            raise NoGradient
        tangent = forward_ad.unpack_dual(result).tangent
        assert tangent is not None, "a tangent is lost without a word"
        close(tangent, expected_slope(call))


def on_meta(call: Call) -> None:
    def to_meta(values: Any) -> torch.Tensor:
        return torch.tensor(values).to("meta")

    same_make(call, to_meta)


def as_fake(call: Call) -> None:
    with torch._subclasses.FakeTensorMode():
        same_make(call, torch.tensor)


def same_make(call: Call, array: Callable[..., Any]) -> None:
    """Without numbers, types and shapes must be what they are with them."""
    others = [array(other) for other in call.others]
    found = call.function(array(call.x), *others, **call.options)
    given = [arg.copy() for arg in (call.x, *call.others)]
    convert = to_numpy if takes_numpy(call) else torch.from_numpy
    if torch._C._len_torch_dispatch_stack():
        with torch._subclasses.fake_tensor.unset_fake_temporarily():
            wanted = call.function(*map(convert, given), **call.options)
    else:
        wanted = call.function(*map(convert, given), **call.options)
    for one, other in zip(parts(found), parts(wanted), strict=True):
        assert tuple(one.shape) == tuple(other.shape)
        assert str(one.dtype).removeprefix("torch.") == str(other.dtype).removeprefix(
            "torch."
        )


def parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def under_autocast(call: Call) -> None:
    """Losses in half precision are float32; whatever else, as without autocast."""
    x = torch.tensor(call.x).bfloat16()
    others = [
        torch.tensor(other).bfloat16() if other.dtype.kind == "f" else to_torch(other)
        for other in call.others
    ]
    plain = call.function(x, *others, **call.options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = call.function(x, *others, **call.options)
    if isinstance(plain, float):
        assert plain == cast
        return
    leaves_float32 = call.function.__module__.startswith(
        ("celib.losses", "celib.softmax", "celib.linear", "celib.parallel")
    )
    for one, other in zip(parts(cast), parts(plain), strict=True):
        if leaves_float32:
            assert one.dtype == torch.float32
        torch.testing.assert_close(one.to(other.dtype), other, equal_nan=True)


WAYS: dict[str, Callable[[Call], None]] = {
    "NumPy": in_numpy,
    "eager": in_eager,
    "backward": in_backward,
    "twice": twice,
    "compile": compiled,
    "export": exported,
    "make_fx": made_fx,
    "jit.trace": jit_traced,
    "func.grad": func_grad,
    "jacrev": jacrev,
    "vmap": mapped,
    "jvp": jvp,
    "forward_ad": in_forward_mode,
    "meta": on_meta,
    "fake": as_fake,
    "autocast": under_autocast,
}

# ---- what came out -----------------------------------------------------------

YES_IT_WORKS, REFUSED, NOT_RECORDED = "yes", "refused", "no gradient"


@contextlib.contextmanager
def group_of_one() -> Iterator[None]:
    """Have a group of processes that is this one alone, for celib.parallel."""
    store = dist.HashStore()
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def outcome(name: str, way: str) -> str:
    """Tell what becomes of a call: a wrong number is an AssertionError."""
    with warnings.catch_warnings(), group_of_one():
        warnings.simplefilter("error")
        for message, category in OF_TORCH:
            warnings.filterwarnings("ignore", message, category)
        try:
            WAYS[way](CALLS[name])
        except NoGradient:
            return NOT_RECORDED
        except (TypeError, RuntimeError) as error:
            if not is_refusal(error):
                raise
            return REFUSED
    return YES_IT_WORKS


# torch.compile wraps what was raised, and quotes it.
SENTENCES = (
    "needs numbers, got tensors that torch only traces",
    "is not formed while torch.jit traces",
    "must be a torch tensor",
    "must be numbers that ranks can exchange",
    "create_graph must be False for",
    "takes torch tensors",
)


def is_refusal(error: Exception) -> bool:
    """Tell if celib said in one sentence that it does not do this."""
    return any(sentence in str(error) for sentence in SENTENCES)


def measured() -> dict[str, dict[str, str]]:
    return {name: {way: outcome(name, way) for way in WAYS} for name in CALLS}


def stored() -> dict[str, dict[str, str]]:
    return json.loads(TABLE.read_text())


def main() -> None:
    rows = (
        f"{json.dumps(name)}: {json.dumps(row)}" for name, row in measured().items()
    )
    TABLE.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    print(f"{TABLE.name} is renewed: `make book` shows it in appendix E")


if __name__ == "__main__":
    sys.exit(main())
