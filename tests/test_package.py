"""celib as a whole: what it offers is named, documented and called in one way.

Who may import whom is a contract in pyproject.toml, which `lint-imports` checks.
"""

import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib

import pytest
from numpydoc.validate import validate

import celib
from chapters import NOTEBOOKS, ROOT, code_cells, source

PUBLIC = sorted(
    module.name
    for module in pkgutil.iter_modules(celib.__path__)
    if not module.name.startswith("_")
)
# What the pages are made with: these need more than NumPy.
PAGES = {"book"}
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


@pytest.mark.parametrize("module", [*MATHEMATICS, "datasets"])
def test_arrays_are_positional_and_options_are_named(module):
    allowed = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY
    for name, function in own_functions(module).items():
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.kind in allowed, f"{module}.{name}({parameter.name})"


def imported_by_chapters():
    """The names of the distributions that the code cells of the chapters import."""
    names = set()
    for path in NOTEBOOKS:
        for cell in code_cells(path):
            names |= {name.partition(".")[0] for name in imports(source(cell))}
    installed = importlib.metadata.packages_distributions()
    own = {"celib", "benchmarks"}
    return {installed[name][0].lower() for name in names - own if name in installed}


def imports(code):
    """Yield the names of the modules that some code imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_an_extra_has_all_that_the_chapters_import():
    given = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = given["project"]
    listed = project["dependencies"] + project["optional-dependencies"]["chapters"]
    names = {re.match(r"[\w.-]+", entry)[0].lower() for entry in listed}
    assert imported_by_chapters() - names == set()
