"""Turn a tree into sympy: for any number of classes, or for a number of your choice.

For any K, a family p_k becomes ``IndexedBase("p")[k]``, a sum over classes becomes
``Sum``, and the maximum of a family is its entry at an index of which nothing else is
known. For K = 3, a family becomes three symbols and a sum three terms.
"""

import functools
import itertools

import sympy as sp

from celib.book.proofs._names import FUNCTIONS, SIZES, nodes_of
from celib.book.proofs._reader import name_of

__all__ = ["Limit", "Meaningless", "NeedsIndex", "OutOfRange", "Vector", "World"]


class Meaningless(ValueError):
    """A name without a meaning, or an operation without one here."""

    def __init__(self, message, name=""):
        super().__init__(message)
        self.name = name


class OutOfRange(Meaningless):
    """An index that runs further than the family that it is an index of."""


class NeedsIndex(Exception):
    """A free index turned up: whoever evaluates has to run over its values."""


def delta(i, j):
    """1 if two indices are equal, else 0."""
    return sp.KroneckerDelta(i, j)


class Vector:
    """A vector, or with more indices a matrix: a function of its indices.

    Attributes
    ----------
    entry : callable
        The entry at given indices.
    sizes : tuple of str
        The name of the size that each index runs up to.
    is_row : bool
        Whether it was transposed.
    """

    def __init__(self, entry, sizes, is_row=False):
        self.entry = entry
        self.sizes = tuple(sizes)
        self.is_row = is_row

    @property
    def rank(self):
        """The number of its indices."""
        return len(self.sizes)

    def __getitem__(self, index):
        return self.entry(*index)


class Limit(sp.Expr):
    """A limit that has not been worked out: expression, variable, target, side."""

    def __new__(cls, value, variable, target, side):
        side = sp.Symbol(side) if isinstance(side, str) else side
        target = sp.sympify(target)
        return sp.Expr.__new__(cls, sp.sympify(value), variable, target, side)

    @property
    def free_symbols(self):
        """All symbols but the one that tends to its target."""
        value, variable, target, _ = self.args
        return value.free_symbols - {variable} | target.free_symbols


class Push:
    """A small step in one entry of a family, to differentiate by."""

    def __init__(self, step):
        self.step = step


# What sympy may assume of the symbol for a letter of each kind. A letter between two
# bounds is written in terms of a positive symbol, and so is one above 1.
ASSUMPTIONS = {
    "real": {"real": True},
    "noise": {"real": True},
    "inverse": {"real": True},
    "positive": {"positive": True},
    "between": {"positive": True},
    "over1": {"positive": True},
    "distribution": {"positive": True},
    "joint": {"positive": True},
    "nonnegative": {"nonnegative": True},
    "negative": {"negative": True},
}


class World:
    """Evaluates trees, with the meanings of `names`.

    Parameters
    ----------
    names : Names
        What the letters stand for.
    sizes : dict of str to int, optional
        Numbers for the sizes K, N and so on; without them they stay symbols.
    at_numbers : bool
        Whether an unknown function is to be a function that can be evaluated.

    Attributes
    ----------
    atoms : dict of symbol to (kind, key, index)
        The symbols that turned up, and what they stand for.
    sizes_used : set of str
        The sizes that what turned up depends on.
    maxima : dict
        For any K: what each maximum is taken of, and the index where it is.
    index_ranges : dict of symbol to size
        For any K: how far each index runs.
    divisors, arguments : list
        What something was divided by, and what a logarithm was taken of.
    free : dict of str to int
        Values of the free indices.
    sum_indices : set of symbols
        The indices of sums, for any K.
    over_answers, unfolding : bool
        Whether a sum over {0, 1}^K, or a definition, is being evaluated.
    """

    def __init__(self, names, sizes=None, at_numbers=False):
        self.names = names
        self.sizes = sizes
        self.at_numbers = at_numbers
        self.atoms = {}
        self.sizes_used = set()
        self.maxima = {}
        self.divisors = []
        self.arguments = []
        self.free = {}
        self.pushed = {}  # what a derivative puts in place of a name
        self.index_ranges = {}
        self.sum_indices = set()
        self.over_answers = False
        self.unfolding = False

    @property
    def for_any_size(self):
        """Whether the sizes are symbols."""
        return self.sizes is None

    # --- names

    def size(self, key):
        """Return a size: a number, or a symbol."""
        if key.isdigit():
            return sp.Integer(key)
        if key in self.names.names:
            self.names.used.add(key)
            return self.eval(self.names.names[key].tree, {})
        if key in self.names.domains:
            self.names.used.add(key)
        self.sizes_used.add(key)
        if self.for_any_size:
            return sp.Symbol(key, integer=True, positive=True)
        if key not in self.sizes:
            raise Meaningless(f"{key} must be the size of something", key)
        return sp.Integer(self.sizes[key])

    def atom(self, key, domain, index=()):
        """Return the symbol of a letter with these index values."""
        self.names.used.add(key + "[]" if index else key)
        index = tuple(sp.sympify(i) for i in index)
        if index:
            self.refuse_out_of_range(key, domain, index)
        assumptions = ASSUMPTIONS[domain.kind]
        if self.for_any_size and index:
            symbol = sp.IndexedBase(key, **assumptions)[index]
        else:
            symbol = sp.Symbol("_".join([key, *map(str, index)]), **assumptions)
        self.atoms[symbol] = (domain.kind, key, index)
        if domain.kind == "over1":
            return 1 + symbol
        if domain.kind == "between":
            low, high = (self.eval(bound, {}) for bound in domain.bounds)
            if (high - low).is_extended_nonpositive:
                raise Meaningless(f"no {key} lies between {low} and {high}", key)
            return (low + high * symbol) / (1 + symbol)
        return symbol

    def refuse_out_of_range(self, key, domain, index):
        """Refuse an index of a family that runs further than the family."""
        for letter, i in zip(domain.indices, index, strict=True):
            size = self.names.ranges.get(letter, "K")
            high = self.index_ranges.get(i)
            if high is not None and str(high) in {*self.names.ranges.values()} - {size}:
                raise OutOfRange(f"{key} ends at {size}, not at {high}", key)
            missing = i.is_Integer and not 1 <= i <= (self.sizes or {}).get(size, i)
            if missing and domain.kind == "distribution":
                raise OutOfRange(f"{key} has no entry {i}", key)

    def lookup(self, key, index, scope):
        """Return what a name with these index values means, or None."""
        if key in scope:
            value = scope[key]
            if index and isinstance(value, Vector | tuple):
                return self.pick(value, index)
            if not index:
                return value
        index = tuple(map(sp.sympify, index))
        replaced = self.pushed.get((key, index))
        if replaced is not None and not isinstance(replaced, Push):
            return replaced
        value = self.unpushed(key, index)
        if value is None or not index:
            return value
        for (family, at), push in self.pushed.items():
            if family == key and len(at) == len(index) and isinstance(push, Push):
                here = (delta(i, j) for i, j in zip(index, at, strict=True))
                value = value + push.step * sp.Mul(*here)
        return value

    def unpushed(self, key, index):
        """Return what a name means, derivatives aside, or None."""
        if index:
            return self.entry(key, index)
        definition = self.names.names.get(key)
        if definition is not None:
            self.names.used.add(key)
            return self.unfold(definition, {})
        domain = self.names.domains.get(key)
        function = self.function_of_its_arguments(key) if domain is None else None
        if function is not None:
            return self.unfold(function, {})
        if domain is not None and domain.kind == "size":
            return self.size(key)
        if domain is not None and domain.kind in FUNCTIONS:
            return None
        if domain is not None:
            return self.atom(key, domain)
        if self.is_class(key):
            return None  # a class, even if there is a family of that name
        letters = self.letters(key)
        if letters:
            return self.rest_of_family(key, (), letters)
        return None

    def entry(self, key, index):
        """Return the entry of a family at these index values, or None."""
        family = self.names.names.get(f"{key}[]")
        domain = self.names.domains.get(f"{key}[]")
        letters = self.letters(key)
        if len(index) < len(letters):
            return self.rest_of_family(key, index, letters)
        if letters and len(index) > len(letters):
            return None
        if family is not None:
            self.names.used.add(f"{key}[]")
            return self.unfold(family, dict(zip(letters, index, strict=True)))
        if domain is not None:
            return self.atom(key, domain, index)
        if key in self.names.names:
            self.names.used.add(key)
            value = self.eval(self.names.names[key].tree, {})
            if isinstance(value, Vector | tuple):
                return self.pick(value, index)
        return None

    def pick(self, value, index):
        """Return an entry of a vector, or of a tuple of numbers."""
        if isinstance(value, Vector):
            return value[index]
        if not index[0].is_Integer:
            raise Meaningless(
                "a vector that is written out needs a number as its index"
            )
        if not 1 <= index[0] <= len(value):
            raise Meaningless(f"there is no entry {index[0]} of {len(value)}")
        return value[int(index[0]) - 1]

    def letters(self, key):
        """Return the letters of the indices of the family of that name."""
        family = self.names.names.get(f"{key}[]", self.names.domains.get(f"{key}[]"))
        return family.indices if family is not None else ()

    def rest_of_family(self, key, index, letters):
        """Return the part of a family that the missing indices run over."""
        sizes = [self.names.ranges.get(letter, "K") for letter in letters[len(index) :]]
        return Vector(lambda *rest: self.lookup(key, (*index, *rest), {}), sizes)

    def function_of_its_arguments(self, key):
        """Return the definition of f(x), which f alone stands for where x is known."""
        found = [k for k in self.names.names if k.startswith(f"{key}/")]
        if len(found) != 1:
            return None
        self.names.used.add(found[0])
        return self.names.names[found[0]]

    def is_class(self, key):
        """Whether the letter runs over classes without being a usual index."""
        return key in self.names.ranges and key not in SIZES

    def unfold(self, definition, values):
        """Return what a definition says; its arguments stand for themselves."""
        before, self.unfolding = self.unfolding, True
        try:
            return self.unfolded(definition, values)
        finally:
            self.unfolding = before

    def unfolded(self, definition, values):
        for param in definition.params:
            values[param] = self.name(param, {})
        return self.eval(definition.tree, self.with_local(definition, values))

    def with_local(self, definition, values):
        """Add the names that are explained beside a definition."""
        for name, tree in definition.local:
            values[name] = self.eval(tree, values)
        return values

    def name(self, key, scope):
        """Return what a name means, or refuse it."""
        is_index = key in SIZES and key not in scope and key not in self.names.domains
        if is_index and self.unfolding and key in self.names.ranges:
            raise Meaningless(f"{key} is an index that its definition must name", key)
        if key in self.free and key not in scope:
            self.note_index(key)
            return self.free[key]
        found = self.lookup(key, (), scope)
        if found is not None:
            return found
        if key == "e":
            return sp.E
        if key in self.names.ranges:
            self.note_index(key)
            if not self.for_any_size:
                raise NeedsIndex(key)
            index = sp.Symbol(key, integer=True, positive=True)
            self.index_ranges[index] = self.size(self.names.ranges[key])
            return index
        if key in self.names.ranges.values():
            return self.size(key)
        raise Meaningless(f"{key} has no meaning: declare it, or say what it is", key)

    def note_index(self, key):
        """Note that a result depends on a size, if that is not a given number."""
        size = self.names.ranges[key]
        if not size.isdigit() and size not in self.names.names:
            self.sizes_used.add(size)  # even where the size itself is not needed

    def knows(self, key, scope):
        """Whether a text is a name as a whole, as x_+ is."""
        names, domains = self.names.names, self.names.domains
        return (
            key in scope
            or key in names
            or key in domains
            or f"{key}[]" in names
            or f"{key}[]" in domains
            or self.function_of_its_arguments(key) is not None
        )

    # --- evaluation: a method for each kind of node

    def eval(self, tree, scope):
        """Return the value of a tree: an expression, a Vector, or a tuple of them."""
        return getattr(self, METHODS[tree[0]])(scope, *tree[1:])

    def scalar(self, tree, scope):
        """Return the value of a tree that must be a number."""
        value = self.eval(tree, scope)
        if isinstance(value, Vector | tuple):
            raise Meaningless("a number is needed, got a vector")
        return value

    def number(self, scope, text):
        constants = {"oo": sp.oo, "pi": sp.pi}
        return constants[text] if text in constants else sp.Rational(text)

    def group(self, scope, body):
        return self.eval(body, scope)

    def vector(self, scope, *entries):
        if ("name", "dots") not in entries:
            return tuple(self.eval(entry, scope) for entry in entries)
        shown = [entry for entry in entries if entry != ("name", "dots")]
        if len(set(shown)) != 1:
            raise Meaningless("the entries around the dots must be equal")
        return Vector(lambda i: self.eval(shown[0], scope), ["K"], is_row=True)

    def letter(self, scope, key):
        return self.name(key, scope)

    def subscript(self, scope, base, script):
        whole = name_of(("sub", base, script))
        if whole is not None and self.knows(whole, scope):
            found = self.lookup(whole, (), scope)
            if found is not None:
                return found
        if isinstance(script, str):
            raise Meaningless(f"{whole} has no meaning: declare it", whole)
        index = tuple(self.eval(part, scope) for part in parts_of(script))
        if (
            base == ("name", "delta")
            and len(index) == 2
            and not self.knows("delta", scope)
        ):
            return delta(*index)
        family = name_of(base)
        if family is not None:
            found = self.lookup(family, index, scope)
            if found is not None:
                return found
        value = self.eval(base, scope)
        if isinstance(value, Vector | tuple):
            return self.pick(value, index)
        raise Meaningless(f"{whole} has no meaning: declare it", whole or family)

    def power(self, scope, base, exponent):
        whole = name_of(("pow", base, exponent))
        if whole is not None and self.knows(whole, scope):
            return self.lookup(whole, (), scope)
        if isinstance(exponent, str):
            raise Meaningless(f"{whole} has no meaning: declare it", whole)
        value, times = self.scalar(base, scope), self.scalar(exponent, scope)
        if times.is_negative:
            self.divisors.append(value)
        if not (times.is_integer or value.is_nonnegative):
            self.arguments.append(value)
        return value**times

    def negative(self, scope, body):
        return self.multiplied(sp.Integer(-1), self.eval(body, scope))

    def plus(self, scope, *terms):
        values = [self.eval(term, scope) for term in terms]
        if not any(isinstance(value, Vector | tuple) for value in values):
            return sp.Add(*values)
        if all(isinstance(value, Vector) for value in values):
            shapes = {(value.sizes, value.is_row) for value in values}
            if len(shapes) == 1:
                return Vector(lambda *i: sp.Add(*(v[i] for v in values)), *shapes.pop())
        raise Meaningless("terms must all be numbers, or vectors of one size")

    def times(self, scope, *factors):
        value = self.eval(factors[0], scope)
        for factor in factors[1:]:
            value = self.multiplied(value, self.eval(factor, scope))
        return value

    def multiplied(self, a, b):
        """Return the product of numbers, vectors and matrices."""
        if isinstance(a, tuple) or isinstance(b, tuple):
            raise Meaningless("a vector that is written out can't be multiplied")
        if isinstance(a, Vector) and isinstance(b, Vector):
            return self.matrix_product(a, b)
        if isinstance(a, Vector) or isinstance(b, Vector):
            vector, number = (a, b) if isinstance(a, Vector) else (b, a)
            entry = lambda *i: number * vector[i]  # noqa: E731
            return Vector(entry, vector.sizes, vector.is_row)
        return a * b

    def matrix_product(self, a, b):
        """Return the sum over the last index of `a` and the first of `b`."""
        if b.is_row and a.rank == b.rank == 1 and not a.is_row:
            return Vector(lambda i, j: a[i,] * b[j,], (*a.sizes, *b.sizes))
        if a.sizes[-1] != b.sizes[0]:
            raise Meaningless(f"sizes must agree, got {a.sizes[-1]} and {b.sizes[0]}")
        if b.is_row:
            raise Meaningless("a row can't follow a row or a matrix: transpose it")
        size = a.sizes[-1]
        if a.is_row and b.rank == 1:
            return self.total(size, lambda j: a[j,] * b[j,])
        if a.rank == 2 and b.rank == 1:
            return Vector(
                lambda i: self.total(size, lambda j: a[i, j] * b[j,]), a.sizes[:1]
            )
        if a.is_row and b.rank == 2:
            return Vector(
                lambda k: self.total(size, lambda j: a[j,] * b[j, k]), b.sizes[1:], True
            )
        if a.rank == b.rank == 2:
            return Vector(
                lambda i, k: self.total(size, lambda j: a[i, j] * b[j, k]),
                (a.sizes[0], b.sizes[1]),
            )
        raise Meaningless("two vectors side by side have no product: transpose one")

    def transpose(self, scope, body):
        value = self.eval(body, scope)
        if isinstance(value, Vector) and value.rank == 2:
            return Vector(lambda i, j: value[j, i], value.sizes[::-1])
        if isinstance(value, Vector):
            return Vector(value.entry, value.sizes, not value.is_row)
        return value

    def quotient(self, scope, top, bottom):
        divisor = self.scalar(bottom, scope)
        self.divisors.append(divisor)
        return self.multiplied(self.eval(top, scope), 1 / divisor)

    def logarithm(self, scope, body):
        argument = self.scalar(body, scope)
        self.arguments.append(argument)
        return sp.log(argument)

    def exponential(self, scope, body):
        return sp.exp(self.scalar(body, scope))

    def absolute(self, scope, body):
        return sp.Abs(self.scalar(body, scope))

    def ceiling(self, scope, body):
        return sp.ceiling(self.scalar(body, scope))

    def floor(self, scope, body):
        return sp.floor(self.scalar(body, scope))

    # --- functions

    def call(self, scope, key, *arguments):
        values = [self.eval(argument, scope) for argument in arguments]
        base, _, script = key.partition("_")
        if (definition := self.definition(key, len(values))) is not None:
            inner = dict(zip(definition.params, values, strict=True))
            return self.eval(definition.tree, self.with_local(definition, inner))
        if (definition := self.definition(f"{base}[]", len(values))) is not None:
            indices = zip(definition.indices, script, strict=True)
            inner = {letter: self.name(value, scope) for letter, value in indices}
            inner |= dict(zip(definition.params, values, strict=True))
            return self.eval(definition.tree, self.with_local(definition, inner))
        if self.is_unknown_function(key.rstrip("'")):
            self.names.used.add(key.rstrip("'"))
            return self.unknown_function(key, values)
        if key.endswith("'"):
            return self.slope_of_defined(key[:-1], values)
        if key in self.names.domains and self.names.domains[key].kind == "joint":
            return self.joint_probability(key, values)
        if key == "E":
            return self.expectation(values[0])
        if key in BUILT_IN:
            return getattr(self, BUILT_IN[key])(*values)
        raise Meaningless(f"{key} of {len(values)} has no meaning", key)

    def definition(self, key, count):
        """Return the definition of a function of that many arguments, or None."""
        key = f"{key}/{count}"
        if key not in self.names.names:
            return None
        self.names.used.add(key)
        return self.names.names[key]

    def slope_of_defined(self, key, values):
        """Return f'(x) for a function that is defined."""
        definition = self.definition(key, 1)
        if definition is None or len(values) != 1:
            raise Meaningless(f"{key}' has no meaning", key)
        is_positive = sp.sympify(values[0]).is_positive or None
        x = sp.Dummy("x", real=True, positive=is_positive)
        body = self.eval(definition.tree, {definition.params[0]: x})
        return sp.diff(body, x).subs(x, values[0])

    def is_unknown_function(self, key):
        """Whether the name was declared as any function."""
        domain = self.names.domains.get(key)
        return domain is not None and domain.kind in ("function", "positive function")

    def unknown_function(self, key, values):
        """Return any function of these values; at numbers, one without symmetries."""
        values = [self.as_argument(value) for value in values]
        domain = self.names.domains[key.rstrip("'")]
        is_positive = domain.kind == "positive function" and not key.endswith("'")
        if not self.at_numbers:
            return function_with_slopes(key, is_positive)(*values)
        x = sp.Dummy("x", real=True)
        special = sp.sin(x) + x**3
        if domain.kind == "positive function":
            special = 1 + sp.sin(x) ** 2 + x**2
        for _ in range(key.count("'")):
            special = sp.diff(special, x)
        weighted = sp.Add(*(sp.Integer(i) * v for i, v in enumerate(values, start=1)))
        return special.subs(x, weighted)

    def as_argument(self, value):
        """Return a vector in a form that an unknown function takes."""
        if isinstance(value, tuple):
            raise Meaningless("an unknown function takes numbers and named vectors")
        if not isinstance(value, Vector):
            return value
        if self.for_any_size:  # its entry at any place says what vector it is
            places = (ANY_PLACE, ANOTHER_PLACE)[: value.rank]
            return VECTOR(value[places], *places)
        spans = [range(1, int(self.size(size)) + 1) for size in value.sizes]
        entries = [value[i] for i in itertools.product(*spans)]
        return sp.Add(*(sp.sin(i + e) for i, e in enumerate(entries)))

    def exponential_of(self, value):
        return sp.exp(value)

    def log_of_one_plus(self, value):
        self.arguments.append(1 + value)
        return sp.log(1 + value)

    def largest(self, *values):
        return sp.Max(*values)

    def smallest(self, *values):
        return sp.Min(*values)

    def diagonal(self, vector):
        return Vector(lambda i, j: delta(i, j) * vector[i,], vector.sizes * 2)

    def expectation(self, value):
        """Return the mean over independent letters of mean 0 and variance s²."""
        if self.for_any_size:
            return Expectation(value, self.name("s", {}))
        noise = [a for a, (kind, *_) in self.atoms.items() if kind == "noise"]
        total, s = sp.Integer(0), self.name("s", {})
        for powers, coefficient in sp.Poly(value, *noise).terms():
            if max(powers, default=0) > 2:
                raise Meaningless("only means of squares and products are known")
            if 1 not in powers:
                total += coefficient * s ** sum(powers)
        return total

    def joint_probability(self, key, values):
        """Return the probability of an answer to K yes-or-no questions."""
        (bits,) = values
        self.names.used.add(key)
        if self.for_any_size:
            return JOINT(sp.Symbol(key), bits[ANY_PLACE,])
        count = int(self.size("K"))
        digits = "".join(str(bits[sp.Integer(k),]) for k in range(1, count + 1))
        symbol = sp.Symbol(f"{key}_{digits}", positive=True)
        self.atoms[symbol] = ("joint", key, (digits,))
        return symbol

    def merged(self, scope, left, right):
        """Return what the operation that the book defines makes of two pairs."""
        definition = self.names.names.get("oplus/2")
        if definition is None:
            raise Meaningless(r"\oplus has no meaning: define it", "oplus")
        self.names.used.add("oplus/2")
        values = self.eval(left, scope), self.eval(right, scope)
        inner = {}
        for names, value in zip(definition.params, values, strict=True):
            if not isinstance(value, tuple):
                raise Meaningless(r"\oplus joins pairs")
            entries = zip(names[1:], value, strict=True)
            inner |= {name_of(name): entry for name, entry in entries}
        return self.eval(definition.tree, self.with_local(definition, inner))

    # --- sums and products

    def total(self, size, summand):
        """Return the sum of `summand(i)` for i from 1 to the size of that name."""
        count = self.size(size)
        if count.is_Integer:
            return sp.Add(*(summand(sp.Integer(i)) for i in range(1, int(count) + 1)))
        i = self.fresh_index(count)
        return sp.Sum(summand(i), (i, 1, count))

    def fresh_index(self, high, starts_above=True):
        """Return an index that no sum has used: sympy does not keep them apart."""
        number = len(self.index_ranges)
        index = sp.Symbol(
            f"index {number}", integer=True, positive=starts_above or None
        )
        self.index_ranges[index] = high if starts_above else None
        self.sum_indices.add(index)
        return index

    def summed(self, scope, limits, condition, body):
        return self.joined(scope, limits, condition, body, sp.Add, sp.Sum)

    def product(self, scope, limits, condition, body):
        return self.joined(scope, limits, condition, body, sp.Mul, sp.Product)

    def joined(self, scope, limits, condition, body, join, symbolic):
        """Return a sum or product over one index, or several from the outside in."""
        (variable, low, high), *rest = limits
        letter = name_of(variable)
        inner = ("sum" if join is sp.Add else "prod", tuple(rest), None, body)
        if not rest:
            inner = body
        if condition is not None:
            return self.over_ordered_pairs(scope, limits, body)
        if low == "in":
            return self.over_set(scope, letter, high, inner, join)
        if self.is_over_parts(letter, low, inner):
            part, where = inner[1][0][0], inner[3]
            return self.joined(
                scope, ((part, None, None),), None, where, join, symbolic
            )
        low, high = self.bounds(scope, letter, low, high)
        if low.is_Integer and high.is_Integer:
            places = [sp.Integer(i) for i in range(int(low), int(high) + 1)]
            values = [self.eval(inner, scope | {letter: i}) for i in places]
            put_together = lambda entries: join(*entries)  # noqa: E731
        else:
            i = self.fresh_index(high, bool(low.is_positive))
            values = [self.eval(inner, scope | {letter: i})]
            put_together = lambda entries: symbolic(*entries, (i, low, high))  # noqa: E731
        if values and isinstance(values[0], Vector):
            return Vector(
                lambda *at: put_together([v[at] for v in values]), values[0].sizes
            )
        return put_together(values)

    def bounds(self, scope, letter, low, high):
        """Return the first and last value of an index."""
        if low is not None:
            return sp.sympify(self.scalar(low, scope)), self.scalar(high, scope)
        if letter not in self.names.ranges:
            raise Meaningless(
                f"{letter} needs a range, as in {letter} = 1, …, K", letter
            )
        return sp.Integer(1), self.size(self.names.ranges[letter])

    def over_ordered_pairs(self, scope, limits, body):
        """Return the sum over pairs of indices, the first smaller than the second."""
        first, second = (name_of(limit[0]) for limit in limits)
        if first == second or not {first, second} <= self.names.ranges.keys():
            raise Meaningless("a sum over ordered pairs needs two indices")
        _, high = self.bounds(scope, first, None, None)

        def summand(i, j):
            return self.eval(body, scope | {first: i, second: j})

        if high.is_Integer:
            pairs = itertools.combinations(range(1, int(high) + 1), 2)
            return sp.Add(*(summand(*map(sp.Integer, pair)) for pair in pairs))
        i, j = self.fresh_index(high), self.fresh_index(high)
        once = summand(i, j)
        swapped = once.subs({i: j, j: i}, simultaneous=True)
        if sp.expand(once - swapped) != 0:
            raise Meaningless("a sum over ordered pairs needs a symmetric summand")
        # half of all pairs, without those of an index with itself
        everything = sp.Sum(sp.Sum(once, (j, 1, high)), (i, 1, high))
        return (everything - sp.Sum(once.subs(j, i), (i, 1, high))) / 2

    def is_over_parts(self, letter, low, inner):
        """Whether a double sum runs over parts of the classes, and within each."""
        if not self.for_any_size or low is not None or inner[0] != "sum":
            return False
        _, bound, where = inner[1][0]
        if bound != "in" or name_of(where) != letter:
            return False
        if ("name", letter) in nodes_of(inner[3]):
            raise Meaningless("a sum over parts must not depend on the part")
        return True  # the parts make up the whole

    def over_set(self, scope, letter, where, inner, join):
        """Return a sum over {0, 1}^K, or over the classes in one part."""
        if where == ("pow", ("set", ("num", "0"), ("num", "1")), ("name", "K")):
            if self.for_any_size:
                if self.over_answers:
                    raise Meaningless("a sum over answers in another is not known")
                bits = Vector(lambda k: BITS[k], ["K"])
                self.over_answers = True
                try:
                    body = self.eval(inner, scope | {letter: bits})
                finally:
                    self.over_answers = False
                return OverAnswers(body, self.size("K"), sp.Symbol(join.__name__))
            values = []
            for answer in itertools.product((0, 1), repeat=int(self.size("K"))):
                entry = lambda k, a=answer: sp.Integer(a[int(k) - 1])  # noqa: E731
                bits = Vector(entry, ["K"])
                values.append(self.eval(inner, scope | {letter: bits}))
            return join(*values)
        if not self.for_any_size and name_of(where) in scope | self.free:
            part = (scope | self.free)[name_of(where)]
            count, parts = int(self.size("K")), int(self.size("R"))
            classes = [
                k for k in range(1, count + 1) if (k - 1) * parts // count + 1 == part
            ]
            values = [
                self.eval(inner, scope | {letter: sp.Integer(k)}) for k in classes
            ]
            return join(*values)
        raise Meaningless("a sum over a set can be over {0, 1}^K, or over parts")

    def extreme(self, scope, which, limits, body):
        """Return the largest or smallest of a family."""
        ((variable, _, _),) = limits
        letter = name_of(variable)
        _, high = self.bounds(scope, letter, None, None)
        if high.is_Integer:
            places = [sp.Integer(i) for i in range(1, int(high) + 1)]
            values = [self.eval(body, scope | {letter: i}) for i in places]
            return sp.Max(*values) if which == "max" else sp.Min(*values)
        if which == "min":
            raise Meaningless("a minimum is known as minus the maximum of the negative")
        family = self.eval(body, scope | {letter: ANY_PLACE})
        if self.sum_indices & sp.sympify(family).free_symbols:
            raise Meaningless("a maximum for each term of a sum is not known")
        if family not in self.maxima:
            name = f"the top {len(self.maxima)}"
            top = sp.Symbol(name, integer=True, positive=True)
            self.maxima[family] = (top, body, letter, scope)
            self.index_ranges[top] = high
        top = self.maxima[family][0]
        return self.eval(body, scope | {letter: top})

    # --- calculus

    def derivative(self, scope, body, variables):
        if len(variables) == 1 and self.is_vector(variables[0][0], scope):
            return self.by_vector(scope, body, variables[0])
        symbols, tokens = [], {}
        for variable, times in variables:
            spot = self.spot(variable, scope)
            if spot not in tokens:
                tokens[spot] = self.token(*spot, scope)
            symbols += [tokens[spot][0]] * times
        inner, before = dict(scope), self.pushed
        known = len(self.divisors), len(self.arguments)
        for (key, index), (token, value) in tokens.items():
            if value is not None:
                by = Push(token) if index else token
                self.pushed = self.pushed | {(key, index): by}
                if not index and key in inner:
                    inner[key] = token
        try:
            result = self.scalar(body, inner)
        finally:
            self.pushed = before
        if result.has(VECTOR):
            raise Meaningless("an unknown function of a vector has no derivative here")
        for token, value in tokens.values():
            if value is not None and not result.has(token):
                raise Meaningless("what is differentiated must contain what it is by")
        for symbol in symbols:
            result = sp.diff(result, symbol)
        for token, value in tokens.values():
            if value is not None:
                result = result.subs(token, value)
                self.put_back(known, token, value)
        return result

    def put_back(self, known, token, value):
        """Put a name back for its token in what was divided by since."""
        for found, count in zip((self.divisors, self.arguments), known, strict=True):
            found[count:] = [sp.sympify(e).subs(token, value) for e in found[count:]]

    def is_vector(self, variable, scope):
        """Whether a derivative's variable is a vector or matrix."""
        if variable[0] == "sub":
            return False
        try:
            return isinstance(self.eval(variable, scope), Vector)
        except (Meaningless, NeedsIndex):
            return False

    def spot(self, variable, scope):
        """Return the name and index values of a derivative's variable."""
        if variable[0] == "sub" and variable[2][0] == "value":
            return name_of(variable[1]), (sp.sympify(variable[2][1]),)
        whole = name_of(variable)
        if variable[0] == "sub" and not self.knows(whole, {}):
            index = (self.eval(part, scope) for part in parts_of(variable[2]))
            return name_of(variable[1]), tuple(map(sp.sympify, index))
        return whole, ()

    def token(self, key, index, scope):
        """Return a symbol to differentiate by, and what to put in its place after."""
        in_scope = key in scope and not index
        value = scope[key] if in_scope else self.lookup(key, index, scope)
        if value is None:
            raise Meaningless(f"{key} has no meaning: declare it", key)
        _, of, at = self.atoms.get(value, ("", "", ()))
        if (of, at) == (key, tuple(map(sp.sympify, index))):
            return value, None  # the letter itself, and not one that it stands for
        if index:
            return sp.Dummy("step", real=True), sp.Integer(0)
        return sp.Dummy(key, positive=value.is_positive or None, real=True), value

    def by_vector(self, scope, body, variable):
        """Return the vector of the derivatives by each entry."""
        variable, times = variable
        if times != 1:
            raise Meaningless(r"a second derivative by a vector is written \nabla^2")
        vector = self.eval(variable, scope)

        def entry(*index):
            places = tuple(("value", i) for i in index)
            script = places[0] if len(places) == 1 else ("*", *places)
            return self.derivative(scope, body, ((("sub", variable, script), 1),))

        return Vector(entry, vector.sizes)

    def gradient(self, scope, order, body):
        """Return the gradient, or the matrix of second derivatives."""
        by = self.names.names.get("nabla")
        if by is None:
            message = (
                r"\nabla has no meaning: give \nabla = \frac{\partial}{\partial z_k}"
            )
            raise Meaningless(message, "nabla")
        self.names.used.add("nabla")
        letter = by.indices[0] if by.indices else "k"
        base = by.tree[1] if by.tree[0] == "sub" else by.tree
        size = self.names.ranges.get(letter, "K")

        def entry(*index):
            variables = tuple((("sub", base, ("value", i)), 1) for i in index)
            return self.derivative(scope, body, variables)

        return Vector(entry, [size] * order)

    def given_value(self, scope, value):
        return value

    def in_terms_of(self, token, meaning, spot, scope, body):
        """Return the value of a body in which a token stands for the name at a spot."""
        before = self.pushed
        if meaning is not None:
            self.pushed = self.pushed | {spot: token}
            scope = scope | {spot[0]: token} if spot[0] in scope else scope
        try:
            return self.scalar(body, scope)
        finally:
            self.pushed = before

    def value_at(self, scope, body, variable, value):
        key, index = spot = self.spot(variable, scope)
        token, meaning = self.token(key, index, scope)
        known = len(self.divisors), len(self.arguments)
        result = self.in_terms_of(token, meaning, spot, scope, body)
        there = self.eval(value, scope)
        self.put_back(known, token, there)
        if token.is_positive and not there.is_positive:
            raise Meaningless(f"{key} is positive, and can't be {there}", key)
        result = result.subs(token, there)
        if any(self.may_be(entry, key, index) for entry in result.atoms(sp.Indexed)):
            raise Meaningless(f"other entries of {key} can be the same one", key)
        return result

    def may_be(self, entry, key, index):
        """Whether an entry of any size can be that of the family at this index."""
        if str(entry.base) != key or not self.for_any_size:
            return False
        pairs = zip(entry.indices, index, strict=True)
        return all(i == j or not (i - j).is_Integer for i, j in pairs)

    def integral(self, scope, variable, low, high, body):
        low, high = self.eval(low, scope), self.eval(high, scope)
        is_positive = low.is_nonnegative and high.is_nonnegative
        t = sp.Dummy("t", real=True, positive=is_positive or None)
        inner = self.eval(body, scope | {name_of(variable): t})
        return sp.Integral(inner, (t, low, high))

    def limit(self, scope, variable, target, side, body):
        key, index = spot = self.spot(variable, scope)
        token, meaning = self.token(key, index, scope)
        known = len(self.divisors), len(self.arguments)
        result = self.in_terms_of(token, meaning, spot, scope, body)
        goal = self.eval(target, scope)
        from_below = goal == 0 and side == "-"
        if token.is_positive and (goal.is_extended_negative or from_below):
            raise Meaningless(f"{key} is positive, and can't tend to {goal}", key)
        # what happens at the limit itself does not matter
        del self.divisors[known[0] :], self.arguments[known[1] :]
        return Limit(result, token, goal, side)


METHODS = {
    "num": "number",
    "name": "letter",
    "group": "group",
    "tuple": "vector",
    "sub": "subscript",
    "pow": "power",
    "neg": "negative",
    "+": "plus",
    "*": "times",
    "/": "quotient",
    "transpose": "transpose",
    "log": "logarithm",
    "exp": "exponential",
    "abs": "absolute",
    "ceil": "ceiling",
    "floor": "floor",
    "call": "call",
    "oplus": "merged",
    "sum": "summed",
    "prod": "product",
    "over": "extreme",
    "diff": "derivative",
    "nabla": "gradient",
    "at": "value_at",
    "int": "integral",
    "lim": "limit",
    "value": "given_value",
}
BUILT_IN = {
    "exp": "exponential_of",
    "log1p": "log_of_one_plus",
    "max": "largest",
    "min": "smallest",
    "diag": "diagonal",
}


# --- what sympy has no name for ----------------------------------------------

# An index that stands for every place of a vector.
ANY_PLACE = sp.Symbol("any place", integer=True, positive=True)
ANOTHER_PLACE = sp.Symbol("another place", integer=True, positive=True)
# A vector as the argument of an unknown function: its entry at any place.
VECTOR = sp.Function("the vector", real=True)
# The answers to K yes-or-no questions, over which a sum runs.
BITS = sp.IndexedBase("the answer", nonnegative=True)
JOINT = sp.Function("the probability", positive=True)


class Expectation(sp.Expr):
    """A mean over independent letters of mean 0 and variance s², for any K."""

    def __new__(cls, value, deviation):
        return sp.Expr.__new__(cls, sp.sympify(value), deviation)


class OverAnswers(sp.Expr):
    """A sum or product over all answers in {0, 1}^K, for any K."""

    def __new__(cls, body, size, kind):
        return sp.Expr.__new__(cls, sp.sympify(body), size, kind)


@functools.cache
def function_with_slopes(name, is_positive):
    """Return an unknown function, whose derivative is the function with a prime."""

    def slope(self, argument=1):
        if len(self.args) != 1:
            raise Meaningless(f"{name} has no derivative here", name)
        return function_with_slopes(f"{name}'", False)(*self.args)

    def yes(self):
        return True

    methods = {"fdiff": slope, "_eval_is_real": yes}
    if is_positive:
        methods["_eval_is_positive"] = yes
    return type(name, (sp.Function,), methods)


def parts_of(script):
    """Return the indices that stand side by side in a subscript."""
    return script[1:] if script[0] == "*" else (script,)
