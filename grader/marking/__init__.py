"""From a folder of notebooks to points, each result kept as soon as it is there.

``collect``   finds the submissions, also under the ``names`` of a learning platform
``mark``      marks one of them; ``checks`` runs its checks, and ``failures`` reads
              what a failed one printed
``compare``   runs public checks in a plain kernel, too, to find the marker's mistakes
``batch``     marks a class, on this machine or on a cluster
``trial``     marks the solution and wrong answers: what must come out right or wrong
``store``     keeps the results and `grades.csv`
``sheet``     is the table of marks given by hand
"""
