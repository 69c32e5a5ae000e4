"""One form for equal expressions, as far as it goes: how an identity is proved.

sympy's own rules know little of sums over a symbolic number of classes: they do not
rename the index of a sum, and leave a Kronecker delta in it. These do.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import sympy as sp

from celib.book.proofs._meaning import (
    ANY_PLACE,
    BITS,
    JOINT,
    Expectation,
    Limit,
    OverAnswers,
)

__all__ = ["FACTS", "Facts", "Mask", "forget", "is_zero", "numerator", "tidy"]

DELTA = sp.KroneckerDelta


@dataclass
class Facts:
    """What is known of the letters of the equation being proved.

    Attributes
    ----------
    distributions : dict of str to size
        The families that sum to 1 over that many classes.
    inverses : set of (str, str)
        Pairs of matrices whose product is the identity, either way round.
    noise : set of str
        The families of independent letters with mean 0.
    maxima : dict of index to (base, gaps)
        Where a maximum is: every other entry is that one minus log(1 + gap).
    kinds : dict of symbol to (kind, key, index)
        What the symbols of a concrete number of classes stand for.
    ranges : dict of symbol to size
        How far each index runs.
    """

    distributions: dict = field(default_factory=dict)
    inverses: set = field(default_factory=set)
    noise: set = field(default_factory=set)
    maxima: dict = field(default_factory=dict)
    kinds: dict = field(default_factory=dict)
    ranges: dict = field(default_factory=dict)


# One equation is proved at a time; the steps below read what holds for it here.
FACTS = Facts()


def forget():
    """Forget the facts of the equation before, and what was worked out from them."""
    for known in vars(FACTS).values():
        known.clear()
    tidy.cache_clear()


# --- masks -------------------------------------------------------------------


class Mask:
    """Puts symbols for logarithms, sums and the like, so that the rest is rational."""

    def __init__(self, kinds=None):
        self.kinds = kinds or (
            *(sp.Sum, sp.log, sp.Max, sp.Min, sp.Abs, sp.ceiling, sp.floor),
            *(DELTA, sp.Indexed, sp.Integral, OverAnswers, Expectation),
        )
        self.mask_of = {}
        self.behind = {}

    def on(self, expression):
        """Return the expression with symbols in the place of what is masked."""
        if not isinstance(expression, self.kinds):
            if not expression.args:
                return expression
            return expression.func(*map(self.on, expression.args))
        if expression not in self.mask_of:
            number = len(self.mask_of)
            dummy = sp.Dummy(f"m{number}", **sign_of(expression))
            self.mask_of[expression] = dummy
            self.behind[dummy] = expression
        return self.mask_of[expression]

    def off(self, expression):
        """Return the expression with what was masked back in its place."""
        return expression.xreplace(self.behind)


def sign_of(expression):
    """Return what sympy may assume of the sign."""
    if expression.is_positive:
        return {"positive": True}
    if expression.is_nonnegative:
        return {"nonnegative": True}
    return {"real": True}


def depends(expression, symbol):
    """Whether a symbol is free in an expression."""
    return symbol in expression.free_symbols


# --- the normal form ---------------------------------------------------------


@lru_cache(maxsize=20000)
def tidy(e):
    """Return the normal form of an expression."""
    if not e.args or isinstance(e, sp.Indexed | DELTA):
        return e
    if isinstance(e, sp.Sum):
        return tidy_sums(e)
    if isinstance(e, sp.Product):
        factor, (i, low, high) = e.args
        if not factor.is_positive:  # its logarithm may not exist
            return e
        return tidy(sp.exp(sp.Sum(tidy(sp.log(factor)), (i, low, high))))
    if isinstance(e, OverAnswers):
        return over_answers(e)
    if isinstance(e, Expectation):
        return expectation(*map(tidy, e.args))
    if isinstance(e, Limit | sp.Integral):
        return e
    args = [tidy(argument) for argument in e.args]
    if isinstance(e, sp.log):
        return tidy_log(args[0])
    if isinstance(e, sp.exp):
        return tidy_exp(args[0])
    if e.is_Pow and not args[1].is_Integer and args[0].is_positive:
        return tidy_exp(sp.expand(args[1] * tidy_log(args[0])))
    return e.func(*args)


def tidy_exp(exponent):
    """Return the exponential of a sum as a product."""
    mask = Mask()
    terms = sp.Add.make_args(sp.expand(mask.on(exponent)))
    return sp.Mul(*(sp.exp(mask.off(term)) for term in terms))


def tidy_log(argument):
    """Return the logarithm of a product as a sum, where the factors are positive."""
    if isinstance(argument, sp.exp) and argument.args[0].is_real:
        return argument.args[0]
    if not argument.has(sp.Add) and not argument.is_Mul and not argument.is_Pow:
        return sp.log(argument)
    mask = Mask()
    factored = sp.factor(sp.together(mask.on(argument)))
    terms, rest = [], []
    for factor in map(mask.off, sp.Mul.make_args(factored)):
        base, exponent = factor.as_base_exp()
        if isinstance(factor, sp.exp) and factor.args[0].is_real:
            terms.append(factor.args[0])
        elif base is sp.E and exponent.is_real:
            terms.append(exponent)
        elif base.is_positive and exponent.is_real:
            terms.append(log_of_power(base, exponent))
        else:
            rest.append(factor)
    if rest:
        terms.append(sp.log(sp.Mul(*rest)))
    return sp.Add(*terms)


def log_of_power(base, exponent):
    """Return log(base ** exponent) for a positive base."""
    if base.is_Rational:
        return exponent * log_of_number(base)
    if not base.is_Add:
        return exponent * sp.log(base)
    content, primitive = base.as_content_primitive()
    mask = Mask()
    primitive = mask.off(sp.expand(mask.on(primitive)))
    number = exponent * log_of_number(content) if content != 1 else 0
    return number + exponent * sp.log(primitive)


def log_of_number(number):
    """Return the logarithm of a positive fraction by its prime factors."""
    return sp.expand_log(sp.log(number), force=True)


# --- sums --------------------------------------------------------------------


def tidy_sums(e):
    """Return the normal form of a sum, which may have several indices."""
    summand, *limits = e.args
    for i, low, high in limits:
        summand = tidy_sum(tidy(summand), i, tidy(low), tidy(high))
    return summand


def tidy_sum(summand, i, low, high):
    """Return a sum over i from 1 as sums of products, what is free of i outside."""
    if low != 1:
        return from_one(summand, i, low, high)
    for d in sorted(summand.atoms(DELTA), key=str):
        other = other_index(d, i)
        is_free = other is not None and other.free_symbols <= summand.free_symbols
        if is_free and in_range(other, high):
            # f(delta) = f(0) + delta (f(1) - f(0)), and delta picks one place
            without, with_it = summand.subs(d, 0), summand.subs(d, 1)
            there = tidy((with_it - without).subs(i, other))
            return tidy_sum(tidy(without), i, low, high) + there
    return sp.Add(*(one_sum(*parted(t, i), i, high) for t in terms_of(summand, i)))


def from_one(summand, i, low, high):
    """Return a sum that begins elsewhere as a difference of sums from 1."""
    if low.is_Integer and low < 1:
        early = [summand.subs(i, sp.Integer(k)) for k in range(int(low), 1)]
        return tidy(sp.Add(*early)) + tidy_sum(summand, i, sp.Integer(1), high)
    if not is_count(high - low + 1):  # it may have no term
        return with_canonical_index(summand, i, high, low)
    if low.is_Integer:
        early = [summand.subs(i, sp.Integer(k)) for k in range(1, int(low))]
        return tidy_sum(summand, i, sp.Integer(1), high) - tidy(sp.Add(*early))
    whole = tidy_sum(summand, i, sp.Integer(1), high)
    return whole - tidy_sum(summand, i, sp.Integer(1), tidy(low - 1))


def other_index(d, i):
    """Return the index that a delta compares i with, if that does not contain i."""
    if i not in d.args:
        return None
    other = d.args[1] if d.args[0] == i else d.args[0]
    return None if depends(other, i) else other


def in_range(index, high):
    """Whether a sum up to `high` is sure to reach this index."""
    if index.is_Integer:
        return is_count(high - index)
    return FACTS.ranges.get(index) == high


def is_count(e):
    """Whether an expression in whole numbers from 1 is surely 0 or more."""
    forms = [e]
    for index in e.free_symbols:
        high = FACTS.ranges.get(index)
        if high in e.free_symbols:  # an index is at most as large as its range
            forms.append(e.xreplace({high: index + sp.Dummy(nonnegative=True)}))
    return any(is_nonnegative_from_one(form) for form in forms)


def is_nonnegative_from_one(e):
    """Whether an expression is 0 or more if its whole numbers are 1 or more."""
    numbers = [s for s in e.free_symbols if s.is_integer and s.is_positive]
    rests = {s: 1 + sp.Dummy(nonnegative=True) for s in numbers}
    return bool(sp.expand(e.xreplace(rests)).is_nonnegative)


def terms_of(summand, i):
    """Expand a summand into terms, its logarithms and sums kept whole."""
    mask = Mask()
    masked = mask.on(summand)
    bottom = mask.off(sp.denom(sp.together(masked)))
    if depends(bottom, i):
        masked = sp.cancel(masked)
    terms = sp.Add.make_args(sp.expand(masked))
    # masked, since expand_power_exp makes a product of exp(Sum), and reuses its index
    return [mask.off(sp.expand_power_exp(term)) for term in terms]


def parted(term, i):
    """Part a term into the factors that are free of i, and those that are not."""
    free, bound = [], []
    for factor in sp.Mul.make_args(term):
        (bound if depends(factor, i) else free).append(factor)
    return free, bound


def one_sum(free, bound, i, high):
    """Return the sum over i of a product."""
    return sp.Mul(*free) * sum_of_product(bound, i, high)


def sum_of_product(bound, i, high):
    """Return the sum from 1 to `high` of a product of factors that contain i."""
    if not bound and is_count(high):
        return high
    for factor in bound:
        d = factor.base if factor.is_Pow else factor
        other = other_index(d, i) if isinstance(d, DELTA) else None
        if other is not None and in_range(other, high):
            rest = list(bound)
            rest.remove(factor)
            return tidy(sp.Mul(*rest).subs(i, other))
    product = sp.Mul(*bound)
    if is_probability(product, i) and FACTS.distributions[str(product.base)] == high:
        return sp.Integer(1)
    if (identity := product_of_inverses(bound, i, high)) is not None:
        return identity
    if (ordered := in_one_order(bound, i, high)) is not None:
        return ordered
    return with_canonical_index(product, i, high)


def is_probability(factor, i):
    """Whether a factor is the entry i of a distribution."""
    is_entry = isinstance(factor, sp.Indexed) and factor.indices[-1] == i
    is_entry = is_entry and i not in factor.indices[:-1]
    return is_entry and str(factor.base) in FACTS.distributions


def product_of_inverses(bound, i, high):
    """Return the sum over i of A_ki B_ij, if the matrices are inverse, else None."""
    entries = [f for f in bound if isinstance(f, sp.Indexed) and len(f.indices) == 2]
    for a in entries:
        for b in entries:
            pair = (str(a.base), str(b.base))
            inner = a.indices[1] == i and b.indices[0] == i
            if pair in FACTS.inverses and inner and str(high) == "K":
                rest = [f for f in bound if f not in (a, b)]
                if a.indices[0] != i and b.indices[1] != i:
                    outer = DELTA(a.indices[0], b.indices[1])
                    return None if rest else outer
    return None


def in_one_order(bound, i, high):
    """Return a double sum with its two sums in one order, or None if it is none."""
    inner = [factor for factor in bound if isinstance(factor, sp.Sum)]
    if len(inner) != 1 or len(inner[0].args) != 2:
        return None
    (sum_inside,) = inner
    summand, (j, low, high_inside) = sum_inside.args
    if depends(low, i) or depends(high_inside, i):
        return None
    rest = list(bound)
    rest.remove(sum_inside)
    a, b = (sp.Dummy(name, integer=True, positive=True) for name in "ab")
    body = sp.Mul(*rest, summand).xreplace({i: a, j: b})
    if body.has(sp.Sum) or body.is_Add:
        return None
    first, second = canonical(1), canonical(2)
    as_it_is = body.xreplace({b: first, a: second})
    other_way = body.xreplace({a: first, b: second})
    candidates = [
        sp.Sum(sp.Sum(as_it_is, (first, low, high_inside)), (second, 1, high)),
        sp.Sum(sp.Sum(other_way, (first, 1, high)), (second, low, high_inside)),
    ]
    return min(candidates, key=str)


def canonical(number):
    """Return the index that sums are written with at this depth."""
    return sp.Symbol(f"sum {number}", integer=True, positive=True)


def with_canonical_index(product, i, high, low=1):
    """Return the sum with an index that depends on its depth alone."""
    inside = [b for s in product.atoms(sp.Sum, sp.Product) for b in s.bound_symbols]
    depths = [int(str(b)[4:]) for b in inside if str(b).startswith("sum ")]
    number = max(depths, default=0) + 1
    taken = (product.free_symbols - {i}) | set(inside)
    while canonical(number) in taken:  # never catch another index
        number += 1
    d = canonical(number)
    return sp.Sum(product.xreplace({i: d}), (d, low, high))


# --- sums over answers, and means --------------------------------------------


def over_answers(e):
    """Return a sum over {0, 1}^K, by the distributive law or as a mean."""
    body, size, kind = e.args
    if str(kind) != "Add":
        return e
    body = sp.expand(tidy(body))
    if body.has(JOINT):
        return means_of_answers(body, e)
    # the body is an exponential of sums over k: a product over k
    exponent = tidy(sp.log(body))
    i = sp.Dummy("i", integer=True, positive=True)
    FACTS.ranges[i] = size
    inside = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(exponent)):
        free, sums = parted_by_sums(term)
        if len(sums) != 1 or sums[0].args[1][1:] != (1, size):
            return e
        summand, (j, _, _) = sums[0].args
        inside += free * summand.xreplace({j: i})
    if not only_bit_at(inside, i):
        return e
    no, yes = (tidy(sp.exp(inside.subs(BITS[i], b))) for b in (0, 1))
    return tidy(sp.Product(tidy(no + yes), (i, 1, size)))


def parted_by_sums(term):
    """Part a term into a factor and the sums in it."""
    sums = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.Sum)]
    rest = [f for f in sp.Mul.make_args(term) if not isinstance(f, sp.Sum)]
    return sp.Mul(*rest), sums


def only_bit_at(expression, i):
    """Whether an expression contains the answer i, and no other."""
    entries = [x for x in expression.atoms(sp.Indexed) if x.base == BITS]
    return all(x.indices == (i,) for x in entries)


def means_of_answers(body, e):
    """Return the mean of what is linear in the answers, each by its mean."""
    total = sp.Integer(0)
    for term in sp.Add.make_args(body):
        weights = [f for f in sp.Mul.make_args(term) if isinstance(f, JOINT)]
        others = [f for f in sp.Mul.make_args(term) if not isinstance(f, JOINT)]
        if len(weights) != 1 or weights[0].args[1] != BITS[ANY_PLACE]:
            return e
        inside = sp.Mul(*others)
        means = sp.IndexedBase(f"mean under {weights[0].args[0]}", real=True)
        if degree_in_bits(inside) > 1:
            return e
        total += inside.replace(
            lambda x: isinstance(x, sp.Indexed) and x.base == BITS,
            lambda x, means=means: means[x.indices],
        )
    return tidy(total)


def degree_in_bits(term):
    """Return how many answers are multiplied in a term."""
    if isinstance(term, sp.Sum):
        return degree_in_bits(term.args[0])
    if term.is_Mul:
        return sum(map(degree_in_bits, term.args))
    if term.is_Add:
        return max(map(degree_in_bits, term.args))
    if term.is_Pow and term.exp.is_Integer:
        return degree_in_bits(term.base) * int(term.exp)
    if isinstance(term, sp.Indexed):
        return int(term.base == BITS)
    return 2 if any(x.base == BITS for x in term.atoms(sp.Indexed)) else 0


def expectation(value, deviation):
    """Return the mean of squares and products of independent letters of mean 0."""
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(value)):
        rest, limits = flattened(term)
        letters = [f for f in repeated_factors(rest) if is_noise(f)]
        others = [f for f in repeated_factors(rest) if not is_noise(f)]
        if any(has_noise(f) for f in others) or len(letters) > 2:
            return Expectation(value, deviation)
        if len(letters) == 1:
            continue
        if letters:
            first, second = letters
            if first.base != second.base:
                continue
            pairs = zip(first.indices, second.indices, strict=True)
            same = [sp.Integer(1) if i == j else DELTA(i, j) for i, j in pairs]
            others += [deviation**2, *same]
        mean = sp.Mul(*others)
        for limit in limits:
            mean = sp.Sum(mean, limit)
        total += mean
    return tidy(total)


def flattened(term):
    """Return a product of sums as one summand, with the limits of all of them."""
    factors, limits = [], []
    for factor in repeated_factors(term):
        while isinstance(factor, sp.Sum):
            summand, (i, low, high) = factor.args
            fresh = sp.Dummy("i", integer=True, positive=True)
            FACTS.ranges[fresh] = high if low == 1 else None
            limits.insert(0, (fresh, low, high))
            factor = summand.xreplace({i: fresh})
        factors.append(factor)
    return sp.Mul(*factors), limits


def repeated_factors(term):
    """Return the factors of a term, a square as two of them."""
    found = []
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        times = int(exponent) if exponent.is_Integer and exponent > 0 else 0
        found += [base] * times if times else [factor]
    return found


def is_noise(factor):
    """Whether a factor is one of the letters that a mean is taken over."""
    return isinstance(factor, sp.Indexed) and str(factor.base) in FACTS.noise


def has_noise(factor):
    """Whether such a letter is hidden in a factor."""
    return any(is_noise(x) for x in factor.atoms(sp.Indexed))


# --- equal to zero -----------------------------------------------------------


def numerator(e):
    """Return the expanded numerator of an expression, masked, with its mask."""
    mask = Mask()
    top = sp.fraction(sp.together(mask.on(e)))[0]
    return mask, sp.expand(sp.expand_power_exp(sp.expand(top)))


def is_zero(e, constraints=()):
    """Whether an expression is 0 wherever it is defined, under the constraints."""
    e = sp.sympify(e)
    if e == 0:
        return True
    e = even_limits(tidy(e))
    mask, top = numerator(e)
    if top == 0:
        return True
    if constraints:
        for symbol, value in constraints:
            top = top.subs(symbol, value)
        mask, top = numerator(tidy(mask.off(top)))
        if top == 0:
            return True
    return sums_cancel(mask, top)


def even_limits(e):
    """Peel the last terms off sums that are longer than others by a number."""
    tops = {s.args[1][2] for s in e.atoms(sp.Sum) if len(s.args) == 2}
    tops = sorted(tops, key=str)
    for high in tops:
        for shorter in tops:
            more = high - shorter
            if more.is_Integer and 0 < more <= 3 and is_count(shorter):
                return even_limits(tidy(e.replace(sp.Sum, peeler(high, int(more)))))
    return e


def peeler(high, count):
    """Return a function that takes `count` last terms off a sum that ends at `high`."""

    def peel(summand, *limits):
        if len(limits) != 1 or limits[0][2] != high:
            return sp.Sum(summand, *limits)
        i, low, _ = limits[0]
        last = [summand.xreplace({i: high - n}) for n in range(count)]
        return sp.Sum(summand, (i, low, high - count)) + sp.Add(*last)

    return peel


def sums_cancel(mask, top):
    """Whether sums with equal limits cancel once they are put into one."""
    index = sp.Dummy("i", integer=True, positive=True)
    groups, alone = by_limits(mask, top, index)
    if not groups or alone:
        return False
    summands = [sp.Add(*inside) for inside in groups.values()]
    return all(numerator(tidy(summand))[1] == 0 for summand in summands)


def by_limits(mask, masked, index):
    """Put sums with equal limits into one, whose index is `index`.

    Returns the summands by limits, and the terms without a sum; no summands if a term
    is not a sum times something.
    """
    groups, alone = {}, []
    for term in sp.Add.make_args(masked):
        sums = [s for s in term.free_symbols if isinstance(mask.behind.get(s), sp.Sum)]
        if not sums:
            alone.append(mask.off(term))
            continue
        if len(sums) != 1 or term.diff(sums[0]).has(sums[0]):
            return {}, []
        whole = mask.behind[sums[0]]
        if len(whole.args) != 2:
            return {}, []
        summand, (i, low, high) = whole.args
        inside = mask.off(term / sums[0]) * summand.xreplace({i: index})
        groups.setdefault((low, high), []).append(inside)
    return groups, alone
