"""Losses: prediction first, then target.

They have PyTorch's semantics to the letter, on a class axis that you name, and
keep the digits that PyTorch rounds away. These options mean the same everywhere:

- ``axis``: the class axis, the last one unless you say otherwise; ``axis=1`` in
  PyTorch's layout.
- ``weight``: a weight for each class, which also counts in the denominator of the
  mean; for yes-or-no questions a weight for each entry, which does not.
- ``ignore_index``: items with this label have no loss, no gradient and no share in
  the mean.
- ``reduction``: ``"mean"``, ``"sum"``, or ``"none"`` for a loss per item. The mean
  of nothing is NaN.

Half precision is computed in float32 and rounded at the end; within ``torch.autocast``
the loss stays in float32, as PyTorch's does. What counts for nothing, because its
weight or its target is zero, costs nothing, even where its loss alone would be
infinite. On tensors the losses are operations that ``torch.compile``, ``torch.func``
and forward-mode differentiation can follow.
"""

from celib.losses._margin import hinge_loss, multiclass_hinge_loss
from celib.losses._regression import mse_loss
from celib.losses._sigmoid import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    sigmoid_focal_loss,
)
from celib.losses._softmax import (
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
