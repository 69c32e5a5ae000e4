"""Stand-ins for what is not there while notebooks are marked.

What draws, mounts, installs or shows progress is quiet: it takes whatever is done to
it. What computes, such as PyTorch where an assignment does not allow it, can be
imported, called and passed on; it says that it is not there once somebody needs its
value. Either way code that is right without it stays right.
"""

import ast
import builtins
import concurrent.futures
import contextlib
import dis
import functools
import importlib.abc
import importlib.machinery
import itertools
import linecache
import multiprocessing
import os
import sys
import threading
import types

QUIET = {
    *("matplotlib", "mpl_toolkits", "pylab", "seaborn", "plotly", "bokeh", "altair"),
    *("IPython", "ipywidgets", "ipympl", "matplotlib_inline", "graphviz", "otter"),
    *("google", "pydrive", "pydrive2", "kaggle_secrets", "nest_asyncio", "watermark"),
    *("piplite", "micropip", "pip", "condacolab", "dotenv", "wandb", "nb_black"),
    *("pyodide", "pyodide_js", "pyodide_http", "js"),
    *("tqdm", "fastprogress", "alive_progress", "progressbar", "rich"),
}
# These say where a notebook runs, and so are not there for a cell that only asks.
PLACES = {
    *("google", "kaggle_secrets", "condacolab", "piplite", "micropip"),
    *("pyodide", "pyodide_js", "js"),
}
# Of these, the sandbox shows a part.
PARTS = {"celib"}
# Called with something to go through, they pass it on.
PASS_ON = {
    *("tqdm", "tqdm_notebook", "tqdm_gui", "track", "progress_bar", "master_bar"),
    *("alive_it", "progressbar", "ProgressBar"),
}
COUNT = {"trange", "tnrange", "prange"}
MAP = {"process_map", "thread_map"}
# Called with a function they make another one; all else leaves it as it is.
CHANGE = {
    *("grad", "value_and_grad", "vmap", "pmap", "jacfwd", "jacrev", "hessian"),
    *("jacobian", "vectorize", "minimize"),
}
DRAWS = ("pyplot", "pylab")
# What `from matplotlib.pyplot import *` is used for.
DRAWING = [
    *("axes", "axhline", "axis", "axvline", "bar", "barh", "boxplot", "clf", "close"),
    *("colorbar", "contour", "contourf", "errorbar", "figure", "fill_between", "gca"),
    *("gcf", "grid", "hist", "hist2d", "imshow", "legend", "loglog", "matshow"),
    *("pcolormesh", "pie", "plot", "savefig", "scatter", "semilogx", "semilogy"),
    *("show", "stem", "step", "subplot", "subplots", "subplots_adjust", "suptitle"),
    *("text", "tight_layout", "title", "xlabel", "xlim", "xscale", "xticks", "ylabel"),
    *("ylim", "yscale", "yticks"),
]
CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
# Where find_spec is, which looks for a module and does not import it.
LOOKS = ("<frozen importlib.util>", "importlib/util.py")
# Where a notebook runs, and may write modules.
FOLDER = os.path.join(os.getcwd(), "")
# A version that no cell finds too old.
VERSION = "99.0.0"


class NotHereError(ModuleNotFoundError):
    """A value is needed that only a package that is not here could have given."""


class Record:
    """What has been used of the stand-ins: how often, and of which package last."""

    def __init__(self):
        self.times, self.package = 0, ""

    def note(self, package):
        """Count one use."""
        self.times += 1
        self.package = package


RECORD = Record()


def not_here(package):
    """Return the error that says so."""
    return NotHereError(f"{package} is not there while notebooks are marked")


# ---- what stands in


class StandIn(types.ModuleType):
    """Takes what is done to a module, a function, a class or a value, and goes on."""

    __path__ = ()
    __version__ = VERSION

    def __init__(self, name, quiet=True):
        super().__init__(name)
        vars(self).update(_package=name.partition(".")[0], _quiet=quiet, _kinds=())
        vars(self).update(_items={}, _last=name.rpartition(".")[2])

    def _another(self, name):
        RECORD.note(self._package)
        return StandIn(f"{self.__name__}.{name}", self._quiet)

    def _value(self, value):
        """Return what a quiet thing is worth as a number; others are not here."""
        RECORD.note(self._package)
        if self._quiet:
            return value
        raise not_here(self._package)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        RECORD.note(self._package)
        vars(self)[name] = made = self._made(name)
        return made

    def _made(self, name):
        """Return an attribute; it is kept, to be the same thing next time."""
        if name == "get_ipython" and self._package == "IPython":
            return builtins.get_ipython
        for ending, kind in KINDS.items():
            if name.endswith(ending):
                return type(name, (kind,), {})
        return _of_numpy(self._last, name) or self._another(name)

    def __call__(self, *args, **kwargs):
        """Give what a call of the real one would make possible."""
        RECORD.note(self._package)
        given = args[0] if args else kwargs.get("iterable")
        if self._last == "subplots":
            axes = self._axes(*args, **kwargs)
            of_a_module = any(f".{m}." in f".{self.__name__}" for m in DRAWS)
            return (self._another("figure"), axes) if of_a_module else axes
        if self._last in COUNT:
            return range(*args)
        if self._last in PASS_ON and given is not None:
            return PassedOn(self, given)
        if self._last in MAP and len(args) > 1:
            return list(map(given, *args[1:]))
        if len(args) == 1 and _is_defined(given) and self._last not in CHANGE:
            # It stands above a function, as in @njit: the function does without.
            return given
        return self._another("result")

    def _axes(self, nrows=1, ncols=1, *, squeeze=True, **more):
        import numpy as np

        grid = np.empty((int(nrows), int(ncols)), dtype=object)
        for place in np.ndindex(grid.shape):
            grid[place] = self._another("axes")
        if not squeeze:
            return grid
        grid = grid.squeeze()
        return grid if grid.ndim else grid.item()

    # ---- as a container

    def __getitem__(self, key):
        RECORD.note(self._package)
        if _is_plain(key) and key in self._items:
            return self._items[key]
        return self._another("item")

    def __setitem__(self, key, value):
        RECORD.note(self._package)
        if _is_plain(key):
            self._items[key] = value

    def __delitem__(self, key):
        self._items.pop(key if _is_plain(key) else None, None)

    def __delattr__(self, name):
        vars(self).pop(name, None)

    def __iter__(self):
        """Go through nothing, or give as many things as are unpacked."""
        RECORD.note(self._package)
        return iter([self._another("item") for _ in range(_unpacked(sys._getframe(1)))])

    def __next__(self):
        return self._another("item")

    def __len__(self):
        return self._value(0)

    def __contains__(self, key):
        return _is_plain(key) and key in self._items

    # ---- as a value

    def __bool__(self):
        # Whether there is a GPU: there is none, even where nothing else is known.
        asks = any(w.startswith(("is_", "has_")) for w in self.__name__.split("."))
        return False if asks else self._value(False)

    def __float__(self):
        return self._value(0.0)

    def __int__(self):
        return self._value(0)

    __index__ = __trunc__ = __int__

    def __complex__(self):
        return self._value(0j)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __round__(self, digits=0):
        return self._another("round")

    def __str__(self):
        return f"<{self.__name__}>"

    __repr__ = __str__

    def __format__(self, form):
        return str(self)

    def __array__(self, dtype=None, copy=None):
        import numpy as np

        return np.zeros((), dtype) if self._value(True) else None

    def __array_ufunc__(self, *call, **more):
        return self._another("result")

    def __array_function__(self, *call, **more):
        return self._another("result")

    # ---- as a type

    def __mro_entries__(self, bases):
        """Let a class derive from it; the first of several is enough."""
        first = next(base for base in bases if isinstance(base, StandIn))
        return (type("Hollow", (Hollow,), {"_of": self}),) if first is self else ()

    def __instancecheck__(self, thing):
        RECORD.note(self._package)
        return isinstance(thing, (StandIn, Hollow, *self._kinds))

    def __subclasscheck__(self, kind):
        return False

    def __or__(self, other):
        """Make a type that is this one or another, as in a hint, or a result."""
        made = self._another("or")
        kinds = (other,) if isinstance(other, type | types.UnionType) else ()
        vars(made)["_kinds"] = (*self._kinds, *kinds)
        return made

    __ror__ = __or__

    # ---- in with, async and await

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *problem):
        return False

    def __await__(self):
        yield from ()
        return self._another("result")

    async def __aiter__(self):
        for item in ():
            yield item


class PassedOn(StandIn):
    """A bar that shows progress: what it was given comes out as it was."""

    def __init__(self, bar, things):
        super().__init__(f"{bar.__name__}.bar", bar._quiet)
        vars(self)["_things"] = things

    def __iter__(self):
        return iter(self._things)

    def __len__(self):
        return len(self._things)

    def __bool__(self):
        return True

    def __getitem__(self, key):
        return self._things[key]


class Hollow:
    """The base of a class that a student derives from something that is not here."""

    def __init__(self, *args, **kwargs):
        pass

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._of._another(name)

    def __call__(self, *args, **kwargs):
        """Give what can't be computed."""
        return self._of._another("result")


KINDS = {
    **dict.fromkeys(("Warning",), UserWarning),
    **dict.fromkeys(("Error", "Exception", "Interrupt"), Exception),
}
OPERATORS = [
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "xor"),
    *("lshift", "rshift", "divmod"),
]


def _of_numpy(module, name):
    """Return what pylab shows of NumPy."""
    import numpy as np

    return getattr(np, name, None) if module == "pylab" else None


def _is_plain(key):
    return isinstance(key, str | int)


def _is_defined(thing):
    """Tell whether something is a function that a def has made."""
    return isinstance(thing, types.FunctionType) and thing.__name__ != "<lambda>"


def _unpacked(frame):
    """Return how many names a frame is about to unpack something into."""
    code, at = frame.f_code.co_code, frame.f_lasti
    name, count = dis.opname[code[at]], code[at + 1]
    if name == "UNPACK_EX" and at and dis.opname[code[at - 2]] == "EXTENDED_ARG":
        # Names behind the one with the star.
        count += code[at - 1]
    return count if name in ("UNPACK_SEQUENCE", "UNPACK_EX") else 0


def _takes_operators():
    """Give a stand-in every operator: what comes out is one as well."""

    def result(self, *others):
        return self._another("result")

    for name in OPERATORS:
        setattr(StandIn, f"__{name}__", result)
        setattr(StandIn, f"__r{name}__", result)
    for name in ("neg", "pos", "abs", "invert", "lt", "le", "gt", "ge"):
        setattr(StandIn, f"__{name}__", result)


_takes_operators()


# ---- threads and processes


class Inline(concurrent.futures.Executor):
    """Does at once what threads or processes would do: there is only one to do it."""

    def __init__(self, *args, **kwargs):
        pass

    def submit(self, function, /, *args, **kwargs):
        """Call the function; return what holds its result."""
        done = concurrent.futures.Future()
        try:
            done.set_result(function(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class Pool:
    """What is used of a pool of processes, done at once."""

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return False

    def map(self, function, things, chunksize=None):
        """Return what the function makes of each thing."""
        return list(map(function, things))

    imap = imap_unordered = map

    def starmap(self, function, things, chunksize=None):
        """Return what the function makes of each tuple of things."""
        return list(itertools.starmap(function, things))

    def apply(self, function, args=(), kwds=None):
        """Return what the function makes of its arguments."""
        return function(*args, **(kwds or {}))

    def close(self):
        """Have nothing to close."""

    join = terminate = close


def start_at_once(thread):
    """Run a thread's function; one that runs beside all others waits to be joined."""
    thread._started.set()
    thread._is_stopped = True
    thread._waits = True
    if not thread.daemon:
        join(thread)


def join(thread, timeout=None):
    """Run what a thread was to do, if it has not been run."""
    if vars(thread).pop("_waits", False):
        # As of a real thread, nobody hears of its exceptions.
        with contextlib.suppress(Exception):
            thread.run()


def do_without_threads():
    """Have code that uses threads or processes run in the only one there is."""
    threading.Thread.start = start_at_once
    threading.Thread.join = join
    concurrent.futures.ThreadPoolExecutor = Inline
    concurrent.futures.ProcessPoolExecutor = Inline
    multiprocessing.Pool = Pool
    if torch := sys.modules.get("torch"):
        # It would end the whole process for want of the second thread.
        torch.set_num_threads = torch.set_num_interop_threads = lambda count: None
        loader = torch.utils.data.DataLoader
        loader.__init__ = _without_workers(loader.__init__)


def _without_workers(begin):
    """Return a data loader's `__init__` that starts no process."""
    more = ("num_workers", "prefetch_factor", "persistent_workers", "timeout")

    @functools.wraps(begin)
    def begin_alone(self, dataset, *args, **kwargs):
        kept = {name: value for name, value in kwargs.items() if name not in more}
        begin(self, dataset, *args, **kept)

    return begin_alone


# ---- how they are found


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for what a student's cell imports.

    Parameters
    ----------
    quiet : bool
        Whether it finds what is quiet, or what is not here at all.
    makes : dict, optional
        Name of a module → what to make it with.
    """

    def __init__(self, quiet, makes=None):
        self.quiet, self.makes = quiet, makes or {}

    def find_spec(self, name, path=None, target=None):
        """Answer for what this one finds, unless the code expects it to fail."""
        root = name.partition(".")[0]
        if (root in QUIET) != self.quiet:
            return None
        if root in QUIET - PLACES:
            return self._spec(name)
        parent = sys.modules.get(name.rpartition(".")[0])
        if not (parent is None or isinstance(parent, StandIn) or root in PARTS):
            return None
        asked = _who_asks(sys._getframe(1))
        if asked == "imports" or (asked == "looks" and name in PLACES):
            # To look for google.colab is to import google first, which must not fail.
            return self._spec(name)
        if asked:
            RECORD.note(root)
        return None

    def _spec(self, name):
        RECORD.note(name.partition(".")[0])
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        """Return what stands in."""
        made = self.makes.get(spec.name, StandIn)(spec.name, self.quiet)
        if spec.name in ("matplotlib.pyplot", "matplotlib.pylab", "pylab"):
            made.__all__ = DRAWING
        return made

    def exec_module(self, module):
        """Have nothing to run."""


def _who_asks(frame):
    """Return whether a student's code imports, looks or tries; empty if it does not.

    A package that is here tries what it might use, and must go without.
    """
    asked = ""
    while frame:
        name = frame.f_code.co_filename
        if _is_the_students(name):
            asked = asked or "imports"
            if _expects_it_to_fail(frame):
                return "tries"
        elif not asked and not _passes_on(name):
            return ""
        if not asked and name.endswith(LOOKS):
            asked = "looks"
        frame = frame.f_back
    return asked


def _is_the_students(name):
    return name.startswith(("<cell", FOLDER)) and "/site/" not in name


def _passes_on(name):
    """Tell whether a file's code only passes on what somebody else imports."""
    return name.startswith(("<", __file__)) or "/importlib/" in name


def _expects_it_to_fail(frame):
    """Tell whether a frame is within a try that catches an import's failure."""
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    return any(start <= frame.f_lineno <= end for start, end in guarded_lines(source))


@functools.lru_cache
def guarded_lines(source):
    """Return the first and the last line of each part that expects imports to fail."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Try) and _catches(n)]
    nodes += [n for n in ast.walk(tree) if isinstance(n, ast.With) and _suppresses(n)]
    return [(node.body[0].lineno, node.body[-1].end_lineno) for node in nodes]


def _catches(node):
    return any(h.type is None or _names_of(h.type) & CAUGHT for h in node.handlers)


def _suppresses(node):
    calls = [i.context_expr for i in node.items if isinstance(i.context_expr, ast.Call)]
    found = [call for call in calls if "suppress" in _names_of(call.func)]
    return any(_names_of(arg) & CAUGHT for call in found for arg in call.args)


def _names_of(node):
    """Return all names in an expression, also those behind a dot."""
    parts = list(ast.walk(node))
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.attr for part in parts if isinstance(part, ast.Attribute)}
