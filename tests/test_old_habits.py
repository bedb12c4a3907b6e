"""Names and arguments of PyTorch's past, and of its inside, that programs of others use."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import both, numbers, peer, plain

import autodiff
import nn
from autodiff import errors
from autodiff.errors import AutodiffWarning
from nn import functional as F

OLD_NAMES = ["uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform",
             "kaiming_normal", "orthogonal", "sparse"]  # fmt: skip


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (2, 3, 4, 2)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_without_an_axis_takes_pytorchs(name: str, shape: tuple[int, ...]) -> None:
    """With a warning, as there."""

    def program(lib: Any) -> Any:
        with pytest.warns(UserWarning, match=r"dim=|[Ii]mplicit"):
            return plain(getattr(lib.nn.functional, name)(lib.tensor(numbers(shape))))

    ours, theirs = both(program)
    assert np.allclose(ours, theirs)
    assert isinstance(nn.Softmax(), nn.Module)


def test_gumbel_softmax_draws_by_its_logits() -> None:
    """Soft weights add up to 1; hard ones are 0 and 1, come as often as softmax says, and have the soft gradient."""
    autodiff.manual_seed(0)
    logits = autodiff.tensor([0.0, 1.0, -1.0]).expand(4000, 3).clone().requires_grad_()
    soft, hard = F.gumbel_softmax(logits, tau=0.5), F.gumbel_softmax(logits, hard=True)
    assert np.allclose(soft.sum(1).detach(), 1)
    assert set(np.unique(hard.detach().round(decimals=5))) == {0.0, 1.0}
    assert np.allclose(hard.mean(0).detach(), F.softmax(logits[0], 0).detach(), atol=0.03)
    hard[:, 0].sum().backward()
    assert 0 < float(logits.grad.abs().max()) < 1
    assert inspect.signature(F.gumbel_softmax).parameters.keys() == inspect.signature(
        peer().nn.functional.gumbel_softmax).parameters.keys()


@pytest.mark.parametrize("name", OLD_NAMES)
def test_initial_values_by_their_old_names(name: str) -> None:
    """They fill as the names with an underscore, and warn."""
    new: Callable[..., Any] = getattr(nn.init, f"{name}_")
    options = (0.5,) if name in ("constant", "sparse") else ()
    shape = (4, 3, 3) if name == "dirac" else (4, 3)
    found = []
    for function in (getattr(nn.init, name), new):
        autodiff.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found.append(function(autodiff.zeros(shape), *options).numpy())
    assert np.array_equal(*found)
    with pytest.warns(FutureWarning, match=f"use nn.init.{name}_"):
        getattr(nn.init, name)(autodiff.zeros(shape), *options)


def test_what_initial_values_are_computed_from() -> None:
    """By the names of PyTorch's inside."""
    weight = autodiff.zeros(2, 3, 5)
    assert nn.init._calculate_fan_in_and_fan_out(weight) == (15, 10)
    assert nn.init._calculate_correct_fan(weight, "fan_out") == 10
    assert nn.init._no_grad_uniform_(weight, 1, 2).min() >= 1


@pytest.mark.parametrize(
    ("name", "args"),
    [("relu", ()), ("hardtanh", (-0.5, 0.7)), ("elu", (0.5,)), ("selu", ()), ("celu", (2.0,)), ("leaky_relu", (0.2,)),
     ("rrelu", (0.1, 0.3)), ("threshold", (0.1, 2.0))],
)  # fmt: skip
def test_activations_that_write_into_their_input(name: str, args: tuple[float, ...]) -> None:
    """The values and gradients are PyTorch's, the tensor is the one that was given."""

    def program(lib: Any) -> Any:
        leaf = lib.tensor(numbers((3, 4))).requires_grad_()
        x = leaf * 1
        y = getattr(lib.nn.functional, f"{name}_")(x, *args)
        assert y is x
        y.sum().backward()
        return plain(y), plain(leaf.grad)

    for ours, theirs in zip(*both(program), strict=True):
        assert np.allclose(ours, theirs)


def test_schedules_by_their_old_name_and_arguments() -> None:
    """``verbose`` says nothing; True warns."""

    class Half(autodiff.optim.lr_scheduler._LRScheduler):
        def __init__(self, optimizer: Any, verbose: bool = False) -> None:
            super().__init__(optimizer, -1, verbose)

        def get_lr(self) -> list[float]:
            return [0.5 ** self.last_epoch for _ in self.base_lrs]

    optimizer = autodiff.optim.SGD([autodiff.zeros(1, requires_grad=True)], lr=1.0)
    schedule = Half(optimizer)
    optimizer.step()
    schedule.step()
    assert schedule.get_last_lr() == [0.5]
    autodiff.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", verbose=False)
    for make in (lambda: Half(optimizer, True),
                 lambda: autodiff.optim.lr_scheduler.StepLR(optimizer, 1, verbose=True)):
        with pytest.warns(AutodiffWarning, match="verbose says nothing"):
            make()


def test_variables_are_tensors() -> None:
    """``isinstance`` says so; ``volatile`` warns."""
    x = autodiff.ones(2)
    assert isinstance(x, autodiff.autograd.Variable)
    assert not isinstance(np.ones(2), autodiff.autograd.Variable)
    assert autodiff.autograd.Variable(x, requires_grad=True).requires_grad
    with pytest.warns(AutodiffWarning, match=re.escape("no_grad()")):
        assert autodiff.autograd.Variable(x, volatile=True) is x


def test_a_function_that_changes_its_input() -> None:
    """``InplaceFunction`` is inherited from, and ``ctx.saved_variables`` read."""

    class Double(autodiff.autograd.function.InplaceFunction):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_variables
            return g * 2 + 0 * x

    x = autodiff.ones(2, requires_grad=True)
    Double.apply(x).sum().backward()
    assert np.array_equal(x.grad, [2, 2])


def test_clipping_by_its_old_name() -> None:
    """It clips, and warns."""
    x = autodiff.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        nn.utils.clip_grad_norm([x], 1.0)
    assert np.allclose(x.grad.norm(), 1)


def test_what_numpy_made_of_tensors_is_an_array_to_from_numpy() -> None:
    """As in programs that draw data with NumPy and multiply it by weights that are tensors."""
    drawn, weights = np.ones((3, 2)), autodiff.tensor([2.0, -1.0])
    made = np.dot(drawn, weights) + 4.2
    made += np.zeros(3)
    found = autodiff.from_numpy(made).float().reshape(-1, 1)
    np.testing.assert_allclose(found.numpy(), np.full((3, 1), 5.2), rtol=1e-6)
    with pytest.raises(errors.DtypeError, match="from_numpy takes an array"):
        autodiff.from_numpy(weights.requires_grad_())


def test_a_tensor_is_made_of_a_size_by_its_name() -> None:
    """``torch.Tensor(size=...)``."""
    for size in ((2, 3), [2, 3], autodiff.zeros(2, 3).shape):
        assert autodiff.Tensor(size=size, device="cpu").normal_(std=0.01).shape == (2, 3)
    assert autodiff.Tensor(size=(2,)).dtype == autodiff.float32


LENGTHS: dict[str, Any] = {
    "one": lambda make, n: make(n),
    "several": lambda make, n: make(n, 3),
    "in a list": lambda make, n: make([n]),
}


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, lambda n: np.array(n)])
@pytest.mark.parametrize("name", ["Tensor", "FloatTensor", "LongTensor", "new"])
@pytest.mark.parametrize("way", LENGTHS)
def test_a_whole_number_of_numpys_is_a_length(name: str, kind: Any, way: str) -> None:
    """As the number of actions of an environment is one; in a list it is an entry."""
    if way == "in a list" and isinstance(kind(2), np.ndarray):
        pytest.skip("PyTorch refuses arrays without axes in a list")

    def program(lib: Any) -> tuple[Any, ...]:
        made = LENGTHS[way](lib.ones(1).new if name == "new" else getattr(lib, name), kind(2))
        return tuple(made.shape), str(made.dtype).rpartition(".")[2], made.tolist() if way == "in a list" else None

    assert program(autodiff) == program(peer())


def test_collectives_with_gradients_give_what_one_process_has() -> None:
    """The names that programs import for the case of several."""
    from autodiff.distributed import nn as collectives

    x = autodiff.ones(2, requires_grad=True)
    (collectives.all_reduce(x) + collectives.all_gather(x)[0] + collectives.broadcast(x, 0)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 3]
