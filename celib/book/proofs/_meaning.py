"""Turn a tree into sympy, for symbolic K (any-K) or for a whole number K.

A Book holds what letters mean; a World fixes the sizes and evaluates trees.
"""

import itertools

import sympy as sp

from celib.book.proofs._names import SIZES
from celib.book.proofs._reader import name_of

DELTA = sp.KroneckerDelta


class Meaningless(ValueError):
    """A name without a declared meaning, or an operation not supported."""


class NeedIndex(Exception):
    """A free index turned up: the caller must run over its values."""


class Push:
    """A small step in one entry of a family."""

    def __init__(self, by):
        self.by = by


def pick(value, index):
    if isinstance(value, tuple):
        return value[int(index[0]) - 1]
    return value[index]


class Vec:
    """A vector, matrix, ... : a function of its indices."""

    def __init__(self, rank, entry, sizes):
        self.rank, self.entry, self.sizes = rank, entry, tuple(sizes)

    def __getitem__(self, index):
        return self.entry(*index)


def parts_of(tree):
    return tree[1:] if tree[0] == "*" else (tree,)


KINDS = {
    "real": dict(real=True),
    "positive": dict(positive=True),
    "nonnegative": dict(nonnegative=True),
    "negative": dict(negative=True),
    "distribution": dict(positive=True),
    "natural": dict(integer=True, positive=True),
    "share": dict(positive=True),
    "noise": dict(real=True),
    "over1": dict(positive=True),
    "number": dict(real=True),
}


class World:
    """Sizes: a dict of whole numbers, or None for symbols (any K)."""

    def __init__(self, book, sizes=None, shares=True):
        self.book, self.sizes, self.over = book, sizes, {}
        self.atoms, self.used, self.uses_index = {}, set(), False
        self.tops = {}  # body of a maximum -> index where it is
        self.bases, self.count, self.shares = {}, 0, shares

    # --- atoms
    def size(self, key):
        self.used.add(key)
        if key.isdigit():
            return sp.Integer(key)
        if key in self.book.names:
            self.book.used.add(key)
            return self.eval(self.book.names[key].tree, {})
        if key in self.book.domains:
            self.book.used.add(key)
        if self.sizes is None:
            return sp.Symbol(key, integer=True, positive=True)
        if key not in self.sizes:
            raise Meaningless(f"no size for {key}")
        return sp.Integer(self.sizes[key])

    def atom(self, key, kind, index=()):
        if kind == "number" and False:
            pass
        self.book.used.add(key + "[]" if index else key)
        index = tuple(sp.sympify(i) for i in index)
        flags = KINDS[kind]
        if self.sizes is None and index:
            symbol = sp.IndexedBase(f"{key}", **flags)[index]
            self.bases[key] = kind
        else:
            symbol = sp.Symbol("_".join([key, *map(str, index)]), **flags)
        self.atoms[symbol] = (kind, key, index)
        if kind == "share" and self.shares:
            return symbol / (1 + symbol)
        if kind == "over1":
            return 1 + symbol
        return symbol

    def lookup(self, key, index, scope):
        """What `key` with these index values means, or None."""
        if key in scope:
            value = scope[key]
            if index and isinstance(value, (Vec, tuple)):
                return pick(value, index)
            if not index:
                return value
        index = tuple(map(sp.sympify, index))
        if (key, index) in self.over and not isinstance(self.over[key, index], Push):
            return self.over[key, index]
        value = self.plain(key, index)
        if value is not None and index:
            # the entries of a family that a derivative perturbs
            for (k2, at), t in self.over.items():
                if k2 == key and len(at) == len(index) and isinstance(t, Push):
                    value = value + t.by * sp.Mul(
                        *(DELTA(i, j) for i, j in zip(index, at))
                    )
        return value

    def plain(self, key, index):
        """What a name with these index values means, derivatives aside, or None."""
        names = self.book.names
        family = names.get(key + "[]")
        domain = self.book.domains.get(key + "[]" if index else key)
        letters = self.letters(key)
        if index:
            if letters:
                if len(index) < len(letters):
                    return self.rest(key, index, letters)
                if len(index) > len(letters):
                    return None
                if family is not None:
                    self.book.used.add(key + "[]")
                    return self.unfold(family, dict(zip(letters, index, strict=True)))
                return self.atom(key, domain.kind, index)
            if key in names:
                self.book.used.add(key)
                value = self.eval(names[key].tree, {})
                if isinstance(value, Vec | tuple):
                    return pick(value, index)
            return None
        if key in names:
            self.book.used.add(key)
            return self.unfold(names[key], {})
        if (function := self.function_of_its_arguments(key)) is not None:
            return self.unfold(function, {})
        if domain is not None and domain.kind == "size":
            return self.size(key)
        if domain is not None and domain.kind == "function":
            return None
        if domain is not None:
            return self.atom(key, domain.kind)
        if self.is_class(key) and family is not None:
            return None  # a class, though there is a family of that name
        if letters:
            return Vec(
                len(letters), lambda *i: self.lookup(key, i, {}), self.spans(letters)
            )
        return None

    def letters(self, key):
        """The letters of the indices of the family of that name, if there is one."""
        family = self.book.names.get(key + "[]", self.book.domains.get(key + "[]"))
        return family.indices if family is not None else ()

    def function_of_its_arguments(self, key):
        """The definition of key(x), which key alone stands for where x is known."""
        found = [k for k in self.book.names if k.startswith(key + "/")]
        if len(found) != 1 or not all(
            isinstance(p, str) for p in self.book.names[found[0]].params
        ):
            return None
        self.book.used.add(found[0])
        return self.book.names[found[0]]

    def is_class(self, key):
        """Whether the letter runs over classes without being the usual index."""
        return key in self.book.ranges and key not in SIZES

    def rest(self, key, index, letters):
        """Row n of a family with two indices."""
        left = letters[len(index) :]
        return Vec(
            len(left), lambda *i: self.lookup(key, (*index, *i), {}), self.spans(left)
        )

    def unfold(self, d, inner):
        """What a definition says, its own parameters standing for themselves."""
        for p in d.params if all(isinstance(p, str) for p in d.params) else ():
            inner[p] = self.name(p, {})
        return self.eval(d.tree, self.with_local(d, inner))

    def with_local(self, d, inner):
        for name, tree in d.local:
            inner[name] = self.eval(tree, inner)
        return inner

    def spans(self, letters):
        return [self.book.ranges.get(l, "K") for l in letters]

    def name(self, key, scope):
        found = self.lookup(key, (), scope)
        if found is not None:
            return found
        if key == "e":
            return sp.E
        if key in self.book.ranges:
            self.uses_index = True
            if self.sizes is None:
                return sp.Symbol(key, integer=True, positive=True)
            raise NeedIndex(key)
        if key in set(self.book.ranges.values()):
            return self.size(key)
        raise Meaningless(f"undeclared {key}")

    # --- evaluation
    def eval(self, tree, scope):
        return getattr(
            self,
            "do_" + tree[0].replace("+", "add").replace("*", "mul").replace("/", "div"),
        )(scope, *tree[1:])

    def scalar(self, tree, scope):
        value = self.eval(tree, scope)
        if isinstance(value, Vec):
            raise Meaningless(f"a vector where a number should be: {tree}")
        return value

    def do_num(self, scope, text):
        return {"oo": sp.oo, "pi": sp.pi}.get(text) or sp.Rational(text)

    def do_group(self, scope, x):
        return self.eval(x, scope)

    def do_tuple(self, scope, *xs):
        if ("name", "dots") in xs:
            if len(set(xs)) != 2:
                raise Meaningless("dots between unequal entries")
            v = Vec(1, lambda i: self.eval(xs[0], scope), ["K"])
            v.row = True
            return v
        return tuple(self.eval(x, scope) for x in xs)

    def do_name(self, scope, key):
        return self.name(key, scope)

    def do_sub(self, scope, base, low):
        key = name_of(("sub", base, low))
        if key is not None and self.knows(key, scope):
            if (found := self.lookup(key, (), scope)) is not None:
                return found
        index = tuple(self.eval(i, scope) for i in parts_of(low))
        if (
            base == ("name", "delta")
            and len(index) == 2
            and "delta" not in self.book.domains
        ):
            return DELTA(*index)
        bkey = name_of(base)
        if bkey is not None:
            if (found := self.lookup(bkey, index, scope)) is not None:
                return found
        value = self.eval(base, scope)
        if isinstance(value, (Vec, tuple)):
            return pick(value, index)
        raise Meaningless(f"undeclared {key or bkey}")

    def knows(self, key, scope):
        names = self.book.names
        return (
            key in names
            or key + "[]" in names
            or key in self.book.domains
            or key + "[]" in self.book.domains
            or key in scope
            or self.function_of_its_arguments(key) is not None
        )

    def do_pow(self, scope, base, up):
        key = name_of(("pow", base, up))
        if key is not None and self.knows(key, scope):
            return self.lookup(key, (), scope)
        b, u = self.scalar(base, scope), self.scalar(up, scope)
        return b**u

    def do_neg(self, scope, x):
        return self.times(sp.Integer(-1), self.eval(x, scope))

    def do_add(self, scope, *xs):
        values = [self.eval(x, scope) for x in xs]
        vecs = [v for v in values if isinstance(v, Vec)]
        if not vecs:
            return sp.Add(*values)
        if len(vecs) != len(values):
            raise Meaningless("a vector plus a number")
        return Vec(
            vecs[0].rank, lambda *i: sp.Add(*(v[i] for v in values)), vecs[0].sizes
        )

    def do_mul(self, scope, *xs):
        value = self.eval(xs[0], scope)
        for x in xs[1:]:
            value = self.times(value, self.eval(x, scope))
        return value

    def times(self, a, b):
        if isinstance(a, Vec) and isinstance(
            b, Vec
        ):  # matrix product, over the last and first index
            if getattr(b, "row", False) and a.rank == 1:  # outer product
                return Vec(2, lambda i, j: a[i,] * b[j,], (*a.sizes, *b.sizes))
            if getattr(a, "row", False) and b.rank == 1:
                return self.over_range(a.sizes[0], lambda i: a[i,] * b[i,])
            if a.rank == 2 and b.rank == 1:
                return Vec(
                    1,
                    lambda i: self.over_range(a.sizes[1], lambda j: a[i, j] * b[j,]),
                    a.sizes[:1],
                )
            if getattr(a, "row", False) and b.rank == 2:
                new = Vec(
                    1,
                    lambda j: self.over_range(a.sizes[0], lambda i: a[i,] * b[i, j]),
                    b.sizes[1:],
                )
                new.row = True
                return new
            if a.rank == 2 and b.rank == 2:
                return Vec(
                    2,
                    lambda i, k: self.over_range(
                        a.sizes[1], lambda j: a[i, j] * b[j, k]
                    ),
                    (a.sizes[0], b.sizes[1]),
                )
            raise Meaningless("a product of vectors")
        if isinstance(a, Vec) or isinstance(b, Vec):
            v, c = (a, b) if isinstance(a, Vec) else (b, a)
            new = Vec(v.rank, lambda *i: c * v[i], v.sizes)
            if getattr(v, "row", False):
                new.row = True
            return new
        return a * b

    def do_transpose(self, scope, x):
        v = self.eval(x, scope)
        if isinstance(v, Vec) and v.rank == 2:
            return Vec(2, lambda i, j: v[j, i], v.sizes[::-1])
        if isinstance(v, Vec) and v.rank == 1:
            new = Vec(1, v.entry, v.sizes)
            new.row = not getattr(v, "row", False)
            return new
        return v

    def do_div(self, scope, a, b):
        return self.times(self.eval(a, scope), 1 / self.scalar(b, scope))

    def do_log(self, scope, x):
        return sp.log(self.scalar(x, scope))

    def do_exp(self, scope, x):
        return sp.exp(self.scalar(x, scope))

    def do_abs(self, scope, x):
        return sp.Abs(self.scalar(x, scope))

    def do_ceil(self, scope, x):
        return sp.ceiling(self.scalar(x, scope))

    def do_call(self, scope, key, *args):
        book = self.book
        exact = f"{key}/{len(args)}"
        if exact in book.names:
            d = book.names[exact]
            book.used.add(exact)
            if len(d.params) == len(args) and all(isinstance(p, str) for p in d.params):
                inner = {p: self.eval(a, scope) for p, a in zip(d.params, args)}
                if d.indices:
                    raise Meaningless("indexed function")
                return self.eval(d.tree, self.with_local(d, inner))
        if self.is_function(key):
            book.used.add(key)
            return self.any_function(key)(*(self.eval(a, scope) for a in args))
        if key.endswith("'") and self.is_function(key[:-1]):
            t = sp.Dummy("t", positive=True)
            return (
                sp.diff(self.any_function(key[:-1])(t), t)
                .subs(t, self.eval(args[0], scope))
                .doit()
            )
        if key == "E":
            return self.mean(self.eval(args[0], scope))
        # q_k(T): an indexed function
        if "_" in key:
            base, low = key.split("_", 1)
            exact = f"{base}[]/{len(args)}"
            d = book.names.get(exact)
            if d and len(low) == len(d.indices):
                book.used.add(exact)
                inner = {l: self.name(c, scope) for l, c in zip(d.indices, low)}
                inner |= {p: self.eval(a, scope) for p, a in zip(d.params, args)}
                return self.eval(d.tree, inner)
        if key.endswith("'") and f"{key[:-1]}/1" in book.names:
            d = book.names[f"{key[:-1]}/1"]
            book.used.add(f"{key[:-1]}/1")
            t = sp.Dummy("t", positive=True)
            body = self.eval(d.tree, {d.params[0]: t})
            return sp.diff(body, t).subs(t, self.eval(args[0], scope))
        values = [self.eval(a, scope) for a in args]
        if key == "exp":
            return sp.exp(values[0])
        if key == "log1p":
            return sp.log(1 + values[0])
        if key in ("max", "min"):
            return (sp.Max if key == "max" else sp.Min)(*values)
        if key == "diag":
            v = values[0]
            return Vec(2, lambda i, j: DELTA(i, j) * v[i,], v.sizes * 2)
        if key in ("det", "adj") and self.sizes is not None:
            v = values[0]
            n = int(self.size(v.sizes[0]))
            m = sp.Matrix(n, n, lambda i, j: v[i + 1, j + 1])
            if key == "det":
                return m.det()
            a = m.adjugate()
            return Vec(2, lambda i, j: a[int(i) - 1, int(j) - 1], v.sizes)
        raise Meaningless(f"unknown function {key}/{len(args)}")

    def is_function(self, key):
        """Whether the name was declared as an unknown function."""
        return key in self.book.domains and self.book.domains[key].kind == "function"

    def any_function(self, key):
        """An unknown function; at numbers, one that is nothing special."""
        if getattr(self, "at_numbers", False):
            return lambda x: sp.sin(x) + x**3
        return sp.Function(key, real=True)

    def mean(self, e):
        """Expectation of a polynomial in independent numbers of mean 0, variance s^2."""
        if self.sizes is None:
            raise Meaningless("an expectation for any K")
        noise = [a for a, (kind, *_) in self.atoms.items() if kind == "noise"]
        total, s = 0, self.name("s", {})
        for powers, c in sp.Poly(e, *noise).terms():
            if max(powers, default=0) > 2:
                raise Meaningless("a moment beyond the second")
            total += 0 if 1 in powers else c * s ** sum(powers)
        return total

    def do_oplus(self, scope, a, b):
        d = self.book.names.get("oplus/2")
        self.book.used.add("oplus/2")
        if d is None:
            raise Meaningless("unknown oplus")
        values = self.eval(a, scope), self.eval(b, scope)
        inner = {}
        for p, v in zip(d.params, values):
            if not isinstance(v, tuple):
                raise Meaningless("oplus of what is not a pair")
            for name, x in zip(p[1:], v):
                inner[name_of(name)] = x
        return self.eval(d.tree, self.with_local(d, inner))

    def do_prime(self, scope, x):
        raise Meaningless("prime")

    def do_nabla(self, scope, order, x):
        by = self.book.names.get("nabla")
        self.book.used.add("nabla")
        if by is None:
            raise Meaningless("say what nabla is by: given nabla = z_k")
        letter = by.indices[0] if by.indices else "k"
        base = by.tree[1] if by.tree[0] == "sub" else by.tree
        size = self.spans([letter])[0]

        def entry(*i):
            variables = tuple((("sub", base, ("value", v)), 1) for v in i)
            return self.do_diff(scope, x, variables)

        return Vec(order, entry, [size] * order)

    def do_value(self, scope, v):
        return v

    # --- binders
    def over_range(self, size, f):
        """Sum of f over 1..size."""
        n = self.size(size)
        if self.sizes is not None:
            return sp.Add(*(f(i) for i in range(1, int(n) + 1)))
        i = self.fresh()
        return sp.Sum(f(i), (i, 1, n))

    def fresh(self):
        self.count += 1
        return sp.Symbol(f"i{self.count}", integer=True, positive=True)

    def do_sum(self, scope, limits, condition, body, make=(sp.Add, sp.Sum)):
        (var, low, high), *rest = limits
        inner = body if not rest else ("sum", tuple(rest), None, body)
        letter = name_of(var)
        if low == "in":
            return self.sum_in(scope, letter, high, inner, make)
        if (
            self.sizes is None
            and low is None
            and inner[0] == "sum"
            and inner[1][0][1] == "in"
            and name_of(inner[1][0][2]) == letter
        ):
            if f"('name', '{letter}')" in str(inner[3]):
                raise Meaningless("a sum over parts, with the part inside")
            return self.do_sum(
                scope, ((inner[1][0][0], None, None),), None, inner[3], make
            )  # parts make up the whole
        if low is None:
            if letter not in self.book.ranges:
                raise Meaningless(f"no range for {letter}")
            lo, hi = sp.Integer(1), self.size(self.book.ranges[letter])
        else:
            lo, hi = self.eval(low, scope), self.eval(high, scope)
        if condition is not None:
            return self.ordered_pairs(scope, limits, hi, body)
        if isinstance(hi, sp.Integer) and isinstance(lo, sp.Integer):
            values = [
                self.eval(inner, scope | {letter: sp.Integer(i)})
                for i in range(int(lo), int(hi) + 1)
            ]
            join = make[0]
        else:
            i = self.fresh()
            values = [self.eval(inner, scope | {letter: i})]
            join = lambda value: make[1](value, (i, lo, hi))
        if values and isinstance(values[0], Vec):
            return Vec(
                values[0].rank,
                lambda *at: join(*(v[at] for v in values)),
                values[0].sizes,
            )
        return join(*values)

    def do_prod(self, scope, limits, condition, body):
        return self.do_sum(scope, limits, condition, body, (sp.Mul, sp.Product))

    def ordered_pairs(self, scope, limits, hi, body):
        a, b = (name_of(l[0]) for l in limits)
        f = lambda i, j: self.eval(body, scope | {a: i, b: j})
        if isinstance(hi, sp.Integer):
            return sp.Add(
                *(f(i, j) for i, j in itertools.combinations(range(1, int(hi) + 1), 2))
            )
        i, j = self.fresh(), self.fresh()
        # half of all pairs, if the two orders agree
        once = f(i, j)
        if sp.expand(once - once.subs({i: j, j: i}, simultaneous=True)) != 0:
            raise Meaningless("sum over a < b of what is not symmetric")
        return (
            sp.Sum(sp.Sum(once, (j, 1, hi)), (i, 1, hi))
            - sp.Sum(once.subs(j, i), (i, 1, hi))
        ) / 2

    def sum_in(self, scope, letter, where, inner, make):
        if where[0] == "pow" and where[1] == ("set", ("num", "0"), ("num", "1")):
            if self.sizes is None:
                raise Meaningless("a sum over {0, 1}^K")
            n = int(self.size("K"))
            total = []
            for bits in itertools.product((0, 1), repeat=n):
                v = Vec(1, lambda k, bits=bits: sp.Integer(bits[int(k) - 1]), ["K"])
                total.append(self.eval(inner, scope | {letter: v}))
            return make[0](*total)
        if self.sizes is not None and name_of(where) in scope:  # a part of 1..K
            r, n, parts = (
                int(scope[name_of(where)]),
                int(self.size("K")),
                int(self.size("R")),
            )
            return make[0](
                *(
                    self.eval(inner, scope | {letter: sp.Integer(k)})
                    for k in range(1, n + 1)
                    if (k - 1) * parts // n + 1 == r
                )
            )
        raise Meaningless("a sum over a set")

    def do_over(self, scope, which, limits, body):
        letter = name_of(limits[0][0])
        hi = self.size(self.book.ranges[letter])
        if self.sizes is None:  # the entry at an index of its own, where the maximum is
            if which != "max":
                raise Meaningless("min over any K")
            c = self.tops.setdefault(
                str(body),
                (
                    sp.Symbol(f"top{len(self.tops)}", integer=True, positive=True),
                    body,
                    letter,
                    scope,
                ),
            )[0]
            return self.eval(body, scope | {letter: c})
        values = [
            self.eval(body, scope | {letter: sp.Integer(i)})
            for i in range(1, int(hi) + 1)
        ]
        return (sp.Max if which == "max" else sp.Min)(*values)

    # --- calculus
    def place(self, var, scope):
        """The key under which a derivative's variable can be overridden."""
        if var[0] == "sub" and var[2][0] == "value":
            return name_of(var[1]), (var[2][1],)
        whole = name_of(var)
        if var[0] == "sub" and not self.knows(whole, {}):
            return name_of(var[1]), tuple(self.eval(i, scope) for i in parts_of(var[2]))
        return whole, ()

    def do_diff(self, scope, body, pairs):
        if any(isinstance(self.name_or_none(v, scope), Vec) for v, _ in pairs):
            return self.by_vector(scope, body, pairs)
        spots, tokens = [], {}
        for v, n in pairs:
            key, index = self.place(v, scope)
            spot = key, tuple(map(sp.sympify, index))
            if spot not in tokens:
                tokens[spot] = self.token(*spot, scope)
            spots += [spot] * n
        old = self.over
        inner = dict(scope)
        for (key, index), (t, back) in tokens.items():
            if back is not None:
                self.over = self.over | {(key, index): Push(t) if index else t}
                if not index and key in inner:
                    inner[key] = t
        try:
            value = self.scalar(body, inner)
        finally:
            self.over = old
        if isinstance(value, tuple):
            raise Meaningless("derivative of a tuple")
        for s in spots:
            value = sp.diff(value, tokens[s][0])
        for t, back in tokens.values():
            if back is not None:
                value = value.subs(t, back)
        return value

    def name_or_none(self, v, scope):
        try:
            return self.eval(v, scope) if v[0] != "sub" else None
        except (Meaningless, NeedIndex):
            return None

    def token(self, key, index, scope):
        """A symbol to differentiate by, and what to put in its place afterwards."""
        value = (
            scope[key] if key in scope and not index else self.lookup(key, index, scope)
        )
        if value is None:
            raise Meaningless(f"derivative by undeclared {key}")
        if isinstance(value, (sp.Symbol, sp.Indexed)):
            return value, None
        if index:  # a step of size 0
            return sp.Dummy("step", real=True), sp.Integer(0)
        return sp.Dummy(key, positive=value.is_positive or None, real=True), value

    def by_vector(self, scope, body, pairs):
        ((v, n),) = pairs
        if n != 1:
            raise Meaningless("second derivative by a vector")
        vec = self.eval(v, scope)

        def entry(*i):
            low = ("value", i[0]) if len(i) == 1 else ("*", *(("value", x) for x in i))
            return (
                self.do_diff(scope, body, ((("sub", v, low), 1),))
                if len(i) == 1
                else self.diff_at(scope, body, v, i)
            )

        return Vec(vec.rank, entry, vec.sizes)

    def diff_at(self, scope, body, v, index):
        symbol = self.lookup(name_of(v), index, scope)
        return sp.diff(self.scalar(body, scope), symbol)

    def do_at(self, scope, body, var, value):
        return self.scalar(body, scope).subs(
            self.eval(var, scope), self.eval(value, scope)
        )

    def do_int(self, scope, var, low, high, body):
        t = (
            sp.Dummy("t", real=True)
            if self.eval(low, scope).is_negative
            else sp.Dummy("t", positive=True)
        )
        return sp.Integral(
            self.eval(body, scope | {name_of(var): t}),
            (t, self.eval(low, scope), self.eval(high, scope)),
        )

    def do_lim(self, scope, var, to, side, body):
        key, index = self.place(var, scope)
        index = tuple(sp.sympify(i) for i in index)
        x, back = self.token(key, index, scope)
        old = self.over
        if back is not None:
            self.over = self.over | {(key, index): x}
        try:
            value = self.scalar(body, scope)
        finally:
            self.over = old
        return Lim(value, x, self.eval(to, scope), side)


class Lim(sp.Expr):
    """A limit not yet worked out: value, variable, to, side (a symbol)."""

    def __new__(cls, value, x, to, side):
        side = sp.Symbol(side) if isinstance(side, str) else side
        return sp.Expr.__new__(cls, sp.sympify(value), x, sp.sympify(to), side)

    @property
    def free_symbols(self):
        return self.args[0].free_symbols - {self.args[1]} | self.args[2].free_symbols
