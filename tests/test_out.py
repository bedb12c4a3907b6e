"""``out=``: every function that has it in PyTorch writes its result into a tensor that is there."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from parity.harness import agree, both, peer, plain
from test_kept_values import CALLS, NEAR, Kept, mapped

import autodiff
from autodiff.errors import AutodiffWarning, DtypeError, GraphError, OptionError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")

MADE: dict[str, tuple[Any, ...]] = {
    "zeros": (2, 3), "ones": (2,), "empty": (2, 2), "full": ((2,), 3.0), "arange": (4,), "linspace": (0, 1, 5),
    "logspace": (0, 1, 5), "eye": (3,), "rand": (2, 3), "randn": (3,), "randint": (5, (2,)), "randperm": (4,),
}  # fmt: skip


def written(lib: Any, path: str, given: Any) -> Any:
    """The results of a call, the tensors that it wrote them into, and whether it gave these; None without ``out``."""
    args, options = mapped(lambda x: lib.tensor(x.array) if isinstance(x, Kept) else x, given)
    options = mapped(lambda x: getattr(lib, x.name) if isinstance(x, (np.dtype, autodiff.dtype)) else x, options)
    function = operator.attrgetter(path)(lib)
    with np.errstate(all="ignore"):
        plainly = function(*args, **options)
        several = isinstance(plainly, (tuple, list))
        if not all(isinstance(x, lib.Tensor) for x in (plainly if several else [plainly])):
            return None
        outs = [lib.empty(0, dtype=x.dtype) for x in (plainly if several else [plainly])]
        try:
            result = function(*args, **options, out=tuple(outs) if several else outs[0])
        except (TypeError, RuntimeError, NotImplementedError):  # it takes no out, or none of such arguments
            return None
    is_out = result is None or all(x is o for x, o in zip(result if several else [result], outs, strict=True))
    return [plain(o) for o in outs], [plain(x) for x in (plainly if several else [plainly])], is_out


@pytest.mark.parametrize("path", [path for path in CALLS if not path.startswith("nn.")])
def test_results_are_written_where_pytorch_writes_them(path: str) -> None:
    """Four calls of every function: the tensors hold what the call gives without them, and are what comes back."""
    for _, *given in CALLS[path][:: len(CALLS[path]) // 4 + 1]:
        if written(peer(), path, tuple(given)) is not None:
            ours = written(autodiff, path, tuple(given))
            assert ours is not None, given
            assert ours[2]
            agree(ours[0], ours[1], NEAR)


def test_most_functions_have_it() -> None:
    """So the test above does not pass because nothing is compared."""
    paths = [path for path in CALLS if not path.startswith("nn.")]
    assert sum(written(peer(), path, tuple(CALLS[path][0][1:])) is not None for path in paths) > 150


@pytest.mark.parametrize("name", MADE)
def test_what_makes_tensors_fills_one(name: str) -> None:
    """In the dtype and of the values that it has in PyTorch, where these are not random."""

    def program(lib: Any) -> Any:
        out = lib.empty(0, dtype=lib.float64)
        assert getattr(lib, name)(*MADE[name], out=out) is out
        return plain(out) * (not name.startswith(("rand", "empty")))

    ours, theirs = both(program)
    agree(ours, theirs, NEAR)


def test_the_shape_follows_and_the_dtype_stays() -> None:
    """A tensor that was not empty is given another shape with a warning; one of the right shape keeps its memory."""
    out = autodiff.zeros(3, dtype=autodiff.float64)
    memory = out.data_ptr()
    autodiff.mul(autodiff.arange(3), 2, out=out)
    assert (out.dtype, out.data_ptr()) == (autodiff.float64, memory)
    autodiff.add(out, out, out=out)
    assert np.array_equal(out, [0, 4, 8])
    with pytest.warns(AutodiffWarning, match="takes the shape"):
        autodiff.exp(autodiff.zeros(2, 2), out=out)
    assert out.shape == (2, 2)
    values, indices = autodiff.empty(0), autodiff.empty(0, dtype=autodiff.int64)
    found = autodiff.max(autodiff.eye(2), 1, out=(values, indices))
    assert found.values is values
    assert found.indices is indices


def test_what_does_not_fit_is_refused() -> None:
    """As in PyTorch: gradients, dtypes, things that are no tensors; nothing is written then."""
    out, tracked = autodiff.zeros(2), autodiff.ones(2, requires_grad=True)
    with pytest.raises(GraphError, match="no gradient goes through out="):
        autodiff.exp(tracked, out=out)
    with pytest.raises(GraphError, match="no gradient goes through out="):
        autodiff.exp(out, out=tracked)
    with autodiff.no_grad():
        autodiff.exp(tracked * 0, out=out)
    assert np.array_equal(out, [1, 1])
    with pytest.raises(DtypeError, match="float32 does not fit into an out of int64"):
        autodiff.exp(out, out=autodiff.zeros(2, dtype=autodiff.int64))
    with pytest.raises(DtypeError, match="out is a tensor"):
        autodiff.cumsum(out, 0, out=3)
    with pytest.raises(OptionError, match="tuple of 2 tensors"):
        autodiff.sort(out, out=out)
    with pytest.raises(TypeError, match="out"):
        autodiff.nn.functional.relu(out, out=out)
