"""Where students' code runs, and how the checks talk to it.

``walls``     starts a worker behind bubblewrap, after trying whether the walls hold
``syscalls``  is the filter of system calls that bubblewrap loads
``clock``     tells how long a worker has computed
``packages``  finds what a student's code may import
``session``   runs a notebook in a worker and asks it on behalf of the checks
``inside``    is all of the grader that can be seen from within
"""
