"""Runs inside the sandbox: a student's cells, and the calls that the checks make.

It is given its limits on the command line, then answers one request at a time. It
holds no expected value, no test and no other student's work: what runs here may do
with this process whatever it likes. It is started as a script, beside `shell.py`,
`standins.py` and `wire.py`, and never imported by the trusted side.
"""

import json
import os
import resource
import struct
import sys
import types

# An isolated Python does not look in the folder of its script.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import shell
import standins

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


# ---- the requests


class Notebook:
    """The student's names, and what may be asked about them."""

    def __init__(self, transformer):
        self.transformer = transformer
        self.names, self.exports = {}, {}

    def greet(self, message, values):
        """Begin: no name is left of a notebook before."""
        self.names.clear()
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        ours = (standins.StandIn, Checks)
        for name in [n for n, m in sys.modules.items() if isinstance(m, ours)]:
            del sys.modules[name]
        self.names = module.__dict__
        self.exports = message.get("exports", {})
        # The names as they stood where a question was checked, "" at the end.
        self.kept, self.place = {}, ""
        self.shell = shell.Shell(self.names, self.transformer().transform_cell)
        shell.set_builtins(self.shell)
        return {}, []

    def cell(self, message, values):
        """Run a code cell; say what it overwrote, and what was missing for it."""
        number, source = values
        before = dict(self._at(""))
        self.shell.left_out.clear()
        reply = {}
        try:
            self.shell.run(source, number)
        except BaseException as error:
            reply = described(error)
        lost = [n for n in self._all_exports() if self._overwritten(n, before)]
        for question, names in self.exports.items():
            if set(names) & set(lost):
                self.kept.setdefault(question, before)
        missing = sorted({package for _, package in self.shell.left_out})
        return {**reply, "overwritten": lost, "missing": missing}, []

    def _all_exports(self):
        return [name for names in self.exports.values() for name in names]

    def _overwritten(self, name, before):
        """Tell whether a name was a function, and is none any more."""
        was = before.get(name)
        return _is_function(was) and not _is_function(self.names.get(name))

    def keep(self, question):
        """Keep the names as they stand where a question is checked."""
        if question in self.exports:
            self.kept[question] = dict(self.names)

    def get(self, message, values):
        """Say what a name stands for, and give its value if it is one.

        Where a question was checked, say too whether it stands for the same at the end.
        """
        name, end = message["name"], self._at("").get(message["name"])
        names = self._at(message.get("at", ""))
        if isinstance(names.get(name), standins.StandIn) or name not in names:
            return {"kind": "missing"}, []
        value, same = names[name], names[name] is end
        if callable(value):
            return {"kind": "function", "same": same}, []
        return {"kind": "value", "same": same}, [value]

    def places(self, message, values):
        """Say for which questions the names are kept."""
        return {"places": [q for q in self.exports if q in self.kept]}, []

    def call(self, message, values):
        """Call a function, give what it returns."""
        args, kwargs = values
        function = self._at(message.get("at", ""))[message["name"]]
        result = function(*args, **kwargs)
        refuse_stand_ins(result)
        return {}, [result]

    def _at(self, place):
        """Return the names as they stood at a place: a function finds these, too."""
        if place != self.place and (not place or place in self.kept):
            self.kept[self.place] = dict(self.names)
            self.names.clear()
            self.names.update(self.kept[place])
            self.place = place
        return self.names


def _is_function(value):
    return callable(value) and not isinstance(value, standins.StandIn)


def refuse_stand_ins(result, deep=3):
    """Raise the error that says what is not here, if an answer holds it."""
    if isinstance(result, standins.StandIn):
        raise standins.not_here(result._package)
    if deep and isinstance(result, list | tuple):
        for item in result[:100]:
            refuse_stand_ins(item, deep - 1)


class Checks(types.ModuleType):
    """Stands for otter: a check keeps the names as they stand, and tells nothing."""

    def __init__(self, notebook):
        super().__init__("otter")
        self.Notebook = lambda *rest, **more: self
        self._notebook = notebook

    def check(self, question, *rest, **more):
        """Keep what this question asks for; give what can be taken for a result."""
        self._notebook.keep(question)
        return standins.PassedOn(standins.StandIn("otter.result"), ())

    def check_all(self, *rest, **more):
        """Keep what each question asks for."""
        for question in self._notebook.exports:
            self._notebook.keep(question)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return standins.StandIn(f"otter.{name}")


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
    transformer = shell.transformer()
    requests, replies = private_pipes()
    confine(limits)
    import wire

    # Compiling takes other programs; what is not compiled gives the same values.
    os.environ["TORCHDYNAMO_DISABLE"] = "1"
    for package in limits["preload"]:
        __import__(package)
    notebook = Notebook(transformer)
    makes = {"otter": lambda name, quiet: Checks(notebook)}
    sys.meta_path.insert(0, standins.Finder(quiet=True, makes=makes))
    sys.meta_path.append(standins.Finder(quiet=False))
    standins.do_without_threads()
    # As in Jupyter: files beside the notebook can be imported, no options are given.
    sys.path.insert(0, os.getcwd())
    sys.argv[1:] = []
    os.environ.setdefault("USER", "student")
    serve(notebook, requests, replies, wire)


if __name__ == "__main__":
    main()
