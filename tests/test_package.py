"""celib as a whole: its arrows, its names, its words and its size."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import celib

FOLDER = Path(celib.__file__).parent
MODULES = sorted(m.name for m in pkgutil.iter_modules([str(FOLDER)]))
PUBLIC = [m for m in MODULES if not m.startswith("_")]

# The arrows of the design: who may import whom. Everything may import _arrays.
ARROWS = {
    "datasets": set(),
    "diagnose": set(),
    "display": set(),
    "figures": {"display", "scoring"},
    "gradients": {"_binary", "_cross_entropy", "softmax"},
    "information": set(),
    "likelihood": set(),
    "linear": {"_autograd", "_cross_entropy", "_kernel"},
    "losses": {
        *("_binary", "_cross_entropy", "_finish"),
        *("_distil", "_focal", "_margin"),
    },
    "parallel": {"_cross_entropy", "_finish", "_kernel"},
    "scoring": {"softmax"},
    "softmax": set(),
    "symbolic": {"display"},
    "_arrays": set(),
    "_autograd": set(),
    "_binary": {"_cross_entropy", "_kernel"},
    "_cross_entropy": {"_kernel"},
    "_distil": {"_cross_entropy", "_finish", "_kernel"},
    "_finish": {"_autograd", "_cross_entropy"},
    "_focal": {"_binary", "_cross_entropy", "_finish", "_kernel", "softmax"},
    "_margin": {"_cross_entropy", "_finish", "_kernel"},
    "_kernel": set(),
}
# Heavy libraries, and the only modules that may import them.
EXTRAS = {
    "torch": {"_autograd", "_cross_entropy", "linear", "parallel"},
    "sympy": {"symbolic"},
    "matplotlib": {"figures"},
}
LIMIT = 25
# What the book's pages are made with, counted apart from what computes.
PAGES = ("datasets", "display", "figures", "symbolic")


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def source(module):
    path = FOLDER / f"{module}.py"
    return path if path.exists() else FOLDER / module / "__init__.py"


def parse(module):
    return ast.parse(source(module).read_text(encoding="utf-8"))


def test_every_module_has_its_arrows():
    assert set(MODULES) == set(ARROWS)


@pytest.mark.parametrize("module", MODULES)
def test_only_drawn_arrows_are_used(module):
    used = {
        name.split(".")[1]
        for name in imports(parse(module))
        if name.startswith("celib.")
    }
    assert used - {"_arrays"} <= ARROWS[module]


@pytest.mark.parametrize("module", MODULES)
def test_heavy_libraries_stay_where_they_belong(module):
    used = {name.split(".")[0] for name in imports(parse(module))}
    for library, allowed in EXTRAS.items():
        assert library not in used or module in allowed


def test_importing_the_core_loads_neither_torch_nor_sympy_nor_matplotlib():
    core = ["datasets", "diagnose", *MATHEMATICS]
    code = (
        f"import sys; {'; '.join(f'import celib.{m}' for m in core)}; "
        "print([m for m in ('torch', 'sympy', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


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


def test_functions_behind_a_public_module_are_covered():
    covered = own_functions("losses")
    assert {"cross_entropy", "focal_loss", "hinge_loss", "distillation_loss"} <= set(
        covered
    )


@pytest.mark.parametrize("module", PUBLIC)
def test_all_lists_what_is_public(module):
    loaded = importlib.import_module(f"celib.{module}")
    declared = set(loaded.__all__)
    assert set(own_functions(module)) <= declared
    assert all(hasattr(loaded, name) for name in declared)
    assert loaded.__doc__


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_function_is_documented_with_an_example(module):
    for name, function in own_functions(module).items():
        doc = inspect.getdoc(function) or ""
        assert ">>> " in doc, f"{module}.{name} has no example"


MATHEMATICS = [
    "gradients",
    "information",
    "likelihood",
    "losses",
    "scoring",
    "softmax",
]
# with what needs torch
DOCUMENTED = [*MATHEMATICS, "linear", "parallel"]


@pytest.mark.parametrize("module", DOCUMENTED)
def test_docstrings_of_the_mathematics_are_complete(module):
    sections = ["Parameters\n-", "Returns\n-", "Raises\n-", "Examples\n-", ".. math::"]
    for name, function in own_functions(module).items():
        doc = inspect.getdoc(function)
        missing = [s.split("\n")[0] for s in sections if s not in doc]
        assert not missing, f"{module}.{name} lacks {missing}"


@pytest.mark.parametrize("module", DOCUMENTED)
def test_numpydoc_finds_nothing_wrong(module):
    from numpydoc.validate import validate

    # what ruff checks already, or what a book has no use for
    ignored = {"ES01", "SA01", "SA04", "EX01", "GL08", "PR10", "RT03"}
    for name in own_functions(module):
        found = validate(f"celib.{module}.{name}")["errors"]
        assert [e for e in found if e[0] not in ignored] == [], name


@pytest.mark.parametrize("module", DOCUMENTED)
def test_arrays_are_positional_and_options_are_named(module):
    for name, function in own_functions(module).items():
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.kind in (
                inspect.Parameter.POSITIONAL_ONLY,
                inspect.Parameter.KEYWORD_ONLY,
            ), f"{module}.{name}({parameter.name})"


def without_docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            doc = ast.get_docstring(node)
            node.body = node.body[doc is not None :] or [ast.Pass()]
    return tree


def lines(node):
    return len(ast.unparse(node).splitlines())


def test_functions_are_short_and_the_package_small():
    trees = {module: without_docstrings(parse(module)) for module in MODULES}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                assert lines(node) <= LIMIT, f"{module}.{node.name}"
    size = {module: lines(tree) for module, tree in trees.items()}
    pages = sum(size.pop(module) for module in PAGES)
    assert sum(size.values()) <= 1500
    assert pages <= 500
