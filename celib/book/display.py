"""What a notebook cell shows besides numbers: bundles of MIME types, and source.

A bundle holds one thing in several forms. The page shows the best one; nbval
compares them all, so a form that readers never see can guard one that they do.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["publish", "show_source"]


def publish(bundle: dict[str, Any], /) -> None:
    r"""Show `bundle`, a dict from MIME type to content, as the cell's output.

    Outside a notebook its ``text/plain`` form is printed.

    Parameters
    ----------
    bundle : dict
        Content by MIME type, ``text/plain`` among them.

    Examples
    --------
    >>> publish({"text/plain": "log 2", "text/latex": r"$\log 2$"})
    log 2
    """
    try:
        from IPython import display, get_ipython
    except ImportError:
        in_notebook = False
    else:
        in_notebook = get_ipython() is not None
    if in_notebook:
        display.display(bundle, raw=True)
    else:
        print(bundle["text/plain"])


def show_source(function: Callable[..., Any], /) -> None:
    """Show the source of `function` as it was imported, without its docstring.

    Parameters
    ----------
    function : callable
        A function written in Python.

    Raises
    ------
    TypeError
        If `function` has no Python source.

    Examples
    --------
    >>> from celib.softmax import log_sigmoid
    >>> show_source(log_sigmoid)  # doctest: +ELLIPSIS
    def log_sigmoid(x: Array, /) -> Array:
        namespace(x=x)
        ...
    """
    code = _without_docstring(textwrap.dedent(inspect.getsource(function)))
    publish({"text/markdown": f"```python\n{code}\n```", "text/plain": code})


def _without_docstring(code: str) -> str:
    definition = ast.parse(code).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    lines = code.rstrip().splitlines()
    if ast.get_docstring(definition) is not None:
        doc = definition.body[0]
        assert doc.end_lineno is not None
        del lines[doc.lineno - 1 : doc.end_lineno]
    return "\n".join(lines)
