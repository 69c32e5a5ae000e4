"""Signs: how an inequality is proved.

An expression is not negative if sympy can see so, if it is a product or a sum of what
is not negative, or by one of a few arguments: the tangent of the logarithm, a term
taken out of a positive sum, a probability written as a share.
"""

import sympy as sp

from celib.book.proofs._normal import (
    FACTS,
    Mask,
    by_limits,
    in_range,
    is_zero,
    numerator,
    tidy,
)

__all__ = [
    "Unproved",
    "below_maxima",
    "cases",
    "cases_of_indices",
    "is_nonnegative",
    "with_sizes_from_one",
    "without_rounding",
]


class Unproved(ValueError):
    """True at every point tried, but without a proof."""


def seen(e, strict, depth=0):
    """Whether sympy sees the sign by itself."""
    return bool(e.is_positive if strict else e.is_nonnegative)


def is_nonnegative(e, strict=False, depth=2):
    """Whether an expression is at least 0, or above 0 if strict; False if not known.

    `depth` says how many more times an argument may lead to another expression.
    """
    e = sp.sympify(e)
    if seen(e, strict) or sum_is(e, strict, depth):
        return True
    e = tidy(e)
    return any(way(e, strict, depth) for way in WAYS)


def sum_is(e, strict, depth):
    """Whether each term of a sum has the sign, and the sum has a term."""
    factor, sums = sp.Integer(1), [e]
    if e.is_Mul:
        sums = [x for x in e.args if isinstance(x, sp.Sum)]
        factor = sp.Mul(*(x for x in e.args if not isinstance(x, sp.Sum)))
    if len(sums) != 1 or not isinstance(sums[0], sp.Sum) or len(sums[0].args) != 2:
        return False
    summand, (_, low, high) = sums[0].args
    if not (factor.is_positive or factor.is_negative):
        return False
    has_terms = (high - low).is_nonnegative or not strict
    signed = summand if factor.is_positive else -summand
    return bool(has_terms) and is_nonnegative(signed, strict, depth)


def shares_are(e, strict, depth):
    """Whether the expression has the sign with its probabilities written as shares."""
    forms = with_shares(e) if depth == 2 else None
    return forms is not None and all(is_nonnegative(x, strict, 1) for x in forms)


def one_term_is(e, strict, depth):
    """Whether it has the sign with one term taken out of a positive sum."""
    form = with_one_term(e) if e.has(sp.Sum) else None
    return form is not None and is_nonnegative(form, strict, 0)


def one_sum_is(e, strict, depth):
    """Whether each term has the sign, once sums with equal limits are one."""
    one = merged(e) if e.is_Add else None
    if one is None:
        return False
    return any(is_nonnegative(form, strict, depth) for form in with_slack(*one))


def argument_is(e, strict, depth):
    """Whether it is a logarithm, and what it is taken of is at least 1."""
    return isinstance(e, sp.log) and is_nonnegative(e.args[0] - 1, strict, depth)


def terms_are(e, strict, depth):
    """Whether its terms have the sign, one by one."""
    if not e.is_Add or not all(is_nonnegative(term, False, 0) for term in e.args):
        return False
    return not strict or any(is_nonnegative(term, True, 0) for term in e.args)


# --- products ----------------------------------------------------------------


def product_is(e, strict, depth):
    """Whether the factors of an expression have signs that make it so."""
    mask = Mask()
    factored = sp.factor(sp.together(mask.on(e)))
    sign = 1
    for factor in sp.Mul.make_args(factored):
        base, exponent = factor.as_base_exp()
        if seen(factor, strict) or base.is_positive:
            continue
        if exponent.is_even and base.is_real and not strict:
            continue
        if factor.is_negative or (base.is_negative and exponent.is_odd):
            sign = -sign
            continue
        of_base = sign_of_factor(mask, base, factored, e, strict, depth)
        if of_base == 0:
            return False
        if of_base == -1 and not exponent.is_integer:
            return False
        sign *= of_base if not exponent.is_even else 1
    return sign == 1


def sign_of_factor(mask, base, factored, e, strict, depth):
    """Return 1 or -1 if a factor is surely so, else 0."""
    real = mask.off(base)
    if not (real.is_Add or isinstance(real, sp.log | sp.Sum)):
        return 0
    if factored.is_Mul and real != e and depth:
        if is_nonnegative(real, strict, depth - 1):
            return 1
        if is_nonnegative(-real, strict, depth - 1):
            return -1
    terms = sp.Add.make_args(sp.expand(mask.on(sp.expand(real))))
    if all(term.is_nonnegative for term in terms):
        return int(not strict or any(term.is_positive for term in terms))
    if all(term.is_nonpositive for term in terms):
        return -int(not strict or any(term.is_negative for term in terms))
    return 0


# --- logarithms --------------------------------------------------------------


def by_logarithms(e, strict, depth):
    """Whether a combination of logarithms has the sign."""
    expanded = sp.expand(e)
    logs = outermost_logs(e)
    weights = {log: expanded.coeff(log) for log in logs}
    rest = sp.expand(expanded - sp.Add(*(w * log for log, w in weights.items())))
    linear = not any(rest.has(log) for log in logs)
    linear = linear and not any(w.has(log) for w in weights.values() for log in logs)
    if not logs or not linear:
        return False
    if depth and (scale := common_scale(weights)) is not None:
        return is_nonnegative(sp.expand(e / scale), strict, depth - 1)
    rational = all(w.is_Rational for w in weights.values())
    if rational and by_exponential(weights, rest, strict):
        return True
    return not strict and by_tangent(weights, rest)


def outermost_logs(e):
    """Return the logarithms that stand in no other."""
    logs = sorted(e.atoms(sp.log), key=str)
    return [x for x in logs if not any(x in y.args[0].atoms(sp.log) for y in logs)]


def common_scale(weights):
    """Return a positive factor of all weights that is no number, or None."""
    for w in weights.values():
        if not w.is_Rational and (w.is_positive or w.is_negative):
            scale = w if w.is_positive else -w
            ratios = [v / scale for v in weights.values()]
            return scale if all(ratio.is_Rational for ratio in ratios) else None
    return None


def by_exponential(weights, rest, strict):
    """Whether e >= 0 because exp(e) >= 1."""
    powers = (log.args[0] ** w for log, w in weights.items())
    gap = tidy(sp.exp(rest) * sp.Mul(*powers)) - 1
    mask, top = numerator(gap)
    bottom = mask.off(sp.fraction(sp.together(mask.on(gap)))[1])
    return is_nonnegative(bottom, True, 0) and is_nonnegative(mask.off(top), strict, 0)


def by_tangent(weights, rest):
    """Whether e >= 0 because -k log u is at least k (1 - u), its tangent at 1."""
    scales = {w if w.is_positive else -w for w in weights.values()}
    for scale in sorted(scales, key=str):
        exponents = {log: sp.cancel(-w / scale) for log, w in weights.items()}
        if not all(exponent in (1, -1) for exponent in exponents.values()):
            continue
        if not is_nonnegative(scale, False, 0):
            continue
        u = sp.Mul(*(log.args[0] ** exponent for log, exponent in exponents.items()))
        below = rest + scale * (1 - u)
        if is_zero(below) or is_nonnegative(tidy(below), False, 0):
            return True
    return False


# --- sums and probabilities --------------------------------------------------


def with_shares(e):
    """Write two probabilities as shares a/(a + b + r), b/(a + b + r), or as equal ones.

    Returns the expression in these forms, or None where that doesn't help.
    """
    families = probabilities_in(e)
    if not families or any(len(entries) > 2 for entries in families.values()):
        return None
    forms = [e]
    for entries in families.values():
        entries = sorted(entries, key=str)
        parts = [sp.Dummy("x", positive=True) for _ in entries]
        rest = sp.Dummy("r", nonnegative=True)
        whole = sp.Add(*parts) + rest
        apart = dict(zip(entries, (part / whole for part in parts), strict=True))
        same = dict.fromkeys(entries, parts[0] / (parts[0] + rest))
        forms = [form.xreplace(apart) for form in forms] + (
            [form.xreplace(same) for form in forms] if len(entries) > 1 else []
        )
    return forms


def probabilities_in(e):
    """Return the entries of each distribution in an expression; none if summed."""
    families = {}
    for entry in e.atoms(sp.Indexed):
        if str(entry.base) in FACTS.distributions:
            families.setdefault((entry.base, entry.indices[:-1]), []).append(entry)
    for symbol in e.atoms(sp.Symbol):
        kind, key, index = FACTS.kinds.get(symbol, ("", "", ()))
        if kind == "distribution":
            families.setdefault((key, index[:-1]), []).append(symbol)
    for total in e.atoms(sp.Sum):
        if any(str(x.base) in FACTS.distributions for x in total.atoms(sp.Indexed)):
            return {}
    return families


def with_one_term(e):
    """Write the sum of positive terms as one term and a rest, or return None.

    The term is that at the only free index, or where a maximum is.
    """
    sums = [s for s in e.atoms(sp.Sum) if s.is_positive and len(s.args) == 2]
    if len(sums) != 1 or sums[0].args[1][1] != 1:
        return None
    (total,) = sums
    summand, (i, _, high) = total.args
    rest = sp.Dummy("r", nonnegative=True)
    for top, (_, gaps) in FACTS.maxima.items():
        if summand.has(gaps) and FACTS.ranges.get(top) == high:
            there = summand.xreplace({gaps[i]: sp.Integer(0), i: top})
            return e.xreplace({total: there + rest})
    indices = {j for x in e.atoms(sp.Indexed) for j in x.indices}
    free = [j for j in indices if j in e.free_symbols and FACTS.ranges.get(j) == high]
    if len(free) != 1:
        return None
    return e.xreplace({total: summand.xreplace({i: free[0]}) + rest})


def merged(e):
    """Return the summand, the index and its last value of sums with equal limits.

    Returns None if it is none.
    """
    mask = Mask()
    shared = sp.Dummy("i", integer=True, positive=True)
    groups, alone = by_limits(mask, sp.expand(mask.on(e)), shared)
    if len(groups) != 1:
        return None
    (((low, high), inside),) = groups.items()
    alone = sp.Add(*alone)
    if alone != 0 and low != 1:
        return None
    share = sp.cancel(alone / high)  # K is the sum of 1
    if share.has(high):  # any number is its mean under a distribution
        weights = entries_of_distributions(sp.Add(*inside), shared, high)
        if not weights:
            return None
        share = alone * weights[0]
    return sp.cancel(sp.Add(*inside, share)), shared, high


def with_slack(summand, index, high):
    """Return a summand, and forms of it with the same sum: q - p adds up to 0."""
    entries = entries_of_distributions(summand, index, high)
    others = [*entries, 1 / high]  # the uniform distribution
    pairs = [(p, q) for p in entries for q in others if p != q]
    return [summand, *(summand + q - p for p, q in pairs)]


def entries_of_distributions(summand, index, high):
    """Return the probabilities of the class that a sum runs over, in its summand."""
    return [
        x
        for x in sorted(summand.atoms(sp.Indexed), key=str)
        if FACTS.distributions.get(str(x.base)) == high and x.indices == (index,)
    ]


# --- maxima and absolute values ----------------------------------------------


def below_maxima(e):
    """Write each entry of a family as its maximum minus log(1 + gap), gap >= 0."""
    for top, (base, gaps) in FACTS.maxima.items():
        largest = sp.Symbol(f"largest at {top}", real=True)
        e = replace_entries(e, base, gaps, largest, top)
    return e


def replace_entries(e, base, gaps, largest, top):
    """Replace the entries of a family by what they are below their maximum."""
    high = FACTS.ranges[top]

    def is_other_entry(x):
        if not isinstance(x, sp.Indexed) or x.base != base or x.indices == (top,):
            return False
        return len(x.indices) > 1 or in_range(x.indices[0], high)

    e = e.replace(is_other_entry, lambda x: largest - sp.log(1 + gaps[x.indices]))
    return e.xreplace({base[top]: largest})


def with_sizes_from_one(e):
    """Write the sizes as 1 and a rest that is not negative, where no sum needs them."""
    if e.has(sp.Sum):
        return e
    sizes = [s for s in e.free_symbols if s.is_integer and s.is_positive]
    sizes = [s for s in sizes if s in FACTS.ranges.values()]
    rests = {s: 1 + sp.Dummy(str(s), integer=True, nonnegative=True) for s in sizes}
    return e.xreplace(rests)


def without_rounding(e):
    """Write a number that is rounded up as itself and a part u/(1 + u) of 1."""
    bound = {i for total in e.atoms(sp.Sum) for i in total.bound_symbols}

    def part(inside, way):
        u = sp.Dummy("u", nonnegative=True)
        if isinstance(inside, sp.Indexed):
            parts = sp.IndexedBase(f"part {way} {inside.base}", nonnegative=True)
            u = parts[inside.indices]
        elif inside.free_symbols & bound:
            raise Unproved("a part of 1 for each term of a sum is not known")
        return u / (1 + u)

    e = e.replace(sp.ceiling, lambda x: x + part(x, "up"))
    return e.replace(sp.floor, lambda x: x - part(x, "down"))


def cases_of_indices(e):
    """Split an expression by whether two free indices are equal."""
    for d in sorted(e.atoms(sp.KroneckerDelta), key=str):
        if d.free_symbols <= e.free_symbols and all(i.is_Symbol for i in d.args):
            first, second = d.args
            apart, equal = e.subs(d, 0), e.subs(second, first)
            return [*cases_of_indices(apart), *cases_of_indices(equal)]
    return [e]


def cases(e):
    """Split an expression by which argument a maximum or absolute value takes."""
    hard = e.atoms(sp.Max, sp.Min, sp.Abs)
    if not hard:
        return [e]
    first = min(hard, key=lambda a: (len(a.args), str(a)))
    values = [first.args[0], -first.args[0]]
    if not isinstance(first, sp.Abs):
        values = list(first.args)
    found = []
    for value in values:
        swaps = conditions_of(first, value, values)
        if swaps is not None:
            here = e.xreplace({first: value})
            for symbol, replacement in swaps:
                here = here.subs(symbol, replacement)
            found += cases(here)
    return found


def conditions_of(extreme, value, values):
    """Return the replacements that make `value` the extreme one, or None."""
    swaps = []
    for other in values:
        if other == value:
            continue
        gap = other - value if isinstance(extreme, sp.Min) else value - other
        for symbol, replacement in swaps:
            gap = gap.subs(symbol, replacement)
        gap = sp.expand(gap)
        if gap.is_nonnegative:
            continue
        if gap.is_nonpositive:
            return None
        swaps.append(replacement_for(gap, value))
    return swaps


def replacement_for(gap, value):
    """Return a symbol, and its value in terms of a gap that is not negative."""
    candidates = sorted(
        gap.free_symbols, key=lambda s: (s in value.free_symbols, str(s))
    )
    for symbol in candidates:
        weight = gap.diff(symbol)  # free of the symbol if the gap is linear in it
        if weight.has(symbol):
            continue
        known = weight != 0 and (weight.is_positive or weight.is_negative)
        if known and not symbol.is_nonnegative:
            h = sp.Dummy("h", nonnegative=True)  # the gap is log(1 + h), scaled
            for solved in sp.solve(gap - abs(weight) * sp.log(1 + h), symbol):
                return symbol, solved
    raise Unproved("sympy can't split the cases of a maximum")


# In this order, the quick ones first.
WAYS = (
    seen,
    sum_is,
    shares_are,
    one_term_is,
    one_sum_is,
    argument_is,
    product_is,
    terms_are,
    by_logarithms,
)
