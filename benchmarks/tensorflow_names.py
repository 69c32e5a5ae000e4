"""TensorFlow's losses on the example of chapter 10: what each call returned.

TensorFlow is too large for the book's environment, so this runs apart from it,
once: in an environment of its own, ``pip install tensorflow-cpu`` and
``python benchmarks/tensorflow_names.py``. The chapter computes the same numbers
with celib and compares.
"""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import results

# The chapter's example: logits, class labels, soft labels, yes-or-no answers.
EXAMPLE = {
    "z": [[2.0, 1.0, 0.0], [0.0, 3.0, -1.0], [1.0, -1.0, 0.5], [-2.0, 0.0, 1.0]],
    "y": [0, 1, 2, 1],
    "p": [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]],
    "b": [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]],
}
# What celib calls the same. Keras takes the truth first, tf.nn takes keywords.
CALLS = {
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)": (
        "losses.cross_entropy(z, y)"
    ),
    "tf.nn.softmax_cross_entropy_with_logits(labels=p, logits=z)": (
        "losses.cross_entropy(z, p)"
    ),
    "tf.nn.sigmoid_cross_entropy_with_logits(labels=b, logits=z)": (
        "losses.binary_cross_entropy_with_logits(z, b)"
    ),
    "tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, z)": (
        "losses.cross_entropy(z, y)"
    ),
    "tf.keras.losses.SparseCategoricalCrossentropy()(y, q)": (
        "losses.cross_entropy(z, y)"
    ),
    "tf.keras.losses.CategoricalCrossentropy(from_logits=True)(p, z)": (
        "losses.cross_entropy(z, p)"
    ),
    "tf.keras.losses.BinaryCrossentropy(from_logits=True)(b, z)": (
        "losses.binary_cross_entropy_with_logits(z, b)"
    ),
    "tf.keras.losses.KLDivergence()(p, q)": "information.kl_divergence(p, q)",
}
COLUMNS = ["call", "shape", "mean", "celib"]


def row(call: str, value: Any, celib: str) -> dict[str, str]:
    """Write down what a call returned: its shape, and its mean in twelve digits."""
    shape, mean = str(tuple(value.shape)), float(value.numpy().mean())
    return {"call": call, "shape": shape, "mean": f"{mean:.12g}", "celib": celib}


def run(calls: Mapping[str, str], names: Mapping[str, Any]) -> list[dict[str, str]]:
    """Evaluate every call."""
    return [row(call, eval(call, dict(names)), own) for call, own in calls.items()]


def main() -> None:
    """Run every call, print, and keep the result."""
    import tensorflow as tf

    tf.keras.config.set_floatx("float64")
    names = {k: tf.constant(EXAMPLE[k], dtype=tf.float64) for k in "zpb"}
    names |= {"tf": tf, "y": tf.constant(EXAMPLE["y"])}
    names["q"] = tf.nn.softmax(names["z"])
    extra = {
        lib: importlib.metadata.version(lib) for lib in ("tensorflow-cpu", "keras")
    }
    result = results.make(
        "tensorflow",
        "What TensorFlow returned on the example of chapter 10",
        COLUMNS,
        run(CALLS, names),
        missing=[],
        notes=["In float64; q is the softmax of z."],
        versions=results.versions() | extra,
        example=EXAMPLE,
    )
    print(results.report(result))
    path = results.write("tensorflow", result)
    print(f"Written to {path.relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
