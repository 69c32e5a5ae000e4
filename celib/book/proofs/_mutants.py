"""Deliberately wrong versions of an equation: what a slip of the pen would print."""

import random
import re

from celib.book.proofs._meaning import Meaningless
from celib.book.proofs._numbers import Rejected, check_numbers
from celib.book.proofs._reader import Unreadable, read

__all__ = ["mutants", "rejected_versions"]

TOKENS = re.compile(r"\\[a-zA-Z]+|\\.|\d|[a-zA-Z]|.", re.DOTALL)
# The kinds that a reader could take for the true equation, the best first.
SHOWN = ["sign", "relation", "index", "number", "letter", "exponent", "base"]
# A letter that a slip could put in the place of another.
MISTAKEN = dict(zip("pqjkabyznstrwxmMKNTuvgh", "qpkjbazykttswxMmNKKvuhg", strict=True))
RELATIONS = {r"\ge": r"\le ", r"\le": r"\ge ", ">": "<", "<": ">"}
GREEK = r"\\(ell|lambda|gamma|varepsilon|beta|alpha|mu|sigma|rho|kappa|tau|delta)"
WORDS = r"\\(mathrm|operatorname|text|begin|end)\{[^}]*$"
SUBSCRIPT = r"_\{?\w*$"
SCRIPTS = r"(_(\w|\\\w+|\{[^{}]*\})|\^(\w|\{[^{}]*\}))+"


def mutants(latex):
    """Yield the kind and the LaTeX of every change of one sign, letter or number."""
    tokens = TOKENS.findall(latex)
    for i, token in enumerate(tokens):
        before, after = "".join(tokens[:i]), "".join(tokens[i + 1 :])
        if not re.search(WORDS, before):
            for kind, new in changes(token, before, after):
                if new != latex:
                    yield kind, new


def changes(token, before, after):
    """Yield what the string becomes if `token`, which stands there, is changed."""
    in_script = bool(re.search(SUBSCRIPT, before))
    if token == "+" and not before.rstrip().endswith("^"):
        yield "sign", before + "-" + after
    elif token == "-" and not before.rstrip().endswith(("^", "^{")):
        yield "sign", before + "+" + after
    elif token == "-":
        yield "sign", before + after
    elif token.isdigit():
        yield "number", before + str((int(token) + 1) % 10) + after
    elif token in RELATIONS:
        yield "relation", before + RELATIONS[token] + after
    elif token == r"\log":
        yield "logarithm left out", before + after
    elif token == r"\sum":
        yield "product for sum", before + r"\prod" + after
    elif token == r"\prod":
        yield "sum for product", before + r"\sum" + after
    elif token == "e" and after.startswith("^"):
        yield "base", before + "2" + after
    elif is_letter(token, before):
        if token in MISTAKEN:
            kind = "index" if in_script else "letter"
            yield kind, before + MISTAKEN[token] + after
        if not in_script:
            scripts = re.match(SCRIPTS, after)
            rest = after[scripts.end() :] if scripts else after
            yield "factor left out", before + rest
        if not in_script and not after.startswith(("_", "^", "(")):
            yield "exponent", before + token + "^2" + after


def is_letter(token, before):
    """Whether the token is a variable, and not the d of a derivative."""
    differential = token == "d" and re.search(r"\\t?frac\{$|\}\{$|\\, $", before)
    return bool(re.fullmatch("[a-zA-Z]|" + GREEK, token)) and not differential


def rejected_versions(names, call, count=3):
    """Return up to `count` wrong versions, of different kinds, that numbers reject."""
    candidates = [c for c in mutants(call.latex) if c[0] in SHOWN]
    random.Random(call.label or call.latex).shuffle(candidates)
    candidates.sort(key=lambda candidate: SHOWN.index(candidate[0]))
    found = {}
    for kind, new in candidates:
        if len(found) == count:
            break
        if kind not in found and is_rejected(names, new, call.label):
            found[kind] = new
    return tuple(found.values())


def is_rejected(names, latex, label):
    """Whether the LaTeX can be read and evaluated, and numbers contradict it."""
    try:
        for statement in read(latex, names.functions):
            check_numbers(names, statement, label, tries=2, classes=(3,))
    except Rejected:
        return True
    except (
        Unreadable,
        Meaningless,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
    ):
        return False
    return False
