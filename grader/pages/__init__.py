"""What people read once a class is marked, made from the stored results.

``feedback``    is a student's page
``report``      is the instructor's, with its ``pictures``
``answers``     shows the answers to mark by hand
``gradescope``  is the form that this platform reads
``written``     is an answer to mark by hand, its formulas made by ``mathml``
``words``       are the sentences that these share
``html``        fills in the templates; all HTML is in ``templates/``
``outputs``     writes everything
"""
