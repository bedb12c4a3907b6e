"""`save` and `load`: what goes in comes out, a file is whole or not there, and damage has a name."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import tempfile
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autodiff.errors import DeviceError, DtypeError, FileFormatError
from autodiff.io import load, save
from autodiff.io.archive import MAX_DEPTH
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

numbers = st.sampled_from(["f2", "f4", "f8", "i8", "u1", "?", ">f8"])
sizes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)
any_arrays = numbers.flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), sizes))
layouts = st.sampled_from([np.asarray, np.asfortranarray, lambda a: a[..., ::-1] if a.ndim else a])
arrays = st.builds(lambda layout, array: layout(array), layouts, any_arrays)
tensors = arrays.filter(lambda a: a.dtype.isnative).map(from_numpy)
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
keys = st.text(st.characters(), max_size=5) | st.integers(-3, 3)
objects = st.recursive(
    plain | arrays | tensors,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=10,
)


def assert_same(a: Any, b: Any) -> None:
    """`a`, which was loaded, is `b`, which was saved."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert [(type(key), key) for key in a] == [(type(key), key) for key in b]
        assert_same(list(a.values()), list(b.values()))
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, Tensor):
        assert a.requires_grad == b.requires_grad
        assert_same(a.detach().numpy(), b.detach().numpy())
    elif isinstance(a, (np.ndarray, np.generic)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()
        if b.flags.forc:  # the others come back in C order
            assert a.flags.f_contiguous == b.flags.f_contiguous
    else:
        assert repr(a) == repr(b)  # repr tells nan, -0.0 and True from their like


def saved(obj: object) -> bytes:
    file = io.BytesIO()
    save(obj, file)
    return file.getvalue()


@given(objects)
def test_round_trip(obj: object) -> None:
    """Structure, key types, plain values, dtype, shape, memory order and bits come back."""
    assert_same(load(io.BytesIO(saved(obj))), obj)


@given(objects)
def test_equal_objects_make_equal_files(obj: object) -> None:
    """A file depends on the object alone, not on the clock or on chance."""
    with zipfile.ZipFile(io.BytesIO(saved(obj))) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert saved(obj) == saved(obj)


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.5, np.nan, 65504], np.float16),
        np.array(True),
        np.array(7, np.int64),
        np.zeros((0, 3), np.float32),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0)[::-2],
        np.broadcast_to(np.float32(2), (2, 3)),
    ],
    ids=["float16", "bool 0-d", "int64 0-d", "size 0", "Fortran", "strided", "broadcast"],
)
def test_arrays_and_tensors_survive(array: np.ndarray[Any, Any]) -> None:
    """An array loads as an array and a tensor as a tensor, with every dtype and layout."""
    assert_same(load(io.BytesIO(saved([array, from_numpy(array)]))), [array, from_numpy(array)])


def test_requires_grad_survives_and_values_are_detached() -> None:
    """A parameter loads as a leaf that still wants a gradient, and so does what was computed from one."""
    parameter = from_numpy(np.ones(2)).requires_grad_()
    for loaded in load(io.BytesIO(saved([parameter, parameter * 2]))):
        assert loaded.requires_grad
        assert loaded.is_leaf


def test_what_is_loaded_is_ones_own() -> None:
    """Loaded arrays can be written to and share no memory."""
    first, second = load(io.BytesIO(saved([np.ones(2), np.ones(2)])))
    first[:] = 5
    assert second.tolist() == [1, 1]


def test_an_ordered_dict_loads_as_a_dict_in_order() -> None:
    """Every mapping comes back as a plain dict, with its keys in their order."""
    assert_same(load(io.BytesIO(saved(OrderedDict(b=1, a=2)))), {"b": 1, "a": 2})


def test_numpy_reads_the_arrays(tmp_path: Path) -> None:
    """The file is an .npz whose names are the paths of the arrays."""
    weight, moment = np.arange(4.0), np.ones(3, np.float32)
    save({"model": {"0.weight": from_numpy(weight)}, "optimizer": {"state": {0: [moment]}}}, tmp_path / "weights")
    with np.load(tmp_path / "weights") as file:
        np.testing.assert_array_equal(file["model.0.weight"], weight)
        np.testing.assert_array_equal(file["optimizer.state.0.0"], moment)


def test_members_stay_inside_and_apart() -> None:
    """Keys that would meet in one name, or leave the folder they are unpacked to, get harmless names of their own."""
    obj = {"a.b": np.zeros(1), "a": {"b": np.ones(1)}, "../../etc/x": np.ones(2), "skeleton": {"json": np.ones(3)}}
    content = saved(obj)
    assert_same(load(io.BytesIO(content)), obj)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
    assert len(set(names)) == len(obj) + 1
    assert not any("/" in name for name in names)
    with np.load(io.BytesIO(content)) as file:
        assert json.loads(file["skeleton.json"])["format"] == "autodiff"


class Reckless:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.abort, ()


loop: list[Any] = []
loop.append(loop)


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        ({"a": [{1, 2}]}, r"obj\['a'\]\[0\] is a set"),
        (Reckless(), r"obj is a Reckless.*pickle=True"),
        ({"a": np.array([Reckless()])}, r"obj\['a'\] is a ndarray of object"),
        ([np.ma.masked_array([1], [True])], r"obj\[0\] is a MaskedArray"),
        ({"a": {1.5: 0}}, r"the dict at obj\['a'\] has the key 1.5, expected str or int"),
        ({True: 0}, r"has the key True"),
        (loop, rf"more than {MAX_DEPTH} deep, or holds itself, at obj\[0\]"),
        ([10**5000], r"digits"),
    ],
)
def test_what_cannot_be_saved_is_named(obj: object, said: str, tmp_path: Path) -> None:
    """Nothing is pickled: the error says where in the object the fault is, and no file is made."""
    with pytest.raises(DtypeError, match=said) as caught:
        save(obj, tmp_path / "file")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk half-way through: what was there before is there still."""
    path = tmp_path / "weights"
    save([np.ones(3)], path)

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    for broken in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, fail)
            with pytest.raises(OSError, match="no space left"):
                save([np.zeros(3)], path)
        assert [entry.name for entry in tmp_path.iterdir()] == ["weights"]
        assert load(path)[0].tolist() == [1, 1, 1]


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """It appears in one step, through a link, with the old file's permissions."""
    path, link = tmp_path / "weights", tmp_path / "link"
    save(1, path)
    path.chmod(0o640)
    link.symlink_to(path)
    save(2, os.fspath(link))
    assert load(path) == 2
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert len(list(tmp_path.iterdir())) == 2


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    """Those that any other new file has, and not those of a temporary one."""
    (tmp_path / "plain").touch()
    save(1, tmp_path / "weights")
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_cannot_be_opened_is_an_os_error(tmp_path: Path) -> None:
    """Paths fail as they do in Python, and name the path that was asked for."""
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none"))):
        save(1, tmp_path / "none" / "file")
    with pytest.raises(FileNotFoundError, match="none"):
        load(tmp_path / "none")
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        save(1, tmp_path)


def test_a_device_is_written_to_not_replaced() -> None:
    """What is no regular file stays what it is."""
    save(np.ones(3), os.devnull)
    assert not os.path.isfile(os.devnull)


def test_files_must_be_binary(tmp_path: Path) -> None:
    """A text file, or what is no file at all, is refused; an open binary file is written and read where it stands."""
    with pytest.raises(DtypeError, match="expected a path or a file opened in binary mode"):
        save(1, io.StringIO())  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match="expected a path"):
        load(3)  # type: ignore[arg-type]
    with (tmp_path / "file").open("w+b") as file:
        save({"a": 1}, file)
        assert load(file) == {"a": 1}


def test_only_the_cpu_is_here(tmp_path: Path) -> None:
    """PyTorch's ways to say "to the CPU" are taken, any other device is not."""
    content = saved(1)
    for place in (None, "cpu", lambda storage, location: storage):
        assert load(io.BytesIO(content), map_location=place, weights_only=False) == 1
    with pytest.raises(DeviceError, match="cuda:0"):
        load(io.BytesIO(content), map_location="cuda:0")


def test_sizes_of_64_bits_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beyond 2 GB, and of more than 65,535 members, have other headers; here they begin much earlier."""
    obj = [np.arange(100.0), np.ones(3), {"a": np.zeros(200)}]
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 700)
    assert_same(load(io.BytesIO(saved(obj))), obj)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    assert_same(load(io.BytesIO(saved(obj))), obj)


def test_where_there_is_no_way_back_a_file_is_written_at_once() -> None:
    """A pipe gets the bytes that a file gets."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    save(OBJECT, pipe := Pipe())
    assert pipe.getvalue() == WHOLE


def test_what_stands_before_is_left_alone() -> None:
    """An open file is written where it stands, and read from there on."""
    file = io.BytesIO(b"a line of somebody else\n")
    file.seek(0, 2)
    save(OBJECT, file)
    assert file.getvalue().startswith(b"a line of somebody else\n")
    assert_same(load(file), OBJECT)


STRUCTURED = [
    np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]),
    np.array([(1, [1, 2])], np.dtype([("n\N{SNOWMAN}", "u1"), ("m", "<i8", (2,))], align=True)),
    np.array(["2026-01-01"], "M8[D]"),
    np.array(["some", "words"]),
    np.array([b"bytes"]),
    np.zeros(3, "V5"),
]


@pytest.mark.parametrize("array", STRUCTURED, ids=lambda array: str(array.dtype)[:20])
def test_arrays_of_other_things_than_numbers_survive(array: Any) -> None:
    """Fields, dates and text; fields so many that no reader would take their header are refused when they are saved."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # NumPy warns that its older versions cannot read such names
        result = load(io.BytesIO(saved([array])))[0]
    assert (result.dtype, str(result)) == (array.dtype, str(array))


def test_too_many_fields_are_refused_when_they_are_saved() -> None:
    """`save` writes nothing that `load` refuses."""
    with pytest.raises(DtypeError, match="1000 fields"):
        saved(np.zeros(1, [(f"field {i}", "f8") for i in range(1000)]))


def foreign(kind: str) -> bytes:
    file = io.BytesIO()
    match kind:
        case "empty":
            return b""
        case "text":
            return b"weights\n" * 100
        case "npy":
            np.save(file, np.ones(3))
        case "npz":
            np.savez(file, a=np.ones(3))
        case "future":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("skeleton.json", '{"format": "autodiff", "version": 99, "root": 1}')
        case "pickle inside":
            with zipfile.ZipFile(file, "w") as archive:
                with archive.open("a.npy", "w") as member:
                    np.save(member, np.array([Reckless()]), allow_pickle=True)
                archive.writestr("skeleton.json", '{"format": "autodiff", "version": 1, "root": {"array": "a.npy"}}')
    return file.getvalue()


@pytest.mark.parametrize("kind", ["empty", "text", "npy", "npz", "future", "pickle inside"])
def test_a_foreign_file_is_named(kind: str, tmp_path: Path) -> None:
    """One line says which file, what is wrong, and what to do; nothing in it is run."""
    path = tmp_path / "weights"
    path.write_bytes(foreign(kind))
    with pytest.raises(FileFormatError, match=re.escape(str(path))) as caught:
        load(path)
    assert "\n" not in str(caught.value)


OBJECT = {
    "model": {"weight": from_numpy(np.arange(20.0)), "bias": np.zeros((0, 2))},
    "state": {0: (1, 2.5, None, "text")},
}
WHOLE = saved(OBJECT)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_file_is_refused(length: int) -> None:
    """No length but the whole one loads."""
    with pytest.raises(FileFormatError) as caught:
        load(io.BytesIO(WHOLE[:length]))
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_changes_a_value(place: int, change: int) -> None:
    """One damaged byte is found, or was in a place that carries no value (a date, a permission)."""
    damaged = bytearray(WHOLE)
    damaged[place] ^= change
    with tempfile.TemporaryFile() as file:
        file.write(damaged)
        try:
            loaded = load(file)
        except FileFormatError:
            return
    assert_same(loaded, OBJECT)
