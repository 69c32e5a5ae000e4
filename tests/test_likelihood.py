"""celib.likelihood: values by hand, both libraries, every message."""

import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
import torch
from arrays import both_libraries
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from celib import likelihood


@both_libraries
def test_bernoulli_by_hand(array):
    y = array([1, 1, 0, 1])
    one_for_all = float(likelihood.bernoulli_nll(array(0.75), y))
    assert one_for_all == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)))
    each = float(likelihood.bernoulli_nll(array([0.5, 1.0, 0.0, 0.25]), y))
    assert each == pytest.approx(3 * math.log(2))
    tiny = float(likelihood.bernoulli_nll(array(1e-20), array([0])))
    assert tiny == pytest.approx(1e-20)
    assert float(likelihood.bernoulli_nll(array(0.0), y)) == math.inf
    assert float(likelihood.bernoulli_nll(array(0.5), array([1])[:0])) == 0.0


@both_libraries
def test_categorical_by_hand(array):
    labels = array([0, 0, 2])
    die = array([0.5, 0.25, 0.25])
    nll = float(likelihood.categorical_nll(die, labels))
    assert nll == pytest.approx(4 * math.log(2))
    rows = array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    nll = float(likelihood.categorical_nll(rows, labels))
    assert nll == pytest.approx(3 * math.log(2))
    assert float(likelihood.categorical_nll(array([1.0, 0.0]), array([1]))) == math.inf
    assert float(likelihood.categorical_nll(die, labels[:0])) == 0.0


@both_libraries
def test_mle_by_hand(array):
    np.testing.assert_allclose(likelihood.categorical_mle(array([7, 3])), [0.7, 0.3])
    smoothed = likelihood.categorical_mle(array([[2, 0], [0, 0]]), alpha=1.0)
    np.testing.assert_allclose(smoothed, [[0.75, 0.25], [0.5, 0.5]])
    weights = array([1.5, 0.5], np.float32)
    assert likelihood.categorical_mle(weights).dtype == weights.dtype


def test_agrees_with_scikit_learn_and_torch():
    rng = np.random.default_rng(0)
    q, labels = rng.dirichlet(np.ones(5), 100), rng.integers(0, 5, 100)
    nll = likelihood.categorical_nll(q, labels)
    theirs = sklearn.metrics.log_loss(labels, q, normalize=False, labels=range(5))
    assert float(nll) == pytest.approx(theirs, rel=1e-12)
    log_q = torch.from_numpy(np.log(q))
    total = torch.nn.functional.nll_loss(
        log_q, torch.from_numpy(labels), reduction="sum"
    )
    assert float(nll) == pytest.approx(float(total), rel=1e-12)


@given(
    hnp.arrays(np.int64, 4, elements=st.integers(0, 50)).filter(lambda n: n.sum() > 0),
    hnp.arrays(np.float64, 4, elements=st.floats(0.01, 1.0)).map(lambda w: w / w.sum()),
)
def test_no_model_beats_the_shares(counts, other):
    labels = np.repeat(np.arange(4), counts)
    best = likelihood.categorical_nll(likelihood.categorical_mle(counts), labels)
    assert float(best) <= float(likelihood.categorical_nll(other, labels)) + 1e-9


def test_gradients_flow_through_tensors():
    q = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64, requires_grad=True)
    likelihood.categorical_nll(q, torch.tensor([0, 2, 2])).backward()
    torch.testing.assert_close(q.grad, torch.tensor([-5.0, 0.0, -4.0]).double())


@pytest.mark.parametrize(
    ("p", "y", "slope"),
    [(0.0, 0, 1), (0.0, 1, -math.inf), (1.0, 1, -1), (1.0, 0, math.inf), (0.5, 1, -2)],
)
def test_derivatives_at_certainty_are_one_sided(p, y, slope):
    for shape in ((), (1,)):
        p_t = torch.full(shape, p, requires_grad=True)
        likelihood.bernoulli_nll(p_t, torch.tensor([y])).backward()
        assert p_t.grad.item() == slope


@both_libraries
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.uint64])
def test_labels_of_every_integer_type(array, dtype):
    die = array([0.5, 0.25, 0.25])
    labels = array([0, 0, 2], dtype)
    nll = float(likelihood.categorical_nll(die, labels))
    assert nll == pytest.approx(4 * math.log(2))
    many = array(np.full(256, 1 / 256))
    last = float(likelihood.categorical_nll(many, array([255], np.uint8)))
    assert last == pytest.approx(math.log(256))
    yes = likelihood.bernoulli_nll(array([0.5, 0.25]), array([1, 0], dtype))
    assert float(yes) == pytest.approx(math.log(2) - math.log(0.75))
    assert likelihood.categorical_mle(array([3, 1], dtype)).tolist() == [0.75, 0.25]


@pytest.mark.parametrize("kind", [list, tuple, pd.Series])
def test_lists_and_tables_are_taken_as_data(kind):
    die, labels = kind([0.5, 0.25, 0.25]), kind([0, 0, 2])
    nll = likelihood.categorical_nll(die, labels)
    assert float(nll) == pytest.approx(4 * math.log(2))
    assert likelihood.categorical_mle(kind([3, 1])).tolist() == [0.75, 0.25]
    assert float(likelihood.bernoulli_nll(0.5, kind([1, 0]))) == 2 * math.log(2)
    assert float(likelihood.bernoulli_nll(1, kind([True]))) == 0
    beside_a_tensor = likelihood.bernoulli_nll(torch.tensor(0.5), [1, 0])
    assert float(beside_a_tensor) == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_numpy_warns_of_nothing_that_is_valid(dtype):
    # every warning is an error here: see pyproject.toml
    p = np.array([0, np.finfo(dtype).smallest_subnormal, 0.5, 1], dtype)
    for y in (np.zeros(4), np.ones(4, np.uint8), np.array([0, 1, 0, 1], bool)):
        assert likelihood.bernoulli_nll(p, y) >= 0
    assert likelihood.categorical_nll(p, np.array([0, 1, 2])) == math.inf
    shares = likelihood.categorical_mle(np.full(70_000, 1, dtype), alpha=1.0)
    assert shares.dtype == dtype
    assert float(shares[0]) == pytest.approx(1 / 70_000, rel=1e-2)


@pytest.mark.slow
# torch says so of itself when it first compiles
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_torch_transforms():
    rng = np.random.default_rng(1)
    q = torch.from_numpy(rng.dirichlet(np.ones(3), 5))
    labels = torch.from_numpy(rng.integers(0, 3, (5, 4)))
    yes = labels[:, :3] % 2
    calls = [
        (likelihood.categorical_nll, (q, labels)),
        (likelihood.bernoulli_nll, (q, yes)),
        (likelihood.categorical_mle, (q,)),
    ]
    for f, arrays in calls:

        def first(*xs, f=f):
            return f(*xs).sum()

        one_by_one = [f(*row) for row in zip(*arrays, strict=True)]
        torch.testing.assert_close(torch.func.vmap(f)(*arrays), torch.stack(one_by_one))
        row = [x[0] for x in arrays]
        compiled = torch.compile(f, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(*row), one_by_one[0])
        assert f(*(x.to("meta") for x in row)).shape == one_by_one[0].shape
        leaf = row[0].clone().requires_grad_()
        first(leaf, *row[1:]).backward()
        torch.testing.assert_close(torch.func.grad(first)(*row), leaf.grad)
        _, tangent = torch.func.jvp(
            lambda x, first=first, rest=tuple(row[1:]): first(x, *rest),
            (row[0],),
            (row[0],),
        )
        torch.testing.assert_close(tangent, (row[0] * leaf.grad).sum())


def test_wrong_input_is_refused():
    die, labels = np.array([0.5, 0.5]), np.array([0, 1])
    with pytest.raises(
        ValueError, match=r"labels must lie in \[0, 2\), got minimum -1"
    ):
        likelihood.categorical_nll(die, np.array([-1]))
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 2\), got maximum 2"):
        likelihood.categorical_nll(die, np.array([2]))
    with pytest.raises(
        TypeError, match="labels must hold integer class indices, got float64"
    ):
        likelihood.categorical_nll(die, np.array([0.0]))
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(2,\)"):
        likelihood.categorical_nll(np.full((3, 2), 0.5), labels)
    with pytest.raises(ValueError, match="probs must not be negative, got minimum -1"):
        likelihood.categorical_nll(np.array([2.0, -1.0]), labels)
    with pytest.raises(TypeError, match="probs and labels must come from one library"):
        likelihood.categorical_nll(die, torch.tensor([0]))
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\], got 1\.5"):
        likelihood.bernoulli_nll(np.array(1.5), labels)
    with pytest.raises(ValueError, match=r"p must lie in .*, got 1\.0000001"):
        likelihood.bernoulli_nll(torch.tensor(1.0000001, requires_grad=True), [0])
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\], got nan"):
        likelihood.bernoulli_nll(math.nan, labels)
    with pytest.raises(ValueError, match="y must hold only 0 and 1, got 2"):
        likelihood.bernoulli_nll(np.array(0.5), np.array([0, 2]))
    with pytest.raises(
        ValueError, match=r"p must have the shape of y or none, got \(1,\)"
    ):
        likelihood.bernoulli_nll(np.array([0.5]), labels)
    with pytest.raises(ValueError, match="counts must have a positive total, got 0"):
        likelihood.categorical_mle(np.zeros(3))
    with pytest.raises(ValueError, match="counts must not be negative, got minimum -1"):
        likelihood.categorical_mle(np.array([1, -1]))
    with pytest.raises(
        ValueError, match="alpha must be finite and not negative, got -1"
    ):
        likelihood.categorical_mle(np.array([1, 1]), alpha=-1)
    with pytest.raises(ValueError, match="counts must be finite, got infinity or NaN"):
        likelihood.categorical_mle(np.array([1, math.inf]))
    with pytest.raises(TypeError, match="counts must hold real numbers, got complex"):
        likelihood.categorical_mle(np.array([1j]))
    with pytest.raises(TypeError, match=r"got text or objects .*np\.unique\(labels"):
        likelihood.categorical_nll(die, ["head", "tail"])
