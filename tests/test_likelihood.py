"""celib.likelihood: values by hand, both libraries, every message."""

import math

import numpy as np
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


@both_libraries
def test_mle_by_hand(array):
    np.testing.assert_allclose(likelihood.categorical_mle(array([7, 3])), [0.7, 0.3])
    smoothed = likelihood.categorical_mle(array([[2, 0], [0, 0]]), alpha=1.0)
    np.testing.assert_allclose(smoothed, [[0.75, 0.25], [0.5, 0.5]])
    weights = array([1.5, 0.5], np.float32)
    assert likelihood.categorical_mle(weights).dtype == weights.dtype


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
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\], got maximum 1.5"):
        likelihood.bernoulli_nll(np.array(1.5), labels)
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
    with pytest.raises(ValueError, match="alpha must not be negative, got -1"):
        likelihood.categorical_mle(np.array([1, 1]), alpha=-1)
