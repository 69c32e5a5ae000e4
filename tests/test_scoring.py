"""celib.scoring: worked by hand, against scikit-learn and torchmetrics, every edge."""

import math

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
from arrays import both_libraries, exactly, to_numpy, to_torch, ulps
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from torchmetrics.functional import calibration_error

from celib import losses, scoring
from celib.softmax import softmax

RAIN, RAINED = [0.125, 0.5, 0.75, 1.0], [0, 1, 0, 1]
ROWS, LABELS = [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]], [0, 2]
EVERY = [
    scoring.brier_score,
    scoring.log_loss,
    scoring.reliability_bins,
    scoring.expected_calibration_error,
]


def forecasts(n=400, k=4, seed=0, sharper=1.0):
    """Labels drawn from softmax(z), and the logits z times `sharper`."""
    rng = np.random.default_rng(seed)
    z = 2 * rng.normal(size=(n, k))
    chance = softmax(z).cumsum(axis=-1)
    labels = (rng.uniform(size=(n, 1)) > chance[:, :-1]).sum(axis=-1)
    return sharper * z, labels


def parts(result):
    """The arrays of a score, one or four."""
    return result if isinstance(result, tuple) else (result,)


# --- Brier score and log loss ----------------------------------------------


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
@pytest.mark.parametrize("score", EVERY[:2])
def test_two_classes_and_one_probability_agree(array, score):
    q, y = array(RAIN), array(RAINED)
    both = array(np.stack([1 - np.array(RAIN), RAIN], axis=-1))
    times = 2 if score is scoring.brier_score else 1
    one = float(score(q, y))
    assert float(score(both, y)) == pytest.approx(times * one, rel=1e-15)
    column = score(array(np.array(RAIN)[:, None]), array(np.array(RAINED)[:, None]))
    assert float(column) == one


@both_libraries
@pytest.mark.parametrize("score", EVERY)
def test_labels_one_hot_rows_and_axis_agree(array, score):
    z, labels = forecasts()
    q, hot = softmax(z), np.eye(4)[labels]
    expected = score(array(q), array(labels))
    cube, corner = q.reshape(20, 20, 4), labels.reshape(20, 20)
    for probs, target, axis in [
        (q, hot, -1),
        (q, hot.astype(int), -1),
        (q.T, labels, 0),
        (q.T, hot.T, 0),
        (np.moveaxis(cube, -1, 1), corner, 1),
    ]:
        got = score(array(np.ascontiguousarray(probs)), array(target), axis=axis)
        for a, b in zip(parts(got), parts(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)


@both_libraries
def test_soft_targets_are_expectations_over_what_may_happen(array):
    q, y = array([0.25]), array([0.5])
    for score in EVERY[:2]:
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


# --- calibration -----------------------------------------------------------


@both_libraries
def test_bins_worked_by_hand(array):
    bins = scoring.reliability_bins(array(RAIN), array(RAINED), n_bins=4)
    np.testing.assert_array_equal(bins.edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(bins.count, [1, 0, 1, 2])
    np.testing.assert_array_equal(bins.confidence, [0.125, math.nan, 0.5, 0.875])
    np.testing.assert_array_equal(bins.accuracy, [0, math.nan, 1, 0.5])
    rows = scoring.reliability_bins(array(ROWS), array(LABELS), n_bins=2)
    np.testing.assert_array_equal(rows.count, [0, 2])
    # the second row's tie goes to class 1, which is wrong
    np.testing.assert_array_equal(rows.accuracy, [math.nan, 0.5])


@both_libraries
def test_calibration_errors_worked_by_hand(array):
    def error(norm):
        return float(
            scoring.expected_calibration_error(
                array(RAIN), array(RAINED), n_bins=4, norm=norm
            )
        )

    assert error("l1") == (0.125 + 0.5 + 2 * 0.375) / 4
    assert error("l2") == math.sqrt((0.125**2 + 0.5**2 + 2 * 0.375**2) / 4)
    assert error("max") == 0.5


@both_libraries
@pytest.mark.parametrize("n_bins", [1, 2, 3, 7, 10, 15, 64])
def test_edges_belong_to_the_bin_above_but_one_to_the_last(array, n_bins):
    for dtype in (np.float64, np.float32):
        marks = (np.arange(n_bins + 1) / n_bins).astype(dtype)
        ones = np.ones(n_bins + 1, int)
        bins = scoring.reliability_bins(array(marks), array(ones), n_bins=n_bins)
        np.testing.assert_array_equal(bins.edges, marks)
        np.testing.assert_array_equal(bins.count, [1] * (n_bins - 1) + [2])
        below = np.nextafter(marks[1:], dtype(0))
        bins = scoring.reliability_bins(array(below), array(ones[1:]), n_bins=n_bins)
        np.testing.assert_array_equal(bins.count, [1] * n_bins)
    typed = scoring.reliability_bins(array([0.3]), array([1]), n_bins=10)
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
    ours = scoring.expected_calibration_error(q, labels, n_bins=n_bins, norm=norm)
    # it adds up thousands of float32 one by one, which celib does by pairs
    assert float(ours) == pytest.approx(float(theirs), abs=2e-6)
    wide = scoring.expected_calibration_error(
        q.astype(float), labels, n_bins=n_bins, norm=norm
    )
    assert float(ours) == pytest.approx(float(wide), abs=2e-7)
    one, ones = softmax(z)[:, 1].copy(), (labels == 1).astype(int)
    theirs = calibration_error(
        torch.from_numpy(one), torch.from_numpy(ones), "binary", n_bins, norm
    )
    ours = scoring.expected_calibration_error(one, ones, n_bins=n_bins, norm=norm)
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
    ours = scoring.expected_calibration_error(q, y, n_bins=n_bins, norm=norm)
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
    ours = scoring.expected_calibration_error(rows, labels, n_bins=n_bins, norm=norm)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_where_torchmetrics_bins_otherwise():
    def both(q, y, n_bins):
        q, y = torch.tensor(q, dtype=torch.float64), torch.tensor(y)
        theirs = calibration_error(q, y, "binary", n_bins)
        return float(scoring.expected_calibration_error(q, y, n_bins=n_bins)), theirs

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
    bins = scoring.reliability_bins(one, ones)
    held = bins.count > 0
    np.testing.assert_allclose(bins.accuracy[held], accuracy, rtol=1e-12)
    np.testing.assert_allclose(bins.confidence[held], confidence, rtol=1e-12)
    # on an edge: below there, above here
    _, below = calibration_curve([0, 1], [0.25, 0.5], n_bins=2)
    np.testing.assert_array_equal(below, [0.375])
    above = scoring.reliability_bins(np.array([0.25, 0.5]), np.array([0, 1]), n_bins=2)
    np.testing.assert_array_equal(above.confidence, [0.25, 0.5])


@both_libraries
@pytest.mark.parametrize("n", [1, 7, 100, 101])
@pytest.mark.parametrize("n_bins", [1, 3, 15])
def test_quantile_bins_hold_equal_numbers(array, n, n_bins):
    q = np.random.default_rng(n).uniform(size=n)
    bins = scoring.reliability_bins(
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
    bins = scoring.reliability_bins(q, y, n_bins=4, strategy="quantile")
    np.testing.assert_array_equal(bins.count, [1, 0, 0, 3])
    error = scoring.expected_calibration_error(q, y, n_bins=4, strategy="quantile")
    assert float(error) == pytest.approx(0.25 / 4 + 3 / 4 * (2 / 3 - 1 / 2))


questions = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=30
)


@given(questions, st.integers(1, 20), st.sampled_from(["uniform", "quantile"]))
def test_scores_are_bounded(items, n_bins, strategy):
    q, y = (np.array(column) for column in zip(*items, strict=True))
    options = {"n_bins": n_bins, "strategy": strategy}
    l1, l2, largest = (
        float(scoring.expected_calibration_error(q, y, norm=norm, **options))
        for norm in ("l1", "l2", "max")
    )
    near = 1 + 1e-12
    assert 0 <= l1 <= l2 * near + 1e-150
    assert l2 <= largest * near <= near**2
    assert 0 <= float(scoring.brier_score(q, y)) <= 1
    rows = np.stack([1 - q, q], axis=-1)
    assert 0 <= float(scoring.brier_score(rows, y)) <= 2
    assert float(scoring.log_loss(q, y)) >= 0
    bins = scoring.reliability_bins(q, y, **options)
    assert int(bins.count.sum()) == len(items)


# --- temperature -----------------------------------------------------------


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


@both_libraries
def test_temperature_worked_by_hand(array):
    # right three times in four, at a logit gap of 4: 4 / T = log 3
    z, y = array([[4.0, 0.0]] * 4), array([0, 0, 0, 1])
    exact = 4 / mpmath.log(3)
    assert ulps(scoring.fit_temperature(z, y), exact) <= 4
    assert ulps(scoring.fit_temperature(array([4.0] * 4), 1 - y), exact) <= 4
    assert ulps(scoring.fit_temperature(z, array([[0.75, 0.25]] * 4)), exact) <= 4


@pytest.mark.parametrize("sharper", [0.01, 0.4, 1.0, 2.4, 100.0])
@pytest.mark.parametrize("k", [1, 2, 4, 50])
def test_temperature_is_what_brute_force_finds(k, sharper):
    z, labels = forecasts(500, max(k, 2), seed=k, sharper=sharper)
    z = z[:, 1] - z[:, 0] if k == 1 else z
    expected = brute_force(z, labels)
    for array in (to_numpy, to_torch):
        found = scoring.fit_temperature(array(z), array(labels))
        assert type(found) is float
        assert found == pytest.approx(expected, rel=1e-11)


def test_temperature_of_soft_targets_is_what_brute_force_finds():
    z, _ = forecasts(500)
    y = np.random.default_rng(5).dirichlet(np.ones(4), 500)
    y = 0.5 * y + 0.5 * softmax(z)
    assert scoring.fit_temperature(z, y) == pytest.approx(brute_force(z, y), rel=1e-11)
    # soft targets that are the model's own need no other temperature
    own = softmax(z, temperature=2.4)
    assert scoring.fit_temperature(z, own) == pytest.approx(2.4, rel=1e-13)


def test_one_error_among_many_sure_answers_is_found_to_the_last_digits():
    # the mean costs nothing but for one item: 1 - (n - 1) e is lost, e is not
    n, gap = 10**6, 1.0
    z = np.zeros((n, 2))
    z[:, 0] = gap
    y = np.zeros(n, int)
    y[0] = 1
    exact = gap / mpmath.log(n - 1)
    assert scoring.fit_temperature(z, y) == pytest.approx(float(exact), rel=1e-13)


def test_calibrated_forecasts_need_a_temperature_near_one():
    z, labels = forecasts(20_000)
    assert scoring.fit_temperature(z, labels) == pytest.approx(1, abs=0.03)
    sure = scoring.fit_temperature(2.4 * z, labels)
    assert sure == pytest.approx(2.4, abs=0.07)


def test_temperature_lowers_the_loss_and_mends_the_calibration():
    z, labels = forecasts(4000, sharper=2.4)
    t = scoring.fit_temperature(z, labels)
    before, after = softmax(z), softmax(z, temperature=t)
    for score in (EVERY[0], EVERY[1], EVERY[3]):
        assert float(score(after, labels)) < float(score(before, labels))
    np.testing.assert_array_equal(before.argmax(-1), after.argmax(-1))


@given(st.floats(1e-3, 1e3), st.integers(0, 5))
def test_temperature_scales_with_the_logits(c, seed):
    z, labels = forecasts(100, seed=seed)
    t = scoring.fit_temperature(z, labels)
    found = scoring.fit_temperature(c * z, labels)
    assert found == pytest.approx(c * t, rel=1e-12, abs=0)
    shifted = z + 3.0
    assert scoring.fit_temperature(shifted, labels) == pytest.approx(t, rel=1e-12)


def test_temperature_is_found_where_newton_alone_loses_its_way():
    z, labels = np.array([[8000.0, -8000, 4000], [-0.1, 0, 0]]), np.array([2, 0])
    expected = brute_force(z, labels)
    assert scoring.fit_temperature(z, labels) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("c", [1e-300, 1e-200, 1e200, 1e300])
def test_temperature_of_logits_whose_squares_leave_the_range(c):
    z, labels = forecasts(100)
    t = scoring.fit_temperature(z, labels)
    found = scoring.fit_temperature(c * z, labels)
    assert found == pytest.approx(c * t, rel=1e-12, abs=0)


def test_agrees_with_sklearns_temperature():
    z, labels = forecasts(400, sharper=2.4)
    model = LogisticRegression().fit(z, labels)
    frozen = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
    frozen.fit(z, labels)
    beta = frozen.calibrated_classifiers_[0].calibrators[0].beta_
    ours = scoring.fit_temperature(model.decision_function(z), labels)
    assert ours == pytest.approx(float(1 / beta), rel=1e-6)


def test_a_best_temperature_that_does_not_exist_is_refused():
    z = np.array([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    none = r"target must differ from the top class at times.*got 0 below the top logit"
    for right in (np.array([0, 1]), np.eye(3)[:2]):
        with pytest.raises(ValueError, match=none):
            scoring.fit_temperature(z, right)
    with pytest.raises(ValueError, match=r"got 2.5 below the top .*chance 1.66667"):
        scoring.fit_temperature(z, np.array([2, 2]))
    with pytest.raises(ValueError, match="got 0 below the top logit, by chance 0"):
        scoring.fit_temperature(np.zeros((3, 2)), np.array([0, 1, 0]))
    with pytest.raises(RuntimeError, match="max_iter must exceed 2, got to T="):
        scoring.fit_temperature(*forecasts(100, sharper=100), max_iter=2)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_logits_must_be_finite(odd):
    with pytest.raises(ValueError, match=f"logits must be finite, got {odd}"):
        scoring.fit_temperature(np.array([[odd, 0.0], [1.0, 0.0]]), np.array([1, 0]))


# --- all of them -----------------------------------------------------------


@both_libraries
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_comes_back_as_it_came(array, dtype):
    q, y = array(ROWS, dtype), array(LABELS)
    for score in EVERY:
        for result in parts(score(q, y)):
            assert type(result) is type(q) or isinstance(result, np.generic)
            assert result.dtype in (q.dtype, np.int64, torch.int64)
    logits = array([[2.0, 0.0]] * 4, dtype)
    found = scoring.fit_temperature(logits, array([0, 0, 0, 1]))
    assert type(found) is float
    assert found == pytest.approx(2 / math.log(3), rel=1e-15)


def test_torch_gives_what_numpy_gives():
    z, labels = forecasts()
    q = softmax(z)
    for score in EVERY:
        ours, theirs = score(q, labels), score(to_torch(q), to_torch(labels))
        for a, b in zip(parts(ours), parts(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)


def test_tensors_that_require_a_gradient_are_taken():
    z, labels = forecasts(50)
    logits = torch.tensor(z, requires_grad=True)
    expected = scoring.fit_temperature(z, labels)
    found = scoring.fit_temperature(logits, torch.tensor(labels))
    assert found == pytest.approx(expected, rel=1e-12)
    probs = torch.softmax(logits, -1)
    scoring.brier_score(probs, torch.tensor(labels)).backward()
    assert bool(torch.isfinite(logits.grad).all())
    with pytest.raises(ValueError, match=r"probs must lie in \[0, 1\]"):
        scoring.brier_score(logits, torch.tensor(labels))


def test_a_zero_that_did_not_happen_gives_a_finite_gradient():
    q = torch.tensor([[0.0, 1.0]], requires_grad=True)
    scoring.log_loss(q, torch.tensor([1])).backward()
    np.testing.assert_array_equal(q.grad, [[0.0, -1.0]])


def test_half_precision_counts_many_items():
    n = 70_000
    q, y = np.full(n, 0.5, np.float16), np.arange(n) % 2
    assert float(scoring.expected_calibration_error(q, y)) == 0
    assert float(scoring.brier_score(q, y)) == 0.25
    assert scoring.reliability_bins(q, y, n_bins=2).count.tolist() == [0, n]


@both_libraries
@pytest.mark.parametrize("score", [*EVERY, scoring.fit_temperature])
def test_wrong_shapes_are_refused(array, score):
    name = "logits" if score is scoring.fit_temperature else "probs"
    with pytest.raises(ValueError, match=f"{name} must have at least one"):
        score(array(np.zeros(0)), array(np.zeros(0, int)))
    with pytest.raises(ValueError, match=rf"{name} must have at least .*\(0, 3\)"):
        score(array(np.zeros((0, 3))), array(np.zeros(0, int)))
    with pytest.raises(ValueError, match=r"target must have the shape of .*without"):
        score(array(ROWS), array([0, 1, 2]))
    with pytest.raises(ValueError, match=r"without axis=-1, got \(4,\)"):
        score(array(np.array(RAIN)[:, None]), array(RAINED))
    with pytest.raises(ValueError, match=f"axis must be one of the 2 axes of {name}"):
        score(array(ROWS), array(LABELS), axis=2)
    with pytest.raises(TypeError, match=f"{name} must hold floating-point numbers"):
        score(array(RAINED), array(RAINED))
    with pytest.raises(TypeError, match="must come from one library"):
        score(to_numpy(RAIN), to_torch(RAINED))


@both_libraries
@pytest.mark.parametrize("score", [*EVERY, scoring.fit_temperature])
def test_wrong_targets_are_refused(array, score):
    with pytest.raises(ValueError, match=r"target must lie in \[0, 3\), got maximum 3"):
        score(array(ROWS), array([0, 3]))
    with pytest.raises(TypeError, match="target must hold integer class indices"):
        score(array(ROWS), array([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"target must lie in \[0, 1\], got 2"):
        score(array(RAIN), array([0, 1, 2, 1]))
    with pytest.raises(ValueError, match=r"target must lie in \[0, 1\], got nan"):
        score(array(RAIN), array([0, 1, math.nan, 1]))
    with pytest.raises(ValueError, match=r"target must sum to 1 over .* off by 0\.5"):
        score(array(ROWS), array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5]]))


@both_libraries
@pytest.mark.parametrize("score", EVERY)
def test_what_is_no_probability_is_refused(array, score):
    for odd, shown in [(-0.1, "-0.1"), (1.5, "1.5"), (math.nan, "nan")]:
        with pytest.raises(
            ValueError, match=rf"probs must lie in \[0, 1\], got {shown}"
        ):
            score(array([0.5, odd]), array([0, 1]))
    with pytest.raises(ValueError, match=r"probs must sum to 1 .* off by 0\.1"):
        score(array([[0.5, 0.5], [0.5, 0.6]]), array([0, 1]))
    # a table of yes-or-no questions is no table of distributions
    with pytest.raises(ValueError, match="probs must sum to 1"):
        score(array([RAIN, RAIN]), array([RAINED, RAINED]))


def test_rows_need_to_sum_to_one_only_as_far_as_their_type_can():
    z, labels = forecasts(200, 50)
    for dtype in (np.float64, np.float32, np.float16):
        q = softmax(z.astype(dtype))
        assert float(scoring.brier_score(q, labels)) == pytest.approx(
            float(scoring.brier_score(softmax(z), labels)), rel=1e-2
        )
    # float32 once, float64 now: as forecasts and as targets
    once = softmax(z.astype(np.float32)).astype(np.float64)
    assert float(scoring.brier_score(once, softmax(z))) < 1e-12
    assert float(scoring.brier_score(softmax(z), once.astype(np.float32))) < 1e-12


@both_libraries
def test_wrong_options_and_weights_are_refused(array):
    q, y = array(RAIN), array(RAINED)
    for score in EVERY[2:]:
        with pytest.raises(ValueError, match="n_bins must be at least 1, got 0"):
            score(q, y, n_bins=0)
        with pytest.raises(
            ValueError, match="strategy must be one of 'uniform', 'quantile', got 'x'"
        ):
            score(q, y, strategy="x")
    with pytest.raises(
        ValueError, match="norm must be one of 'l1', 'l2', 'max', got 2"
    ):
        scoring.expected_calibration_error(q, y, norm=2)
    for weight, message in [
        ([1.0, 1.0], r"must have shape \(4,\), one for each item, got \(2,\)"),
        ([1.0, 1.0, -1.0, 1.0], "must not be negative, got minimum -1"),
        ([0.0] * 4, "must have a positive total, got 0.0"),
        ([1.0, math.nan, 1.0, 1.0], "must have a positive total, got nan"),
    ]:
        with pytest.raises(ValueError, match=f"sample_weight {message}"):
            scoring.log_loss(q, y, sample_weight=array(weight))
    with pytest.raises(TypeError, match="sample_weight must hold floating-point"):
        scoring.log_loss(q, y, sample_weight=array([1, 1, 1, 1]))
    with pytest.raises(TypeError, match="probs and sample_weight must come from one"):
        scoring.log_loss(to_numpy(RAIN), to_numpy(RAINED), sample_weight=to_torch(RAIN))
