"""The formulas whose errors docs/numerics.md lists: all elementwise primitives are among them, and none is worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.engine.primitive import primitives
from autodiff.engine.tape import reachable

pytest.importorskip("mpmath", reason="mpmath, which says what is true, is not installed")
pytest.importorskip("torch", reason="PyTorch, whose errors stand beside ours, is not installed")

from benchmarks.numeric_errors import OURS, Formula, exact, formula, ulps
from benchmarks.numeric_points import grid, vectors
from benchmarks.numerics import EXACT, FAMILIES, PAGE, needs_reason, worst

ROWS = {row.name: row for rows in FAMILIES.values() for row in rows}
SOME = (
    "expm1", "log1p", "log10", "asinh", "acosh", "nn.functional.softplus", "special.ndtr", "special.ndtri",
    "special.i0", "lgamma", "digamma", "polygamma:1", "special.xlog1py", "nn.functional.binary_cross_entropy",
    "nn.functional.kl_div", "norm:3", "linalg.slogdet", "distributions.Normal.log_prob",
)  # fmt: skip
ELEMENTWISE = ("arithmetic", "transcendental", "special")


def _few(row: Formula) -> Formula:
    """The formula at every twelfth of its points."""
    return row._replace(points=lambda dtype: row.points(dtype)[::12])


@pytest.mark.parametrize("name", SOME)
def test_no_formula_is_worse_than_pytorch_without_a_reason(name: str) -> None:
    """At some of the points; the command tries all."""
    assert not needs_reason(worst(_few(ROWS[name])))


def _primitives_of(row: Formula) -> set[str]:
    """The primitives that a call of the formula, and the walk back from it, are made of."""
    points = np.array(row.points(np.float64)[:2]).T
    inputs = [autodiff.tensor(np.ascontiguousarray(x)).requires_grad_() for x in points]
    if row.rows:
        inputs = [autodiff.tensor(np.array(row.points(np.float64)[0])).requires_grad_()]
    with np.errstate(all="ignore"):
        out = row.call(OURS, *inputs)
        slopes = autodiff.grad(out.sum(), inputs, create_graph=True, allow_unused=True)
        curved = [y.sum() for y in slopes if y is not None and y.requires_grad]
        second = autodiff.grad(sum(curved), inputs, create_graph=True, allow_unused=True) if curved else ()
    nodes = reachable([y._node for y in (out, *slopes, *second) if y is not None and y._node is not None])
    return {node.primitive.name for node in nodes if node.primitive is not None}


def test_every_elementwise_primitive_is_measured() -> None:
    """In a formula, or one of its slopes; ``EXACT`` says which are not, since they do not round."""
    wanted = {
        name for name, primitive in primitives.items()
        if primitive._defined_in.co_filename.endswith(tuple(f"ops/{family}.py" for family in ELEMENTWISE))
    }  # fmt: skip
    measured = set().union(*map(_primitives_of, ROWS.values()))
    assert wanted - measured - set(EXACT) == set()
    assert set(EXACT) <= wanted


def test_the_page_lists_every_formula() -> None:
    """``python -m benchmarks.numerics --write docs/numerics.md`` writes it; the figures are those of one machine."""
    listed = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert listed == list(ROWS)


def test_differences_are_the_slopes() -> None:
    """The truth about slopes comes from the formula: at tiny and large arguments too."""
    cube = formula("cube", lambda x: x**3, grid())
    for x in (1e-300, -0.3, 0.0, 1e30):
        for order, true in enumerate((x**3, 3 * x * x, 6 * x)):
            assert ulps(true, exact(cube, np.float64, (x,), order), np.float64) <= 2
    assert exact(formula("inverse", lambda x: 1 / x, grid()), np.float64, (0.0,), 0) is None


def test_the_unit_is_the_last_place_of_what_is_true() -> None:
    """Of the least number that is not 0 below the normal ones; infinity is right where the truth overflows."""
    import mpmath as mp

    assert ulps(1 + 2 * 2.0**-52, mp.mpf(1), np.float64) == 2
    assert ulps(0.0, mp.mpf(5e-324), np.float64) == 1
    assert ulps(np.inf, mp.mpf(10) ** 400, np.float64) == 0
    assert ulps(np.inf, mp.mpf(10) ** 300, np.float64) > 1e15
    assert ulps(np.nan, mp.mpf(1), np.float32) == np.inf
    assert ulps(1.5, mp.mpf(1), np.float32, largest=8) == 0.5 * 2**20


def test_a_wrong_slope_is_found() -> None:
    """A formula whose truth is another function's is worse than PyTorch only where ours differs from PyTorch's."""

    def call(lib: Any, x: Any) -> Any:
        return x * x if lib is OURS else x**2 * 1

    row = formula("wrong", lambda x: x**2, vectors((0.5,), (3.0,)), call)
    assert not needs_reason(worst(row))
    assert needs_reason(worst(row._replace(call=lambda lib, x: x * (x.detach() if lib is OURS else x))))


def test_one_point_is_enough() -> None:
    """Where PyTorch's worst error is larger than ours, one point where it is not needs a reason."""

    def call(lib: Any, x: Any) -> Any:
        return x + (x > 1).to(x.dtype) * 1e-3 if lib is OURS else x + (x < 1).to(x.dtype)

    assert needs_reason(worst(formula("worse at 3", lambda x: x, vectors((0.5,), (3.0,)), call)))
