"""Prove what is printed: for any number of classes, or, failing that, for 2 to 6."""

from dataclasses import dataclass

import sympy as sp

from celib.book.proofs._meaning import Limit, Meaningless, OutOfRange, World
from celib.book.proofs._normal import FACTS, Mask, forget, in_range, is_zero, tidy
from celib.book.proofs._numbers import (
    check_numbers,
    concrete_claims,
    holds,
    links,
    paired_entries,
    value_at,
)
from celib.book.proofs._signs import (
    Unproved,
    below_maxima,
    cases,
    cases_of_indices,
    is_nonnegative,
    with_sizes_from_one,
    without_rounding,
)

__all__ = ["is_proved_for_any_size", "prove_statement"]

# The numbers of classes for which a statement is checked if it can't be proved for any.
CASES = (2, 3, 4, 5, 6)

# What sympy, and the steps below, raise when they get no further.
STUCK = (
    Meaningless,
    Unproved,
    NotImplementedError,
    TypeError,
    ValueError,
    AttributeError,
    sp.PolynomialError,
    RecursionError,
)


@dataclass(frozen=True)
class Proof:
    """How far a proof reaches.

    Attributes
    ----------
    kind : str
        ``any K``; ``no K`` if nothing depends on a number of classes; ``instances``
        if it was proved for 2 to 6 classes only.
    sizes : frozenset of str
        The sizes that the statement depends on.
    methods : frozenset of str
        How it went, in a few words.
    everywhere : bool
        Whether it is sure that no divisor is 0 and every logarithm exists.
    """

    kind: str
    sizes: frozenset
    methods: frozenset
    everywhere: bool = True


def prove_statement(names, statement, label):
    """Prove one statement, or raise; return how far the proof reaches."""
    if len(statement.chain) < 3:
        raise Meaningless("an equation or inequality must have two sides, got one")
    sizes = frozenset(check_numbers(names, statement, label))
    reasons = []
    methods = methods_for(statement)
    for way in (is_proved_for_any_size, is_proved_by_induction):
        if way is is_proved_by_induction:
            methods = frozenset({"by induction"})
        try:
            if way(names, statement):
                kind = "any K" if sizes else "no K"
                everywhere = is_defined_everywhere(names, statement)
                return Proof(kind, sizes, methods, everywhere)
        except OutOfRange:
            raise
        except STUCK as error:
            reasons.append(f"{type(error).__name__}: {error}")
    try:
        if is_proved_each(names, statement, CASES if sizes else CASES[:1]):
            return Proof(
                "instances" if sizes else "no K", sizes, methods_for(statement)
            )
    except STUCK as error:
        reasons.append(f"{type(error).__name__}: {error}")
    reason = "; ".join(dict.fromkeys(reasons)) or "sympy can't confirm it"
    raise Unproved(f"{label} holds at every point tried, but is not proved. {reason}")


# How each relation is proved.
METHODS = {
    "=": "both sides have one form",
    ">": "the sign of the difference",
    "~": "the digits shown",
}


def methods_for(statement):
    """Return how the links of a statement are proved."""
    signs = {">=": ">", "<=": ">", "<": ">"}
    relations = (signs.get(r, r) for r in statement.chain[1::2])
    return frozenset(METHODS[relation] for relation in relations if relation in METHODS)


# --- any number of classes ---------------------------------------------------


def is_proved_for_any_size(names, statement):
    """Whether each link is proved with symbols for the sizes."""
    world, claims = symbolic_claims(names, statement)
    learn(world)
    unequal = unequal_indices(statement, world)
    return all(
        is_settled(without(unequal, left), relation, without(unequal, right))
        for left, relation, right in claims
    )


def symbolic_claims(names, statement):
    """Return a world in which the sizes are symbols, and what is claimed in it."""
    world, claims = World(names), []
    for left, relation, right in links(statement):
        sides = world.eval(left, {}), world.eval(right, {})
        for pair in paired_entries(*sides, world):
            claims.append((pair[0], relation, pair[1]))
    return world, claims


def is_defined_everywhere(names, statement):
    """Whether no divisor can be 0, and every logarithm is that of a positive number."""
    world, _ = symbolic_claims(names, statement)
    learn(world)
    divisors, arguments = (
        {with_sizes_from_one(below_maxima(e)) for e in map(sp.sympify, found)}
        for found in (world.divisors, world.arguments)
    )
    try:
        return all(has_a_sign(e) for e in divisors) and all(
            is_nonnegative(e, strict=True) for e in arguments
        )
    except STUCK:
        return False


def has_a_sign(e):
    """Whether an expression is positive, or negative, for certain."""
    if e.is_zero is False:
        return True
    return is_nonnegative(e, strict=True) or is_nonnegative(-e, strict=True)


def learn(world):
    """Take what is known of the letters from a world in which they were evaluated."""
    forget()
    names = world.names
    for key, domain in names.domains.items():
        name = key.removesuffix("[]")
        if domain.kind == "distribution":
            FACTS.distributions[name] = world.size(names.ranges[domain.indices[-1]])
        elif domain.kind == "noise":
            FACTS.noise.add(name)
        elif domain.kind == "inverse":
            (of,) = domain.bounds
            FACTS.inverses |= {(name, of[1]), (of[1], name)}
    FACTS.ranges.update(world.index_ranges)
    for top, body, letter, scope in world.maxima.values():
        largest = world.eval(body, scope | {letter: top})
        found = largest.atoms(sp.Indexed)
        if len(found) != 1:
            continue
        scale = sp.cancel(largest / next(iter(found)))
        if scale.is_positive and not scale.has(sp.Indexed):
            gaps = sp.IndexedBase(f"gap below {top}", nonnegative=True)
            FACTS.maxima[top] = (next(iter(found)).base, gaps)


def unequal_indices(statement, world):
    """Return the two indices that the condition in brackets keeps apart, or None."""
    if statement.where is None:
        return None
    relation, left, right = statement.where
    if relation != "!=":
        raise Unproved("only the condition that two indices differ is known for any K")
    return world.eval(left, {}), world.eval(right, {})


def without(unequal, side):
    """Return a side in which two indices are known to differ."""
    side = sp.sympify(side)
    if unequal is None:
        return side
    if isinstance(side, Limit):
        return Limit(without(unequal, side.args[0]), *side.args[1:])
    return tidy(side).subs(sp.KroneckerDelta(*unequal), 0)


def is_proved_by_induction(names, statement):
    """Whether the links hold for n = 1, and from n to n + 1, for a whole number n."""
    world, claims = symbolic_claims(names, statement)
    if any(relation != "=" for _, relation, _ in claims):
        return False
    sizes = [
        sp.Symbol(size, integer=True, positive=True) for size in whole_numbers(names)
    ]
    for n in sizes:
        learn(world)
        gaps = [left - right for left, _, right in claims]
        if all(holds_by_induction(gap, n) for gap in gaps):
            return True
    return False


def whole_numbers(names):
    """Return the letters that are declared as whole numbers, or count items."""
    declared = [key for key, domain in names.domains.items() if domain.kind == "size"]
    return [*declared, *sorted({size for size in names.ranges.values() if size != "K"})]


def holds_by_induction(gap, n):
    """Whether an expression is 0 at n = 1, and does not change from n to n + 1."""
    first = written_out(gap.subs(n, sp.Integer(1)))
    step = one_integral(gap.subs(n, n + 1) - gap)
    return is_zero(work_out(first)) and is_zero(work_out(step))


def written_out(e):
    """Write out the sums whose limits are numbers."""
    return e.replace(
        lambda x: isinstance(x, sp.Sum) and all(b.is_Integer for b in x.args[1][1:]),
        lambda x: x.doit(),
    )


def one_integral(e):
    """Write a difference of integrals with equal limits as one."""
    terms = sp.Add.make_args(sp.expand(e))
    groups, others = {}, []
    everywhere, above = sp.Dummy("t", real=True), sp.Dummy("t", positive=True)
    for term in terms:
        factors = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.Integral)]
        if len(factors) != 1:
            others.append(term)
            continue
        body, (t, low, high) = factors[0].args
        shared = above if t.is_positive else everywhere
        inside = (term / factors[0]) * body.xreplace({t: shared})
        groups.setdefault((shared, low, high), []).append(inside)
    for (shared, low, high), inside in groups.items():
        summand = sp.factor(sp.expand_power_exp(sp.Add(*inside)))
        others.append(sp.Integral(sp.simplify(summand), (shared, low, high)))
    return sp.Add(*others)


# --- a few numbers of classes ------------------------------------------------


def is_proved_each(names, statement, classes):
    """Whether each link is proved with that many classes, for all of `classes`."""
    for count in classes:
        world, claims = concrete_claims(names, statement, count)
        forget()
        FACTS.kinds.update(world.atoms)
        constraints = constraints_of(world)
        for claim in claims:
            if not is_settled(claim.left, claim.relation, claim.right, constraints):
                return False
    return True


def constraints_of(world):
    """Return what the last probability of each distribution is: 1 minus the others."""
    found = []
    for symbol, (kind, key, index) in world.atoms.items():
        if kind != "distribution":
            continue
        count = int(world.size(world.names.ranges[world.letters(key)[-1]]))
        if int(index[-1]) == count:
            names = [
                "_".join([key, *map(str, (*index[:-1], i))]) for i in range(1, count)
            ]
            others = (sp.Symbol(name, positive=True) for name in names)
            found.append((symbol, 1 - sp.Add(*others)))
    return found


# --- one claim ---------------------------------------------------------------


def is_settled(left, relation, right, constraints=()):
    """Whether one entry of one link is proved."""
    if relation.startswith("~"):  # a rounded number is evaluated
        values = value_at(left, {}), value_at(right, {})
        return all(v.is_number for v in values) and holds(
            *values, relation, rough=False
        )
    gap = work_out(sp.sympify(left)) - work_out(sp.sympify(right))
    if relation == "=":
        if is_zero(gap, constraints):
            return True
        apart = [case for part in cases_of_indices(tidy(gap)) for case in cases(part)]
        return all(is_zero(case, constraints) for case in apart)
    if relation in ("<=", "<"):
        gap = -gap
    strict = relation in (">", "<")
    if relation == "!=":
        raise Unproved(r"\ne can be a condition, but is not proved")
    gap = with_sizes_from_one(without_rounding(below_maxima(gap)))
    for case in (case for part in cases_of_indices(gap) for case in cases(part)):
        if is_nonnegative(case, strict):
            continue
        for symbol, value in constraints:
            case = case.subs(symbol, value)
        if not constraints or not is_nonnegative(sp.expand(tidy(case)), strict):
            return False
    return True


def work_out(e):
    """Work out the limits and integrals in an expression."""
    if isinstance(e, Limit):
        value, variable, target, side = e.args
        return limit_of(work_out(value), variable, target, str(side))
    if isinstance(e, sp.Integral):
        return integral_of(e)
    if e.has(Limit, sp.Integral) and e.args:
        return e.func(*map(work_out, e.args))
    return e


def integral_of(e):
    """Return what an integral comes to, if nothing is divided by 0 on the way."""
    body, (t, _, _) = e.args
    bottom = sp.denom(sp.together(body))
    if bottom.has(t) and not has_a_sign(bottom):
        raise Unproved("an integral over what may be divided by 0")
    return e.doit()


def limit_of(value, variable, target, side):
    """Return a limit, by sympy or by substitution."""
    value = tidy(value)
    if isinstance(variable, sp.Indexed):
        refuse_equal_entries(value, variable)
    if value.has(sp.Sum) and isinstance(variable, sp.Indexed):
        return limit_in_one_entry(value, variable, target, side)
    if value.has(sp.Sum):
        return limit_by_substitution(value, variable, target)
    mask = Mask((sp.Indexed,))
    return mask.off(sp.limit(sp.together(mask.on(value)), variable, target, side))


def refuse_equal_entries(value, variable):
    """Refuse entries of the family of a variable that may be the same entry."""
    for entry in value.atoms(sp.Indexed):
        pairs = zip(entry.indices, variable.indices, strict=False)
        if entry.base != variable.base or entry == variable:
            continue
        is_free = entry.free_symbols <= value.free_symbols
        if is_free and not any((i - j).is_Integer for i, j in pairs if i != j):
            raise Unproved("a limit in one entry, beside another that may be the same")


def limit_in_one_entry(value, variable, target, side):
    """Return a limit in one entry of a family, of which sums hold one term."""
    rests, (place,) = {}, variable.indices
    for total in value.atoms(sp.Sum):
        summand, (i, low, high) = total.args
        if summand.has(variable.base):
            entries = [x for x in summand.atoms(sp.Indexed) if x.base == variable.base]
            alone = all(x.indices == (i,) for x in entries)
            if (
                summand.has(sp.Sum)
                or low != 1
                or not alone
                or not in_range(place, high)
            ):
                raise Unproved("a limit in one entry needs sums that hold it once")
            positive = summand.is_positive or None
            rest = sp.Dummy("r", positive=positive, real=True)
            rests[total] = summand.xreplace({i: place}) + rest
    mask = Mask((sp.Indexed, sp.Sum))
    y = sp.Dummy("y", real=True)
    one_term = mask.on(tidy(value.xreplace(rests)).xreplace({variable: y}))
    return mask.off(sp.limit(sp.together(one_term), y, target, side))


def limit_by_substitution(value, variable, target):
    """Return a limit of what is continuous, or 0/0 by the rule of l'Hôpital."""
    if value.has(sp.ceiling, sp.floor, sp.Abs, sp.Max, sp.Min):
        raise Unproved("a limit of sums beside a jump or a kink is not known")
    if target == sp.oo:
        u = sp.Dummy("u", positive=True)
        value, variable, target = value.subs(variable, 1 / u), u, sp.Integer(0)
    top, bottom = sp.fraction(sp.together(tidy(value)))
    for _ in range(3):
        there = tidy(top.subs(variable, target)), tidy(bottom.subs(variable, target))
        if not is_zero(there[1]):
            if any(side.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for side in there):
                break
            return there[0] / there[1]
        if not is_zero(there[0]):
            break
        top, bottom = sp.diff(top, variable), sp.diff(bottom, variable)
    raise Unproved("sympy can't work out a limit")
