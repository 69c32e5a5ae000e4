"""Forecasts to score: what the tests of scores and of calibration share."""

import numpy as np

from celib import calibration, scoring
from celib.softmax import softmax

RAIN, RAINED = [0.125, 0.5, 0.75, 1.0], [0, 1, 0, 1]
ROWS, LABELS = [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]], [0, 2]
SCORES = [scoring.brier_score, scoring.log_loss]
BINNED = [calibration.reliability_bins, calibration.expected_calibration_error]
EVERY = [*SCORES, *BINNED]


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
