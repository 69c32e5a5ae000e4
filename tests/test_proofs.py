"""celib.book.proofs: what prove accepts, and above all what it refuses."""

import json

import pytest
import sympy as sp

from celib.book.proofs import _legacy as proofs
from celib.book.proofs import define, distribution, ledger, prove, variables

x, y = sp.symbols("x y", real=True)
t = sp.Symbol("t", positive=True)


@pytest.fixture
def published(monkeypatch):
    """What prove and define would show, instead of showing it."""
    bundles = []
    monkeypatch.setattr(proofs, "publish", bundles.append)
    return bundles


def record(bundles):
    return bundles[-1][proofs.MIME]


def test_an_identity_is_proved_and_recorded(published):
    prove("eq-square", (x + 1) ** 2, x**2 + 2 * x + 1)
    assert record(published) == {
        "label": "eq-square",
        "kind": "any K",
        "classes": [],
        "latex": r"\left(x + 1\right)^{2} = x^{2} + 2 x + 1",
        "points": 6,
    }
    assert "✓ *proved · 6 random points agree" in published[-1]["text/markdown"]


@pytest.mark.parametrize(
    ("lhs", "rhs"),
    [
        ((x + 1) ** 2, x**2 + 2 * x),
        (sp.log(t**2), sp.log(t) * 3),
        (sp.Derivative(t**3, t), 3 * t),
        (sp.sqrt(x**2), x),
        (sp.Matrix([x, y]), sp.Matrix([x, x])),
        ((x, y), (x, 0)),
    ],
)
def test_a_falsehood_is_refused(published, lhs, rhs):
    with pytest.raises(ValueError, match="eq-wrong: sympy must confirm"):
        prove("eq-wrong", lhs, rhs)
    assert not published


def test_points_refuse_what_sympy_would_let_pass(published, monkeypatch):
    monkeypatch.setattr(proofs, "_WAYS", (lambda e: 0,))
    with pytest.raises(ValueError, match="eq-wrong: random points must confirm"):
        prove("eq-wrong", x**2, x**3)


def test_points_catch_a_forced_logarithm(published):
    # expand_log(force=True) alone would take log(x**2) = 2 log(x) for any real x
    with pytest.raises(ValueError, match="must confirm"):
        prove("eq-wrong", sp.log(x**2), 2 * sp.log(x))


def test_a_twin_that_is_right_is_refused(published):
    with pytest.raises(ValueError, match=r"the twin .* must fail, but passed"):
        prove("eq-twin", 2 * x, x + x, twin=3 * x - x)


def test_a_twin_is_made_when_none_is_given(published):
    for rhs in (sp.Integer(0), x, x + y, -x * y, sp.Integer(5)):
        prove("eq-same", rhs, rhs)
    assert len(published) == 5


def test_a_twin_may_hold_a_symbol_of_its_own(published):
    prove("eq-own", 2 * x, x + x, twin=3 * x + y)
    assert record(published)["twin"] == "3 x + y"


def test_both_sides_need_the_same_entries(published):
    with pytest.raises(ValueError, match="must have the same entries, got 2 and 1"):
        prove("eq-shape", (x, y), (x,))
    with pytest.raises(ValueError, match="must have the same entries, got 0 and 0"):
        prove("eq-shape", (), ())


def test_classes_are_proved_one_by_one(published):
    def total(K):
        return sum(distribution("p", K))

    prove("eq-total", total, lambda K: 1, classes=(2, 3, 4))
    assert record(published)["kind"] == "K = 2, 3, 4"
    with pytest.raises(ValueError, match="eq-total at K = 3: sympy must confirm"):
        prove("eq-total", total, lambda K: 1 + int(K == 3) * x, classes=(2, 3, 4))


def test_a_term_settles_any_k(published):
    def doubled(K):
        return sum(2 * v for v in variables("p", K))

    def twice(K):
        return 2 * sum(variables("p", K))

    prove("eq-double", doubled, twice, classes=(2, 3), term=(2 * t, t + t))
    assert record(published)["kind"] == "any K"
    with pytest.raises(ValueError, match="eq-double, one term: sympy must confirm"):
        prove("eq-double", doubled, twice, classes=(2, 3), term=(2 * t, t))


def test_name_stands_for_a_result_but_is_not_what_is_proved(published):
    prove("eq-root", sp.solve(t - 3, t), [3], name=sp.Symbol(r"\hat t"))
    assert record(published)["latex"] == r"\hat t = 3"
    with pytest.raises(ValueError, match="must confirm"):
        prove("eq-root", sp.solve(t - 3, t), [4], name=4)


def test_convex_inequality(published):
    prove("eq-log-bound", t - 1, sp.log(t), relation=">=")
    assert r"\ge" in record(published)["latex"]
    for lhs, rhs in [(t - 2, sp.log(t)), (sp.log(t), t - 1), (t + x, x), (t**3, t)]:
        with pytest.raises(ValueError, match="must confirm"):
            prove("eq-wrong-bound", lhs, rhs, relation=">=")


def test_certified_inequality(published):
    prove("eq-am-gm", x**2 + y**2, 2 * x * y, relation=">=", certificate=(x - y) ** 2)
    with pytest.raises(ValueError, match="must confirm"):
        prove("eq-am-gm", x**2, 2 * x * y, relation=">=", certificate=(x - y) ** 2)
    with pytest.raises(ValueError, match="must confirm"):
        prove("eq-am-gm", x, y, relation=">=", certificate=x - y)


def test_a_term_settles_an_inequality_for_any_k(published):
    e = sp.Symbol("e", nonnegative=True)

    def total(K):
        return sum(variables("e", K, nonnegative=True))

    options = {"relation": ">=", "classes": (2, 3), "certificate": total}
    prove("eq-sum", total, lambda K: 0, term=(e, 0, e), **options)
    assert record(published)["kind"] == "any K"
    with pytest.raises(ValueError, match="eq-sum, one term: sympy must confirm"):
        prove("eq-sum", total, lambda K: 0, term=(x, 0, x), **options)


def test_a_way_that_proves_everything_is_unmasked_by_the_twin(published, monkeypatch):
    monkeypatch.setattr(proofs, "_WAYS", (lambda e: 0,))
    with pytest.raises(ValueError, match=r"the twin .* must fail, but passed"):
        prove("eq-right", x + x, 2 * x)


def test_an_inequality_must_not_hold_the_other_way_round(published):
    with pytest.raises(ValueError, match="must fail, but passed"):
        prove("eq-equal", x, x, relation=">=", certificate=0)


def test_labels_and_relations_are_checked(published):
    with pytest.raises(ValueError, match="label must be 'eq-' and lower-case"):
        define("surprisal", x, y)
    with pytest.raises(ValueError, match="relation must be '=' or '>=', got '<'"):
        prove("eq-less", x, y, relation="<")


def test_building_blocks():
    p, q = variables("p", 2), variables("q", 2)
    excess = proofs.cross_entropy(p, q) - proofs.entropy(p)
    assert sp.simplify(sp.expand_log(excess - proofs.kl_divergence(p, q))) == 0
    with pytest.raises(ValueError, match=r"shorter|longer"):
        proofs.cross_entropy(p, variables("q", 3))


def notebook(folder, *cells):
    def cell(text, entry):
        output = {"output_type": "display_data", "data": {proofs.MIME: entry}}
        outputs = [output] if entry else []
        kind = "code" if entry else "markdown"
        return {"cell_type": kind, "source": [text], "outputs": outputs}

    path = folder / "01-one.ipynb"
    path.write_text(json.dumps({"cells": [cell(*c) for c in cells]}))


def test_ledger_pairs_equations_with_entries(tmp_path):
    entry = {"label": "eq-a", "kind": "any K", "latex": "a = a"}
    lost = {"label": "eq-c", "kind": "definition", "latex": "c := c"}
    text = "$$\na = a\n$$ (eq-a)\n\nand\n\n$$\nb = b\n$$ (eq-b)\n"
    notebook(tmp_path, (text, None), ("prove(…)", entry), ("define(…)", lost))
    found = {e.label: e for e in ledger(tmp_path)}
    assert list(found) == ["eq-a", "eq-b", "eq-c"]
    assert (found["eq-a"].typed, found["eq-a"].kind) == (["a = a"], "any K")
    assert (found["eq-b"].entries, found["eq-b"].kind) == ([], "unproved")
    assert (found["eq-c"].typed, found["eq-c"].kind) == ([], "definition")
    assert found["eq-a"].chapter == "01-one"


def test_ledger_needs_notebooks(tmp_path):
    with pytest.raises(ValueError, match="folder must hold executed notebooks"):
        ledger(tmp_path)
