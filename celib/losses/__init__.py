"""Losses: prediction first, then target.

They have PyTorch's semantics to the letter, on a class axis that you name, and
keep the digits that PyTorch rounds away.
"""

from celib.losses.margin import hinge_loss, multiclass_hinge_loss
from celib.losses.regression import mse_loss
from celib.losses.sigmoid import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    sigmoid_focal_loss,
)
from celib.losses.softmax import (
    cross_entropy,
    distillation_loss,
    focal_loss,
    info_nce,
    nll,
    poly1_cross_entropy,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "distillation_loss",
    "focal_loss",
    "hinge_loss",
    "info_nce",
    "mse_loss",
    "multiclass_hinge_loss",
    "nll",
    "poly1_cross_entropy",
    "sigmoid_focal_loss",
]
