"""The memory of tensors, as programs ask for it: which tensors share it, how much there is, what lies in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.errors import DtypeError, InPlaceError, ShapeError
from autodiff.storage import TypedStorage, UntypedStorage

SHOWN: dict[str, Any] = {
    "all": lambda lib: lib.arange(6.0).reshape(2, 3),
    "a row": lambda lib: lib.arange(6.0).reshape(2, 3)[1:],
    "turned": lambda lib: lib.arange(6.0).reshape(2, 3).t(),
    "columns": lambda lib: lib.arange(6).reshape(2, 3)[:, ::2],
    "stretched": lambda lib: lib.arange(3).expand(4, 3),
    "one": lambda lib: lib.tensor(5, dtype=lib.int16),
    "none": lambda lib: lib.zeros(0, 3),
    "bytes": lambda lib: lib.arange(4, dtype=lib.uint8),
    "in another dtype": lambda lib: lib.arange(4, dtype=lib.int32).view(lib.int16),
    "complex": lambda lib: lib.ones(2, dtype=lib.complex64),
    "columns first": lambda lib: lib.empty_strided((2, 3), (1, 2)).fill_(1.0),
    "a result": lambda lib: lib.arange(5.0) * 2 + 1,
}


def facts(x: Any) -> list[Any]:
    typed, untyped = x.storage(), x.untyped_storage()
    return [
        len(typed), typed.size(), typed.nbytes(), typed.element_size(), typed.tolist(), list(typed),
        typed.data_ptr() == untyped.data_ptr(), untyped.nbytes(), len(untyped), untyped.tolist(),
        x.data_ptr() - typed.data_ptr() == x.storage_offset() * x.element_size(),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize("name", SHOWN)
def test_the_memory_of_a_tensor_is_pytorchs(name: str) -> None:
    """Its length, bytes and entries, whatever part of it the tensor shows."""
    assert facts(SHOWN[name](autodiff)) == facts(SHOWN[name](peer()))


def test_tensors_that_share_memory_have_one_storage() -> None:
    """Views do, copies do not; ``is_storage`` knows both kinds."""
    x = autodiff.arange(6.0).reshape(2, 3)
    for view in (x[1], x.t(), x.detach(), x.view(6), x.reshape(3, 2)):
        assert view.storage().data_ptr() == x.untyped_storage().data_ptr()
    assert x.clone().storage().data_ptr() != x.storage().data_ptr()
    assert autodiff.is_storage(x.storage())
    assert isinstance(x.untyped_storage(), UntypedStorage)
    assert isinstance(x.storage().untyped(), TypedStorage)
    assert not autodiff.is_storage(x)
    assert x.storage().dtype == autodiff.float32
    assert not x.storage().is_shared()
    assert not x.is_shared()
    assert repr(autodiff.ones(2).storage()) == " 1.0\n 1.0\n[TypedStorage of 2 entries]"


def test_what_is_written_into_memory_is_seen_by_all_who_look() -> None:
    """By views, and by a backward pass that needs what was there, which refuses."""
    x = autodiff.arange(4.0).requires_grad_()
    y = (x * x).sum()
    x.detach()[1:].storage()[0] = 7.0
    assert x[0].item() == 7
    with pytest.raises(InPlaceError, match="test_storages"):
        y.backward()
    z = autodiff.zeros(2, 2)
    z[1].storage().fill_(3.0)
    assert z.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    z.storage()[1:3] = [1.0, 2.0]
    assert z.storage()[:] == [3.0, 1.0, 2.0, 3.0]


def test_a_tensor_like_another_may_lie_otherwise() -> None:
    """``new_empty_strided`` has the dtype of its tensor, and the steps that are given."""
    x = autodiff.ones(1, dtype=autodiff.float64)
    y = x.new_empty_strided((2, 3), (1, 2))
    assert (y.dtype, y.stride(), tuple(y.shape)) == (autodiff.float64, (1, 2), (2, 3))
    assert x.new_empty_strided((2,), (3,), dtype=autodiff.int8).dtype == autodiff.int8
    assert x.new_empty_strided((2,), (1,), requires_grad=True).requires_grad
    with pytest.raises(ShapeError, match="new_empty_strided takes a length and a step"):
        x.new_empty_strided((2, 3), (1,))
    np.testing.assert_array_equal(x.new_empty_strided((0, 3), (3, 1)).numpy(), np.zeros((0, 3)))


@pytest.mark.parametrize("kind", [TypedStorage, UntypedStorage])
def test_a_storage_is_made_of_a_tensor_alone(kind: Any) -> None:
    with pytest.raises(DtypeError, match="made by storage"):
        kind(3)
