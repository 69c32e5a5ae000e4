"""Change each printed equation in one place, and see whether that is noticed.

python tests/mutants.py          all chapters, all changes
python tests/mutants.py 05 07    these chapters

A change of one sign, letter, number or relation is one that a slip of the pen would
make. A changed equation that says something else must be refused: because it can't be
read or given a meaning, or because a number contradicts it. What is accepted must be
true; it is listed, to be read. A changed definition must make an equation fail that
rests on it.
"""

import ast
import json
import random
import re
import signal
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import sympy as sp

from celib.book.proofs import _chapter
from celib.book.proofs._chapter import Call, meaning_of
from celib.book.proofs._known import KNOWN
from celib.book.proofs._meaning import NeedsIndex
from celib.book.proofs._mutants import mutants
from celib.book.proofs._numbers import (
    Rejected,
    check_numbers,
    concrete_claims,
    random_point,
    value_at,
)
from celib.book.proofs._prover import STUCK, is_proved_for_any_size, prove_statement
from celib.book.proofs._reader import read

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
# A changed equation may be one that sympy would work on for ever.
SECONDS = 20
# What an equation that can't be read, or has no meaning, may raise.
REFUSALS = (*STUCK, NeedsIndex, LookupError, ArithmeticError)


class TooSlow(Exception):
    """It took longer than SECONDS."""


def stop(*_):
    raise TooSlow


@dataclass
class Fates:
    """What became of the changed versions of some equations.

    Attributes
    ----------
    counts : Counter
        How many of each fate.
    accepted : list
        Changed equations that are proved: label, LaTeX. They must be true.
    unproved : list
        Changed equations that hold at all points, but are not proved.
    proved_but_false : list
        Those that the prover alone accepts, though a number contradicts them.
    unprotected : list
        Changed definitions that no equation notices.
    unused : list
        Definitions that no equation rests on.
    """

    counts: Counter = field(default_factory=Counter)
    accepted: list = field(default_factory=list)
    unproved: list = field(default_factory=list)
    proved_but_false: list = field(default_factory=list)
    unprotected: list = field(default_factory=list)
    unused: list = field(default_factory=list)

    def add(self, other):
        """Add the fates of other equations."""
        for name, value in vars(other).items():
            if name == "counts":
                self.counts += value
            else:
                getattr(self, name).extend(value)


# --- the equations of a chapter ----------------------------------------------


@cache
def calls(path):
    """Return what the cells of a chapter say of its equations, in order."""
    found = []

    def prove(label, latex, domains="", *, given=(), solves=()):
        found.append(Call(label, latex, domains, tuple(given), tuple(solves)))

    def define(label, latex, domains="", *, given=()):
        found.append(Call(label, latex, domains, tuple(given), defines=True))

    scope = {"prove": prove, "define": define}
    for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            for statement in ast.parse(plain("".join(cell["source"]))).body:
                if is_equation(statement) or is_text(statement):
                    exec(ast.unparse(statement), scope)
    return tuple(found)


def plain(source):
    """A cell without the lines that only Jupyter understands."""
    return re.sub(r"^[ ]*[%!].*$", "", source, flags=re.MULTILINE)


def is_equation(statement):
    """Whether a statement calls `prove` or `define`."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    return getattr(statement.value.func, "id", "") in ("prove", "define")


def is_text(statement):
    """Whether a statement gives a name to LaTeX, for several equations."""
    if not isinstance(statement, ast.Assign):
        return False
    if not all(isinstance(target, ast.Name) for target in statement.targets):
        return False
    parts = list(ast.walk(statement.value))
    return all(
        isinstance(p, ast.Constant | ast.List | ast.Tuple | ast.Load) for p in parts
    )


def remember(calls, changed=None):
    """Start over with the definitions and equations of `calls`; one may be changed."""
    _chapter.start_over()
    for call in calls:
        call = changed if changed and call.label == changed.label else call
        if call.defines:
            names, _ = meaning_of(call)
            _chapter.CHAPTER.names.names |= _chapter._defined_by(names, call.label)
        _chapter.CHAPTER.typed[call.label] = call.latex


# --- what a change does --------------------------------------------------------


def contradicted(call):
    """Whether a number contradicts what a call claims."""
    names, claims = meaning_of(call)
    try:
        for claim in claims:
            check_numbers(names, claim, call.label, classes=(2, 3, 4))
    except Rejected:
        return True
    return False


def meaning(call):
    """Return the values of what a call says; the trees, if its letters have none."""
    try:
        return values(call)
    except REFUSALS:
        if not call.defines:
            raise
        return read(call.latex, _chapter._called(call.latex))


def values(call):
    """Return the value of each side at one point, for 2 and 3 classes."""
    names, claims = meaning_of(call)
    if call.defines or call.solves:
        called = _chapter._called(call.latex)
        claims = read(call.latex, names.functions | called)[
            : 1 if call.defines else None
        ]
    found = []
    for claim in claims:
        for count in (2, 3):
            world, parts = concrete_claims(names, claim, count, at_numbers=True)
            for part in parts:
                numbers = [
                    value_at(side, fixed(world, side)) for side in sides_of(part)
                ]
                found.append((part.relation, *(str(sp.N(n, 15)) for n in numbers)))
    return found


def sides_of(claim):
    return sp.sympify(claim.left), sp.sympify(claim.right)


def fixed(world, side):
    """Return a point in which the value of a symbol depends on its name alone."""
    point = {}
    for symbol in side.free_symbols:
        kind, key, index = world.atoms.get(symbol, ("", str(symbol), ()))
        family = {"distribution": f"{key}{index[:-1]}", "joint": key, "inverse": key}
        draw = random.Random(family.get(kind, str(symbol)))
        point |= random_point(world, {symbol}, draw, 3)
    return point


def fate_of_claim(call, before, fates):
    """Judge a changed equation, which is no definition."""
    if meaning(call) == before:
        return "same meaning"
    names, claims = meaning_of(call)
    if contradicted(call):
        if not call.solves and prover_alone_accepts(names, claims):
            fates.proved_but_false.append((call.label, call.latex))
        return "contradicted by numbers"
    try:
        for claim in claims:
            prove_statement(names, claim, call.label)
    except REFUSALS:
        fates.unproved.append((call.label, call.latex))
        return "true at all points, not proved"
    fates.accepted.append((call.label, call.latex))
    return "proved"


def prover_alone_accepts(names, claims):
    """Whether symbols prove what numbers contradict."""
    try:
        return all(is_proved_for_any_size(names, claim) for claim in claims)
    except REFUSALS:
        return False


def fate_of_definition(call, before, resting, fates):
    """Judge a changed definition by its chain and by the equations that rest on it."""
    if meaning(call) == before:
        return "same meaning"
    if contradicted(call):
        return "contradicted by numbers"
    for other in resting:
        try:
            if contradicted(other):
                return "contradicted by numbers"
        except REFUSALS:
            return "refused"
    fates.unprotected.append((call.label, call.latex))
    return "not noticed"


def users(call, chapter):
    """Return the equations that use what a call says, from its chapter and others."""
    found = []
    for path in sorted(CHAPTERS.glob("[0-9]*.ipynb")):
        others = calls(path)
        elsewhere = call not in others
        if elsewhere and call.label not in KNOWN:
            continue
        remember(others)
        for other in others:
            if other.label != call.label and uses(other, call.label):
                found.append((path, other))
    remember(chapter)
    return found


def uses(call, label):
    """Whether an equation uses the one with that label."""
    try:
        names, claims = meaning_of(call)
        for claim in claims:
            concrete_claims(names, claim, 2, at_numbers=True)
    except REFUSALS:
        return False
    used = {names.names[key] for key in names.used & names.names.keys()}
    return label in call.given or label in {d.label or d.latex for d in used}


# --- all of them -----------------------------------------------------------------


def judge(path, most=None):
    """Return what becomes of changed equations of a chapter, `most` of each."""
    chapter, fates = calls(path), Fates()
    for call in chapter:
        remember(chapter)
        before = meaning(call)
        changed = [latex for _, latex in mutants(call.latex)]
        changed = sorted(set(changed))
        if most is not None:
            changed = random.Random(call.label).sample(changed, min(most, len(changed)))
        if call.defines:
            judge_definition(call, chapter, before, changed, fates)
            continue
        for latex in changed:
            judge_one(replace(call, latex=latex), before, fates)
    return fates


def judge_one(call, before, fates):
    """Count the fate of one changed equation."""
    fates.counts[fate_in_time(fate_of_claim, call, before, fates)] += 1


def fate_in_time(judge, *arguments):
    """Return the fate, or that it was refused, or that it took too long."""
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        return judge(*arguments)
    except TooSlow:
        return "too slow to judge"
    except REFUSALS:
        return "refused"
    finally:
        signal.alarm(0)


def judge_definition(call, chapter, before, changed, fates):
    """Count the fates of the changed versions of a definition."""
    resting = users(call, chapter)
    if (
        not resting
        and len(read(call.latex, _chapter._called(call.latex))[0].chain) == 3
    ):
        fates.unused.append(call.label)
    for latex in changed:
        new = replace(call, latex=latex)
        fate = fate_in_time(fate_with_users, new, chapter, before, resting, fates)
        fates.counts[fate] += 1
    remember(chapter)


def fate_with_users(new, chapter, before, resting, fates):
    """Judge a changed definition where it stands, then in other chapters."""
    here = [other for _, other in resting if other in chapter]
    remember(chapter, changed=new)
    fate = fate_of_definition(new, before, here, Fates())
    if fate != "not noticed":
        return fate
    known = KNOWN.get(new.label)
    if known is not None:
        KNOWN[new.label] = new.latex
        try:
            for path, other in resting:
                if other not in chapter:
                    remember(calls(path))
                    if contradicted(other):
                        return "contradicted by numbers"
        finally:
            KNOWN[new.label] = known
    fates.unprotected.append((new.label, new.latex))
    return fate


def main(numbers):
    """Judge the chapters whose names begin so; return the shell's status."""
    paths = sorted(CHAPTERS.glob("[0-9]*.ipynb"))
    paths = [p for p in paths if not numbers or p.stem.startswith(tuple(numbers))]
    fates = Fates()
    with ProcessPoolExecutor() as pool:
        for path, found in zip(paths, pool.map(judge, paths), strict=True):
            print(f"{path.stem:25} {sum(found.counts.values()):5} changed", flush=True)
            fates.add(found)
    report(fates)
    return 1 if fates.proved_but_false or fates.unprotected else 0


def report(fates):
    """Print what became of all changed equations."""
    for fate, count in fates.counts.most_common():
        print(f"{count:6} {fate}")
    for title, listed in (
        ("proved, so true", fates.accepted),
        ("true at all points, not proved", fates.unproved),
        ("PROVED, but contradicted by numbers", fates.proved_but_false),
        ("CHANGED DEFINITIONS that nothing notices", fates.unprotected),
    ):
        print(f"\n{title}: {len(listed)}")
        for label, latex in listed:
            print(f"  {label}: {' '.join(latex.split())}")
    print("\ndefinitions that no equation rests on:", ", ".join(fates.unused) or "none")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
