"""Marks the course's assignments: student code runs in a sandbox, the checks do not.

``python -m grader --help`` says how. No module here executes or unpickles anything
that a student wrote, but `grader.worker`, and that runs inside the sandbox only.
"""
