"""What an output holds, which loss fits it, and what looks wrong. Chapter 10.

`diagnose` asks in turn what is true of the arrays (`_facts`), what they hold
(`_kinds`), what looks like a mistake (`_rules`), and how the right call reads in each
library (`_calls`).
"""

import numpy as np

from celib._arrays import Array
from celib.diagnose._calls import spell_calls, unfit_losses
from celib.diagnose._facts import look_at
from celib.diagnose._kinds import name_kinds
from celib.diagnose._report import Diagnosis, Finding
from celib.diagnose._rules import check

__all__ = ["Diagnosis", "Finding", "diagnose"]


# Infinite values are for the report to mention, and not for NumPy to warn of.
@np.errstate(all="ignore")
def diagnose(output: Array, target: Array, /, *, axis: int | None = None) -> Diagnosis:
    """Tell what an output holds, which loss fits it, and what looks wrong.

    Parameters
    ----------
    output : array, any shape
        What a model gave: logits, probabilities or their logarithms.
    target : array
        What it should have given: class indices, rows of probabilities, or a
        0 or 1 for each output.
    axis : int, optional
        The class axis. Found from the shapes if they leave one choice only.

    Returns
    -------
    Diagnosis
        A report when printed. It says "can't tell" where the arrays leave
        more than one reading.

    Raises
    ------
    TypeError
        If `output` or `target` is neither a NumPy array nor a dense torch
        tensor, or is a masked array.
    ValueError
        If `output` has no such axis.

    Notes
    -----
    A value below 0 cannot be a probability, and one above 0 cannot be the
    logarithm of one: logits with values of both signs, or above 1, are
    certain. Eight or more values that sum to 1 in every row are likely
    probabilities; eight or more within [0, 1] without such sums likely come
    from a sigmoid. Fewer may be logits that someone typed: of
    ``[[0.2, 0.8]]`` it can't tell. A sum may be off by 1e-4 (0.005 in float16,
    0.05 in bfloat16).

    A mistake is "certain" only if no loss of celib has a finite mean for these
    arrays. The loss that you call and its options (weights, ignore_index) do
    not show in them: what these might explain is "likely" or "possible".

    Of arrays with more than a million values a sample of whole rows is looked
    at, and the report says how many. The smallest and the largest value are
    those of the whole array, so that a single NaN is found anywhere.

    Each call in `Diagnosis.fits` takes `output` and `target` as that library's
    arrays: as they are for celib, tensors for torch, ``jax.numpy`` arrays for
    optax, NumPy arrays for scikit-learn and Keras. The names are those of
    ``celib.losses`` and ``celib.information``, ``torch.nn.functional as F``,
    ``sklearn.metrics``, ``scipy.special`` (softmax, expit), ``jax.numpy as
    jnp``, ``jax.scipy.special`` (logit) and ``keras.losses``.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    >>> diagnosis = diagnose(logits, np.array([0, 1]))
    >>> diagnosis.output, diagnosis.sure, diagnosis.target
    ('logits', 'certain', 'class indices')
    >>> diagnosis.fits["torch"]
    'F.cross_entropy(output, target)'
    >>> [m.slug for m in diagnose(logits, np.array([1, 3])).mistakes]
    ['labels-from-1']
    """
    facts = look_at(output, target, axis)
    kinds = name_kinds(facts)
    found = check(facts, kinds)
    return Diagnosis(
        output=kinds.output,
        sure=kinds.sure,
        target=kinds.target,
        reasons=kinds.reasons,
        axis=facts.axis,
        fits={} if found.blocked else spell_calls(facts, kinds, found.repair),
        unfit=unfit_losses(facts, kinds),
        mistakes=found.mistakes,
        looked_at=facts.looked_at,
    )
