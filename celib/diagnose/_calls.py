"""How the right call reads in each library: a function spells it for each.

Each call takes `output` and `target` as that library's arrays, and returns the mean
loss. It moves the axis of classes to where the library looks, casts what it does not
take, and leaves out what is ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass

from celib.diagnose._facts import Facts
from celib.diagnose._kinds import (
    INDEPENDENT,
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    Kinds,
)

__all__ = ["spell_calls", "unfit_losses"]


@dataclass(frozen=True)
class _Arguments:
    """How a library's call writes the arrays, and celib's and torch's options."""

    z: str
    y: str
    log_z: str
    options: str
    classes: int


def spell_calls(facts: Facts, kinds: Kinds, repair: str) -> dict[str, str]:
    """Spell the call in each library that has one."""
    calls = {}
    for library, spell in _LIBRARIES.items():
        arguments = _arguments(facts, library, repair)
        call = spell(facts, kinds, arguments)
        if call:
            calls[library] = call
    return calls


def unfit_losses(facts: Facts, kinds: Kinds) -> str:
    """Name the losses that would take the output for something else."""
    if kinds.output != LOGITS or facts.task == "none":
        return ""
    if facts.one_class:
        return (
            "nll_loss and log_loss, which apply no softmax; binary losses, which "
            "apply a sigmoid to each score"
        )
    return (
        "BCELoss and log_loss, which apply no sigmoid; cross_entropy, whose softmax "
        "makes the scores compete"
    )


# --- a function for each library ---------------------------------------------


def _celib(facts: Facts, kinds: Kinds, its: _Arguments) -> str:
    match kinds.output, facts.task:
        case "logits", "indices" | "rows":
            return f"cross_entropy({its.z}, {its.y}{its.options})"
        case "log-probabilities", "indices":
            return f"nll({its.z}, {its.y}{its.options})"
        case "log-probabilities", "rows":
            return f"cross_entropy({its.z}, {its.y}{its.options})"
        case "probabilities", "indices":
            return f"nll({its.log_z}, {its.y}{its.options})"
        case "probabilities", "rows":
            return f"information.cross_entropy({its.y}, {its.z}{its.options}).mean()"
        case "logits", "entries":
            return f"binary_cross_entropy_with_logits({its.z}, {its.y})"
        case "independent probabilities", "entries":
            return f"binary_cross_entropy({its.z}, {its.y})"
    return ""


def _torch(facts: Facts, kinds: Kinds, its: _Arguments) -> str:
    match kinds.output, facts.task:
        case "logits", "indices":
            return f"F.cross_entropy({its.z}, {its.y}{its.options})"
        case "logits" | "log-probabilities", "rows":
            return f"F.cross_entropy({its.z}, {its.y})"
        case "log-probabilities", "indices":
            return f"F.nll_loss({its.z}, {its.y}{its.options})"
        case "probabilities", "indices":
            return f"F.nll_loss({its.log_z}, {its.y}{its.options})"
        case "probabilities", "rows":
            return f"F.cross_entropy({its.log_z}, {its.y})"
        case "logits", "entries":
            return f"F.binary_cross_entropy_with_logits({its.z}, {its.y})"
        case "independent probabilities", "entries":
            return f"F.binary_cross_entropy({its.z}, {its.y})"
    return ""


def _scikit_learn(facts: Facts, kinds: Kinds, its: _Arguments) -> str:
    if not facts.target_is_whole:
        return ""  # it takes no soft labels
    probabilities = {
        LOGITS: f"softmax({its.z}, axis=-1)",
        LOG_PROBABILITIES: f"np.exp({its.z})",
        PROBABILITIES: its.z,
    }
    answers = {LOGITS: f"expit({its.z})", INDEPENDENT: its.z}
    if facts.one_class and kinds.output in probabilities:
        labels = its.y if facts.task == "indices" else f"{its.y}.argmax(-1)"
        q = probabilities[kinds.output]
        return f"log_loss({labels}, {q}, labels=range({its.classes}))"
    if facts.task == "entries" and kinds.output in answers:
        q = answers[kinds.output]
        return f"log_loss({its.y}.ravel(), {q}.ravel(), labels=[0, 1])"
    return ""


def _optax(facts: Facts, kinds: Kinds, its: _Arguments) -> str:
    # all of its losses take logits; log-probabilities are logits, too
    logits = {LOGITS: its.z, LOG_PROBABILITIES: its.z, PROBABILITIES: its.log_z}
    scores = {LOGITS: its.z, INDEPENDENT: f"logit({its.z})"}
    if facts.one_class and kinds.output in logits:
        z = logits[kinds.output]
        name = "softmax_cross_entropy"
        if facts.task == "indices":
            name = f"{name}_with_integer_labels"
        return f"optax.{name}({z}, {its.y}).mean()"
    if facts.task == "entries" and kinds.output in scores:
        if kinds.sigmoid and kinds.zeros:
            return ""  # the logits of 0 and 1 are infinite, and the loss NaN
        z = scores[kinds.output]
        return f"optax.sigmoid_binary_cross_entropy({z}, {its.y}).mean()"
    return ""


def _keras(facts: Facts, kinds: Kinds, its: _Arguments) -> str:
    names = {
        "indices": "SparseCategoricalCrossentropy",
        "rows": "CategoricalCrossentropy",
        "entries": "BinaryCrossentropy",
    }
    logits = "from_logits=True"
    if facts.one_class:
        options = {LOGITS: logits, LOG_PROBABILITIES: logits, PROBABILITIES: ""}
    else:
        options = {LOGITS: logits, INDEPENDENT: ""}
    if facts.task not in names or kinds.output not in options:
        return ""
    return f"{names[facts.task]}({options[kinds.output]})({its.y}, {its.z})"


_LIBRARIES: dict[str, Callable[[Facts, Kinds, _Arguments], str]] = {
    "celib": _celib,
    "torch": _torch,
    "scikit-learn": _scikit_learn,
    "optax": _optax,
    "Keras": _keras,
}


# --- how the arrays are written ----------------------------------------------


def _arguments(facts: Facts, library: str, repair: str) -> _Arguments:
    """Write the arrays as arguments of a library's call."""
    own = _arrays_of(facts, library)
    z = facts.output.name
    y = _target(facts, library, repair)
    home = _axis_of_classes(facts, library)
    if facts.axis is not None and (facts.axis - home) % len(facts.output.shape):
        z = _moved(z, facts.axis, home, own)
        if facts.task == "rows":
            y = _moved(y, facts.axis, home, own)
    has_option = library in ("celib", "torch") and facts.one_class
    if facts.ignore is not None and not has_option:
        counted = f"[{facts.target.name} != {facts.ignore}]"
        z = z + counted
        y = y + counted
    elif library == "scikit-learn" and facts.one_class:
        z, y = _flattened(facts, z, y)
    return _Arguments(
        z=z,
        y=y,
        log_z=f"{z}.log()" if own == "torch" else f"{own}.log({z})",
        options=_options(facts, library),
        classes=facts.classes,
    )


def _arrays_of(facts: Facts, library: str) -> str:
    """Tell whose arrays a library takes: the namespace that calls write."""
    if library == "celib":
        return facts.output.library
    return {"torch": "torch", "optax": "jnp"}.get(library, "np")


def _axis_of_classes(facts: Facts, library: str) -> int:
    """Tell where a library looks for the classes; celib looks where it is told."""
    if library == "celib":
        return facts.along
    if library == "torch" and len(facts.output.shape) > 1:
        return 1
    return -1


def _target(facts: Facts, library: str, repair: str) -> str:
    """Write the target, repaired and cast to what the loss takes."""
    own = _arrays_of(facts, library)
    y = facts.target.name
    if repair:
        y = repair.format(y)
    to_class_indices = facts.task == "indices"
    compared = ">" in repair  # and so of booleans
    if to_class_indices:
        narrow = own == "torch" and facts.target.dtype not in ("int64", "uint8")
        cast = narrow or compared or facts.target.family != "int"
    elif library in ("scikit-learn", "Keras"):
        cast = False  # they do it themselves
    else:
        cast = compared or facts.target.dtype != facts.output.dtype
    if not cast:
        return y
    if to_class_indices:
        return y + (".long()" if own == "torch" else ".astype(int)")
    return y + (".to(output.dtype)" if own == "torch" else ".astype(output.dtype)")


def _moved(x: str, source: int, destination: int, own: str) -> str:
    """Write an array with its axis of classes moved."""
    if own == "torch":
        return f"{x}.movedim({source}, {destination})"
    return f"{own}.moveaxis({x}, {source}, {destination})"


def _flattened(facts: Facts, z: str, y: str) -> tuple[str, str]:
    """Write the arrays with a row for each item, as scikit-learn takes them."""
    if len(facts.output.shape) == 2:
        return z, y
    rows = f".reshape(-1, {facts.classes})"
    return z + rows, y + (rows if facts.task == "rows" else ".ravel()")


def _options(facts: Facts, library: str) -> str:
    """Write the options of celib and torch that the arrays ask for."""
    options = ""
    if library == "celib" and facts.axis not in (None, -1):
        options += f", axis={facts.axis}"
    if facts.ignore is None:
        return options
    # what repairs the labels moves the mark, too
    mark = facts.ignore - 1 if facts.from_one else facts.ignore
    if mark != -100:
        options += f", ignore_index={mark}"
    return options
