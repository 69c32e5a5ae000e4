"""Calls drawn at random return what 40 digits say: `make fuzz` draws more of them."""

import fuzzed
import numpy as np
import pytest

from celib import losses, softmax

pytestmark = pytest.mark.slow

REPEAT = "make fuzz SEED={} CASES={} repeats this"


@pytest.mark.parametrize("seed", range(6))
def test_drawn_calls_are_right(seed):
    found = fuzzed.faults(seed, 1500)
    assert not found, "\n".join([*found, REPEAT.format(seed, 1500)])


def test_valid_calls_do_not_warn_or_change_their_input():
    found = fuzzed.faults_of_valid_calls(0, 1500)
    assert not found, "\n".join([*found, REPEAT.format(0, 1500)])


def test_the_families_call_every_loss():
    draw = np.random.default_rng(0)
    drawn = {fuzzed.pick(draw, fuzzed.FAMILIES)(draw).name for _ in range(400)}
    assert drawn == set(losses.__all__) | set(softmax.__all__)


@pytest.mark.parametrize("wrong", [lambda x: 1.001 * x, lambda x: 0 * x, np.float64])
def test_a_wrong_number_or_type_is_found(monkeypatch, wrong):
    right = losses.mse_loss
    monkeypatch.setattr(
        losses,
        "mse_loss",
        lambda x, y, **options: (
            wrong(right(x, y, **options))
            if isinstance(x, np.ndarray)
            else right(x, y, **options)
        ),
    )
    assert any("mse_loss" in fault for fault in fuzzed.faults(0, 300))
