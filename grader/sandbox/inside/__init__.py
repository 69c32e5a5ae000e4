"""The only files of the grader that are shown inside the sandbox.

``worker`` runs the student's code, ``kernel`` runs it as Jupyter does, to compare, and
``probe`` tries to break out: these are started as scripts and never imported out here.
``shell`` runs cells for the worker, with ``standins`` for what is not there. ``wire``
is used on both sides of the wall. None of them may import the rest of the grader, which
is not there.
"""
