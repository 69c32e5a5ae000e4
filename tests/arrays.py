"""What the tests of celib share: both array libraries, and exact references."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import settings

mpmath.mp.dps = 60
# how long an example takes depends on what else the machine does
settings.register_profile("celib", deadline=None)
settings.load_profile("celib")

DTYPES = {"float64": np.float64, "float32": np.float32}


def to_numpy(values, dtype=None):
    """A NumPy array."""
    return np.asarray(values, dtype=dtype)


def to_torch(values, dtype=None):
    """The same numbers as a torch tensor."""
    return torch.from_numpy(np.array(values, dtype=dtype))


both_libraries = pytest.mark.parametrize(
    "array", [to_numpy, to_torch], ids=["numpy", "torch"]
)


def ulps(value: float, exact: mpmath.mpf, dtype=np.float64) -> float:
    """How many units in the last place `value` is away from `exact`."""
    unit = np.spacing(dtype(abs(float(exact))))
    return float(abs(mpmath.mpf(float(value)) - exact) / mpmath.mpf(float(unit)))


def exactly(p) -> list[mpmath.mpf]:
    """The stored numbers, without rounding."""
    return [mpmath.mpf(float(x)) for x in np.ravel(p)]


def slope(f: Callable, x: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Gradient of f at x by fourth-order differences."""
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[i] = step
        near, far = f(x + e) - f(x - e), f(x + 2 * e) - f(x - 2 * e)
        gradient[i] = (8 * near - far) / (12 * step)
    return gradient
