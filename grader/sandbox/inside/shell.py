"""Runs cells as Jupyter does: compiled by the same rules, a statement at a time.

One thing differs. A statement that fails because something is not there while
notebooks are marked, such as a package or a file, does not take the rest of its cell
along: on the student's own machine it would not have failed.
"""

import __future__

import ast
import builtins
import importlib
import importlib.util
import linecache
import os
import sys
import types
from contextlib import suppress

import standins
from standins import RECORD, StandIn

CO_COROUTINE = 0x80
# Magics that Jupyter also takes without the sign, if they are a cell's only line.
WITHOUT_A_SIGN = {"pip", "conda", "ls", "cd", "cat", "mkdir", "matplotlib", "load_ext"}
FUTURES = 0
for _name in __future__.all_feature_names:
    FUTURES |= getattr(__future__, _name).compiler_flag


def transformer():
    """Return what IPython makes Python of a cell with, without all the rest of it.

    Started as a whole, IPython takes longer than most notebooks.
    """
    names = ("IPython", "IPython.core", "IPython.utils")
    root = importlib.util.find_spec("IPython").submodule_search_locations[0]
    for name in names:
        module = types.ModuleType(name)
        module.__path__ = [os.path.join(root, *name.split(".")[1:])]
        sys.modules[name] = module
    try:
        made = importlib.import_module("IPython.core.inputtransformer2")
        return made.TransformerManager
    finally:
        for name in [name for name in sys.modules if name.startswith("IPython")]:
            del sys.modules[name]


class Shell:
    """The names of a notebook, and what runs its cells.

    Parameters
    ----------
    names : dict
        What the cells define.
    transform : callable
        Makes Python of a cell.
    """

    def __init__(self, names, transform):
        self.names, self.transform = names, transform
        self.flags, self.texts = 0, 0
        self.maybe, self.starred = set(), set()
        self.left_out = []
        self.loop = None
        self.inputs, self.outputs, self.last = [""], {}, ""
        names.update({"_": "", "In": self.inputs, "Out": self.outputs})
        sys.displayhook = self.show

    def run(self, source, number):
        """Run a cell; note in `left_out` which packages its lines would have needed.

        Raises
        ------
        BaseException
            What the cell raises, unless it is because something is not there.
        """
        self.inputs.append(source)
        text = self.transform(source)
        self.texts += 1
        name = f"<cell {number}.{self.texts}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        flags = self.flags | ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        try:
            tree = compile(text, name, "exec", flags, dont_inherit=True)
        except SyntaxError:
            if source.split()[0] in WITHOUT_A_SIGN and "\n" not in source.strip():
                return
            raise
        self._notice_imports(tree, text)
        last, failed = tree.body[-1:], None
        for node in tree.body:
            mode = "single" if [node] == last and isinstance(node, ast.Expr) else "exec"
            before = RECORD.times
            try:
                self._execute(node, name, mode)
            except (Exception, SystemExit) as error:
                used = RECORD.times > before
                if not (used or self._is_the_markers(error)):
                    raise
                self._stand_in_for(node)
                if used or isinstance(error, NameError):
                    missing = RECORD.package if used else error.name
                    self.left_out.append((number, missing))
                else:
                    failed = failed or error
        if failed:
            raise failed

    def _execute(self, node, name, mode):
        whole = ast.Module([node], []) if mode == "exec" else ast.Interactive([node])
        flags = self.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(whole, name, mode, flags, dont_inherit=True)
        self.flags |= code.co_flags & FUTURES
        if code.co_flags & CO_COROUTINE:
            self._wait_for(eval(code, self.names))
        elif self._wants_a_loop():
            self._wait_for(self._in_the_loop(code))
        else:
            exec(code, self.names)

    def _wants_a_loop(self):
        """Tell whether to run code in a loop, as Jupyter does: it may start tasks."""
        asyncio = sys.modules.get("asyncio")
        if asyncio is None or "nest_asyncio" in sys.modules:
            return False
        return asyncio._get_running_loop() is None

    async def _in_the_loop(self, code):
        exec(code, self.names)

    def _wait_for(self, coroutine):
        """Run a coroutine to its end, also in a cell that one of another cell runs."""
        import asyncio

        outer = asyncio._get_running_loop()
        if outer is None:
            self.loop = self.loop or asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            return self.loop.run_until_complete(coroutine)
        asyncio._set_running_loop(None)
        try:
            return asyncio.new_event_loop().run_until_complete(coroutine)
        finally:
            asyncio._set_running_loop(outer)

    def show(self, value):
        """Keep what a cell ends with, as Jupyter does."""
        if value is None:
            return
        self.outputs[len(self.inputs) - 1] = value
        if self.names.get("_") is self.last:
            self.names["_"] = self.last = value

    # ---- what is not there

    def _notice_imports(self, tree, text):
        """Remember the names that may be missing because an import fails here."""
        guarded = standins.guarded_lines(text)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            if any(start <= node.lineno <= end for start, end in guarded):
                self.maybe |= set(_imported(node))
            if node.names[0].name == "*":
                self.starred.add((node.module or "").partition(".")[0])

    def _is_the_markers(self, error):
        """Tell whether an error may come of where the notebook runs."""
        if isinstance(error, NameError):
            given = [sys.modules.get(name) for name in self.starred]
            unknown = any(isinstance(module, StandIn) for module in given)
            return unknown or error.name in self.maybe
        return isinstance(error, ImportError | OSError)

    def _stand_in_for(self, node):
        """Give the names that a statement did not get to something quiet."""
        for name in bound(node):
            made = StandIn(f"{RECORD.package or name}.{name}", quiet=False)
            self.names.setdefault(name, made)

    # ---- magics

    def line_magic(self, name, line):
        """Do what a line magic does to a notebook's names; leave out any other."""
        if name in ("time", "prun"):
            return self._value_of(line)
        if name == "run":
            self._run_file(line)
        if name in ("env", "set_env") and "=" in line:
            key, _, value = line.partition("=")
            os.environ[key.strip()] = value.strip()
        if name == "pylab":
            self.run(PYLAB, "of pylab")
        return None

    def _value_of(self, line):
        """Run a line; return its value if it is an expression."""
        with suppress(SyntaxError):
            return eval(line.strip(), self.names)
        return self.run(line, "of a magic")

    def _run_file(self, line):
        words = [word.strip("\"'") for word in line.split() if word[0] != "-"]
        with suppress(OSError, IndexError), open(words[0], encoding="utf-8") as file:
            self.run(file.read(), "of a file")

    def cell_magic(self, name, line, body):
        """Run a cell whose magic runs it, write one to a file, leave out any other."""
        words = line.split()
        if name in ("time", "prun", "capture"):
            if name == "capture" and words and not words[-1].startswith("-"):
                self.names[words[-1]] = StandIn("IPython.captured")
            self.run(body, f"under {name}")
        if name in ("writefile", "file") and words:
            with open(words[-1], "a" if "-a" in words else "w") as file:
                file.write(body)


PYLAB = """
import numpy, numpy as np
from numpy import *
from matplotlib.pyplot import *
import matplotlib.pyplot as plt, pylab
"""


class ZMQInteractiveShell:
    """What `get_ipython()` returns, under the name that it has in Jupyter."""

    def __init__(self, shell):
        self._shell = shell
        self.user_ns = self.user_global_ns = shell.names
        self.config = {"IPKernelApp": {}}

    def run_line_magic(self, magic_name, line="", _stack_depth=1, **more):
        """Run a line magic."""
        return self._shell.line_magic(magic_name, line)

    def run_cell_magic(self, magic_name, line="", cell="", **more):
        """Run a cell magic."""
        return self._shell.cell_magic(magic_name, line, cell)

    def magic(self, line):
        """Run a line magic, in the old way."""
        name, _, rest = line.strip().lstrip("%").partition(" ")
        return self._shell.line_magic(name, rest)

    def run_cell(self, source, *rest, **more):
        """Run a cell."""
        self._shell.run(source, "in a cell")

    def ex(self, source):
        """Run a line."""
        exec(source, self.user_ns)

    def ev(self, source):
        """Return an expression's value."""
        return eval(source, self.user_ns)

    def push(self, names, *rest, **more):
        """Take over names."""
        self.user_ns.update(names)

    def system(self, line):
        """Leave a command out."""

    def __str__(self):
        return "<ipykernel.zmqshell.ZMQInteractiveShell object>"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"IPython.{name}")


def set_builtins(shell):
    """Give what Jupyter, and Python when somebody types, have among the builtins."""
    own = ZMQInteractiveShell(shell)
    builtins.get_ipython = shell.names["get_ipython"] = lambda: own
    builtins.__IPYTHON__ = True
    builtins.display = StandIn("IPython.display")
    builtins.help = StandIn("pydoc.help")
    builtins.input = lambda prompt="": ""
    builtins.exit = builtins.quit = sys.exit


def bound(node):
    """Return the names that a statement binds in the notebook itself."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _imported(node)
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Store) else []
    inner = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    if isinstance(node, inner):
        return []
    return [name for child in ast.iter_child_nodes(node) for name in bound(child)]


def _imported(node):
    """Return the names that an import binds."""
    names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [name for name in names if name != "*"]
