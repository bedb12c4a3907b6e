"""Names that few programs ask for: versions, draws, memory, old words."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import tensor, version
from autodiff.errors import AutodiffWarning, OptionError, ShapeError


@pytest.mark.parametrize("old", ["0.4", "1.1.0", "1.10", "1.13.1", "2", "2.0.0", "2.9"])
def test_programs_that_ask_for_the_version_take_their_newest_branch(old: str) -> None:
    """By comparison with a string or with numbers, by its parts, and by the packages that compare versions."""
    parse = pytest.importorskip("packaging.version", reason="packaging is not installed").parse
    found, numbers = autodiff.__version__, tuple(map(int, old.split(".")))
    assert found >= old
    assert found > old
    assert not found < old
    assert not found <= old
    assert old < found
    assert found >= numbers
    assert parse(found) > parse(old)
    assert tuple(int(part) for part in found.split(".")[:2]) >= numbers[:2]
    assert tuple(map(int, found.split("+")[0].split("."))) > numbers
    assert int(found.split(".")[0]) >= numbers[0]
    assert float(found[:3]) >= 2


def test_the_version_names_what_is_followed_and_what_is_installed() -> None:
    """PyTorch's first; the library's own behind a plus, and in ``autodiff.version``."""
    assert autodiff.__version__ == f"{version.FOLLOWED}+tapegrad.{version.__version__}"
    assert autodiff.__version__ >= version.FOLLOWED
    assert autodiff.__version__ < "2.14"
    assert version.cuda is None


def test_a_counter_of_changes_grows_with_each_change_in_place() -> None:
    """``_version`` is 0 at first, the same for views, and stays where nothing changes."""
    x = autodiff.zeros(3)
    assert x._version == 0
    x.add_(1)
    first = x._version
    assert first > 0
    assert x[1:]._version == first
    x[0] = 2.0
    assert x._version > first
    assert (x * 2)._version == 0


DRAWS: dict[str, Any] = {  # draws of 20,000, their mean and deviation
    "poisson": (lambda: autodiff.poisson(autodiff.full((20000,), 2.5)), 2.5, 2.5**0.5),
    "binomial": (lambda: autodiff.binomial(autodiff.full((20000,), 8.0), tensor(0.25)), 2.0, 1.5**0.5),
    "Tensor.bernoulli": (lambda: autodiff.full((20000,), 0.3).bernoulli(), 0.3, 0.21**0.5),
    "Tensor.multinomial": (lambda: tensor([1.0, 0.0, 3.0]).multinomial(20000, True).double(), 1.5, 0.75**0.5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_have_their_mean_and_deviation_and_follow_the_seed(name: str) -> None:
    """Within five standard errors, and the same for the same seed."""
    draw, mean, deviation = DRAWS[name]
    autodiff.manual_seed(5)
    drawn = draw()
    assert abs(drawn.mean().item() - mean) < 5 * deviation / 20000**0.5
    assert abs(drawn.std().item() / deviation - 1) < 0.05
    autodiff.manual_seed(5)
    assert autodiff.equal(draw(), drawn)


def test_draws_refuse_what_is_no_probability() -> None:
    """And keep the dtype of their probabilities, through which a gradient of 0 goes."""
    with pytest.raises(OptionError, match="from 0 up"):
        autodiff.poisson(tensor([-1.0]))
    with pytest.raises(OptionError, match="from 0 to 1"):
        autodiff.binomial(tensor([3.0]), tensor([1.5]))
    rate = autodiff.ones(3, dtype=autodiff.float64).requires_grad_()
    drawn = autodiff.poisson(rate)
    assert drawn.dtype == autodiff.float64
    drawn.sum().backward()
    assert rate.grad is not None
    assert not rate.grad.any()


def test_names_that_pytorch_has_no_more_say_what_took_their_place() -> None:
    """And are not there, for a program that asks; ``torch.functional`` holds the same functions."""
    for name, instead in (("symeig", "linalg.eigh"), ("solve", "matrix first"), ("eig", "linalg.eig")):
        assert not hasattr(autodiff, name)
        with pytest.raises(AttributeError, match=instead):
            getattr(autodiff, name)
    functional = import_module("autodiff.functional")
    assert functional.einsum is autodiff.einsum


def test_range_includes_its_end_and_warns() -> None:
    """As PyTorch's does, in the default dtype."""
    with pytest.warns(AutodiffWarning, match="use arange"):
        assert autodiff.range(1, 2.5, 0.5).tolist() == [1.0, 1.5, 2.0, 2.5]
    with pytest.raises(OptionError, match="do not lead"):
        autodiff.range(1, 0)


def test_bytes_become_tensors_that_share_their_memory() -> None:
    """A write goes through to a bytearray; bytes that do not fill an entry are refused."""
    given = bytearray([1, 0, 2, 0])
    autodiff.frombuffer(given, dtype=autodiff.int16)[0] = 7
    assert given[0] == 7
    with pytest.raises(OptionError, match="3 bytes"):
        autodiff.frombuffer(bytes(3), dtype=autodiff.int16)
    with pytest.raises(ShapeError, match="for each axis"):
        autodiff.empty_strided((2, 3), (1,))
    with pytest.raises(ShapeError, match="order"):
        autodiff.empty_permuted((2, 3), (1, 1))


def test_histograms_refuse_what_has_no_bins() -> None:
    """No bin, edges that fall, weights of another shape, points without coordinates."""
    x = tensor([1.0, 2.0])
    for bins in (0, tensor([2.0, 1.0])):
        with pytest.raises(OptionError, match="histogram"):
            autodiff.histogram(x, bins)
    with pytest.raises(ShapeError, match="weights"):
        autodiff.histogram(x, 2, weight=autodiff.ones(3))
    with pytest.raises(ShapeError, match="points"):
        autodiff.histogramdd(x, 2)


def test_few_factors_of_a_matrix_are_exact_where_its_rank_is_as_low() -> None:
    """And more of them than there are rows or columns are refused."""
    thin = np.random.default_rng(0).standard_normal((2, 6, 2)) @ np.ones((2, 4))
    u, s, v = autodiff.svd_lowrank(tensor(thin), q=2)
    np.testing.assert_allclose((u * s[:, None]) @ v.mT, thin, atol=1e-12)
    with pytest.raises(OptionError, match="from 0 to 4"):
        autodiff.pca_lowrank(tensor(thin), q=5)
    with pytest.raises(OptionError, match="k = 4"):
        autodiff.lobpcg(autodiff.eye(3), k=4)
