"""Runs inside the sandbox: a student's cells, and the calls that the checks make.

It is given its limits on the command line, then answers one request at a time. It
holds no expected value, no test and no other student's work: what runs here may do
with this process whatever it likes. It is started as a script, beside `wire.py`, and
never imported by the trusted side.
"""

import builtins
import importlib.abc
import importlib.machinery
import json
import os
import re
import resource
import struct
import sys
import types

MAGIC = re.compile(r"^\s*[%!?]|\?\s*$", re.M)
RUN_THE_BODY = {"time", "timeit", "capture", "prun"}
NOT_DRAWN = {"matplotlib", "seaborn", "plotly", "otter"}


# ---- limits, set before any of the student's text is read


def confine(limits):
    """Drop what rights are left, and set the limits that can't be raised again."""
    if limits["become"]:
        os.setgroups([])
        os.setresgid(limits["become"], limits["become"], limits["become"])
        os.setresuid(limits["become"], limits["become"], limits["become"])
    bounds = {
        "AS": limits["memory_mib"] * 2**20,
        "CPU": limits["cpu_s"],
        "FSIZE": 16 * 2**20,
        "NOFILE": 128,
        # At 0, a machine that pipes cores to a program would still keep them.
        "CORE": 1,
        # Neither a process nor a thread: the first one is the last.
        "NPROC": 1,
    }
    for name, bound in bounds.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (int(bound), int(bound)))


def private_pipes():
    """Return the pipes to the checks; the student's code sees none of them."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


# ---- what a notebook has and a script has not


class Quiet(types.ModuleType):
    """Stands in for plots and for otter: takes every call and does nothing."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Quiet(name)

    def __call__(self, *args, **kwargs):
        """Give something quiet; what ``subplots`` gives can be unpacked."""
        if self.__name__ == "subplots":
            rows, columns = (*args, 1, 1)[:2]
            rows, columns = kwargs.get("nrows", rows), kwargs.get("ncols", columns)
            return Quiet("figure"), _axes(rows, columns)
        return Quiet("result")

    def __getitem__(self, key):
        return Quiet("item")

    def __iter__(self):
        return iter(())

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return False


def _axes(rows, columns):
    import numpy as np

    grid = np.empty((rows, columns), dtype=object)
    for place in np.ndindex(rows, columns):
        grid[place] = Quiet("axes")
    grid = grid.squeeze()
    return grid if grid.ndim else grid.item()


class QuietImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what is not drawn or checked while marking."""

    def find_spec(self, name, path=None, target=None):
        """Answer for the names that stay quiet."""
        if name.partition(".")[0] in NOT_DRAWN or name == "IPython.display":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        """Return what takes every call."""
        return Quiet(spec.name)

    def exec_module(self, module):
        """Have nothing to run."""


class Missing(types.ModuleType):
    """Stands for a package that is not here: it can be imported, and not used."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self.__name__}.{name}")

    def __call__(self, *args, **kwargs):
        """Say that it is not here."""
        package = self.__name__.partition(".")[0]
        raise ModuleNotFoundError(f"{package} is not there while notebooks are marked")


class LastImporter(QuietImporter):
    """Lets a cell go on that imports what is not here, until it uses it."""

    def find_spec(self, name, path=None, target=None):
        """Answer for a cell's own imports alone: packages try what they might use."""
        frame = sys._getframe()
        while frame and not frame.f_code.co_filename.startswith("<cell"):
            if not frame.f_code.co_filename.startswith(("<frozen", __file__)):
                return None
            frame = frame.f_back
        parent = sys.modules.get(name.rpartition(".")[0])
        if frame is None or not (parent is None or isinstance(parent, Missing)):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        """Return what can't be used."""
        return Missing(spec.name)


class Shell:
    """What `get_ipython()` returns: line magics do nothing, timed code runs."""

    def __init__(self, names):
        self.names = names

    def run_line_magic(self, name, line, *rest):
        """Run the statement after ``%time``; leave out any other magic."""
        if name == "time":
            exec(line, self.names)

    def run_cell_magic(self, name, line, body):
        """Run the cell under ``%%time`` and its like; leave out any other."""
        if name in RUN_THE_BODY:
            exec(plain_python(body), self.names)

    def __getattr__(self, name):
        return Quiet(name)


def plain_python(source):
    """Return a cell without its magics, as IPython itself translates them."""
    if not MAGIC.search(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


# ---- the requests


class Notebook:
    """The student's names, and what may be asked about them."""

    def __init__(self):
        self.names = {}

    def greet(self, message, values):
        """Begin: no name is left of a notebook before."""
        self.names.clear()
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.names = module.__dict__
        shell = Shell(self.names)
        builtins.get_ipython = lambda: shell
        builtins.display = Quiet("display")
        return {}, []

    def cell(self, message, values):
        """Run a code cell."""
        number, source = values
        exec(compile(plain_python(source), f"<cell {number}>", "exec"), self.names)
        return {}, []

    def get(self, message, values):
        """Say what a name stands for, and give its value if it is one."""
        if message["name"] not in self.names:
            return {"kind": "missing"}, []
        value = self.names[message["name"]]
        if callable(value):
            return {"kind": "function"}, []
        return {"kind": "value"}, [value]

    def call(self, message, values):
        """Call a function, give what it returns."""
        args, kwargs = values
        return {}, [self.names[message["name"]](*args, **kwargs)]


def serve(notebook, requests, replies, wire):
    """Answer requests until there are no more."""
    while len(head := requests.read(4)) == 4:
        (length,) = struct.unpack(">I", head)
        message = json.loads(requests.read(length))
        blobs = [requests.read(size) for size in message["blobs"]]
        values = [wire.decode(tree, blobs) for tree in message["values"]]
        replies.write(answer(notebook, message, values, wire))
        replies.flush()


def answer(notebook, message, values, wire):
    """Return the reply's bytes: a result, or what went wrong."""
    number = message["id"]
    try:
        reply, results = getattr(notebook, message["do"])(message, values)
        for result in results:
            wire.check_room(result)
        return wire.pack({"id": number, **reply}, results)
    except wire.UncrossableError as error:
        return wire.pack({"id": number, "uncrossable": str(error)})
    except wire.TooLongError as error:
        return wire.pack({"id": number, "long": str(error)})
    # SystemExit too: a student's exit() ends a cell, not the marking of the others.
    except BaseException as error:
        return wire.pack({"id": number, **described(error)})


def described(error):
    """Return an exception in words, also one whose own code fails."""
    try:
        names = [str(kind.__name__)[:60] for kind in type(error).__mro__[:20]]
        return {"error": names, "text": str(error)[:1000]}
    except BaseException:
        return {"error": ["Exception"], "text": "it can't be put into words"}


def main():
    """Set the limits, then serve."""
    limits = json.loads(sys.argv[1])
    sys.path[:0] = limits["site"]
    sys.meta_path.insert(0, QuietImporter())
    sys.meta_path.append(LastImporter())
    requests, replies = private_pipes()
    confine(limits)
    import wire

    for package in limits["preload"]:
        __import__(package)
    serve(Notebook(), requests, replies, wire)


if __name__ == "__main__":
    main()
