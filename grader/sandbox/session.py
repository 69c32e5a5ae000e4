"""Runs a notebook in a worker, asks it, and starts it again when it is lost."""

import builtins
import copy
import math
import os
import selectors
import time
from contextlib import ExitStack

from grader import notebook
from grader.limits import PATIENCE
from grader.sandbox import clock
from grader.sandbox.inside import wire
from grader.text import clean

# A name whose call lost the worker twice is not called again. Functions that hang
# must not use up the patience with the others, so that only cells are counted here.
LOSSES_A_NAME = 2
LOST_CELLS = 8
# A worker's own start is no student's doing: seconds for Python, NumPy and PyTorch.
START_S = 60
# Seconds: to look more often at a worker that gets little of a busy processor is vain.
TICK = 0.01


class WorkerLostError(Exception):
    """The worker is gone: `status` says how."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


class NoAnswerError(Exception):
    """A function gave back what can't be taken for an answer, nor for an error.

    It derives from nothing that a check waits for: who is to raise a ValueError
    can't return 50 MB instead.
    """


class RemoteError(Exception):
    """An exception of a type that is not Python's own, raised by student code."""


class Channel:
    """One worker's pipes: a request, and its reply or what went wrong."""

    def __init__(self, process, tensors):
        self.process, self.tensors, self.number = process, tensors, 0
        self.clock = clock.of(process.pid)
        self.began = self.clock()
        for pipe in (process.stdin, process.stdout):
            os.set_blocking(pipe.fileno(), False)

    def greet(self, exports):
        """Begin a notebook, once the worker has started; its clock counts from here."""
        self.ask({"do": "greet", "exports": exports}, [], START_S)
        self.clock = clock.of(self.process.pid)
        self.began = self.clock()

    def used(self):
        """Return the seconds that the worker has computed since it was greeted."""
        return self.clock() - self.began

    def ask(self, message, values, seconds, patience=math.inf):
        """Send a request; return the reply and its values.

        The worker may compute for `seconds`. By the clock on the wall it may take
        PATIENCE times as long, and no longer than `patience`.

        Raises
        ------
        WorkerLostError
            If there is none: TIMEOUT, DIED, FLOOD or PROTOCOL.
        UncrossableError
            If one of `values` can't cross.
        """
        self.number += 1
        data = wire.pack({"id": self.number, **message}, values)
        try:
            reply, blobs = self._exchange(data, seconds, patience)
            return reply, self._values(reply, blobs)
        except WorkerLostError:
            raise
        except wire.TooLongError as error:
            raise WorkerLostError(
                "FLOOD", f"an answer that is too long: {error}"
            ) from None
        # MalformedError above all. But whatever else comes of reading it is its fault,
        # too, and must not end the marking.
        except Exception as error:
            raise WorkerLostError(
                "PROTOCOL", f"an answer that can't be read: {error}"
            ) from None

    def _values(self, reply, blobs):
        if reply.get("id") != self.number:
            raise WorkerLostError(
                "PROTOCOL", "an answer to a question that was not asked"
            )
        values = [wire.decode(tree, blobs, self.tensors) for tree in reply["values"]]
        for value in values:
            wire.check_room(value)
        return values

    def _exchange(self, data, seconds, patience):
        reader, left = wire.Reader(), memoryview(data)
        computed = self.clock() + seconds
        waited = time.monotonic() + min(seconds * PATIENCE, patience)
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdin, selectors.EVENT_WRITE)
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                # It has one thread, so that it can't use up its seconds any sooner.
                rest = min(computed - self.clock(), waited - time.monotonic())
                if rest <= 0:
                    raise WorkerLostError(
                        "TIMEOUT", f"no answer within {seconds:.3g} s"
                    )
                for key, _ in ready.select(max(rest, TICK)):
                    if key.fileobj is self.process.stdout:
                        whole = reader.feed(self._read())
                        if whole is not None:
                            return whole
                        continue
                    left = left[self._write(left) :]
                    if not left:
                        ready.unregister(self.process.stdin)

    def _read(self):
        piece = os.read(self.process.stdout.fileno(), 2**20)
        if not piece:
            raise WorkerLostError("DIED", "the process ended")
        return piece

    def _write(self, data):
        try:
            return os.write(self.process.stdin.fileno(), data[: 2**16])
        except BrokenPipeError:
            raise WorkerLostError("DIED", "the process ended") from None
        except BlockingIOError:
            return 0


class Session:
    """A student's cells, run in a worker that is started again when it is lost.

    Parameters
    ----------
    cells : list of str
        The code cells, in order.
    sandbox : Sandbox
        Where they run.
    exports : dict of str to sequence of str, optional
        Question → names that its checks use. They are kept as they stand where the
        notebook checks the question.

    Attributes
    ----------
    incidents : list of (str, str)
        Status and place of every loss: ``("TIMEOUT", "The cell “x = 1”")``.
    titles : list of str
        What the cells are called: their first lines.
    raised : dict of int to str
        Cells that raised, and what, while `telling`.
    missing : dict of int to list of str
        Cells of which lines were left out, and the packages that these need.
    overwritten : dict of str to str
        Names of functions, and the title of the last cell that gave them another value.
    telling : bool
        Whether what cells raise and miss is kept, to be shown to the student.
    """

    def __init__(self, cells, sandbox, exports=None):
        self.cells, self.sandbox = cells, sandbox
        self.titles = notebook.titles(cells)
        self.exports = {q: list(names) for q, names in (exports or {}).items()}
        self.missing, self.overwritten = {}, {}
        self.limits = sandbox.limits
        self.incidents, self.raised, self.losses = [], {}, {}
        self.left_out = set()
        self.telling = True
        self.used = 0.0
        self.deadline = time.monotonic() + self.limits.total_s * PATIENCE
        self._worker, self._channel = ExitStack(), None
        self._ranks = {0: self}

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        for session in self._ranks.values():
            session._worker.close()

    # ---- the worker's life

    def start(self):
        """Run the cells, those left out that lost a worker before."""
        while self._channel is None:
            if len(self.left_out) >= LOST_CELLS:
                raise WorkerLostError(
                    self.incidents[-1][0], f"{LOST_CELLS} cells were lost"
                )
            self._left()
            self._start_worker()
            for number in range(len(self.cells)):
                if self._channel is not None and number not in self.left_out:
                    self._run_cell(number)

    def _start_worker(self):
        process = self._worker.enter_context(self.sandbox.worker())
        self._channel = Channel(process, "torch" in self.sandbox.packages)
        try:
            self._channel.greet(self.exports)
        except WorkerLostError as lost:
            self._lose(lost, "the start")
            raise

    def _run_cell(self, number):
        source = self.cells[number]
        try:
            reply, _ = self._ask({"do": "cell"}, [number + 1, source], "cell_s")
        except WorkerLostError as lost:
            self._lose(lost, f"The cell {self.titles[number]}")
            self.left_out.add(number)
            return
        if not self.telling:
            return
        if "error" in reply:
            self.raised[number] = _named(reply)
        if packages := _texts(reply.get("missing")):
            self.missing[number] = packages
        known = {name for names in self.exports.values() for name in names}
        for name in known.intersection(_texts(reply.get("overwritten"))):
            self.overwritten[name] = self.titles[number]

    def _lose(self, lost, place):
        self.incidents.append((lost.status, place))
        self.used += self._channel.used()
        # as an error, so that the sandbox does not keep it
        self._worker.__exit__(type(lost), lost, lost.__traceback__)
        self._channel = None

    def _ask(self, message, values, limit):
        seconds, patience = self._left()
        seconds = min(getattr(self.limits, limit), seconds)
        return self._channel.ask(message, values, seconds, patience)

    def _left(self):
        """Return the seconds of computing and of waiting that the whole has left."""
        used = self.used + (self._channel.used() if self._channel else 0.0)
        seconds = self.limits.total_s - used
        patience = self.deadline - time.monotonic()
        if min(seconds, patience) <= 0:
            raise WorkerLostError(
                "TIMEOUT", f"the whole took over {self.limits.total_s:g} s"
            )
        return seconds, patience

    def on_rank(self, rank, function):
        """Return a student's function as it runs on one rank.

        Each rank is a worker of its own, so that none sees what another one keeps. The
        first rank is the worker that all other checks use.
        """
        if rank not in self._ranks:
            self._ranks[rank] = self._beside()
        there = copy.copy(function)
        there._session = self._ranks[rank]
        return there

    def _beside(self):
        """Return a session that runs the same cells in a worker of its own."""
        other = Session(self.cells, self.sandbox, self.exports)
        other.incidents, other.losses = self.incidents, self.losses
        other.left_out, other.deadline = self.left_out, self.deadline
        # What its cells raise has been told.
        other.telling = False
        return other

    # ---- what the checks ask

    def ask(self, message, values, place):
        """Ask the running notebook, and start it first if need be.

        Raises
        ------
        WorkerLostError
            If the worker was lost over this, now or too often before.
        """
        if self.losses.get(place, 0) >= LOSSES_A_NAME:
            raise WorkerLostError(
                "TIMEOUT", f"{place} was not called again after it was lost"
            )
        self.start()
        try:
            return self._ask(message, values, "call_s")
        except WorkerLostError as lost:
            self.losses[place] = self.losses.get(place, 0) + 1
            self._lose(lost, place)
            raise

    def names(self, exports, at=""):
        """Return the exported names that exist: functions as proxies, else values.

        Parameters
        ----------
        exports : iterable of str
        at : str
            As they stood where this question was checked; at the end if empty.
        """
        return self.looked_up(exports, at)[0]

    def looked_up(self, exports, at=""):
        """Return the names that exist, and those that stand for the same at the end."""
        found, same = {}, set()
        for name in exports:
            message = {"do": "get", "name": name, "at": at}
            try:
                reply, values = self.ask(message, [], name)
            except WorkerLostError:
                continue
            if reply.get("kind") == "function":
                found[name] = Proxy(self, name, at)
            elif reply.get("kind") == "value" and len(values) == 1:
                found[name] = values[0]
            if reply.get("same") is True:
                same.add(name)
        return found, same

    def places(self):
        """Return the questions for which the names were kept where it was checked."""
        try:
            reply, _ = self.ask({"do": "places"}, [], "the notebook")
        except WorkerLostError:
            return []
        return [q for q in _texts(reply.get("places")) if q in self.exports]


class Proxy:
    """Stands for a student's function: a call travels to the worker and back."""

    def __init__(self, session, name, at=""):
        self._session, self.__name__, self._at = session, name, at

    def __call__(self, *args, **kwargs):
        """Call the student's function, there; raise here what it raises."""
        message = {"do": "call", "name": self.__name__, "at": self._at}
        reply, values = self._session.ask(message, [args, kwargs], self.__name__)
        if "uncrossable" in reply:
            raise NoAnswerError(f"{self.__name__}: {_start(reply['uncrossable'], 500)}")
        if "long" in reply:
            raise NoAnswerError(f"{self.__name__} returned more than any answer needs")
        if "error" in reply:
            raise _error(reply)
        if len(values) != 1:
            raise NoAnswerError(f"{self.__name__} gave no answer that can be read")
        return values[0]


def _texts(given):
    """Return the short texts of a hostile list, as they may stand in files."""
    given = given if isinstance(given, list) else []
    return [_start(text, 60) for text in given[:20] if isinstance(text, str)]


def _start(text, length):
    """Return the start of a hostile text, as it may stand in files and on screens."""
    return clean(text[:length]) if isinstance(text, str) else ""


def _names(reply):
    """Return the names of an exception's type and of what it derives from."""
    names = reply["error"] if isinstance(reply["error"], list) else []
    return [_start(name, 60) for name in names[:20]]


def _named(reply):
    kind = (*_names(reply), "")[0] or "an error"
    text = _start(reply.get("text"), 300)
    return f"{kind}: {text}" if text else kind


def _error(reply):
    """Return Python's own exception of that name; never one that ends a process."""
    for name in _names(reply):
        kind = getattr(builtins, name, None)
        if (
            isinstance(kind, type)
            and issubclass(kind, Exception)
            and kind is not Exception
        ):
            try:
                return kind(_start(reply.get("text"), 1000))
            except TypeError:
                continue
    return RemoteError(_named(reply))
