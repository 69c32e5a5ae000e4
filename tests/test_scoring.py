"""celib.scoring: worked by hand, against scikit-learn, every edge."""

import math

import mpmath
import numpy as np
import pytest
import torch
from arrays import both_libraries, exactly, ulps
from forecasts import (
    LABELS,
    RAIN,
    RAINED,
    ROWS,
    SCORES,
    forecasts,
)
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from celib import calibration, losses, scoring
from celib.softmax import softmax


@both_libraries
def test_brier_scores_worked_by_hand(array):
    binary = scoring.brier_score(array(RAIN), array(RAINED))
    assert float(binary) == (0.125**2 + 0.5**2 + 0.75**2) / 4
    rows = scoring.brier_score(array(ROWS), array(LABELS))
    assert float(rows) == (0.25 + 2 * 0.0625 + 2 * 0.25) / 2
    worst = scoring.brier_score(array([[1.0, 0.0]]), array([1]))
    assert float(worst) == 2


@both_libraries
def test_log_losses_worked_by_hand(array):
    binary = scoring.log_loss(array(RAIN), array(RAINED))
    hand = -(math.log(0.875) + math.log(0.5) + math.log(0.25)) / 4
    assert float(binary) == pytest.approx(hand, rel=1e-15)
    rows = scoring.log_loss(array(ROWS), array(LABELS))
    assert float(rows) == pytest.approx(math.log(2), rel=1e-15)
    sure = scoring.log_loss(array([1.0, 0.0]), array([1, 0]))
    assert math.copysign(1, float(sure)) == 1
    assert float(sure) == 0


@both_libraries
@pytest.mark.parametrize("score", SCORES)
def test_two_classes_and_one_probability_agree(array, score):
    q, y = array(RAIN), array(RAINED)
    both = array(np.stack([1 - np.array(RAIN), RAIN], axis=-1))
    times = 2 if score is scoring.brier_score else 1
    one = float(score(q, y))
    assert float(score(both, y)) == pytest.approx(times * one, rel=1e-15)
    column = score(array(np.array(RAIN)[:, None]), array(np.array(RAINED)[:, None]))
    assert float(column) == one


@both_libraries
def test_soft_targets_are_expectations_over_what_may_happen(array):
    q, y = array([0.25]), array([0.5])
    for score in SCORES:
        mean = (score(q, array([0])) + score(q, array([1]))) / 2
        spread = 0.25 if score is scoring.brier_score else 0
        assert float(score(q, y)) == pytest.approx(float(mean) - spread, rel=1e-15)


def test_agree_with_sklearn():
    z, labels = forecasts()
    q, weight = softmax(z), np.random.default_rng(1).uniform(size=400)
    ours = scoring.brier_score(q, labels)
    assert float(ours) == pytest.approx(metrics.brier_score_loss(labels, q), rel=1e-13)
    assert float(scoring.log_loss(q, labels, sample_weight=weight)) == pytest.approx(
        metrics.log_loss(labels, q, sample_weight=weight), rel=1e-13
    )
    one, ones = q[:, 1], (labels == 1).astype(int)
    theirs = metrics.brier_score_loss(ones, one)
    assert float(scoring.brier_score(one, ones)) == pytest.approx(theirs, rel=1e-13)
    two = np.stack([1 - one, one], axis=-1)
    twice = metrics.brier_score_loss(ones, two, scale_by_half=False)
    assert float(scoring.brier_score(two, ones)) == pytest.approx(twice, rel=1e-13)
    assert metrics.brier_score_loss(ones, two) == pytest.approx(twice / 2, rel=1e-13)
    assert float(scoring.log_loss(one, ones, sample_weight=weight)) == pytest.approx(
        metrics.log_loss(ones, one, sample_weight=weight), rel=1e-13
    )


def test_log_loss_is_the_cross_entropy_of_the_logits():
    z, labels = forecasts()
    loss = float(losses.cross_entropy(z, labels))
    assert float(scoring.log_loss(softmax(z), labels)) == pytest.approx(loss, rel=1e-13)


@both_libraries
def test_log_loss_is_never_clipped(array):
    tiny = array([1e-300, 1e-20])
    exact = (300 * mpmath.log(10) + mpmath.mpf("1e-20")) / 2
    assert ulps(scoring.log_loss(tiny, array([1, 0])), exact) <= 2
    assert metrics.log_loss([1, 0], [1e-300, 0.5]) < 36.1 / 2 + 1
    assert float(scoring.log_loss(array([0.0]), array([1]))) == math.inf
    assert float(scoring.log_loss(array([1.0]), array([0]))) == math.inf
    assert float(scoring.log_loss(array([[0.0, 1.0]]), array([0]))) == math.inf
    rare = float(scoring.log_loss(array([1e-20]), array([0])))
    assert rare == pytest.approx(1e-20, rel=1e-15, abs=0)


@both_libraries
def test_log_loss_is_exact_to_four_ulps(array):
    rng = np.random.default_rng(2)
    q, y = rng.uniform(size=1001) ** 8, rng.integers(0, 2, 1001)
    pairs = zip(exactly(q), y, strict=True)
    exact = -mpmath.fsum(mpmath.log(p if one else 1 - p) for p, one in pairs) / 1001
    assert ulps(scoring.log_loss(array(q), array(y)), exact) <= 4


@both_libraries
def test_weights_divide_by_their_sum(array):
    q, y = array([0.5, 0.25, 0.0]), array([1, 1, 1])
    weighted = scoring.log_loss(q, y, sample_weight=array([3.0, 1.0, 0.0]))
    assert float(weighted) == pytest.approx(1.25 * math.log(2), rel=1e-15)
    many = scoring.log_loss(q, y, sample_weight=array([300.0, 100.0, 0.0]))
    assert float(many) == pytest.approx(float(weighted), rel=1e-15)


questions = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=30
)


@given(questions, st.integers(1, 20), st.sampled_from(["uniform", "quantile"]))
def test_scores_are_bounded(items, n_bins, strategy):
    q, y = (np.array(column) for column in zip(*items, strict=True))
    options = {"n_bins": n_bins, "strategy": strategy}
    l1, l2, largest = (
        float(calibration.expected_calibration_error(q, y, norm=norm, **options))
        for norm in ("l1", "l2", "max")
    )
    near = 1 + 1e-12
    assert 0 <= l1 <= l2 * near + 1e-150
    assert l2 <= largest * near <= near**2
    assert 0 <= float(scoring.brier_score(q, y)) <= 1
    rows = np.stack([1 - q, q], axis=-1)
    assert 0 <= float(scoring.brier_score(rows, y)) <= 2
    assert float(scoring.log_loss(q, y)) >= 0
    bins = calibration.reliability_bins(q, y, **options)
    assert int(bins.count.sum()) == len(items)


def test_a_zero_that_did_not_happen_gives_a_finite_gradient():
    q = torch.tensor([[0.0, 1.0]], requires_grad=True)
    scoring.log_loss(q, torch.tensor([1])).backward()
    np.testing.assert_array_equal(q.grad, [[0.0, -1.0]])


def test_derivatives_at_certainty_are_one_sided():
    for q, y, slope in [(0.0, 0, 1), (1.0, 1, -1), (0.0, 1, -math.inf), (0.5, 1, -2)]:
        q_t = torch.tensor([q], requires_grad=True)
        scoring.log_loss(q_t, torch.tensor([y])).backward()
        assert q_t.grad.item() == slope
    # by a soft target it is -log q, at a target of 0 too
    y = torch.tensor([[1.0, 0.0]], requires_grad=True)
    scoring.log_loss(torch.tensor([[0.5, 0.5]]), y).backward()
    assert y.grad.tolist() == [[pytest.approx(math.log(2))] * 2]


def test_what_counts_for_nothing_has_no_derivative():
    q = torch.tensor([0.5, 0.0], requires_grad=True)
    weight = torch.tensor([1.0, 0.0])
    loss = scoring.log_loss(q, torch.tensor([1, 1]), sample_weight=weight)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert q.grad.tolist() == [-2, 0]


@both_libraries
def test_whole_numbers_are_weights(array):
    q, y = array([0.5, 0.25, 0.0]), array([1, 1, 1])
    found = scoring.log_loss(q, y, sample_weight=array([3, 1, 0]))
    assert float(found) == pytest.approx(1.25 * math.log(2), rel=1e-15)
    assert float(scoring.log_loss(q, y, sample_weight=[3, 1, 0])) == float(found)


@pytest.mark.slow
# torch says so of itself when it first compiles
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@pytest.mark.parametrize("score", SCORES)
def test_torch_transforms(score):
    z, labels = forecasts(12)
    rows, y = torch.from_numpy(softmax(z)), torch.from_numpy(labels)
    cube, corner = rows.reshape(3, 4, 4), y.reshape(3, 4)
    one_by_one = [score(*pair) for pair in zip(cube, corner, strict=True)]
    vectorised = torch.func.vmap(score)(cube, corner)
    torch.testing.assert_close(vectorised, torch.stack(one_by_one))
    compiled = torch.compile(score, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(rows, y), score(rows, y))
    assert score(rows.to("meta"), y.to("meta")).shape == ()
    leaf = rows.clone().requires_grad_()
    score(leaf, y).backward()
    torch.testing.assert_close(torch.func.grad(score)(rows, y), leaf.grad)
    _, tangent = torch.func.jvp(lambda q: score(q, y), (rows,), (rows,))
    torch.testing.assert_close(tangent, (rows * leaf.grad).sum())
