"""Prove what is printed: any K first, else K = 2 to 5; numbers always."""

import itertools
import random
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from celib.book.proofs._meaning import DELTA, Lim, Meaningless, NeedIndex, Vec, World
from celib.book.proofs._reader import Statement, read

CASES = (2, 3, 4, 5, 6)
DIGITS = 40


class Rejected(ValueError):
    """False at a point."""


class Unproved(ValueError):
    """True at every point tried, but without a proof."""


# --- normal form -----------------------------------------------------------


class Mask:
    """Put symbols for logs, sums and the like, so that the rest is rational."""

    def __init__(
        self,
        kinds=(sp.Sum, sp.log, sp.Max, sp.Abs, sp.ceiling, sp.floor, DELTA, sp.Indexed),
    ):
        self.kinds, self.there, self.back = kinds, {}, {}

    def on(self, e):
        if isinstance(e, self.kinds):
            if e not in self.there:
                flags = (
                    {"positive": True}
                    if e.is_positive
                    else {"nonnegative": True}
                    if e.is_nonnegative
                    else {"real": True}
                )
                d = sp.Dummy(f"m{len(self.there)}", **flags)
                self.there[e], self.back[d] = d, e
            return self.there[e]
        return e.func(*map(self.on, e.args)) if e.args else e

    def off(self, e):
        return e.xreplace(self.back)


def depends(e, i):
    return i in e.free_symbols


@lru_cache(maxsize=20000)
def tidy(e):
    """One form for equal expressions, as far as it goes."""
    if not e.args or isinstance(e, (sp.Indexed, DELTA)):
        return e
    if isinstance(e, sp.Sum):
        f, *limits = e.args
        for i, lo, hi in limits:
            f = tidy_sum(tidy(f), i, tidy(lo), tidy(hi))
        return f
    if isinstance(e, sp.Product):
        f, (i, lo, hi) = e.args
        return tidy(sp.exp(sp.Sum(tidy(sp.log(f)), (i, lo, hi))))
    args = [tidy(a) for a in e.args]
    if isinstance(e, sp.log):
        return tidy_log(args[0])
    if isinstance(e, sp.exp):
        return spread_exp(args[0])
    if e.is_Pow and not args[1].is_Integer:
        base, up = args
        if base.is_positive:
            return spread_exp(sp.expand(up * tidy_log(base)))
        return base**up
    return e.func(*args)


def spread_exp(u):
    m = Mask()
    u = sp.expand(m.on(u))
    return sp.Mul(*(sp.exp(m.off(t)) for t in sp.Add.make_args(u)))


def factors_of(e):
    """Factored numerator and denominator, logs and sums masked."""
    m = Mask()
    e = sp.factor(sp.together(m.on(e)))
    return [m.off(f) for f in sp.Mul.make_args(e)]


def tidy_log(u):
    if isinstance(u, sp.exp) and u.args[0].is_real:
        return u.args[0]
    if not u.has(sp.Add) and not u.is_Mul and not u.is_Pow:
        return sp.log(u)
    known, rest = [], []
    for f in factors_of(u):
        base, up = f.as_base_exp()
        if isinstance(f, sp.exp):
            known.append(f.args[0])
        elif base is sp.E:
            known.append(up)
        elif base.is_positive:
            if base.is_Add:
                c, p = base.as_content_primitive()
                m = Mask()
                p = m.off(sp.expand(m.on(p)))
                if c != 1:
                    known.append(up * log_number(c))
                known.append(up * sp.log(p))
            elif base.is_Rational:
                known.append(up * log_number(base))
            else:
                known.append(up * sp.log(base))
        else:
            rest.append(f)
    if rest:
        known.append(sp.log(sp.Mul(*rest)))
    return sp.Add(*known)


def log_number(c):
    return (
        sp.expand_log(sp.log(c), force=True) if c.is_Rational and c > 0 else sp.log(c)
    )


def tidy_sum(f, i, lo, hi):
    if lo == 1:
        for d in f.atoms(DELTA):
            if i in d.args:  # f(delta) = f(0) + delta (f(1) - f(0))
                other = d.args[1] if d.args[0] == i else d.args[0]
                if not depends(other, i):
                    zero, one = f.subs(d, 0), f.subs(d, 1)
                    return tidy_sum(tidy(zero), i, lo, hi) + tidy(
                        (one - zero).subs(i, other)
                    )
    m = Mask()
    g = m.on(f)
    if any(
        depends(d, i)
        for d in sp.denom(sp.together(g)).free_symbols
        and [m.off(sp.denom(sp.together(g)))]
    ):
        g = sp.cancel(g)
    g = sp.expand(g)
    total = []
    for t in sp.Add.make_args(g):
        free, bound = [], []
        # masked: expand_power_exp would make a product of exp(sum), and reuse its index
        for part in map(m.off, sp.Mul.make_args(sp.expand_power_exp(t))):
            (bound if depends(part, i) else free).append(part)
        c = sp.Mul(*free)
        total.append(c * one_sum(bound, i, lo, hi))
    return sp.Add(*total)


SIMPLEX: set = set()  # names of families that are distributions


def one_sum(bound, i, lo, hi):
    """A sum over i of a product of factors, each with i in it."""
    if not bound:
        return hi - lo + 1
    for d in bound:
        if isinstance(d, DELTA) or (d.is_Pow and isinstance(d.base, DELTA)):
            d0 = d if isinstance(d, DELTA) else d.base
            a, b = d0.args
            other = b if a == i else a if b == i else None
            if other is not None and not depends(other, i):
                rest = list(bound)
                rest.remove(d)
                return tidy(sp.Mul(*rest).subs(i, other))
    e = sp.Mul(*bound)
    if (
        isinstance(e, sp.Indexed)
        and e.args[-1] == i
        and str(e.base) in SIMPLEX
        and lo == 1
    ):
        return sp.Integer(1)
    inner = [x for x in bound if isinstance(x, sp.Sum)]
    if len(inner) == 1:  # one order for sums of sums
        (s,) = inner
        g, (j, lo2, hi2) = s.args[0], s.args[1]
        if not depends(lo2, i) and not depends(hi2, i) and len(s.args) == 2:
            rest = list(bound)
            rest.remove(s)
            a, b = (
                sp.Dummy("a", integer=True, positive=True),
                sp.Dummy("b", integer=True, positive=True),
            )
            body = sp.Mul(*rest, g).xreplace({i: a, j: b})
            if not body.has(sp.Sum):
                parts = sp.Mul.make_args(body)
                if isinstance(body, sp.Expr) and not body.is_Add:
                    only_b = [p for p in parts if not depends(p, a)]
                    d1, d2 = (
                        sp.Symbol(f"d{n}", integer=True, positive=True) for n in (1, 2)
                    )
                    one = sp.Sum(
                        sp.Sum(body.xreplace({b: d1, a: d2}), (d1, lo2, hi2)),
                        (d2, lo, hi),
                    )
                    two = sp.Sum(
                        sp.Sum(body.xreplace({a: d1, b: d2}), (d1, lo, hi)),
                        (d2, lo2, hi2),
                    )
                    return min(one, two, key=str)
    depth = (
        max(
            [
                int(str(s)[1:])
                for x in e.atoms(sp.Sum, sp.Product)
                for s in x.bound_symbols
                if str(s)[0] == "d"
            ],
            default=0,
        )
        + 1
    )
    taken = (e.free_symbols - {i}) | {
        b for x in e.atoms(sp.Sum, sp.Product) for b in x.bound_symbols
    }
    while (
        d := sp.Symbol(f"d{depth}", integer=True, positive=True)
    ) in taken:  # never catch an index
        depth += 1
    return sp.Sum(e.xreplace({i: d}), (d, lo, hi))


def numerator(e):
    m = Mask()
    top = sp.fraction(sp.together(m.on(e)))[0]
    return m, sp.expand(sp.expand_power_exp(sp.expand(top)))


# --- proofs ----------------------------------------------------------------


def work_out(e):
    """Limits and integrals, worked out by sympy."""
    if isinstance(e, Lim):
        value, x, to, side = e.args
        value = work_out(value)
        if value.has(sp.Sum) and isinstance(
            x, sp.Indexed
        ):  # a sum is the term at x, plus what is free of x
            rests, (at,) = {}, x.indices
            for s in value.atoms(sp.Sum):
                f, (i, lo, hi) = s.args[0], s.args[1]
                if f.has(x.base):
                    rests[s] = f.xreplace({i: at}) + sp.Dummy(
                        "r", positive=f.is_positive or None, real=True
                    )
            v, m = tidy(value.xreplace(rests)), Mask((sp.Indexed, sp.Sum))
            y = sp.Dummy("y", real=True)
            return m.off(
                sp.limit(sp.together(m.on(v.xreplace({x: y}))), y, to, str(side))
            )
        if value.has(sp.Sum):
            return sum_limit(value, x, to)
        v = tidy(value)
        m = Mask((sp.Indexed,))
        return m.off(sp.limit(sp.together(m.on(v)), x, to, str(side)))
    if isinstance(e, sp.Integral):
        return e.doit()
    if e.has(Lim, sp.Integral) and e.args:
        return e.func(*map(work_out, e.args))
    return e


def sum_limit(value, x, to):
    """Continuous ones, by substitution; 0/0 by l'Hopital; x -> oo by u = 1/x."""
    if to == sp.oo:
        u = sp.Dummy("u", positive=True)
        value, x, to = value.subs(x, 1 / u), u, sp.Integer(0)
    value = tidy(value)
    m = Mask((sp.Indexed,))
    top, bottom = sp.fraction(sp.together(value))
    for _ in range(3):
        t0, b0 = tidy(top.subs(x, to)), tidy(bottom.subs(x, to))
        if is_zero(b0):
            if not is_zero(t0):
                raise Unproved("limit")
            top, bottom = sp.diff(top, x), sp.diff(bottom, x)
        else:
            return t0 / b0
    raise Unproved("limit")


def cases(e):
    """Split on what a maximum or absolute value is."""
    hard = sorted(e.atoms(sp.Max, sp.Min, sp.Abs), key=lambda a: (len(a.args), str(a)))
    if not hard:
        return [e]
    a, out = hard[0], []
    args = [a.args[0], -a.args[0]] if isinstance(a, sp.Abs) else list(a.args)
    for w in args:
        new, swaps, dead = e, [], False
        for other in args:
            if other == w:
                continue
            d = other - w if isinstance(a, sp.Min) else w - other  # must be >= 0
            for old, value in swaps:
                d = sp.expand(d.subs(old, value))
            if d.is_nonnegative:
                continue
            if d.is_nonpositive:
                dead = True
                break
            s = sorted(d.free_symbols, key=lambda s: (s in w.free_symbols, str(s)))
            s = [
                x
                for x in s
                if (c := sp.expand(d).coeff(x)) != 0
                and (c.is_positive or c.is_negative)
                and not x.is_nonnegative
            ]
            if not s:
                raise Unproved("case split")
            h = sp.Dummy(
                "h", nonnegative=True
            )  # the gap is log(1 + h), times what scales it
            value = sp.solve(d - abs(sp.expand(d).coeff(s[0])) * sp.log(1 + h), s[0])[0]
            swaps.append((s[0], value))
            new = new.subs(s[0], value)
        if dead:
            continue
        out += cases(new)
    return out


def is_zero(e, constraints=()):
    e = sp.sympify(e)
    if e == 0:
        return True
    e = tidy(e)
    m, top = numerator(e)
    if top == 0:
        return True
    for symbol, value in constraints:
        top = top.subs(symbol, value)
    if constraints:
        e = tidy(m.off(top))
        m, top = numerator(e)
        if top == 0:
            return True
    return merged_zero(m, top)


def merged_zero(m, top):
    """Sums with equal limits, put under one sign."""
    groups, rest = {}, []
    for t in sp.Add.make_args(top):
        sums = [s for s in t.free_symbols if isinstance(m.back.get(s), sp.Sum)]
        if len(sums) != 1 or t.diff(sums[0]).has(sums[0]):
            return False
        s = m.back[sums[0]]
        if len(s.args) != 2:
            return False
        i, lo, hi = s.args[1]
        j = sp.Symbol("d0", integer=True, positive=True)
        groups.setdefault((lo, hi), []).append(
            m.off(t / sums[0]) * s.args[0].xreplace({i: j})
        )
    return bool(groups) and all(
        numerator(tidy(sp.Add(*g)))[1] == 0 for g in groups.values()
    )


def nonneg(e, strict=False, depth=2):
    """Whether the sign is plain: squares, products, sums, the tangent of log."""
    e = sp.sympify(e)
    if e.is_positive if strict else e.is_nonnegative:
        return True
    if isinstance(e, sp.Sum):
        return nonneg(e.args[0], strict, depth)
    e = tidy(e)
    if e.is_positive if strict else e.is_nonnegative:
        return True
    if isinstance(e, sp.Sum):
        return nonneg(e.args[0], strict, depth)
    if (
        depth == 2
        and (lone := simplex_entries(e)) is not None
        and all(nonneg(x, strict, 1) for x in lone)
    ):
        return True
    if e.has(sp.Sum) and (peeled := peel(e)) is not None and nonneg(peeled, strict, 0):
        return True
    if e.is_Add:
        inner = merged_sum(e)
        if inner is not None and nonneg(inner, strict, depth):
            return True
    if isinstance(e, sp.log):
        return nonneg(e.args[0] - 1, strict, depth)
    m = Mask()
    f = sp.factor(sp.together(m.on(e)))
    sign = 1
    good = True
    for part in sp.Mul.make_args(f):
        base, up = part.as_base_exp()
        if part.is_positive or (not strict and part.is_nonnegative):
            continue
        if up.is_even and not strict and base.is_real:
            continue
        if base.is_positive:
            continue
        if base.is_negative or part.is_negative:
            sign = -sign if not up.is_even else sign
            continue
        real = m.off(base)
        if real.is_Add or isinstance(real, (sp.log, sp.Sum)):
            if f.is_Mul and real != e and depth and nonneg(real, strict, depth - 1):
                continue
            if f.is_Mul and real != e and depth and nonneg(-real, strict, depth - 1):
                sign = -sign
                continue
            x = sp.expand(m.on(sp.expand(m.off(base))))
            if all(t.is_nonnegative for t in sp.Add.make_args(x)) and not strict:
                continue
            if all(t.is_nonnegative for t in sp.Add.make_args(x)) and any(
                t.is_positive for t in sp.Add.make_args(x)
            ):
                continue
            if all(t.is_nonpositive for t in sp.Add.make_args(x)) and any(
                t.is_negative for t in sp.Add.make_args(x)
            ):
                sign = -sign
                continue
        good = False
    if good and sign == 1:
        return True
    if (
        e.is_Add
        and all(nonneg(t, False, 0) for t in e.args)
        and (not strict or any(nonneg(t, True, 0) for t in e.args))
    ):
        return True
    if depth:
        x = sp.expand(e)
        logs = sorted(e.atoms(sp.log), key=str)
        logs = [l for l in logs if not any(l in o.args[0].atoms(sp.log) for o in logs)]
        c = {l: x.coeff(l) for l in logs}
        rest = sp.expand(x - sp.Add(*(c[l] * l for l in logs)))
        linear = not any(rest.has(l) for l in logs) and not any(
            c[l].has(o) for l in logs for o in logs
        )
        k0 = next(
            (
                v if v.is_positive else -v
                for v in c.values()
                if not v.is_Rational and (v.is_positive or v.is_negative)
            ),
            None,
        )
        if (
            linear
            and logs
            and k0 is not None
            and all((v / k0).is_Rational for v in c.values())
        ):
            if nonneg(sp.expand(e / k0), strict, depth - 1):
                return True
        if (
            linear and logs and all(v.is_Rational for v in c.values())
        ):  # e >= 0 where exp(e) >= 1
            top = tidy(sp.exp(rest) * sp.Mul(*(l.args[0] ** v for l, v in c.items())))
            m, n = numerator(top - 1)
            d = m.off(sp.fraction(sp.together(m.on(top - 1)))[1])
            if nonneg(d, True, 0) and nonneg(m.off(n), strict, 0):
                return True
        if linear and logs and not strict:  # -k log u >= k (1 - u), the tangent
            for k in {v if v.is_positive else -v for v in c.values()}:
                ratio = {l: sp.cancel(-v / k) for l, v in c.items()}
                if all(r in (1, -1) for r in ratio.values()) and nonneg(k, False, 0):
                    u = sp.Mul(*(l.args[0] ** r for l, r in ratio.items()))
                    low = rest + k * (1 - u)
                    if is_zero(low) or nonneg(tidy(low), False, 0):
                        return True
    return False


def simplex_entries(e):
    """p_a and p_b of a distribution as shares a/(a+b+r), b/(a+b+r); or equal."""
    out = [e]
    families = {}
    for x in e.atoms(sp.Indexed):
        if str(x.base) in SIMPLEX:
            families.setdefault(x.base, []).append(x)
    for x in e.atoms(sp.Symbol):
        if KIND.get(x) and KIND[x][0] == "distribution":
            families.setdefault(KIND[x][1], []).append(x)
    if not families or any(len(v) > 2 for v in families.values()):
        return None
    for s in e.atoms(sp.Sum):
        if any(str(x.base) in SIMPLEX for x in s.atoms(sp.Indexed)):
            return None
    for xs in families.values():
        xs = sorted(xs, key=str)
        new = [sp.Dummy("x", positive=True) for _ in xs]
        rest = sp.Dummy("r", nonnegative=True)
        out = [
            o.xreplace({x: n / (sp.Add(*new) + rest) for x, n in zip(xs, new)})
            for o in out
        ] + (
            [o.xreplace({x: new[0] / (new[0] + rest) for x in xs}) for o in out]
            if len(xs) > 1
            else []
        )
    return out


def peel(e):
    """A sum of positive terms is its term at a free index, plus the rest."""
    indices = {i for x in e.atoms(sp.Indexed) for i in x.indices if i in e.free_symbols}
    sums = [
        s
        for s in e.atoms(sp.Sum)
        if s.is_positive and len(s.args) == 2 and s.args[1][1] == 1
    ]
    if len(sums) == 1 and TOPS:
        f, (i, lo, hi) = sums[0].args
        for c, (base, h) in TOPS.items():
            if f.has(h):
                return e.xreplace(
                    {
                        sums[0]: f.xreplace({h[i]: sp.Integer(0), i: c})
                        + sp.Dummy("r", nonnegative=True)
                    }
                )
    if len(sums) != 1 or len(indices) != 1:
        return None
    (s,), (a,) = sums, indices
    f, (i, lo, hi) = s.args
    return e.xreplace({s: f.xreplace({i: a}) + sp.Dummy("r", nonnegative=True)})


KIND: dict = {}


def merged_sum(e):
    """The summand, if e is a sum of sums with equal limits."""
    m, top = Mask(), None
    groups, alone = {}, []
    x = sp.expand(m.on(e))
    for t in sp.Add.make_args(x):
        if not any(isinstance(m.back.get(s), sp.Sum) for s in t.free_symbols):
            alone.append(m.off(t))
            continue
        sums = [s for s in t.free_symbols if isinstance(m.back.get(s), sp.Sum)]
        if len(sums) != 1 or t.diff(sums[0]).has(sums[0]):
            return None
        s = m.back[sums[0]]
        i, lo, hi = s.args[1]
        groups.setdefault((lo, hi), []).append(
            m.off(t / sums[0])
            * s.args[0].xreplace({i: sp.Symbol("d0", integer=True, positive=True)})
        )
    if len(groups) != 1:
        return None
    (((lo, hi), inside),) = groups.items()
    if alone and (lo != 1 or any(sp.cancel(t / hi).has(hi) for t in alone)):
        return None
    return sp.cancel(sp.Add(*inside, *(t / hi for t in alone)))  # K = sum of 1


# --- numbers ---------------------------------------------------------------


def draw_point(world, symbols, draw):
    point, simplex = {}, {}
    for s in sorted(symbols, key=str):
        kind, key, index = world.atoms.get(
            s, ("positive" if s.is_positive else "real", str(s), ())
        )
        if s.is_integer:
            point[s] = sp.Integer(draw.randint(1, 9))
        elif kind == "distribution":
            simplex.setdefault((key, index[:-1]), []).append(s)
        elif s.is_negative:
            point[s] = -sp.Rational(draw.randint(1, 400), 97)
        elif s.is_nonnegative:
            point[s] = sp.Rational(draw.randint(5, 400), 97)
        else:
            point[s] = sp.Rational(draw.choice((-1, 1)) * draw.randint(5, 300), 97)
    for (key, lead), _ in simplex.items():
        n = int(world.size(world.book.ranges[world.letters(key)[-1]]))
        w = [draw.randint(1, 60) for _ in range(n)]
        for i in range(n):
            s = sp.Symbol("_".join([key, *map(str, (*lead, i + 1))]), positive=True)
            point[s] = sp.Rational(w[i], sum(w))
    return point


def value_at(e, point, digits=DIGITS):
    e = sp.sympify(e)
    if isinstance(e, Lim):
        f, x, to, side = e.args
        tiny = sp.Rational(1, 10**26) * (-1 if str(side) == "-" else 1)
        near = (
            1 / abs(tiny)
            if to == sp.oo
            else -1 / abs(tiny)
            if to == -sp.oo
            else to + tiny
        )
        return value_at(f.xreplace({x: near}), point, 150)
    if e.has(Lim):
        return value_at(e.func(*(value_at(a, point) for a in e.args)), {})
    return sp.N(e.xreplace(point), digits)


def holds(a, rel, b, point):
    try:
        x, y = value_at(a, point), value_at(b, point)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise Meaningless(f"no number: {error}") from None
    loose = sp.sympify(a).has(Lim) or sp.sympify(b).has(Lim)
    if not (x.is_number and y.is_number):
        raise Meaningless("no number")
    gap = x - y
    tiny = sp.Float(10) ** (-12 if loose else -(DIGITS - 10)) * (1 + abs(y))
    if rel.startswith("~"):  # half a unit of the last digit shown
        return bool(abs(gap) <= sp.Rational(1, 2 * 10 ** int(rel[1:])))
    if not gap.is_real:
        return False
    return {
        "=": abs(gap) < tiny,
        ">=": gap > -tiny,
        "<=": gap < tiny,
        ">": gap > 0,
        "<": gap < 0,
        "!=": abs(gap) > tiny,
    }[rel]


# --- one equation ----------------------------------------------------------


def entries(v, world, n=0):
    """Numbers in a vector or tuple."""
    if isinstance(v, Vec):
        if world.sizes is None:
            return [
                v[
                    tuple(
                        sp.Symbol(c, integer=True, positive=True)
                        for c in "abc"[: v.rank]
                    )
                ]
            ]
        spans = [range(1, int(world.size(s)) + 1) for s in v.sizes]
        return [v[tuple(map(sp.Integer, i))] for i in itertools.product(*spans)]
    if isinstance(v, tuple):
        return [x for part in v for x in entries(part, world)]
    return [v]


def sizes_for(K):
    return {
        "K": K,
        "N": K + 1,
        "B": K + 1,
        "M": K + 2,
        "R": 2,
        "T": K,
        "C": K,
        "A": K,
        "D": 2,
        "m": K,
        "n": K,
    }


def assignments(make, ranges, sizes, where, bound=None):
    """Run `make(scope)` over all values of the free indices that turn up."""
    letters = []
    while True:
        spans = [range(1, sizes[ranges[l]] + 1) for l in letters]
        out = []
        try:
            for values in itertools.product(*spans):
                scope = dict(zip(letters, map(sp.Integer, values)))
                out.append((scope, make(scope)))
            return letters, out
        except NeedIndex as need:
            if need.args[0] in letters:
                raise Meaningless(f"index {need.args[0]} out of reach") from None
            letters.append(need.args[0])


class Scoped(World):
    """A world in which free indices have values."""

    free: dict = {}

    def name(self, key, scope):
        if key in self.free and key not in scope:
            self.uses_index = True
            return self.free[key]
        return super().name(key, scope)


def links(statement):
    c = statement.chain
    found = [(c[i], c[i + 1], c[i + 2]) for i in range(0, len(c) - 2, 2)]
    return [(a, f"~{decimals(b)}" if rel == "~" else rel, b) for a, rel, b in found]


def decimals(tree):
    """How many digits stand behind the point of a rounded number."""
    if tree[0] == "neg":
        return decimals(tree[1])
    if tree[0] != "num" or "." not in tree[1]:
        raise Meaningless(r"what follows \approx must be a number with its digits")
    return len(tree[1].partition(".")[2])


@dataclass
class Result:
    label: str
    kind: str
    detail: str = ""


def excluded(where, world, scope):
    if where is None:
        return False
    rel, a, b = where
    a, b = world.eval(a, scope), world.eval(b, scope)
    return {"!=": a == b, "<": not a < b, ">": not a > b}[rel]


def concrete(book, statement, K, shares=True, at_numbers=False):
    """(world, [(a, rel, b)]) for every value of the free indices."""
    world = Scoped(book, sizes_for(K), shares)
    world.at_numbers = at_numbers

    def make(free):
        world.free = free
        if excluded(statement.where, world, {}):
            return []
        out = []
        for a, rel, b in links(statement):
            x, y = entries(world.eval(a, {}), world), entries(world.eval(b, {}), world)
            if len(x) != len(y):
                raise Meaningless(f"{len(x)} and {len(y)} entries")
            out += [(p, rel, q) for p, q in zip(x, y)]
        return out

    _, runs = assignments(make, book.ranges, world.sizes, statement.where)
    world.free = {}
    return world, [t for _, triples in runs for t in triples]


def check_numbers(book, statement, label, tries=2, classes=(2, 3, 6)):
    """Every printed side at random points; True if any number was compared."""
    draw = random.Random(label)
    compared, sized = 0, False
    for K in classes:
        world, triples = concrete(book, statement, K, at_numbers=True)
        sized = sized or bool(world.used) or world.uses_index
        for a, rel, b in triples[:: max(1, len(triples) // 12)]:
            if rel == "->":
                raise Meaningless("an arrow")
            symbols = set().union(
                sp.sympify(a).free_symbols, sp.sympify(b).free_symbols
            )
            for _ in range(tries):
                if not holds(a, rel, b, draw_point(world, symbols, draw)):
                    raise Rejected(f"{label}: false at K = {K}: {a} {rel} {b}")
                compared += 1
        if not sized:
            break
    return compared > 0, sized


TOPS: dict = {}  # index of a maximum -> (base, gaps): base[i] = base[top] - log(1 + gaps[i])


def note_tops(world):
    TOPS.clear()
    for c, body, letter, scope in world.tops.values():
        e = world.eval(body, scope | {letter: c})
        (x,) = e.atoms(sp.Indexed)
        if sp.cancel(e / x).is_positive:  # a maximum of positive multiples of base[i]
            TOPS[c] = (x.base, sp.IndexedBase(f"h{c}", nonnegative=True))


def below_top(e):
    for c, (base, h) in TOPS.items():
        e = e.replace(
            lambda x: (
                isinstance(x, sp.Indexed) and x.base == base and x.indices != (c,)
            ),
            lambda x: sp.Symbol(f"z{c}", real=True) - sp.log(1 + h[x.indices]),
        )
        e = e.xreplace({base[c]: sp.Symbol(f"z{c}", real=True)})
    return e


def settle(a, rel, b, constraints=()):
    if rel.startswith("~"):  # a rounded number: evaluated, not proved
        return True
    a, b = sp.sympify(a), sp.sympify(b)
    gap = work_out(a) - work_out(b)
    if rel != "=":
        gap = below_top(gap)
    if rel in ("<=", "<"):
        gap, rel = -gap, {"<=": ">=", "<": ">"}[rel]
    for g in cases(gap):
        if rel == "=":
            ok = is_zero(g, constraints)
        else:
            ok = nonneg(g, rel == ">")
            if not ok and constraints:
                x = g
                for s, v in constraints:
                    x = x.subs(s, v)
                ok = nonneg(sp.expand(tidy(x)), rel == ">")
        if not ok:
            return False
    return True


def constraints_of(world):
    """p_K = 1 - the others, for every distribution with atoms in sight."""
    out = []
    for s, (kind, key, index) in list(world.atoms.items()):
        if kind == "distribution" and isinstance(s, sp.Symbol):
            n = int(world.size(world.book.ranges[world.letters(key)[-1]]))
            if int(index[-1]) == n:
                others = [
                    sp.Symbol(
                        "_".join([key, *map(str, (*index[:-1], i))]), positive=True
                    )
                    for i in range(1, n)
                ]
                out.append((s, 1 - sp.Add(*others)))
    return out


def prove_any(book, statement):
    """For any K, with sums over symbols; True if it went through."""
    world = World(book)
    KIND.clear()
    SIMPLEX.clear()
    SIMPLEX.update(
        k.removesuffix("[]")
        for k, d in book.domains.items()
        if d.kind == "distribution"
    )
    tidy.cache_clear()
    for n, (a, rel, b) in enumerate(links(statement)):
        x, y = entries(world.eval(a, {}), world), entries(world.eval(b, {}), world)
        note_tops(world)
        for p, q in zip(x, y, strict=True):
            if statement.where and statement.where[0] == "!=":
                i, j = (
                    world.eval(statement.where[1], {}),
                    world.eval(statement.where[2], {}),
                )
                p, q = sp.sympify(p), sp.sympify(q)
                gap = tidy(p).subs(DELTA(i, j), 0) - tidy(q).subs(DELTA(i, j), 0)
                p, q = gap, sp.Integer(0)
            if not settle(p, rel, q):
                return False
    return True


def prove_each(book, statement, classes=CASES):
    for K in classes:
        world, triples = concrete(book, statement, K)
        constraints = constraints_of(world)
        TOPS.clear()
        KIND.clear()
        KIND.update(world.atoms)
        tidy.cache_clear()
        for a, rel, b in triples:
            if not settle(a, rel, b, constraints):
                return False
    return True


def prove_statement(names, statement, label):
    """Prove one statement, or raise: how far the proof reaches."""
    if len(statement.chain) < 3:
        raise Meaningless("an equation or inequality must have two sides, got one")
    if any(relation == "->" for relation in statement.chain[1::2]):
        raise Meaningless(r"an arrow claims nothing that can be checked: use \lim")
    _, sized = check_numbers(names, statement, label)
    reason = ""
    try:
        if prove_any(names, statement):
            return "any K" if sized else "no K"
        reason = "sympy must confirm it for any K, but can't"
    except STUCK as error:
        reason = f"{type(error).__name__}: {error}"
    try:
        if prove_each(names, statement, CASES if sized else CASES[:1]):
            return "instances" if sized else "no K"
    except STUCK as error:
        reason += f"; {type(error).__name__}: {error}"
    raise Unproved(f"{label} holds at every point tried, but is not proved. {reason}")


# What sympy and the steps above raise when they get no further.
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
