"""Numbers: what is printed is evaluated at random points before it is proved.

Each side of each link is worked out in 40 digits, for several numbers of classes: for 2
of them at all entries and all values of the free indices, for more at some of them.
"""

import itertools
import random
from dataclasses import dataclass

import mpmath
import sympy as sp

from celib.book.proofs._meaning import Limit, Meaningless, NeedsIndex, Vector, World

__all__ = ["Claim", "Rejected", "check_numbers", "concrete_claims", "entries", "links"]

DIGITS = 40
# What is closer to 0 than this is 0.
TINY = sp.Rational(1, 10**30)
# The numbers of classes that are tried.
CLASSES = (2, 3, 5)
# How many entries of a vector or matrix, and values of the free indices, are evaluated
# at a number of classes above 2.
SAMPLED = 6


class Rejected(ValueError):
    """False at a point."""


@dataclass(frozen=True)
class Claim:
    """One entry of one link: two expressions and what holds between them."""

    left: sp.Expr
    relation: str
    right: sp.Expr


def links(statement):
    """Return the links of a chain; a rounded number with its count of digits."""
    chain = statement.chain
    triples = [chain[i : i + 3] for i in range(0, len(chain) - 2, 2)]
    return [
        (left, f"~{decimals(right)}" if relation == "~" else relation, right)
        for left, relation, right in triples
    ]


def decimals(tree):
    """Return how many digits stand behind the point of a rounded number."""
    if tree[0] == "neg":
        return decimals(tree[1])
    if tree[0] != "num" or "." not in tree[1]:
        raise Meaningless(r"what follows \approx must be a number with its digits")
    return len(tree[1].partition(".")[2])


def entries(value, world, most=None):
    """Return the numbers in a vector or tuple, in order.

    A vector of any size has one entry that stands for all. Of a vector of a given
    size, at most `most` entries are taken, spread over it.
    """
    if isinstance(value, tuple):
        return [entry for part in value for entry in entries(part, world, most)]
    if not isinstance(value, Vector):
        return [value]
    if world.for_any_size:
        places = []
        for number, size in enumerate(value.sizes):
            place = sp.Symbol(f"entry {number}", integer=True, positive=True)
            world.index_ranges[place] = world.size(size)
            places.append(place)
        return [value[tuple(places)]]
    spans = [range(1, int(world.size(size)) + 1) for size in value.sizes]
    places = spread(list(itertools.product(*spans)), most)
    return [value[tuple(map(sp.Integer, place))] for place in places]


def spread(items, most):
    """Return at most `most` items of a list, always the same ones."""
    if most is None or len(items) <= most:
        return items
    return random.Random(len(items)).sample(items, most)


def paired_entries(left, right, world, most=None):
    """Return the entries of two sides, which must be as many."""
    sides = entries(left, world, most), entries(right, world, most)
    if len(sides[0]) != len(sides[1]):
        counts = " and ".join(str(len(side)) for side in sides)
        raise Meaningless(f"both sides must have as many entries, got {counts}")
    shapes = {(v.sizes, v.is_row) for v in (left, right) if isinstance(v, Vector)}
    if len(shapes) > 1:
        raise Meaningless("both sides must have the same size, as rows or as columns")
    return list(zip(*sides, strict=True))


# --- a number of classes -----------------------------------------------------


def sizes_for(names, count):
    """Return a number for each size: K is `count`, the others differ from it."""
    sizes = {"K": count}
    if count == CLASSES[0]:  # what is declared as a whole number can be 1
        sizes |= {key: 1 for key in declared_sizes(names) if key != "K"}
    for key in sorted({*names.ranges.values(), *declared_sizes(names), "R"}):
        if not key.isdigit():
            draw = random.Random(f"{key} beside {count} classes")
            sizes.setdefault(key, draw.randint(2, max(3, min(count + 1, 5))))
    return sizes


def declared_sizes(names):
    """Return the letters that were declared as whole numbers."""
    return [key for key, domain in names.domains.items() if domain.kind == "size"]


def concrete_claims(names, statement, count, at_numbers=False):
    """Return a world of that many classes, and what the statement claims in it.

    All that it claims; at numbers, and for more than 2 classes, a part of it.
    """
    world = World(names, sizes_for(names, count), at_numbers)
    most = SAMPLED if at_numbers and count > 2 else None
    claims = []
    for free in spread(free_values(world, statement), most):
        world.free = free
        if is_excluded(statement.where, world):
            continue
        for left, relation, right in links(statement):
            sides = world.eval(left, {}), world.eval(right, {})
            for pair in paired_entries(*sides, world, most):
                claims.append(Claim(pair[0], relation, pair[1]))
    world.free = {}
    return world, claims


def free_values(world, statement):
    """Return the values of the free indices, found by looking which are missed."""
    letters = []
    while True:
        spans = [range(1, size_of(world, letter) + 1) for letter in letters]
        values = [
            dict(zip(letters, map(sp.Integer, row), strict=True))
            for row in itertools.product(*spans)
        ]
        try:
            world.free = values[0]
            is_excluded(statement.where, world)
            for left, _, right in links(statement):
                entries(world.eval(left, {}), world, most=1)
                entries(world.eval(right, {}), world, most=1)
        except NeedsIndex as missed:
            letters.append(missed.args[0])
        else:
            return values


def size_of(world, letter):
    """Return how far a free index runs."""
    size = world.names.ranges[letter]
    try:
        return int(world.size(size))
    except NeedsIndex:
        raise Meaningless(
            f"{size} must be a whole number, as the end of {letter}"
        ) from None


def is_excluded(where, world):
    """Whether the condition in brackets does not hold for these indices."""
    if where is None:
        return False
    relation, left, right = where
    a, b = world.eval(left, {}), world.eval(right, {})
    return {"!=": a == b, "<": not a < b, ">": not a > b}[relation]


# --- points ------------------------------------------------------------------


def check_numbers(names, statement, label, tries=4, classes=CLASSES):
    """Evaluate all that is printed; raise if a number contradicts it.

    Returns the sizes that anything depends on, such as the number of classes K.
    """
    draw = random.Random(label)
    for count in classes:
        world, claims = concrete_claims(names, statement, count, at_numbers=True)
        if not claims:
            raise Meaningless("a condition must leave something to be claimed")
        if count == classes[0]:
            refuse_zero_divisors(world, draw)
        for claim in claims:
            check_claim(claim, world, draw, label, count, tries)
        if not world.sizes_used:
            break
    return world.sizes_used


def check_claim(claim, world, draw, label, count, tries):
    """Evaluate both sides at a few points."""
    sides = sp.sympify(claim.left), sp.sympify(claim.right)
    symbols = sides[0].free_symbols | sides[1].free_symbols
    has_real_values = False
    for attempt in range(tries if symbols else 1):
        point = random_point(world, symbols, draw, attempt)
        values = [value_at(side, point) for side in sides]
        if not all(value.is_number for value in values):
            raise Meaningless("a side has no value at a point of its domain")
        has_real_values |= all(value.is_extended_real for value in values)
        rough = any(side.has(Limit, sp.Integral) for side in sides)
        if not holds(*values, claim.relation, rough):
            where = f" with {count} classes" if world.sizes_used else ""
            shown = " and ".join(str(sp.N(value, 10)) for value in values)
            at = ", ".join(f"{s} = {sp.N(point[s], 3)}" for s in sorted(point, key=str))
            at = at or "every point"
            raise Rejected(f"{label} is false{where}: at {at} its sides are {shown}")
    if not has_real_values:
        raise Meaningless("no point was found where both sides are real numbers")


def refuse_zero_divisors(world, draw):
    """Refuse a divisor that is 0 wherever it is evaluated."""
    for divisor in map(sp.sympify, world.divisors):
        symbols = divisor.free_symbols
        if not symbols or not symbols <= world.atoms.keys():
            continue
        points = [random_point(world, symbols, draw, attempt) for attempt in range(2)]
        if all(abs(value_at(divisor, point)) < TINY for point in points):
            raise Meaningless(f"{divisor} is always 0, and can't be divided by")


def random_point(world, symbols, draw, attempt):
    """Return values that the domains allow; probabilities add up to 1.

    At the first attempt all numbers are below 1, and negative if they may be; at the
    second above 1, and at the third below -1.
    """
    point = {}

    def kind_of(symbol):
        return world.atoms.get(symbol, ("", str(symbol), ()))

    # an inverse gives values to two matrices
    order = sorted(symbols, key=lambda s: (kind_of(s)[0] != "inverse", str(s)))
    for symbol in order:
        kind, key, index = kind_of(symbol)
        if symbol in point:
            continue
        if kind == "distribution":
            add_distribution(point, world, key, index[:-1], draw)
        elif kind == "joint":
            add_joint(point, world, key, draw)
        elif kind == "inverse":
            add_inverse(point, world, key, draw)
        else:
            point[symbol] = random_number(symbol, draw, attempt)
    return {symbol: value for symbol, value in point.items() if symbol in symbols}


def random_number(symbol, draw, attempt):
    """Return a fraction or whole number that sympy's assumptions allow."""
    if symbol.is_integer:
        return sp.Integer(draw.randint(1, 9))
    span = {0: (5, 96), 1: (98, 400), 2: (98, 400)}.get(attempt, (5, 400))
    size = sp.Rational(draw.randint(*span), 97)
    if symbol.is_nonnegative:
        return size
    sign = {0: -1, 1: 1, 2: -1}.get(attempt, draw.choice((-1, 1)))
    return -size if symbol.is_negative else sign * size


def add_distribution(point, world, key, leading, draw):
    """Add the entries of a distribution to a point."""
    size = world.names.ranges[world.letters(key)[-1]]
    weights = [draw.randint(1, 60) for _ in range(int(world.size(size)))]
    for i, weight in enumerate(weights, start=1):
        name = "_".join([key, *map(str, (*leading, i))])
        symbol = sp.Symbol(name, positive=True)
        point.setdefault(symbol, sp.Rational(weight, sum(weights)))


def add_joint(point, world, key, draw):
    """Add the probabilities of all answers to K yes-or-no questions."""
    answers = itertools.product("01", repeat=int(world.size("K")))
    weights = {"".join(answer): draw.randint(1, 60) for answer in answers}
    for answer, weight in weights.items():
        symbol = sp.Symbol(f"{key}_{answer}", positive=True)
        point.setdefault(symbol, sp.Rational(weight, sum(weights.values())))


def add_inverse(point, world, key, draw):
    """Add the entries of a matrix, and of the one that it is the inverse of."""
    (of,) = world.names.domains[f"{key}[]"].bounds
    count = int(world.size("K"))
    matrix = sp.eye(count) * 7
    names = [(i, j) for i in range(count) for j in range(count)]
    for i, j in names:
        matrix[i, j] += sp.Rational(draw.randint(1, 60), 60)
    inverse = matrix.inv()
    for name, values in ((of[1], matrix), (key, inverse)):
        for i, j in names:
            symbol = sp.Symbol(f"{name}_{i + 1}_{j + 1}", real=True)
            point[symbol] = values[i, j]


def value_at(expression, point, digits=DIGITS):
    """Return the value of an expression, of a limit close to it."""
    expression = sp.sympify(expression)
    if isinstance(expression, Limit):
        return near_limit(expression, point)
    integrals = expression.atoms(sp.Integral)
    if integrals:
        numbers = {i: integral_value(i.xreplace(point)) for i in integrals}
        return sp.N(expression.xreplace(numbers).xreplace(point), digits)
    if expression.has(Limit):
        values = (value_at(argument, point) for argument in expression.args)
        return sp.N(expression.func(*values), digits)
    try:
        return sp.N(expression.xreplace(point), digits)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise Meaningless(f"a side has no value: {error}") from None


def integral_value(integral):
    """Return the number that an integral comes to."""
    body, (t, low, high) = integral.args
    middle = [0] if low == -sp.oo and high == sp.oo else []
    with mpmath.workdps(25):
        places = [sp.N(place, 25)._to_mpmath(90) for place in (low, *middle, high)]
        try:
            area = mpmath.quad(sp.lambdify(t, body, "mpmath"), places)
        except ZeroDivisionError:
            raise Meaningless("an integral over what is divided by 0") from None
        return sp.Float(area, DIGITS)


def near_limit(limit, point):
    """Return the value of an expression just before its limit."""
    inside, variable, target, side = limit.args
    tiny = sp.Rational(1, 10**26) * (-1 if str(side) == "-" else 1)
    place = target + tiny
    if target in (sp.oo, -sp.oo):
        place = 1 / abs(tiny) if target == sp.oo else -1 / abs(tiny)
    return value_at(inside.xreplace({variable: place}), point, 150)


def holds(x, y, relation, rough):
    """Whether two numbers stand in the relation, as far as their digits reach."""
    gap = x - y
    if relation.startswith("~"):  # half a unit of the last digit shown
        return bool(abs(gap) <= sp.Rational(1, 2 * 10 ** int(relation[1:])))
    if not gap.is_real:
        return False
    digits = 12 if rough else DIGITS - 10
    tiny = sp.Float(10) ** -digits * (1 + abs(y))
    return {
        "=": bool(abs(gap) < tiny),
        ">=": bool(gap > -tiny),
        "<=": bool(gap < tiny),
        ">": bool(gap > 0),
        "<": bool(gap < 0),
        "!=": bool(abs(gap) > tiny),
    }[relation]
