"""Runs notebooks in kernels of their own, as a script: what is slow is imported once.

Each notebook gets a process of its own, forked off this one, and a folder of its own.
Its cells and checks run in one shell of IPython's, as in a student's Jupyter.
"""

import gc
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "grader" / "sandbox" / "inside"))


def alone(cells, tests):
    """Run a notebook in a process of its own; return what `Kernel.run` returns."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            told = _in_a_folder(cells, tests)
        except BaseException as error:
            told = {"broken": repr(error)}
        with os.fdopen(writer, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = json.load(pipe)
    os.wait()
    return told


def _in_a_folder(cells, tests):
    import kernel

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["IPYTHONDIR"] = folder
        sys.path.insert(0, "")
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        return kernel.Kernel(tests).run(cells)


def main():
    """Read the notebooks from the input, write what came of each to the output."""
    asked = json.loads(sys.stdin.buffer.read())
    os.environ["MPLBACKEND"] = "agg"
    sys.path.insert(0, sys.argv[1])
    for name in asked["heavy"]:
        importlib.import_module(name)
    # The pages of what is imported are then shared with all processes.
    gc.freeze()
    notebooks = asked["notebooks"].items()
    told = {name: alone(cells, asked["tests"]) for name, cells in notebooks}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
