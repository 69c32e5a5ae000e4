"""celib.calibration: by hand, against torchmetrics and scikit-learn, every edge."""

import math

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
from arrays import both_libraries, to_numpy, to_torch, ulps
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
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from torchmetrics.functional import calibration_error

from celib.calibration import (
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
)
from celib.softmax import softmax


@both_libraries
def test_bins_worked_by_hand(array):
    bins = reliability_bins(array(RAIN), array(RAINED), n_bins=4)
    np.testing.assert_array_equal(bins.edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(bins.count, [1, 0, 1, 2])
    np.testing.assert_array_equal(bins.confidence, [0.125, math.nan, 0.5, 0.875])
    np.testing.assert_array_equal(bins.accuracy, [0, math.nan, 1, 0.5])
    rows = reliability_bins(array(ROWS), array(LABELS), n_bins=2)
    np.testing.assert_array_equal(rows.count, [0, 2])
    # the second row's tie goes to class 1, which is wrong
    np.testing.assert_array_equal(rows.accuracy, [math.nan, 0.5])


@both_libraries
def test_calibration_errors_worked_by_hand(array):
    def error(norm):
        return float(
            expected_calibration_error(array(RAIN), array(RAINED), n_bins=4, norm=norm)
        )

    assert error("l1") == (0.125 + 0.5 + 2 * 0.375) / 4
    assert error("l2") == math.sqrt((0.125**2 + 0.5**2 + 2 * 0.375**2) / 4)
    assert error("max") == 0.5


@both_libraries
def test_temperature_worked_by_hand(array):
    # right three times in four, at a logit gap of 4: 4 / T = log 3
    z, y = array([[4.0, 0.0]] * 4), array([0, 0, 0, 1])
    exact = 4 / mpmath.log(3)
    assert ulps(fit_temperature(z, y), exact) <= 4
    assert ulps(fit_temperature(array([4.0] * 4), 1 - y), exact) <= 4
    assert ulps(fit_temperature(z, array([[0.75, 0.25]] * 4)), exact) <= 4


@both_libraries
def test_temperature_of_a_segmentation_with_two_classes(array):
    # three pixels of four are right, at a logit of 4
    z = array([[4.0, 4.0], [4.0, -4.0]])
    y = array([[1, 1], [0, 0]])
    expected = 4 / math.log(3)
    assert fit_temperature(z, y, axis=None) == pytest.approx(expected, rel=1e-14)
    flat = fit_temperature(z.reshape(-1), y.reshape(-1))
    assert fit_temperature(z, y, axis=None) == flat
    with pytest.raises(
        ValueError, match=r"target must sum to 1 .*yes-or-no question, pass axis=None"
    ):
        fit_temperature(z, y)


@both_libraries
@pytest.mark.parametrize("n_bins", [1, 2, 3, 7, 10, 15, 64])
def test_edges_belong_to_the_bin_above_but_one_to_the_last(array, n_bins):
    for dtype in (np.float64, np.float32):
        marks = (np.arange(n_bins + 1) / n_bins).astype(dtype)
        ones = np.ones(n_bins + 1, int)
        bins = reliability_bins(array(marks), array(ones), n_bins=n_bins)
        np.testing.assert_array_equal(bins.edges, marks)
        np.testing.assert_array_equal(bins.count, [1] * (n_bins - 1) + [2])
        below = np.nextafter(marks[1:], dtype(0))
        bins = reliability_bins(array(below), array(ones[1:]), n_bins=n_bins)
        np.testing.assert_array_equal(bins.count, [1] * n_bins)
    typed = reliability_bins(array([0.3]), array([1]), n_bins=10)
    assert int(typed.count[3]) == 1


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("n_bins", [1, 2, 5, 10, 15, 16, 100])
def test_agrees_with_torchmetrics(n_bins, norm):
    z, labels = forecasts(3000)
    q = softmax(z).astype(np.float32)
    theirs = calibration_error(
        torch.from_numpy(q),
        torch.from_numpy(labels),
        "multiclass",
        n_bins,
        norm,
        num_classes=4,
    )
    ours = expected_calibration_error(q, labels, n_bins=n_bins, norm=norm)
    # it adds up thousands of float32 one by one, which celib does by pairs
    assert float(ours) == pytest.approx(float(theirs), abs=2e-6)
    wide = expected_calibration_error(q.astype(float), labels, n_bins=n_bins, norm=norm)
    assert float(ours) == pytest.approx(float(wide), abs=2e-7)
    one, ones = softmax(z)[:, 1].copy(), (labels == 1).astype(int)
    theirs = calibration_error(
        torch.from_numpy(one), torch.from_numpy(ones), "binary", n_bins, norm
    )
    ours = expected_calibration_error(one, ones, n_bins=n_bins, norm=norm)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-12)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("n_bins", [1, 2, 4, 16, 64])
def test_agrees_with_torchmetrics_on_the_edges(n_bins, norm):
    rng = np.random.default_rng(3)
    # on the edges, zero too; torchmetrics is wrong about one (#3510)
    q, y = rng.integers(0, 64, 500) / 64, rng.integers(0, 2, 500)
    theirs = calibration_error(
        torch.from_numpy(q), torch.from_numpy(y), "binary", n_bins, norm
    )
    ours = expected_calibration_error(q, y, n_bins=n_bins, norm=norm)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-13)
    rows, labels = np.stack([1 - q, q], axis=-1), y
    sure = rows.max(axis=-1) == 1
    rows, labels = rows[~sure], labels[~sure]
    theirs = calibration_error(
        torch.from_numpy(rows),
        torch.from_numpy(labels),
        "multiclass",
        n_bins,
        norm,
        num_classes=2,
    )
    ours = expected_calibration_error(rows, labels, n_bins=n_bins, norm=norm)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_where_torchmetrics_bins_otherwise():
    def both(q, y, n_bins):
        q, y = torch.tensor(q, dtype=torch.float64), torch.tensor(y)
        theirs = calibration_error(q, y, "binary", n_bins)
        return float(expected_calibration_error(q, y, n_bins=n_bins)), theirs

    # exactly 1 is in a bin of its own there: gaps no longer cancel
    ours, theirs = both([0.75, 1.0], [1, 0], 2)
    assert ours == 0.375
    assert float(theirs) == 0.625
    # its edge 3/10 is a last bit above 0.3, so that 0.3 is below
    ours, theirs = both([0.3, 0.25], [0, 1], 10)
    assert ours == pytest.approx((0.3 + 0.75) / 2)
    assert float(theirs) == pytest.approx(0.5 - 0.275)


def test_agrees_with_sklearns_calibration_curve_off_the_edges():
    z, labels = forecasts(3000)
    one, ones = softmax(z)[:, 1], (labels == 1).astype(int)
    accuracy, confidence = calibration_curve(ones, one, n_bins=15)
    bins = reliability_bins(one, ones)
    held = bins.count > 0
    np.testing.assert_allclose(bins.accuracy[held], accuracy, rtol=1e-12)
    np.testing.assert_allclose(bins.confidence[held], confidence, rtol=1e-12)
    # on an edge: below there, above here
    _, below = calibration_curve([0, 1], [0.25, 0.5], n_bins=2)
    np.testing.assert_array_equal(below, [0.375])
    above = reliability_bins(np.array([0.25, 0.5]), np.array([0, 1]), n_bins=2)
    np.testing.assert_array_equal(above.confidence, [0.25, 0.5])


@both_libraries
@pytest.mark.parametrize("n", [1, 7, 100, 101])
@pytest.mark.parametrize("n_bins", [1, 3, 15])
def test_quantile_bins_hold_equal_numbers(array, n, n_bins):
    q = np.random.default_rng(n).uniform(size=n)
    bins = reliability_bins(
        array(q), array(np.zeros(n)), n_bins=n_bins, strategy="quantile"
    )
    count = np.asarray(bins.count)
    assert count.sum() == n
    assert count.max() - count.min() <= 1
    assert float(bins.edges[0]) == q.min()
    assert float(bins.edges[-1]) == q.max()


@both_libraries
def test_quantile_bins_keep_equal_probabilities_together(array):
    q, y = array([0.25, 0.5, 0.5, 0.5]), array([0, 1, 0, 1])
    bins = reliability_bins(q, y, n_bins=4, strategy="quantile")
    np.testing.assert_array_equal(bins.count, [1, 0, 0, 3])
    error = expected_calibration_error(q, y, n_bins=4, strategy="quantile")
    assert float(error) == pytest.approx(0.25 / 4 + 3 / 4 * (2 / 3 - 1 / 2))


def brute_force(z, target):
    """The root, by scipy, of the derivative that finite differences confirm."""
    if z.ndim == 1:
        z, target = np.stack([0 * z, z], -1), np.stack([1 - target, target], -1)
    y = np.eye(z.shape[-1])[target] if target.ndim == 1 else target

    def loss(log_t):
        return -(y * scipy.special.log_softmax(z / np.exp(log_t), axis=-1)).sum()

    def derivative(log_t):
        q = scipy.special.softmax(z / np.exp(log_t), axis=-1)
        return ((y - q) * z).sum()

    best = scipy.optimize.brentq(derivative, -12, 12, xtol=1e-15, rtol=1e-14)
    assert loss(best) <= min(loss(best - 1e-3), loss(best + 1e-3))
    return math.exp(best)


@pytest.mark.parametrize("sharper", [0.01, 0.4, 1.0, 2.4, 100.0])
@pytest.mark.parametrize("k", [1, 2, 4, 50])
def test_temperature_is_what_brute_force_finds(k, sharper):
    z, labels = forecasts(500, max(k, 2), seed=k, sharper=sharper)
    z = z[:, 1] - z[:, 0] if k == 1 else z
    expected = brute_force(z, labels)
    for array in (to_numpy, to_torch):
        found = fit_temperature(array(z), array(labels))
        assert type(found) is float
        assert found == pytest.approx(expected, rel=1e-11)


def test_temperature_of_soft_targets_is_what_brute_force_finds():
    z, _ = forecasts(500)
    y = np.random.default_rng(5).dirichlet(np.ones(4), 500)
    y = 0.5 * y + 0.5 * softmax(z)
    assert fit_temperature(z, y) == pytest.approx(brute_force(z, y), rel=1e-11)
    # soft targets that are the model's own need no other temperature
    own = softmax(z, temperature=2.4)
    assert fit_temperature(z, own) == pytest.approx(2.4, rel=1e-13)


def test_one_error_among_many_sure_answers_is_found_to_the_last_digits():
    # the mean costs nothing but for one item: 1 - (n - 1) e is lost, e is not
    n, gap = 10**6, 1.0
    z = np.zeros((n, 2))
    z[:, 0] = gap
    y = np.zeros(n, int)
    y[0] = 1
    exact = gap / mpmath.log(n - 1)
    assert fit_temperature(z, y) == pytest.approx(float(exact), rel=1e-13)


def test_calibrated_forecasts_need_a_temperature_near_one():
    z, labels = forecasts(20_000)
    assert fit_temperature(z, labels) == pytest.approx(1, abs=0.03)
    sure = fit_temperature(2.4 * z, labels)
    assert sure == pytest.approx(2.4, abs=0.07)


def test_temperature_lowers_the_loss_and_mends_the_calibration():
    z, labels = forecasts(4000, sharper=2.4)
    t = fit_temperature(z, labels)
    before, after = softmax(z), softmax(z, temperature=t)
    for score in (*SCORES, expected_calibration_error):
        assert float(score(after, labels)) < float(score(before, labels))
    np.testing.assert_array_equal(before.argmax(-1), after.argmax(-1))


@given(st.floats(1e-3, 1e3), st.integers(0, 5))
def test_temperature_scales_with_the_logits(c, seed):
    z, labels = forecasts(100, seed=seed)
    t = fit_temperature(z, labels)
    found = fit_temperature(c * z, labels)
    assert found == pytest.approx(c * t, rel=1e-12, abs=0)
    shifted = z + 3.0
    assert fit_temperature(shifted, labels) == pytest.approx(t, rel=1e-12)


def test_temperature_is_found_where_newton_alone_loses_its_way():
    z, labels = np.array([[8000.0, -8000, 4000], [-0.1, 0, 0]]), np.array([2, 0])
    expected = brute_force(z, labels)
    assert fit_temperature(z, labels) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("c", [1e-300, 1e-200, 1e200, 1e300])
def test_temperature_of_logits_whose_squares_leave_the_range(c):
    z, labels = forecasts(100)
    t = fit_temperature(z, labels)
    found = fit_temperature(c * z, labels)
    assert found == pytest.approx(c * t, rel=1e-12, abs=0)


def test_agrees_with_sklearns_temperature():
    z, labels = forecasts(400, sharper=2.4)
    model = LogisticRegression().fit(z, labels)
    frozen = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
    frozen.fit(z, labels)
    beta = frozen.calibrated_classifiers_[0].calibrators[0].beta_
    ours = fit_temperature(model.decision_function(z), labels)
    assert ours == pytest.approx(float(1 / beta), rel=1e-6)


def test_a_gap_of_zero_has_a_finite_derivative():
    for norm in ("l1", "l2", "max"):
        q = torch.tensor([0.5, 0.5], requires_grad=True)
        error = expected_calibration_error(q, torch.tensor([0, 1]), norm=norm)
        error.backward()
        assert error.item() == 0
        assert bool(torch.isfinite(q.grad).all())


def test_a_best_temperature_that_does_not_exist_is_refused():
    z = np.array([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    none = r"target must differ from the top class at times.*got 0 below the top logit"
    for right in (np.array([0, 1]), np.eye(3)[:2]):
        with pytest.raises(ValueError, match=none):
            fit_temperature(z, right)
    with pytest.raises(ValueError, match=r"got 2.5 below the top .*chance 1.66667"):
        fit_temperature(z, np.array([2, 2]))
    with pytest.raises(ValueError, match="got 0 below the top logit, by chance 0"):
        fit_temperature(np.zeros((3, 2)), np.array([0, 1, 0]))
    with pytest.raises(RuntimeError, match="max_iter must exceed 2, got to T="):
        fit_temperature(*forecasts(100, sharper=100), max_iter=2)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_logits_must_be_finite(odd):
    with pytest.raises(ValueError, match=f"logits must be finite, got {odd}"):
        fit_temperature(np.array([[odd, 0.0], [1.0, 0.0]]), np.array([1, 0]))


@pytest.mark.parametrize("call", [reliability_bins, fit_temperature])
def test_tensors_without_numbers_are_refused(call):
    q, y = torch.tensor([[0.5, 0.25]] * 2), torch.tensor([[0, 1]] * 2)
    message = f"{call.__name__} needs numbers, got tensors that torch only traces"
    with pytest.raises(TypeError, match=message):
        call(q[0].to("meta"), y[0].to("meta"))
    with pytest.raises(TypeError, match=message):
        torch.func.vmap(call)(q, y)
