"""Finds the folders that a student's code may import from, shown in the sandbox."""

import functools
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path

from packaging.requirements import Requirement

# IPython reads the magics of a notebook; NumPy carries every value across.
ALWAYS = ("numpy", "ipython")
# Instead of names: all that is installed here.
EVERYTHING = "*"


@functools.cache
def site_entries(packages: tuple[str, ...]) -> dict[str, str]:
    """Return name inside the sandbox's site folder → path on this machine.

    Parameters
    ----------
    packages : tuple of str
        Distributions such as ``"numpy"``, with all that they need, or one
        module of a package, such as ``"celib.datasets"``: of that package
        nothing else can then be imported. Or EVERYTHING.
    """
    if EVERYTHING in packages:
        return _everything()
    entries = {}
    for name in [p for p in packages if "." in p]:
        entries |= _part_of_a_package(name)
    for name in sorted(_closure([*ALWAYS, *(p for p in packages if "." not in p)])):
        entries |= _top_levels(name)
    return entries


def _everything():
    """Return the whole folder of packages, and celib, which may lie elsewhere."""
    folder = Path(importlib.util.find_spec("numpy").origin).parents[1]
    entries = {p.name: str(p) for p in sorted(folder.iterdir()) if p.suffix != ".pth"}
    entries.pop("__pycache__", None)
    return entries | {
        "celib": str(Path(importlib.util.find_spec("celib").origin).parent)
    }


def _part_of_a_package(name):
    package, _, part = name.partition(".")
    folder = Path(importlib.util.find_spec(package).origin).parent
    return {
        f"{package}/__init__.py": str(folder / "__init__.py"),
        f"{package}/{part}": str(folder / part),
    }


def _closure(names):
    """Return the distributions and, step by step, all that they require."""
    found, queue = set(), list(names)
    while queue:
        name = queue.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                queue.append(need.name)
    return found


def _top_levels(name):
    distribution = importlib.metadata.distribution(name)
    tops = {file.parts[0] for file in distribution.files or [] if file.parts}
    tops -= {"..", "__pycache__"}
    paths = {top: str(distribution.locate_file(top)) for top in sorted(tops)}
    return {
        top: path
        for top, path in paths.items()
        if os.path.exists(path) and not top.endswith((".dist-info", ".pth"))
    }


def python_folders() -> list[str]:
    """Return the folders that hold this Python, unless they are in /usr."""
    folders = {os.path.realpath(f) for f in (sys.base_prefix, sys.base_exec_prefix)}
    return sorted(f for f in folders if f != "/usr" and not f.startswith("/usr/"))


def python_program() -> str:
    """Return the interpreter behind the virtual environment."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return os.path.realpath(os.path.join(sys.base_prefix, "bin", version))
