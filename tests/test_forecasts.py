"""Scores and calibration: which forecasts and answers are taken, which refused."""

import math

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import torch
from arrays import both_libraries, to_numpy, to_torch
from forecasts import (
    BINNED,
    EVERY,
    LABELS,
    RAIN,
    RAINED,
    ROWS,
    forecasts,
    parts,
)

from celib import calibration, scoring
from celib.softmax import softmax


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
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_comes_back_as_it_came(array, dtype):
    q, y = array(ROWS, dtype), array(LABELS)
    for score in EVERY:
        for result in parts(score(q, y)):
            assert type(result) is type(q) or isinstance(result, np.generic)
            assert result.dtype in (q.dtype, np.int64, torch.int64)
    logits = array([[2.0, 0.0]] * 4, dtype)
    found = calibration.fit_temperature(logits, array([0, 0, 0, 1]))
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
    expected = calibration.fit_temperature(z, labels)
    found = calibration.fit_temperature(logits, torch.tensor(labels))
    assert found == pytest.approx(expected, rel=1e-12)
    probs = torch.softmax(logits, -1)
    scoring.brier_score(probs, torch.tensor(labels)).backward()
    assert bool(torch.isfinite(logits.grad).all())
    with pytest.raises(ValueError, match=r"probs must lie in \[0, 1\]"):
        scoring.brier_score(logits, torch.tensor(labels))


def test_half_precision_counts_many_items():
    n = 70_000
    q, y = np.full(n, 0.5, np.float16), np.arange(n) % 2
    assert float(calibration.expected_calibration_error(q, y)) == 0
    assert float(scoring.brier_score(q, y)) == 0.25
    assert calibration.reliability_bins(q, y, n_bins=2).count.tolist() == [0, n]


@pytest.mark.parametrize("score", EVERY)
@pytest.mark.parametrize("kind", [list, pd.Series, jnp.asarray])
def test_lists_tables_and_other_arrays_are_taken_as_data(score, kind):
    expected = score(np.array(RAIN), np.array(RAINED))
    for a, b in zip(
        parts(score(kind(RAIN), kind(RAINED))), parts(expected), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    expected = score(np.array(ROWS), np.array(LABELS))
    for got in (score(ROWS, LABELS), score(pd.DataFrame(ROWS), kind(LABELS))):
        for a, b in zip(parts(got), parts(expected), strict=True):
            np.testing.assert_array_equal(a, b)
    mixed = parts(score(torch.tensor(RAIN), RAINED))
    assert all(type(x) is torch.Tensor for x in mixed)


@both_libraries
@pytest.mark.parametrize("score", EVERY)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint16", "uint32", "uint64"])
def test_labels_of_every_integer_type(array, score, dtype):
    expected = parts(score(array(ROWS), array(LABELS)))
    found = parts(score(array(ROWS), array(LABELS, dtype)))
    answers = parts(score(array(RAIN), array(RAINED, dtype)))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(answers, parts(score(array(RAIN), array(RAINED))), strict=True):
        np.testing.assert_array_equal(a, b)
    if dtype == "uint8":
        many, last = np.full((2, 256), 1 / 256), np.array([0, 255])
        wide = parts(score(array(many), array(last)))
        for a, b in zip(
            parts(score(array(many), array(last, dtype))), wide, strict=True
        ):
            np.testing.assert_array_equal(a, b)


@both_libraries
@pytest.mark.parametrize("score", EVERY)
def test_a_table_of_yes_or_no_questions_has_no_class_axis(array, score):
    q, y = np.reshape(RAIN, (2, 2)), np.reshape(RAINED, (2, 2))
    found = parts(score(array(q), array(y), axis=None))
    for a, b in zip(found, parts(score(array(RAIN), array(RAINED))), strict=True):
        np.testing.assert_array_equal(a, b)


@both_libraries
def test_true_is_class_one_of_two(array):
    q = array([[0.25, 0.75], [0.5, 0.5]])
    yes = scoring.log_loss(q, array([True, False]))
    assert float(yes) == float(scoring.log_loss(q, array([1, 0])))
    with pytest.raises(TypeError, match="target must hold integer class indices, got"):
        scoring.log_loss(array(ROWS), array([True, False]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("score", EVERY)
def test_numpy_warns_of_nothing_that_is_valid(score, dtype):
    # every warning is an error here: see pyproject.toml
    tiny, near = np.finfo(dtype).smallest_subnormal, 1 - np.finfo(dtype).epsneg
    q = np.array([0, tiny, 0.5, near, 1], dtype)
    for y in (np.zeros(5), np.ones(5, np.uint8), np.arange(5) % 2 == 0, q):
        for result in parts(score(q, y)):
            assert np.asarray(result).dtype in (dtype, np.int64)
    rows = np.stack([1 - q, q], -1)
    for y in (np.zeros(5, int), np.ones(5, np.uint8), rows):
        score(rows, y)
    if score is scoring.log_loss:
        for weight in (np.full(5, tiny), np.full(5, np.finfo(dtype).max / 8)):
            assert score(q, q > 0.5, sample_weight=weight.astype(dtype)) >= 0


@both_libraries
@pytest.mark.parametrize("score", [*EVERY, calibration.fit_temperature])
def test_wrong_shapes_are_refused(array, score):
    name = "logits" if score is calibration.fit_temperature else "probs"
    with pytest.raises(ValueError, match=f"{name} must have at least one"):
        score(array(np.zeros(0)), array(np.zeros(0, int)))
    with pytest.raises(ValueError, match=rf"{name} must have at least .*\(0, 3\)"):
        score(array(np.zeros((0, 3))), array(np.zeros(0, int)))
    with pytest.raises(ValueError, match=r"target must have the shape of .*without"):
        score(array(ROWS), array([0, 1, 2]))
    with pytest.raises(
        ValueError, match=r"\(4, 1\), since one column is yes or no, got \(4,\)"
    ):
        score(array(np.array(RAIN)[:, None]), array(RAINED))
    with pytest.raises(ValueError, match=f"axis must be one of the 2 axes of {name}"):
        score(array(ROWS), array(LABELS), axis=2)
    with pytest.raises(TypeError, match=f"{name} must hold floating-point numbers"):
        score(array(RAINED), array(RAINED))
    with pytest.raises(TypeError, match="must come from one library"):
        score(to_numpy(RAIN), to_torch(RAINED))


@both_libraries
@pytest.mark.parametrize("score", [*EVERY, calibration.fit_temperature])
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
    tensor = torch.tensor([0.5, 1.5], requires_grad=True)
    with pytest.raises(ValueError, match=r"probs must lie in \[0, 1\], got 1\.5"):
        score(tensor, torch.tensor([0, 1]))
    rounded = array([0.5, 1.0000001], np.float32)
    with pytest.raises(ValueError, match=r"probs must lie in .*, got 1\.0000001"):
        score(rounded, array([0, 1]))
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
    for score in BINNED:
        with pytest.raises(ValueError, match="n_bins must be at least 1, got 0"):
            score(q, y, n_bins=0)
        with pytest.raises(
            ValueError, match="strategy must be one of 'uniform', 'quantile', got 'x'"
        ):
            score(q, y, strategy="x")
    with pytest.raises(
        ValueError, match="norm must be one of 'l1', 'l2', 'max', got 2"
    ):
        calibration.expected_calibration_error(q, y, norm=2)
    for weight, message in [
        ([1.0, 1.0], r"must have shape \(4,\), one for each item, got \(2,\)"),
        ([1.0, 1.0, -1.0, 1.0], "must not be negative, got minimum -1"),
        ([0.0] * 4, "must have a positive, finite total, got 0.0"),
        ([math.inf] * 4, "must have a positive, finite total, got inf"),
        ([1.0, math.nan, 1.0, 1.0], "must have a positive, finite total, got nan"),
    ]:
        with pytest.raises(ValueError, match=f"sample_weight {message}"):
            scoring.log_loss(q, y, sample_weight=array(weight))
    with pytest.raises(TypeError, match="sample_weight must hold floating-point"):
        scoring.log_loss(q, y, sample_weight=array([1j, 1, 1, 1]))
    with pytest.raises(TypeError, match="probs and sample_weight must come from one"):
        scoring.log_loss(to_numpy(RAIN), to_numpy(RAINED), sample_weight=to_torch(RAIN))


@pytest.mark.parametrize("score", [*EVERY, calibration.fit_temperature])
def test_names_and_masks_are_refused_with_the_way_out(score):
    with pytest.raises(TypeError, match=r"got text or objects .*np\.unique\(target"):
        score(np.array(ROWS), ["rain", "sun"])
    with pytest.raises(TypeError, match=r"must not be a masked array.*\.filled"):
        score(np.ma.masked_array(RAIN, RAINED), RAINED)
    with pytest.raises(TypeError, match=r"target must not be a masked array"):
        score(np.array(RAIN), np.ma.masked_array(RAINED, RAINED))
