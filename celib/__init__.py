"""Cross-entropy, derived in a book and implemented here, to the last digit.

Import what you need from the module of its chapter, for example
``from celib.information import cross_entropy``.
"""

__version__ = "0.1.0"
