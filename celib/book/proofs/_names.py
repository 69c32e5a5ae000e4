"""What the letters of an equation stand for: domains, definitions, ranges of indices.

A domain says which values a letter may take, as in ``"z_k, c real; T > 0"``. A
definition says what it is, as in ``q_k = e^{z_k} / S``. Both are LaTeX.
"""

import re
from dataclasses import dataclass, field

from celib.book.proofs._reader import Reader, name_of, plain

__all__ = ["Ambiguous", "Definition", "Domain", "Names", "split_names"]


class Ambiguous(ValueError):
    """A name with two meanings, or a meaning that can't be understood."""


@dataclass(frozen=True)
class Definition:
    """What a name means: the tree of its right-hand side, and where that was said.

    Attributes
    ----------
    params : tuple of str
        Names of the arguments, for a function.
    indices : tuple of str
        Letters of the indices, for a family such as q_k.
    tree : tuple
        The right-hand side, as the reader understood it.
    latex : str
        The whole definition, as typed.
    local : tuple of (name, tree)
        Names that are explained beside the definition and hold only in it.
    label : str
        The numbered equation that it stands in; empty for what is given in passing.
    """

    params: tuple
    indices: tuple
    tree: tuple
    latex: str = ""
    local: tuple = ()
    label: str = ""


@dataclass(frozen=True)
class Domain:
    """The values that a letter may take.

    Attributes
    ----------
    kind : str
        Such as ``real`` or ``distribution``.
    indices : tuple of str
        The letters of its indices, for a family.
    bounds : tuple of trees
        What it lies between, or the matrix that it is the inverse of.
    """

    kind: str
    indices: tuple = ()
    bounds: tuple = ()


# What may follow the names in a clause, and how the page says it.
WORDS = {
    "real": "real {}",
    "distribution": "a distribution {}",
    "joint": r"a distribution {} on $\{{0, 1\}}^K$",
    "class": "a class {}",
    "size": "a whole number {}",
    "function": "any function {}",
    "noise": "independent {} with mean 0 and variance $s^2$",
}
# What differs for several letters.
SEVERAL = {
    "distribution": "distributions {}",
    "class": "classes {}",
    "size": "whole numbers {}",
    "function": "any functions {}",
}
# The same for clauses that are relations: their form, and the kind of letter.
RELATIONS = [
    (r"(?P<names>[^(,]+)\([^)]*\) > 0", "positive function"),
    (r"(?P<names>.+) > 0", "positive"),
    (r"(?P<names>.+) > 1", "over1"),
    (r"(?P<names>.+) \\ge 0", "nonnegative"),
    (r"(?P<low>.+) < (?P<names>.+) < (?P<high>.+)", "between"),
    (r"(?P<names>.+) < 0", "negative"),
    (r"(?P<names>.+) = (?P<low>.+)\^\{-1\}", "inverse"),
]
# The kinds that brackets call.
FUNCTIONS = ("function", "positive function", "joint")
RANGE = r"(.+) = 1, \\dots, (.+)"

# The sizes that the usual indices run up to.
SIZES = {"k": "K", "j": "K", "i": "K", "n": "N"}


@dataclass
class Names:
    """All names that an equation may use.

    Attributes
    ----------
    names : dict of str to Definition
        By key: the name, ``[]`` if it has indices, and ``/2`` for two arguments.
    domains : dict of str to Domain
        By key, as for `names`: a number N may stand beside a family N_m.
    ranges : dict of str to str
        For each letter of an index, the size that it runs up to.
    classes : set of str
        The letters that stand for one class, such as the label y.
    known : set of str
        The keys that other chapters defined; a chapter may use their letters anew.
    used : set of str
        The keys that the equation turned out to use.
    """

    names: dict = field(default_factory=dict)
    domains: dict = field(default_factory=dict)
    ranges: dict = field(default_factory=lambda: dict(SIZES))
    classes: set = field(default_factory=set)
    known: set = field(default_factory=set)
    used: set = field(default_factory=set)

    @property
    def functions(self):
        """Names that brackets call, rather than multiply; q[] for q_k(T)."""
        defined = {key.split("/")[0] for key in self.names if "/" in key}
        unknown = {key for key, d in self.domains.items() if d.kind in FUNCTIONS}
        return defined | unknown

    def copy(self):
        """The same names, to which others can be added."""
        return Names(
            dict(self.names),
            dict(self.domains),
            dict(self.ranges),
            set(self.classes),
            set(self.known),
        )

    def let_go(self, base):
        """Forget what another chapter meant by a letter."""
        for key in [key for key in self.known if base_of(key) == base]:
            self.known.remove(key)
            del self.names[key]

    # --- domains

    def declare(self, text):
        """Take in clauses such as ``z_k, c real; 0 < q < 1; d = 1, \\dots, D``."""
        clauses = [clause.strip() for clause in text.split(";") if clause.strip()]
        # the letters of indices first: the names of the other clauses may bear them
        for clause in clauses:
            if found := re.fullmatch(RANGE, clause):
                for letter in split_names(found[1]):
                    self.ranges[plain(letter)] = plain(found[2])
        for clause in clauses:
            if not re.fullmatch(RANGE, clause):
                names, kind, bounds = names_and_kind(clause)
                for name in split_names(names):
                    self._declare(name, kind, bounds)

    def _declare(self, name, kind, bounds):
        base, indices = self._base_and_indices(Reader(name).whole())
        self._must_be_free(base, indices, name)
        if kind == "negative" and base.endswith("^2"):
            raise Ambiguous(f"a square can't be negative, got {name} < 0")
        if kind == "class":
            self.ranges[base] = "K"
            self.classes.add(base)
        else:
            self.domains[base + "[]" if indices else base] = Domain(
                kind, indices, bounds
            )

    def _must_be_free(self, base, indices, name):
        if base == "e" and not indices:
            raise Ambiguous("e is the base of the exponential, and no other letter")
        self.let_go(base)
        key = base + "[]" if indices else base
        earlier = self.names.get(key)
        if earlier is not None and earlier.label:
            raise Ambiguous(f"{name} has a meaning already, by {earlier.label}")
        if earlier is not None or key in self.domains:
            raise Ambiguous(f"{name} must have one meaning, got two")

    def _base_and_indices(self, tree):
        if tree[0] == "sub":
            letters = index_letters(tree[2])
            if all(letter in self.ranges for letter in letters):
                base = tree[1][1] if tree[1][0] == "group" else tree[1]
                return name_of(base), letters
        key = name_of(tree)
        if key is None:
            raise Ambiguous(f"a domain must be that of a name, got {tree}")
        return key, ()

    # --- definitions

    def define(self, latex):
        """Take in a definition, an equation whose left-hand side is a name."""
        left, equals, right = latex.partition("=")
        if not equals:
            raise Ambiguous(f"a definition must have the form name = meaning: {latex}")
        if left.strip() == r"\nabla":
            self._define_nabla(right, latex)
            return
        head = self.head(left)
        tree = Reader(right, self.functions | called(head))
        self.add(head, tree.whole(), latex)

    def add(self, head, tree, latex, *, label="", local=()):
        """Take in a definition whose two sides have been read."""
        base, params, indices = head
        if base == "e" and not indices:
            raise Ambiguous("e is the base of the exponential, and no other letter")
        key = self.key_of(head)
        if key in self.known or not params:
            self.let_go(base)
        earlier = self.names.get(key)
        if earlier is not None and earlier.label not in ("", label):
            raise Ambiguous(f"{base} has a meaning already, by {earlier.label}")
        if key in self.domains:
            raise Ambiguous(f"{base} must have one meaning, got a domain and {latex}")
        if base != "oplus":
            self._refuse_loose_letters(head, tree)
        self.names[key] = Definition(params, indices, tree, latex, tuple(local), label)

    def _refuse_loose_letters(self, head, tree):
        """Refuse a definition whose two sides don't have the same letters."""
        base, params, indices = head
        names = {node[1] for node in nodes_of(tree) if node[0] == "name"}
        for param in params:
            if not isinstance(param, str):
                raise Ambiguous(f"the arguments of {base} must be names")
            if params.count(param) > 1:
                raise Ambiguous(
                    f"the arguments of {base} must differ, got {param} twice"
                )
            if param not in names:
                raise Ambiguous(
                    f"{param} is an argument of {base}, but not in its meaning"
                )
        usual = {letter for letter in self.ranges if letter not in self.classes}
        known = {base_of(key) for key in (*self.domains, *self.names)}
        loose = free_letters(tree, usual - known) - {*indices, *params}
        if loose:
            raise Ambiguous(
                f"{min(loose)} is in the meaning of {base}, but not in {base}"
            )

    @staticmethod
    def key_of(head):
        """Return the key of a name with these arguments and indices."""
        base, params, indices = head
        return base + ("[]" if indices else "") + (f"/{len(params)}" if params else "")

    def _define_nabla(self, right, latex):
        by = re.fullmatch(r"\s*\\frac\{\\partial\}\{\\partial (.+)\}\s*", right)
        if by is None:
            message = (
                r"what \nabla is by is said as \nabla = \frac{\partial}{\partial z_k}"
            )
            raise Ambiguous(f"{message}, got {latex}")
        tree = Reader(by[1]).whole()
        indices = index_letters(tree[2]) if tree[0] == "sub" else ()
        self.names["nabla"] = Definition((), indices, tree, latex)

    def head(self, left):
        """Name, arguments and indices of the left-hand side of a definition."""
        if isinstance(left, str):
            reader = Reader(left, self.functions)
            # on this side a bracket after a name holds its arguments
            before = left.split("(")[0].strip()
            reader.functions |= {token.text.lstrip("\\") for token in reader.tokens}
            if before:
                reader.functions.add(name_of(Reader(before).whole()) or "")
            left = reader.whole()
        if left[0] == "oplus":
            return "oplus", tuple(left[1:]), ()
        if left[0] == "call":
            params = tuple(left[2:])
            if all(p[0] == "name" for p in params):
                params = tuple(p[1] for p in params)
            base, _, low = left[1].partition("_")
            if low and all(letter in self.ranges for letter in low):
                return base, params, tuple(low)
            return left[1], params, ()
        base, indices = self._base_and_indices(left)
        return base, (), indices


def called(head):
    """The name that a definition makes callable, in a set."""
    base, params, indices = head
    return {base + ("[]" if indices else "")} if params else set()


def names_and_kind(clause):
    """Part a clause into its names, what they are, and their bounds."""
    for pattern, kind in RELATIONS:
        if found := re.fullmatch(pattern, clause):
            bounds = [found.groupdict().get(side) for side in ("low", "high")]
            trees = tuple(Reader(bound).whole() for bound in bounds if bound)
            if any("'oo'" in str(tree) for tree in trees):
                raise Ambiguous(f"a bound must be a number, got {clause!r}")
            return found["names"], kind, trees
    names, _, word = clause.rpartition(" ")
    if word not in WORDS:
        forms = ", ".join(WORDS)
        raise Ambiguous(
            f"a domain must end in one of {forms}, or be an inequality such as "
            rf"T > 0 or 0 < q < 1, or a range such as d = 1, \dots, D; got {clause!r}"
        )
    return names, word, ()


def in_words(domains):
    """The clauses of `domains`, as the page shows them."""
    phrases = []
    for clause in filter(None, map(str.strip, domains.split(";"))):
        word = clause.rpartition(" ")[2]
        if word in WORDS and not re.fullmatch(RANGE, clause):
            names = [f"${n}$" for n in split_names(clause.rpartition(" ")[0])]
            words = WORDS[word] if len(names) == 1 else SEVERAL.get(word, WORDS[word])
            phrases.append(words.format(", ".join(names)))
        else:
            phrases.append(f"${clause}$")
    return phrases


def listed(phrases):
    """Join phrases with commas, and the last with "and"."""
    *most, last = phrases
    return f"{', '.join(most)} and {last}" if most else last


def base_of(key):
    """The name in a key."""
    return key.split("/")[0].removesuffix("[]")


def split_names(text):
    """Part a list of names at the commas outside brackets."""
    depth, names = 0, [""]
    for character in text:
        depth += (character in "{(") - (character in "})")
        if character == "," and not depth:
            names.append("")
        else:
            names[-1] += character
    return [name.strip() for name in names]


def nodes_of(tree):
    """Return all nodes of a tree."""
    found = [tree]
    for part in tree:
        if isinstance(part, tuple):
            found += nodes_of(part)
    return found


def free_letters(tree, letters):
    """Return the index letters in a tree that no sum, product or maximum binds."""
    if not isinstance(tree, tuple) or not tree:
        return set()
    if tree[0] == "name":
        return {tree[1]} & letters
    if tree[0] == "sub":
        return free_letters(tree[2], letters)
    bound = set()
    if tree[0] in ("sum", "prod"):
        bound = {name_of(variable) for variable, _, _ in tree[1]}
    elif tree[0] == "over":
        bound = {name_of(variable) for variable, _, _ in tree[2]}
    found = set()
    for part in tree:
        found |= free_letters(part, letters)
    return found - bound


def index_letters(tree):
    """The letters of a subscript; a question mark for what is no letter."""
    if tree[0] == "name":
        return (tree[1],)
    if tree[0] == "*":
        return tuple(letter for part in tree[1:] for letter in index_letters(part))
    return ("?",)
