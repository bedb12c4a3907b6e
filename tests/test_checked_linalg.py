"""cholesky_ex, inv_ex and solve_ex tell of matrices that have no result, and do not raise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.errors import LinalgError

rng = np.random.default_rng(0)


def matrices(n: int, kind: Any, name: str) -> np.ndarray[Any, Any]:
    """Positive ones, and for each place such with a negative pivot there, or with zeros in that row and column."""
    made = []
    for place in range(n + 1):
        lower = np.tril(rng.integers(-2, 3, (n, n)), -1) + np.eye(n)
        pivots = rng.integers(1, 5, n).astype(float)
        there = np.arange(n) == place
        if name.startswith("cholesky"):
            pivots[there] = -1
        matrix = lower * pivots @ lower.T
        made.append(matrix if name.startswith("cholesky") else np.where(there | there[:, None], 0, matrix))
    return np.array(made, kind)


FUNCTIONS: dict[str, Any] = {
    "cholesky_ex": lambda t, x: t.linalg.cholesky_ex(x),
    "cholesky_ex upper": lambda t, x: t.linalg.cholesky_ex(x, upper=True),
    "inv_ex": lambda t, x: t.linalg.inv_ex(x),
    "solve_ex matrix": lambda t, x: t.linalg.solve_ex(x, t.ones(*x.shape[:-1], 2, dtype=x.dtype)),
    "solve_ex vector": lambda t, x: t.linalg.solve_ex(x, t.ones(*x.shape[:-1], dtype=x.dtype)),
    "solve_ex right": lambda t, x: t.linalg.solve_ex(x, t.ones(len(x), 1, x.shape[-1], dtype=x.dtype), left=False),
    "cholesky_ex of one": lambda t, x: t.linalg.cholesky_ex(x[0]),
}


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_tells_which_matrices_fail_and_gives_the_others_as_pytorch(name: str, kind: Any, n: int) -> None:
    """The numbers are LAPACK's; what there is for matrices that fail is NaN here."""
    x = matrices(n, kind, name)
    ours, theirs = (FUNCTIONS[name](t, t.from_numpy(x.copy())) for t in (autodiff, peer()))
    info = theirs[1].numpy()
    np.testing.assert_array_equal(ours[1].numpy(), info)
    assert ours[1].dtype == np.int32
    found, wanted = ours[0].numpy(), theirs[0].resolve_conj().numpy()
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found[info == 0], wanted[info == 0], rtol=1e-4, atol=1e-4)
    assert np.isnan(found[info > 0]).all()


def test_the_gradient_of_the_others_is_as_ever() -> None:
    """Nothing, not even NaN, comes from the matrix that fails."""
    x = autodiff.tensor([[4.0, 2.0], [2.0, 3.0]], requires_grad=True)
    alone = autodiff.autograd.grad(autodiff.linalg.cholesky(x).sum(), x)[0]
    both = autodiff.stack([x, autodiff.tensor([[1.0, 2.0], [2.0, 1.0]])])
    assert autodiff.autograd.grad(autodiff.linalg.cholesky_ex(both).L[0].sum(), x)[0].tolist() == alone.tolist()


@pytest.mark.parametrize("kind", [autodiff.uint8, autodiff.int64, autodiff.float16])
@pytest.mark.parametrize("name", ["cholesky_ex", "inv_ex"])
def test_matrices_of_other_dtypes_are_told_of_too(name: str, kind: Any) -> None:
    """PyTorch refuses integers and halves."""
    assert getattr(autodiff.linalg, name)(autodiff.tensor([[0, 0], [0, 2]], dtype=kind)).info.item() == 1


@pytest.mark.parametrize("name", ["cholesky_ex", "inv_ex"])
def test_it_raises_where_it_is_asked_to(name: str) -> None:
    """As PyTorch does."""
    with pytest.raises(LinalgError):
        getattr(autodiff.linalg, name)(autodiff.zeros(2, 2), check_errors=True)
