"""Where a formula could lose digits or fail at single points: closed forms say what is right."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import autodiff
from autodiff import grad, tensor
from autodiff.kernels.sums import accumulate


@pytest.mark.parametrize(
    ("function", "exact", "points", "floor"),
    [
        (autodiff.erf, math.erf, np.linspace(-7, 7, 1001), 0.0),
        (autodiff.erfc, math.erfc, np.linspace(-7, 26, 1001), 0.0),
        (autodiff.lgamma, math.lgamma, np.linspace(0.5, 60, 1001), 4 * np.spacing(math.lgamma(13))),
    ],
)
def test_special_functions_have_the_digits_of_the_c_library(function, exact, points, floor):  # type: ignore[no-untyped-def]
    """In float64 the error is a few units in the last place (lgamma: of its series), in all pieces, at all seams."""
    wanted = np.array([exact(x) for x in points])
    np.testing.assert_allclose(function(tensor(points)).numpy(), wanted, rtol=4e-15, atol=floor)


def test_erf_in_single_precision() -> None:
    """The float32 formula is right to four units in the last place, odd, and never beyond 1."""
    points = np.linspace(-6, 6, 4001).astype(np.float32)
    found = autodiff.erf(tensor(points)).numpy()
    assert found.dtype == np.float32
    assert np.abs(found).max() == 1
    np.testing.assert_allclose(found, [math.erf(x) for x in points.tolist()], rtol=5e-7)
    assert np.array_equal(found, -autodiff.erf(tensor(-points)).numpy())


@pytest.mark.parametrize("shape", [(5000,), (1000, 1000), (3, 1, 50, 60), (5000, 3), (4, 4096), (7, 3001)], ids=str)
def test_long_sums(shape: tuple[int, ...]) -> None:
    """Over any axes a long sum in single precision has the digits of one in double, and the same shape."""
    x = np.random.default_rng(0).random(shape, np.float32)
    for axes in [None, *(a for n in range(len(shape) + 1) for a in itertools.combinations(range(len(shape)), n))]:
        for keepdims in (False, True):
            wanted = x.sum(axes, np.float64, keepdims=keepdims)
            np.testing.assert_allclose(accumulate(x, axes, keepdims), wanted, rtol=2e-5, strict=False)
            assert accumulate(x, axes, keepdims).shape == wanted.shape


def test_a_long_sum_does_not_drift() -> None:
    """Ten million numbers add up to seven digits, since no more than 1,024 are added one after another."""
    x = np.random.default_rng(0).random(10_000_000, np.float32)
    np.testing.assert_allclose(accumulate(x), x.sum(dtype=np.float64), rtol=1e-6)


def test_det_of_a_singular_matrix() -> None:
    """The gradient is the matrix of cofactors, also where the inverse does not exist."""
    x = tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]], requires_grad=True)
    assert grad(autodiff.linalg.det(x), x)[0].tolist() == [[4, 4, -4], [-2, -2, 2], [0, 0, 0]]


def test_the_norm_of_any_order_at_zero() -> None:
    """The gradient of each vector norm at the zero vector is 0, never NaN."""
    for order in (1, 1.5, 2, 3, math.inf):
        x = autodiff.zeros(3, requires_grad=True)
        assert grad(autodiff.linalg.vector_norm(x, order), x)[0].tolist() == [0, 0, 0]


def test_equal_eigenvalues() -> None:
    """The gradient of a sum of eigenvalues is the identity, though the eigenvectors are not determined."""
    x = autodiff.eye(3).requires_grad_()
    np.testing.assert_allclose(grad(autodiff.linalg.eigvalsh(x).sum(), x)[0].numpy(), np.eye(3), atol=1e-6)


def test_chain_matmul_takes_the_cheap_order() -> None:
    """A long thin chain is multiplied from the end that stays small."""
    a, b, c = (autodiff.ones(*shape, requires_grad=True) for shape in ((50, 2), (2, 50), (50, 1)))
    node = autodiff.linalg.multi_dot([a, b, c]).grad_fn
    assert node is not None
    assert [None if e is None else e.shape for e in node.edges] == [(50, 2), (2, 1)]


@pytest.mark.parametrize("make", [float, lambda w: tensor(np.full(4, w))], ids=["number", "tensor"])
def test_an_interpolation_ends_at_its_end(make) -> None:  # type: ignore[no-untyped-def]
    """Computed from the nearer of both, it is exact at weights 0 and 1, with the sign of a zero, and so are slopes."""
    start, end = (tensor(np.array(x), requires_grad=True) for x in ([1e17, -0.0, 3.0, 0.1], [0.1, -0.0, 1e-9, 1e17]))
    for weight, wanted in ((1.0, end), (0.0, start), (0.5, (start + end) / 2)):
        result = autodiff.lerp(start, end, make(weight))
        assert np.array_equal(result.detach().numpy(), wanted.detach().numpy())
        assert weight != 1 or np.signbit(result.detach().numpy()[1])
        assert [g.tolist() for g in grad(result.sum(), (start, end))] == [[1 - weight] * 4, [weight] * 4]
