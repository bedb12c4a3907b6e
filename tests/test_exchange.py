"""Data of other libraries: what shares memory with a tensor, what is copied, and what keeps its dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.errors import DtypeError, GraphError, InPlaceError

DTYPES = ["float64", "float32", "float16", "complex64", "int64", "int8", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch_shares_memory_both_ways(dtype: str) -> None:
    """A change here is seen there, and one there is seen here: by DLPack and by NumPy's array."""
    torch = peer()
    theirs = torch.zeros(2, 3, dtype=getattr(torch, dtype)).T
    ours = autodiff.from_dlpack(theirs)
    assert (ours.shape, ours.stride()) == ((3, 2), theirs.stride())
    theirs[0, 1] = 1
    ours[2, 0] = 1
    np.testing.assert_array_equal(ours, theirs)
    assert ours.sum() == 2
    for back in (torch.from_dlpack(ours), torch.from_numpy(ours.numpy()), torch.as_tensor(ours)):
        assert back.data_ptr() == theirs.data_ptr()


def test_numpy_reads_a_tensor_without_a_copy() -> None:
    """By DLPack, by `numpy()` and by `np.asarray`."""
    x = autodiff.arange(3.0)
    for array in (np.from_dlpack(x), x.numpy(), np.asarray(x)):
        assert np.shares_memory(array, x.numpy())


def test_a_capsule_is_taken_as_what_gave_it() -> None:
    """Programs before 2021 make it by ``to_dlpack``; ours says that the memory may be written to."""
    x = autodiff.zeros(2)
    y = autodiff.utils.dlpack.from_dlpack(autodiff.utils.dlpack.to_dlpack(x))
    y[0] = 1
    assert x.tolist() == [1, 0]
    theirs = peer("utils.dlpack")
    back = theirs.from_dlpack(autodiff.utils.dlpack.to_dlpack(x))
    back[1] = 2
    assert autodiff.from_dlpack(theirs.to_dlpack(back)).tolist() == x.tolist() == [1, 2]


def test_asarray_is_in_the_graph_as_it_is_told() -> None:
    """It requires grad as what it is given does, or as it is said."""
    x = autodiff.ones(2, requires_grad=True)
    for given in (x, x * 2):
        assert autodiff.asarray(given) is given
        assert autodiff.asarray(given, copy=True).requires_grad
        assert not autodiff.asarray(given, requires_grad=False).requires_grad
        assert autodiff.asarray(given, dtype=autodiff.float64, requires_grad=True).grad_fn is not None
    assert autodiff.asarray([1.0], requires_grad=True).is_leaf
    assert x.requires_grad


def test_a_tensor_in_a_graph_is_not_given_away() -> None:
    """The other library would not know its history."""
    x = autodiff.ones(2, requires_grad=True)
    with pytest.raises(GraphError, match=r"\.detach\(\)"):
        np.from_dlpack(x)
    assert np.from_dlpack(x.detach()).tolist() == [1, 1]


def test_what_dlpack_cannot_give_is_refused() -> None:
    """An object without the protocol, a tensor in a graph of PyTorch's, a dtype that NumPy lacks."""
    with pytest.raises(DtypeError, match=r"not \[1, 2\]"):
        autodiff.from_dlpack([1, 2])
    torch = peer()
    with pytest.raises(DtypeError, match="detach"):
        autodiff.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(DtypeError, match=r"bfloat16|Unsupported dtype"):
        autodiff.from_dlpack(torch.ones(2, dtype=torch.bfloat16))


def shares(x: autodiff.Tensor, other: Any) -> bool:
    return np.shares_memory(x.numpy(), np.asarray(other))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool"])
def test_a_column_of_pandas_is_shared_by_as_tensor_and_copied_by_tensor(dtype: str) -> None:
    """With its dtype; pandas gives it out to be read, so it is not overwritten."""
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([0, 1, 1], dtype=dtype)
    shared, own = autodiff.as_tensor(column), autodiff.tensor(column)
    assert (shares(shared, column), shares(own, column)) == (True, False)
    assert shared.dtype == own.dtype == np.dtype(dtype)
    own += own
    if not shared.numpy().flags.writeable:
        with pytest.raises(InPlaceError, match="read-only"):
            shared.copy_(own)
    assert column.tolist() == [0, 1, 1]


def test_tables_of_pandas_both_ways() -> None:
    """Rows and columns; a table of one dtype is shared; missing entries are NaN; text is refused by name."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    x = autodiff.as_tensor(table)
    assert shares(x, table)
    assert x.tolist() == [[1, 3], [2, 4]]
    assert autodiff.tensor(table[["a"]].assign(n=[1, 2])).dtype == autodiff.float64
    assert autodiff.tensor(pandas.array([1, None], dtype="Int64")).isnan().tolist() == [False, True]
    with pytest.raises(DtypeError, match="Series"):
        autodiff.tensor(pandas.Series(["a", "b"]))
    back = pandas.DataFrame(autodiff.ones(2, 2), columns=["a", "b"])
    assert back.dtypes.tolist() == [np.float32, np.float32]
    assert pandas.Series(autodiff.arange(3)).tolist() == [0, 1, 2]
    assert table.assign(c=autodiff.ones(2))["c"].tolist() == [1, 1]


def test_columns_of_arrow() -> None:
    """One piece without missing entries is shared; several pieces, missing entries and tables are copied."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    column = arrow.array([1.0, 2.0])
    for x in (autodiff.as_tensor(column), autodiff.from_dlpack(column)):
        assert shares(x, column)
        assert x.dtype == autodiff.float64
    assert autodiff.tensor(arrow.chunked_array([[1.0], [2.0]])).tolist() == [1, 2]
    assert autodiff.tensor(arrow.array([1, None])).isnan().tolist() == [False, True]
    assert autodiff.tensor(arrow.table({"a": [1.0, 2.0], "b": [3.0, 4.0]})).tolist() == [[1, 3], [2, 4]]
    with pytest.raises(DtypeError, match="StringArray"):
        autodiff.tensor(arrow.array(["a"]))
    assert arrow.array(autodiff.arange(3).numpy()).to_pylist() == [0, 1, 2]


@pytest.mark.parametrize(("mode", "shape"), [("L", (2, 3)), ("RGB", (2, 3, 3)), ("RGBA", (2, 3, 4)), ("1", (2, 3))])
def test_pictures_of_pillow_both_ways(mode: str, shape: tuple[int, ...]) -> None:
    """Height, width and channels, as bytes; a picture that is made of a tensor has the same pixels."""
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    picture = Image.effect_noise((3, 2), 50).convert(mode)
    x = autodiff.as_tensor(picture)
    assert (x.shape, x.dtype) == (shape, np.bool_ if mode == "1" else np.uint8)
    assert Image.fromarray(x.numpy()).tobytes() == picture.tobytes()


def test_lists_of_columns_keep_their_dtype() -> None:
    """As one column does, and unlike Python's numbers."""
    pandas = pytest.importorskip("pandas")
    assert autodiff.tensor([pandas.Series([1.0]), pandas.Series([2.0])]).dtype == autodiff.float64
    assert autodiff.tensor([[1.0], [2.0]]).dtype == autodiff.float32
