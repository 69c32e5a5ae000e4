"""Marks the course's assignments: students' code runs in a sandbox, the checks do not.

The rooms, from the one that uses the others to those that use none of them:

``pages``    what people read: feedback, report, written answers, Gradescope
``marking``  from a folder of notebooks to points, kept safe on the way
``sandbox``  where students' code runs, and how the checks talk to it
``release``  from a master notebook to what students get and what the checks need

``python -m grader --help`` says how to mark, ``python -m grader.release --help`` how to
build. Nothing here executes or unpickles what a student wrote, but ``sandbox/inside``,
and that runs inside the sandbox only.
"""
