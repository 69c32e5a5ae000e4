"""From a master notebook to what students get and what the checks need.

``assignment``  reads `assignment.yml` and what was built
``build``       builds a master notebook into `dist/`
``leaks``       refuses a build that gives away a solution or a hidden test
``seeds``       draws the inputs of hidden tests

``python -m grader.release`` builds, then tries the build by marking with it.
"""
