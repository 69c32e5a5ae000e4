"""Runs a notebook as a student's own Jupyter does: cells and checks in one process.

It gives no points. What it says is compared with what the marker found, to tell the
marker's mistakes from a student's. It runs in the sandbox, as a worker does, and gets
the public checks alone.
"""

import contextlib
import doctest
import io
import json
import os
import sys
import types

LONGEST = 4000


class Kernel:
    """A shell of IPython's, and what the checks found in it.

    Parameters
    ----------
    tests : dict of str to list of str
        Question → the code of its public checks.
    """

    def __init__(self, tests):
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        plain = Config()
        # A thread would write it down.
        plain.HistoryManager.enabled = False
        plain.InteractiveShell.colors = "nocolor"

        class ZMQInteractiveShell(InteractiveShell):
            def enable_gui(self, gui=None):
                """Draw on no screen."""

            def system(self, command):
                """Start no other program: there is none to start."""

            def getoutput(self, command, *rest, **more):
                """Return what such a program printed."""
                return []

        self.shell = ZMQInteractiveShell.instance(config=plain)
        self.tests, self.found = tests, {}
        otter = types.ModuleType("otter")
        otter.Notebook = lambda *rest, **more: otter
        otter.check = self.check
        otter.check_all = lambda *rest, **more: [self.check(q) for q in tests]
        otter.export = otter.add_plugin_files = lambda *rest, **more: None
        sys.modules["otter"] = otter

    def run(self, cells):
        """Run the cells; return which raised, and what each check found."""
        raised = {}
        for number, source in enumerate(cells, 1):
            done = self.shell.run_cell(source, store_history=True)
            error = done.error_before_exec or done.error_in_exec
            if error is not None:
                raised[number] = f"{type(error).__name__}: {error}"[:LONGEST]
        for question in self.tests.keys() - self.found.keys():
            self.check(question)
        return {"raised": raised, "checks": self.found}

    def check(self, question, *rest, **more):
        """Run the public checks of a question on the names as they stand."""
        codes = self.tests.get(question, [])
        self.found[question] = [run_check(code, self.shell.user_ns) for code in codes]


def run_check(code, names):
    """Run one check; return whether it passed, and what it printed."""
    test = doctest.DocTestParser().get_doctest(code, names, "check", None, None)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        failed, _ = doctest.DocTestRunner(verbose=True).run(test, clear_globs=False)
    return not failed, "" if not failed else printed.getvalue()[:LONGEST]


def main():
    """Set the limits, run a notebook, say what came of it."""
    import _sitebuiltins
    import builtins

    import worker

    limits = json.loads(sys.argv[1])
    sys.path[:0] = [os.getcwd(), *limits["site"]]
    sys.argv[1:] = []
    os.environ.update(MPLBACKEND="agg", USER="student")
    builtins.help = _sitebuiltins._Helper()
    requests, replies = worker.private_pipes()
    worker.confine(limits)
    asked = json.loads(requests.read())
    answer = Kernel(asked["tests"]).run(asked["cells"])
    replies.write(json.dumps(answer).encode())
    replies.flush()
    # Whatever a notebook has left to be done at the end is not waited for.
    os._exit(0)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
