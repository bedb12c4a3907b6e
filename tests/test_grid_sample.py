"""``grid_sample`` where its slope jumps: borders, centres and edges of pixels, and what is no number."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import grad
from nn import functional

torch = peer()
SHAPES = [(1, 2, 4, 4), (1, 1, 5, 3), (1, 2, 1, 4), (1, 1, 3, 4, 2)]
MODES = [(mode, edge, corners, shape) for mode, edge, corners, shape in product(
    ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True), SHAPES)
    if mode != "bicubic" or len(shape) == 4]  # fmt: skip
BEYOND = [-1e6, -3, -2, -1.5, -1.25, -1 - 1e-6, -1, 0, 1, 1 + 1e-6, 1.25, 1.5, 2, 3, 1e6]


def special(shape: tuple[int, ...], corners: bool) -> list[float]:
    """The borders and points beyond, the centres of pixels and the points half way between."""
    points = set(BEYOND)
    for n in shape[2:]:
        half = np.arange(2 * n - 1) / 2
        points |= set((2 * half / (n - 1) - 1 if corners and n > 1 else (2 * half + 1) / n - 1).tolist())
    return sorted(points)


def grid_of(points: list[float], axes: int) -> np.ndarray[Any, Any]:
    pairs = np.array(list(product(points, repeat=2)))
    return np.concatenate([pairs, pairs[:, :1]], 1)[:, :axes].reshape((1, len(pairs)) + (1,) * (axes - 1) + (axes,))


@pytest.mark.parametrize(("mode", "edge", "corners", "shape"), MODES)
def test_values_and_slopes_at_the_border_are_pytorchs(
    mode: str, edge: str, corners: bool, shape: tuple[int, ...]
) -> None:
    """The border counts as outside: the slope of a place that is moved to it is 0 there, too."""
    rng, grid = np.random.default_rng(0), grid_of(special(shape, corners), len(shape) - 2)
    image = rng.normal(size=shape)
    ours = [autodiff.tensor(a, requires_grad=True) for a in (image, grid)]
    theirs = [torch.tensor(a, requires_grad=True) for a in (image, grid)]
    mine = functional.grid_sample(*ours, mode, edge, corners)
    other = torch.nn.functional.grid_sample(*theirs, mode, edge, corners)
    np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-9)
    cotangent = rng.normal(size=mine.shape)
    found = grad(mine, ours, autodiff.tensor(cotangent))
    wanted = torch.autograd.grad(other, theirs, torch.tensor(cotangent))
    for c, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(c.numpy(), right.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("mode", "edge", "corners", "shape"), MODES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_what_is_no_place_reads_what_pytorch_reads(
    value: float, mode: str, edge: str, corners: bool, shape: tuple[int, ...]
) -> None:
    """Its own slope is 0 or NaN; PyTorch's backward pass reads foreign memory there, and is not asked."""
    image, grid = np.random.default_rng(0).normal(size=shape), grid_of([value, 0.3], len(shape) - 2)
    points = autodiff.tensor(grid, requires_grad=True)
    with np.errstate(all="ignore"):
        mine = functional.grid_sample(autodiff.tensor(image), points, mode, edge, corners)
    other = torch.nn.functional.grid_sample(torch.tensor(image), torch.tensor(grid), mode, edge, corners)
    if edge != "reflection" or not 1e9 < abs(value) < np.inf:  # where 1e30 is mirrored to is rounding
        np.testing.assert_allclose(mine.detach().numpy(), other.numpy(), rtol=1e-9, atol=1e-9)
    mine.sum().backward()
    if mode != "bicubic":
        slopes = points.grad.numpy()[np.abs(np.nan_to_num(grid, nan=np.inf)) > 1e9]
        assert np.array_equal(slopes[~np.isnan(slopes)], np.zeros_like(slopes[~np.isnan(slopes)]))
