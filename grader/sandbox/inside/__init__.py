"""The only files of the grader that are shown inside the sandbox.

``worker`` runs the student's code and ``probe`` tries to break out; both are started as
scripts and never imported out here. ``wire`` is used on both sides of the wall. None of
them may import the rest of the grader, which is not there.
"""
