"""What each of two arrays holds. The first rule that applies names it.

A rule is a function of the facts that returns its reason, or None if it does not apply.
They are tried in the order of this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from celib.diagnose._facts import ENOUGH, Facts

__all__ = ["Kinds", "name_kinds"]

CANT_TELL = "can't tell"
LOGITS = "logits"
LOG_PROBABILITIES = "log-probabilities"
PROBABILITIES = "probabilities"
INDEPENDENT = "independent probabilities"

Reason = Callable[[Facts], str | None]


class _Rule(NamedTuple):
    """What an array is named, how sure that is, and when it applies."""

    name: str
    sure: str
    reason: Reason


_OUTPUT_RULES: list[_Rule] = []
_TARGET_RULES: list[_Rule] = []


def _output(name: str, sure: str) -> Callable[[Reason], Reason]:
    """Register a rule that names the output."""

    def register(reason: Reason) -> Reason:
        _OUTPUT_RULES.append(_Rule(name, sure, reason))
        return reason

    return register


def _target(name: str) -> Callable[[Reason], Reason]:
    """Register a rule that names the target."""

    def register(reason: Reason) -> Reason:
        _TARGET_RULES.append(_Rule(name, "", reason))
        return reason

    return register


# --- the output --------------------------------------------------------------


@_output(CANT_TELL, CANT_TELL)
def _nothing(facts: Facts) -> str | None:
    if facts.output.size:
        return None
    return f"it is empty ({facts.output.about})"


@_output(CANT_TELL, CANT_TELL)
def _not_finite(facts: Facts) -> str | None:
    if not facts.broken:
        return None
    return f"{facts.odd} ({facts.output.about})"


@_output(LOGITS, "certain")
def _beyond_0_to_1(facts: Facts) -> str | None:
    z = facts.output
    both_signs = z.low < -z.speck and z.high > z.speck
    if not (z.high > 1 + z.speck or both_signs):
        return None
    return f"neither probabilities nor their logarithms ({z.about})"


@_output(CANT_TELL, CANT_TELL)
def _zeros(facts: Facts) -> str | None:
    if not facts.output.low == facts.output.high == 0:
        return None
    return f"every value is 0 ({facts.output.about})"


@_output(LOG_PROBABILITIES, "likely")
def _rows_of_logarithms(facts: Facts) -> str | None:
    if not facts.logs or facts.output.size < ENOUGH:
        return None
    rows = facts.rows_in_words
    return f"none is positive, and the exponentials of {rows} sum to 1"


@_output(CANT_TELL, CANT_TELL)
def _few_logarithms(facts: Facts) -> str | None:
    if not facts.logs:
        return None
    return (
        "log-probabilities, as their exponentials sum to 1, or logits, as so few "
        f"values may do so by coincidence ({facts.output.about})"
    )


@_output(LOGITS, "likely")
def _below_0(facts: Facts) -> str | None:
    if facts.output.low >= -facts.output.speck or facts.classes < 2:
        return None
    return (
        "none is positive, but not every row's exponentials sum to 1 "
        f"({facts.output.about})"
    )


@_output(CANT_TELL, CANT_TELL)
def _single_answers_below_0(facts: Facts) -> str | None:
    if facts.output.low >= -facts.output.speck:
        return None
    return (
        f"logits or logarithms of a sigmoid, as none is positive ({facts.output.about})"
    )


@_output(PROBABILITIES, "likely")
def _rows_that_sum_to_1(facts: Facts) -> str | None:
    if not facts.sums or facts.output.size < ENOUGH:
        return None
    return f"none is negative, and {facts.rows_in_words} sum to 1"


@_output(CANT_TELL, CANT_TELL)
def _few_that_sum_to_1(facts: Facts) -> str | None:
    if not facts.sums:
        return None
    return (
        "probabilities, as they sum to 1, or logits, as so few values may "
        f"do so by coincidence ({facts.output.about})"
    )


@_output(INDEPENDENT, "likely")
def _within_0_to_1(facts: Facts) -> str | None:
    if facts.output.size < ENOUGH:
        return None
    return f"none is outside [0, 1], but not every row sums to 1 ({facts.output.about})"


@_output(CANT_TELL, CANT_TELL)
def _few_within_0_to_1(facts: Facts) -> str | None:
    return (
        "probabilities or logits, as so few may lie in [0, 1] by coincidence "
        f"({facts.output.about})"
    )


# --- the target --------------------------------------------------------------


@_target(LOG_PROBABILITIES)
def _logarithms(facts: Facts) -> str | None:
    if not facts.target_is_log:
        return None
    return f"the exponentials of every row sum to 1 ({facts.target.about})"


@_target(CANT_TELL)
def _no_finite_numbers(facts: Facts) -> str | None:
    if facts.target.size and facts.target_is_finite:
        return None
    return f"it is empty, or not all finite numbers ({facts.target.about})"


@_target("signed labels")
def _signs(facts: Facts) -> str | None:
    if not facts.target_is_signed or facts.ignore is not None:
        return None
    return f"only -1 and 1 ({facts.target.about})"


@_target("labels 0 and 255")
def _black_and_white(facts: Facts) -> str | None:
    if not facts.target_is_0_and_255:
        return None
    return f"only 0 and 255 ({facts.target.about})"


@_target("labels 1 and 2")
def _one_and_two(facts: Facts) -> str | None:
    if not facts.target_is_1_and_2:
        return None
    return f"only 1 and 2 ({facts.target.about})"


@_target("one-hot rows")
def _single_ones(facts: Facts) -> str | None:
    if facts.task != "rows" or not facts.target_is_binary:
        return None
    return f"one 1 in every row, else 0 ({facts.target.about})"


@_target(PROBABILITIES)
def _distributions(facts: Facts) -> str | None:
    if facts.task != "rows":
        return None
    return f"none is negative, and every row sums to 1 ({facts.target.about})"


@_target("multi-label rows")
def _several_ones(facts: Facts) -> str | None:
    if facts.task != "entries" or not facts.target_is_binary or facts.classes < 2:
        return None
    return f"0 and 1, but not one 1 in every row ({facts.target.about})"


@_target("binary labels")
def _zeros_and_ones(facts: Facts) -> str | None:
    if facts.task != "entries" or not facts.target_is_binary:
        return None
    return f"a 0 or 1 for each output ({facts.target.about})"


@_target(INDEPENDENT)
def _fractions(facts: Facts) -> str | None:
    within = facts.target.low >= 0 and facts.target.high <= 1
    if facts.task != "entries" or not within:
        return None
    return f"none is outside [0, 1], but not every row sums to 1 ({facts.target.about})"


@_target("class indices")
def _indices(facts: Facts) -> str | None:
    if facts.task == "entries" and facts.classes > 1:
        return None
    if not facts.target_is_whole:
        return None
    return f"whole numbers ({facts.target.about})"


@_target(CANT_TELL)
def _anything(facts: Facts) -> str | None:
    return f"neither labels nor probabilities ({facts.target.about})"


# --- both --------------------------------------------------------------------


@dataclass(frozen=True)
class Kinds:
    """What the output and the target are named, how sure, and why."""

    output: str
    sure: str
    target: str
    reasons: tuple[str, str]
    # some probabilities of the output are exactly 0, or 1 for a yes or no
    zeros: bool
    # something happened that the output gives probability 0
    ruled_out: bool

    @property
    def sigmoid(self) -> bool:
        """Whether the output seems to be what a sigmoid gives."""
        return self.output == INDEPENDENT


def name_kinds(facts: Facts) -> Kinds:
    """Name what the output and the target hold."""
    output, why_output = _first(_OUTPUT_RULES, facts)
    target, why_target = _first(_TARGET_RULES, facts)
    zeros, ruled_out = _impossible(facts, sigmoid=output.name == INDEPENDENT)
    return Kinds(
        output=output.name,
        sure=output.sure,
        target=target.name,
        reasons=(why_output, why_target),
        zeros=zeros,
        ruled_out=ruled_out,
    )


def _first(rules: list[_Rule], facts: Facts) -> tuple[_Rule, str]:
    for rule in rules:
        why = rule.reason(facts)
        if why is not None:
            return rule, why
    raise AssertionError("the last rule applies to everything")


def _impossible(facts: Facts, *, sigmoid: bool) -> tuple[bool, bool]:
    """Tell whether some probability is 0, and whether such a thing happened."""
    z = facts.z_classes_last
    probabilities = facts.sums or sigmoid
    never = z == (0 if probabilities else -np.inf)
    ruled_out = never & facts.happened
    zeros = (probabilities or facts.logs) and never.any()
    if facts.task == "entries" and sigmoid:
        # the other answer has the probability 1 - z
        surely = z == 1
        did_not = facts.counted_answers & (facts.y < 1)
        ruled_out = ruled_out | (surely & did_not)
        zeros = zeros or surely.any()
    settled = facts.task != "none" and len(facts.axes) < 2
    return bool(zeros), bool(settled and ruled_out.any())
