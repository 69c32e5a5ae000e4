"""Trees as LaTeX again: what the reader understood, printed back."""

from celib.book.proofs._reader import RELATIONS, Reader

WRITTEN_RELATIONS = {meaning: latex for latex, meaning in RELATIONS.items()}


def written(tree):
    """Return LaTeX that reads as this tree again."""
    return getattr(Writer, WRITERS[tree[0]])(*tree[1:])


def statement_written(statement):
    """Return LaTeX that reads as this statement again."""
    parts = [
        WRITTEN_RELATIONS[side] if isinstance(side, str) else written(side)
        for side in statement.chain
    ]
    latex = " ".join(parts)
    if statement.where is not None:
        relation, left, right = statement.where
        sign = WRITTEN_RELATIONS[relation]
        latex += rf" \quad ({written(left)} {sign} {written(right)})"
    return latex


class Writer:
    """A method for each kind of node."""

    @staticmethod
    def number(text):
        return {"oo": r"\infty", "pi": r"\pi"}.get(text, text)

    @staticmethod
    def name(text):
        star = text.endswith("*")
        text = text.removesuffix("*")
        bare = text.rstrip("'")
        primes = text[len(bare) :]
        accent, _, base = bare.rpartition(" ")
        if accent:
            latex = rf"\{accent}{{{Writer.name(base)}}}"
        elif len(base) == 1:
            latex = base
        elif base in GREEK:
            latex = rf"\{base}"
        else:
            latex = rf"\mathrm{{{base}}}"
        return latex + primes + (r"^\star" if star else "")

    @staticmethod
    def group(body):
        return f"({written(body)})"

    @staticmethod
    def vector(*entries):
        return "(" + ", ".join(map(written, entries)) + ")"

    @staticmethod
    def values(*entries):
        return r"\{" + ", ".join(map(written, entries)) + r"\}"

    @staticmethod
    def plus(*terms):
        return " + ".join(map(written, terms)).replace("+ -", "-")

    @staticmethod
    def minus(body):
        return f"-{written(body)}"

    @staticmethod
    def times(*factors):
        return r" \cdot ".join(factor_written(factor) for factor in factors)

    @staticmethod
    def over(top, bottom):
        return rf"\frac{{{written(top)}}}{{{written(bottom)}}}"

    @staticmethod
    def power(base, exponent):
        script = exponent if isinstance(exponent, str) else written(exponent)
        return f"{written(base)}^{{{script}}}"

    @staticmethod
    def subscript(base, script):
        text = script if isinstance(script, str) else script_written(script)
        return f"{written(base)}_{{{text}}}"

    @staticmethod
    def exponential(body):
        return f"e^{{{written(body)}}}"

    @staticmethod
    def log(body):
        return rf"\log {factor_written(body)}"

    @staticmethod
    def absolute(body):
        return rf"\bigl| {written(body)} \bigr|"

    @staticmethod
    def ceiling(body):
        return rf"\lceil {written(body)} \rceil"

    @staticmethod
    def floor(body):
        return rf"\lfloor {written(body)} \rfloor"

    @staticmethod
    def call(name, *arguments):
        opening, closing = ("[", "]") if name == "E" else ("(", ")")
        base = written(Reader(function_latex(name)).whole())
        return base + opening + ", ".join(map(written, arguments)) + closing

    @staticmethod
    def transpose(body):
        return rf"{written(body)}^\top"

    @staticmethod
    def gradient(order, body):
        power = f"^{order}" if order > 1 else ""
        return rf"\nabla{power} {written(body)}"

    @staticmethod
    def merged(left, right):
        return rf"{written(left)} \oplus {written(right)}"

    @staticmethod
    def summed(limits, condition, body):
        return rf"\sum{limits_written(limits, condition)} {factor_written(body)}"

    @staticmethod
    def multiplied(limits, condition, body):
        return rf"\prod{limits_written(limits, condition)} {factor_written(body)}"

    @staticmethod
    def extreme(which, limits, body):
        ((letter, _, _),) = limits
        return rf"\{which}_{{{written(letter)}}} {factor_written(body)}"

    @staticmethod
    def derivative(body, variables):
        order = sum(times for _, times in variables)
        power = f"^{order}" if order > 1 else ""
        below = " ".join(
            rf"\partial {written(variable)}" + (f"^{times}" if times > 1 else "")
            for variable, times in variables
        )
        return rf"\frac{{\partial{power}}}{{{below}}} {factor_written(body)}"

    @staticmethod
    def integral(variable, low, high, body):
        limits = rf"_{{{written(low)}}}^{{{written(high)}}}"
        return rf"\int{limits} {written(body)} d{written(variable)}"

    @staticmethod
    def limit(variable, target, side, body):
        mark = f"^{side}" if side in ("+", "-") else ""
        place = rf"{{{written(variable)} \to {written(target)}{mark}}}"
        return rf"\lim_{place} {factor_written(body)}"

    @staticmethod
    def value_at(body, variable, value):
        place = f"{{{written(variable)} = {written(value)}}}"
        return rf"\left. {written(body)} \right|_{place}"


WRITERS = {
    "num": "number",
    "name": "name",
    "group": "group",
    "tuple": "vector",
    "set": "values",
    "+": "plus",
    "neg": "minus",
    "*": "times",
    "/": "over",
    "pow": "power",
    "sub": "subscript",
    "exp": "exponential",
    "log": "log",
    "abs": "absolute",
    "ceil": "ceiling",
    "floor": "floor",
    "call": "call",
    "transpose": "transpose",
    "nabla": "gradient",
    "oplus": "merged",
    "sum": "summed",
    "prod": "multiplied",
    "over": "extreme",
    "diff": "derivative",
    "int": "integral",
    "lim": "limit",
    "at": "value_at",
}
GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "eta", "theta"),
    *("kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "omega"),
    *("ell", "Delta", "Lambda", "Sigma", "Theta", "dots", "top"),
}


def function_latex(name):
    """Return the LaTeX of a function's name, such as q_k."""
    base, mark, script = name.partition("_")
    primes = base[len(base.rstrip("'")) :]
    latex = Writer.name(base.rstrip("'")) + primes
    return f"{latex}_{{{script}}}" if mark else latex


def factor_written(body):
    """Return the LaTeX of a factor, in brackets where it would fall apart."""
    return f"({written(body)})" if body[0] in ("+", "neg", "*", "/") else written(body)


def script_written(script):
    """Return the LaTeX of a subscript, whose letters stand side by side."""
    parts = script[1:] if script[0] == "*" else (script,)
    return " ".join(map(written, parts))


def limits_written(limits, condition):
    if condition is not None:
        _, first, second = condition
        return f"_{{{written(first)} < {written(second)}}}"
    letter, low, high = limits[0]
    if low == "in":
        return rf"_{{{written(letter)} \in {written(high)}}}"
    if low is not None:
        return f"_{{{written(letter)} = {written(low)}}}^{{{written(high)}}}"
    return "_{" + ", ".join(written(index) for index, _, _ in limits) + "}"
