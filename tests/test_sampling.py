"""Random tensors: statistics and seeds; and what a program sets for all: devices, print options, threads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import distributions, float64, int64, manual_seed, tensor, zeros
from autodiff.errors import AutodiffError

DRAWS: dict[str, tuple[Callable[[], Any], float, float]] = {  # what is drawn, its mean and its standard deviation
    "rand": (lambda: autodiff.rand(200, 100), 0.5, 12**-0.5),
    "rand size": (lambda: autodiff.rand(size=(20000,), dtype=float64), 0.5, 12**-0.5),
    "rand_like": (lambda: autodiff.rand_like(zeros(20000)), 0.5, 12**-0.5),
    "randn": (lambda: autodiff.randn((100, 200)), 0, 1),
    "randn_like": (lambda: autodiff.randn_like(zeros(20000), dtype=float64), 0, 1),
    "randint": (lambda: autodiff.randint(0, 10, (20000,)), 4.5, (99 / 12) ** 0.5),
    "randint_like": (lambda: autodiff.randint_like(zeros(20000), 10), 4.5, (99 / 12) ** 0.5),
    "normal of numbers": (lambda: autodiff.normal(2.0, 3.0, (20000,)), 2, 3),
    "normal of tensors": (lambda: autodiff.normal(zeros(20000) + 2, zeros(20000) + 3), 2, 3),
    "normal of a mean": (lambda: autodiff.normal(zeros(20000) + 2), 2, 1),
    "normal of a deviation": (lambda: autodiff.normal(2.0, zeros(20000) + 3), 2, 3),
    "bernoulli": (lambda: autodiff.bernoulli(zeros(20000) + 0.3), 0.3, 0.21**0.5),
    "bernoulli p": (lambda: autodiff.bernoulli(zeros(20000), 0.3), 0.3, 0.21**0.5),
    "multinomial": (lambda: autodiff.multinomial(tensor([1.0, 0.0, 3.0]), 20000, True), 1.5, 0.75**0.5),
    "multinomial once": (lambda: autodiff.multinomial(tensor([[1.0, 0.0, 3.0]] * 20000), 1), 1.5, 0.75**0.5),
    "normal_": (lambda: zeros(20000).normal_(2, 3), 2, 3),
    "uniform_": (lambda: zeros(20000).uniform_(-1, 3), 1, 4 * 12**-0.5),
    "bernoulli_": (lambda: zeros(20000).bernoulli_(0.3), 0.3, 0.21**0.5),
    "bernoulli_ tensor": (lambda: zeros(20000).bernoulli_(zeros(20000) + 0.3), 0.3, 0.21**0.5),
    "random_": (lambda: zeros(20000).random_(2, 6), 3.5, (15 / 12) ** 0.5),
    "random_ to": (lambda: zeros(20000, dtype=int64).random_(10), 4.5, (99 / 12) ** 0.5),
    "random_ bool": (lambda: zeros(20000, dtype=autodiff.bool).random_(), 0.5, 0.5),
    "exponential_": (lambda: zeros(20000).exponential_(2), 0.5, 0.5),
    "Normal": (lambda: distributions.Normal(2.0, 3.0).sample((20000,)), 2, 3),
    "Normal rsample": (lambda: distributions.Normal(zeros(2) + 2, 3.0).rsample((10000,)), 2, 3),
    "Categorical": (lambda: distributions.Categorical(tensor([1.0, 0.0, 3.0])).sample((20000,)), 1.5, 0.75**0.5),
    "Categorical logits": (lambda: distributions.Categorical(logits=zeros(2, 3)).sample((10000,)), 1, (2 / 3) ** 0.5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_have_their_mean_and_deviation_and_follow_the_seed(name: str) -> None:
    """Of 20,000 draws mean and deviation are within five standard errors, and the same seed draws the same."""
    draw, mean, deviation = DRAWS[name]
    manual_seed(3)
    state = autodiff.get_rng_state()
    drawn = draw().double()
    assert drawn.numel() == 20000
    assert abs(drawn.mean().item() - mean) < 5 * deviation / math.sqrt(20000)
    assert abs(drawn.std().item() / deviation - 1) < 0.06
    assert not autodiff.equal(draw().double(), drawn)
    manual_seed(3)
    assert autodiff.equal(draw().double(), drawn)
    autodiff.set_rng_state(state)
    assert autodiff.equal(draw().double(), drawn)


def test_without_replacement_no_column_comes_twice_and_none_without_weight() -> None:
    """Each row of multinomial is made of different columns of weights above 0, the heavy ones first more often."""
    picks = autodiff.multinomial(tensor([[1.0, 0.0, 5.0, 2.0]] * 500), 3)
    assert picks.shape == (500, 3)
    assert all(sorted(row) == [0, 2, 3] for row in picks.tolist())
    first = np.bincount(picks.numpy()[:, 0], minlength=4)
    assert first[2] > first[3] > first[0]


@pytest.mark.parametrize("mistake", [
    lambda: autodiff.bernoulli(tensor([1.5])), lambda: autodiff.multinomial(tensor([1.0, 0.0]), 2),
    lambda: autodiff.multinomial(tensor([-1.0, 2.0]), 1), lambda: autodiff.multinomial(zeros(1, 1, 1), 1),
    lambda: autodiff.normal(0.0, -1.0, (2,)), lambda: zeros(2).uniform_(2, 1), lambda: zeros(2).exponential_(0),
    lambda: zeros(2, dtype=int64).normal_(), lambda: zeros(2).random_(5, 5), lambda: autodiff.randn(2, dtype=int64),
    lambda: distributions.Categorical(), lambda: distributions.Normal(0.0, 0.0),
])  # fmt: skip
def test_impossible_draws_raise_named_errors(mistake: Callable[[], Any]) -> None:
    """A weight below 0, a rate of 0, a range without numbers: an error says so before anything is drawn."""
    with pytest.raises(AutodiffError):
        mistake()


def test_a_sample_of_normal_passes_gradients_on_only_by_rsample() -> None:
    """rsample is loc + scale * noise; sample is a number like any other."""
    loc = tensor([1.0, 2.0], requires_grad=True)
    d = distributions.Normal(loc, 1.0)
    d.rsample((3,)).sum().backward()
    assert loc.grad.tolist() == [3, 3]
    assert not d.sample().requires_grad


def test_machines_without_a_gpu_say_so() -> None:
    """cuda.is_available() answers False, seeding and waiting are nothing, and moving there is an error."""
    assert not autodiff.cuda.is_available()
    assert autodiff.cuda.device_count() == 0
    autodiff.cuda.manual_seed_all(0)
    autodiff.cuda.synchronize()
    with pytest.raises(AutodiffError, match="cuda"):
        zeros(2).cuda()


def test_old_constructors_take_a_device() -> None:
    """Tensor([1.0], device="cpu") and its typed siblings are made there, and refused elsewhere."""
    for make in (autodiff.Tensor, autodiff.FloatTensor, autodiff.LongTensor):
        assert make([1, 2], device="cpu").tolist() == [1, 2]
        assert make(2, 3, device=autodiff.device("cpu")).shape == (2, 3)
        with pytest.raises(AutodiffError, match="cuda"):
            make([1, 2], device="cuda")


def test_print_options_hold_until_they_are_set_back() -> None:
    """Decimals, thresholds and profiles are those asked for; the default profile is the one before."""
    x, plain = tensor([1.23456, 2.0]), repr(tensor([1.23456, 2.0]))
    try:
        autodiff.set_printoptions(precision=2)
        assert repr(x) == "tensor([1.23, 2.00])"
        autodiff.set_printoptions(sci_mode=True)
        assert repr(x) == "tensor([1.23e+00, 2.00e+00])"
        autodiff.set_printoptions(profile="full")
        assert "..." not in repr(zeros(1001))
    finally:
        autodiff.set_printoptions(profile="default")
    assert repr(x) == plain
    with pytest.raises(AutodiffError, match="profiles"):
        autodiff.set_printoptions(profile="long")


def test_threads_are_as_many_as_asked_for() -> None:
    """set_num_threads is read back, and a number below 1 is refused."""
    before = autodiff.get_num_threads()
    try:
        for number in (1, before + 1):
            autodiff.set_num_threads(number)
            assert autodiff.get_num_threads() == number
    finally:
        autodiff.set_num_threads(before)
    with pytest.raises(AutodiffError, match="threads"):
        autodiff.set_num_threads(0)
