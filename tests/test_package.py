"""celib as a whole: what it offers is named, documented and called in one way.

Who may import whom is a contract in pyproject.toml, which `lint-imports` checks.
"""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest
from numpydoc.validate import validate

import celib

PUBLIC = sorted(
    module.name
    for module in pkgutil.iter_modules(celib.__path__)
    if not module.name.startswith("_")
)
# What the pages are made with: these need more than NumPy.
PAGES = {"book", "display", "figures", "symbolic"}
NEED_TORCH = {"linear", "parallel"}
MATHEMATICS = [module for module in PUBLIC if module not in PAGES | {"datasets"}]


def own_functions(module):
    """What a module defines, or offers from the private modules behind it."""
    loaded = importlib.import_module(f"celib.{module}")
    return {
        name: thing
        for name, thing in vars(loaded).items()
        if inspect.isfunction(thing)
        and (inspect.getmodule(thing) is loaded or name in loaded.__all__)
        and not name.startswith("_")
    }


def test_functions_from_private_modules_are_among_them():
    losses = own_functions("losses")
    assert {"cross_entropy", "focal_loss", "hinge_loss"} <= set(losses)


def test_the_core_needs_neither_torch_nor_sympy_nor_matplotlib():
    core = [module for module in PUBLIC if module not in PAGES | NEED_TORCH]
    code = (
        f"import sys; {'; '.join(f'import celib.{module}' for module in core)}; "
        "print([m for m in ('torch', 'sympy', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", PUBLIC)
def test_all_lists_what_is_public(module):
    loaded = importlib.import_module(f"celib.{module}")
    declared = set(loaded.__all__)
    assert set(own_functions(module)) <= declared
    assert [name for name in declared if not hasattr(loaded, name)] == []
    assert loaded.__doc__


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_function_has_an_example(module):
    # pytest runs them all, as doctests
    functions = own_functions(module)
    without = [name for name in functions if ">>> " not in functions[name].__doc__]
    assert without == []


@pytest.mark.parametrize("module", MATHEMATICS)
def test_numpydoc_finds_nothing_wrong(module):
    # what ruff checks already, or what a book has no use for
    ignored = {"ES01", "SA01", "SA04", "EX01", "GL08", "PR10", "RT03"}
    for name in own_functions(module):
        errors = validate(f"celib.{module}.{name}")["errors"]
        assert [error for error in errors if error[0] not in ignored] == [], name


@pytest.mark.parametrize("module", MATHEMATICS)
def test_arrays_are_positional_and_options_are_named(module):
    allowed = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY
    for name, function in own_functions(module).items():
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.kind in allowed, f"{module}.{name}({parameter.name})"
