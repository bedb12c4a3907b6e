"""`save` and `load`: nested containers of tensors, arrays and plain values in a file that is a zip of ``.npy`` members.

The file is an ``.npz`` to every other reader: ``numpy.load(path)["model.0.weight"]`` works. One more member,
``skeleton.json``, holds the containers, the plain values, and where each array goes. Nothing is ever unpickled, so a
file from a stranger can hold numbers and nothing that runs.
"""

from __future__ import annotations

import json
import math
import os
import re
import zipfile
from io import BytesIO, TextIOBase
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from autodiff.errors import AutodiffError, DeviceError, DtypeError, FileFormatError
from autodiff.io import pickled, weights
from autodiff.io.arrays import MAX_HEADER, read_array
from autodiff.io.files import replacing, write_whole
from autodiff.io.foreign import kind_of
from autodiff.io.stored import Content, members_of
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

__all__ = ["load", "save"]

FORMAT, VERSION = "autodiff", 1
SKELETON = "skeleton.json"
LETTERS = r"\w.+=@-"  # of the names of members: what every zip tool takes, and no folder
MEMBER = re.compile(f"[{LETTERS}]{{1,200}}(~\\d{{1,20}})?\\.npy", re.ASCII)
HEAD = re.compile(r'\s*\{\s*"format"\s*:\s*"autodiff"\s*,\s*"version"\s*:\s*(\d{1,20})')
ROOT = re.compile(r'\s*,\s*"root"\s*:\s*')
MAX_DEPTH = 64  # far beyond any state dict; also where a container that holds itself is found out
Source = str | os.PathLike[str] | IO[bytes]


def save(
    obj: object, f: Source, pickle_module: Any = None, pickle_protocol: int | None = None,
    _use_new_zipfile_serialization: bool = True, *, pickle: bool = False,
) -> None:
    """Write dicts, lists and tuples of tensors, arrays, str, int, float, bool and None to a path or binary file.

    Dict keys are str or int and keep their type; every dict loads as a plain dict. Arrays keep dtype, shape and memory
    order; tensors also keep `requires_grad`. A path is written whole or not at all: what was there before stays until
    the new file is complete on the disk. A path that ends in ``.safetensors`` gets a file of that format: a dict of
    tensors, such as a state dict, without `requires_grad`.

    With ``pickle=True`` the file is a pickle (by `pickle_module` and in `pickle_protocol`, where given) of any object,
    such as a whole module; `load` opens it with ``weights_only=False``. `_use_new_zipfile_serialization` says nothing.

    Raises:
        DtypeError: `obj` holds something else; the message names where.
        OSError: the file cannot be written.

    >>> file = BytesIO()
    >>> save({"weight": from_numpy(np.ones(2)), "epoch": 3}, file)
    >>> load(file)["epoch"]
    3
    >>> np.load(file)["weight"]
    array([1., 1.])

    """
    if pickle:
        content = pickled.write(obj, pickle_module, pickle_protocol)
        if isinstance(f, (str, os.PathLike)):
            write_whole(f, content)
        else:
            _binary(f, "save").write(content)
        return
    if not isinstance(f, (str, os.PathLike)):
        file = _binary(f, "save")
        if getattr(file, "seekable", lambda: True)():
            _write(obj, file)
        else:  # a zip is written with a look back
            _write(obj, buffer := BytesIO())
            file.write(buffer.getbuffer())
        return
    if weights.is_weights(f):
        named = obj.items() if isinstance(obj, dict) else [(None, obj)]
        content = weights.written((name, _to_array(x) if isinstance(x, Tensor) else x) for name, x in named)
        write_whole(f, content)
        return
    with replacing(f) as file:
        _write(obj, file)


def load(
    f: Source, map_location: object = None, pickle_module: Any = None, *, weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Read what `save` wrote. `map_location` may only mean the CPU; `mmap` says nothing.

    With ``weights_only=False`` a pickle is opened too (by `pickle_module`, where given), which runs whatever the file
    says; there is a warning.

    Only what `save` writes is read, so that a file of n bytes never takes more than a small multiple of n of memory. A
    path that ends in ``.safetensors`` is read whoever wrote it, PyTorch for instance, and gives a dict of tensors.

    Raises:
        FileFormatError: the file is damaged or was not written by `save`; the message says what it is.
        OSError: the file cannot be read.
        MemoryError: there is not enough memory for the arrays of the file.

    """
    if not (map_location is None or callable(map_location) or str(map_location).startswith("cpu")):
        raise DeviceError(f"load: map_location={map_location!r} is not here, expected 'cpu' or None")
    if not isinstance(f, (str, os.PathLike)):
        file = _binary(f, "load")
        return pickled.read(file, pickle_module) if weights_only is False and pickled.is_pickle(file) else _read(file)
    with open(f, "rb") as file:
        if weights_only is False and pickled.is_pickle(file):
            return pickled.read(file, pickle_module)
        if weights.is_weights(f):
            return {name: _to_tensor(array, False) for name, array in weights.read(file.read(), f).items()}
        return _read(file)


def _binary(f: Any, caller: str) -> IO[bytes]:
    if isinstance(f, TextIOBase) or not hasattr(f, "seek"):
        raise DtypeError(f"{caller}: f is a {type(f).__name__}, expected a path or a file opened in binary mode")
    if caller == "save" and "a" in str(getattr(f, "mode", "")):  # where no look back is
        raise DtypeError("save: f is open for appending, and a zip cannot be appended to; open it with 'wb'")
    return f


def _to_array(tensor: Tensor) -> NDArray[Any]:
    """The one place that knows how a tensor gives its numbers."""
    return tensor.detach().numpy()


def _to_tensor(array: NDArray[Any], requires_grad: bool) -> Tensor:
    """The one place that knows how a tensor is made; the array is its own, not copied."""
    return from_numpy(array).requires_grad_(requires_grad)


# Writing ----------------------------------------------------------------------------------------------------------


def _write(obj: object, file: IO[bytes]) -> None:
    members: dict[str, NDArray[Any]] = {}
    root = _dismantle(obj, (), members)
    try:
        skeleton = json.dumps({"format": FORMAT, "version": VERSION, "root": root}, allow_nan=False, indent=1)
    except ValueError as error:  # an int beyond Python's limit of digits
        raise DtypeError(f"save: {error}") from None
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in members.items():
            with archive.open(_entry(name), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
        archive.writestr(_entry(SKELETON), skeleton)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # dated 1980, whatever the clock says: equal objects make equal files
    entry.external_attr = 0o644 << 16
    return entry


def _dismantle(value: Any, where: tuple[object, ...], members: dict[str, NDArray[Any]]) -> Any:
    """The skeleton of `value`: plain values and lists as in JSON, all else as {kind: ...}; arrays go to `members`."""
    if len(where) > MAX_DEPTH:
        raise DtypeError(f"save: nested more than {MAX_DEPTH} deep, or holds itself, at {_spell(where[:4])}...")
    match value:
        case Tensor():
            member = _place(_to_array(value), where, members)
            return {"tensor": member, "requires_grad": True} if value.requires_grad else {"tensor": member}
        case np.ndarray():
            return {"array": _place(value, where, members)}
        case np.generic():  # before float and str, which some of them also are
            return {"scalar": _place(np.asarray(value), where, members)}
        case float() if not math.isfinite(value):
            return {"float": repr(float(value))}  # JSON has no word for it
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_dismantle(item, (*where, index), members) for index, item in enumerate(value)]
        case tuple():
            return {"tuple": [_dismantle(item, (*where, index), members) for index, item in enumerate(value)]}
        case dict():
            if wrong := [key for key in value if isinstance(key, bool) or not isinstance(key, (str, int))]:
                raise DtypeError(f"save: the dict at {_spell(where)} has the key {wrong[0]!r}, expected str or int")
            return {"dict": [[key, _dismantle(item, (*where, key), members)] for key, item in value.items()]}
    kind = f"save: {_spell(where)} is a {type(value).__name__}"
    if hasattr(value, "state_dict"):
        raise DtypeError(f"{kind}{pickled.REPAIR}")
    raise DtypeError(
        f"{kind}, expected tensors, arrays and plain values in dicts, lists and tuples; or save(..., pickle=True) and "
        "load(..., weights_only=False), which runs whatever the file says"
    )


def _place(array: NDArray[Any], where: tuple[object, ...], members: dict[str, NDArray[Any]]) -> str:
    """Enter `array` under a member name of its own, which is its path in words that every zip tool takes."""
    if array.dtype.hasobject or isinstance(array, np.ma.MaskedArray):
        raise DtypeError(f"save: {_spell(where)} is a {type(array).__name__} of {array.dtype}, expected plain numbers")
    if array.dtype.names is not None and len(repr(array.dtype.descr)) > MAX_HEADER - 200:  # which load refuses
        raise DtypeError(f"save: {_spell(where)} is an array of {len(array.dtype.names)} fields, which are too many")
    stem = re.sub(f"[^{LETTERS}]", "_", ".".join(map(str, where)), flags=re.ASCII)[:200] or "array"
    name, count = f"{stem}.npy", 1
    while name in members or name == f"{SKELETON}.npy":  # "a.b" beside {"a": {"b": ...}}
        count += 1
        name = f"{stem}~{count}.npy"
    members[name] = np.asarray(array)
    return name


def _spell(where: tuple[object, ...]) -> str:
    return "obj" + "".join(f"[{key!r}]" for key in where)


# Reading ----------------------------------------------------------------------------------------------------------


def _read(file: IO[bytes]) -> Any:
    """What the file holds; memory for it is made as the file's own bytes are read, a few times as many at most."""
    try:
        return _Reader(file).read()
    except FileFormatError as error:
        kind, name = kind_of(file), getattr(file, "name", "the file")
        if kind is not None:
            raise FileFormatError(f"{name}: not a file of autodiff.save but {kind}") from None
        fault = " ".join(str(error).split())
        raise FileFormatError(f"{name}: not a whole file of autodiff.save ({fault}); save or fetch it again") from None


class _Reader:
    """The inverse of `_dismantle`, as strict as it: what `save` does not write is refused."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._members = file, members_of(file)

    def read(self) -> Any:
        """The object, made while the skeleton is parsed, so that there is no second tree beside it."""
        text = self._skeleton()
        decoder = json.JSONDecoder(object_pairs_hook=self._node, parse_float=_number, parse_constant=_number)
        try:
            obj, end = decoder.raw_decode(text, self._root(text))
        except FileFormatError:
            raise
        except (ValueError, RecursionError) as error:  # RecursionError: so many brackets, before the depth is known
            raise FileFormatError(f"the skeleton cannot be parsed: {error}") from None
        if not re.fullmatch(r"\s*\}\s*", text[end : end + 100]) or len(text) > end + 100:
            raise FileFormatError("the skeleton goes on after its root")
        if self._members:
            raise FileFormatError(f"the skeleton does not name {next(iter(self._members))}")
        _check_depth(obj)
        return obj

    def _skeleton(self) -> str:
        if SKELETON not in self._members:
            raise FileFormatError(f"there is no member {SKELETON}")
        content = Content(self._file, self._members.pop(SKELETON))
        text = content.take(content.left)
        content.finish()
        if not text.isascii():
            raise FileFormatError("the skeleton has characters that save spells out")
        return text.decode()

    @staticmethod
    def _root(text: str) -> int:
        """Where the root begins, if this is the version that is read here."""
        if not (found := HEAD.match(text)):
            raise FileFormatError("the skeleton does not begin with its format and version")
        if found[1] != str(VERSION):
            raise FileFormatError(f"the skeleton is version {found[1]}, and this library reads version {VERSION}")
        if not (root := ROOT.match(text, found.end())):
            raise FileFormatError("the skeleton has no root")
        return root.end()

    def _node(self, pairs: list[tuple[str, Any]]) -> Any:
        """What an object of the skeleton stands for; what is inside it is made already."""
        match pairs:
            case [("tensor", str(name))]:
                return self._tensor(name, False)
            case [("tensor", str(name)), ("requires_grad", True)]:
                return self._tensor(name, True)
            case [("array", str(name))]:
                return self._array(name)
            case [("scalar", str(name))] if (array := self._array(name)).shape == ():
                return array[()]
            case [("float", "inf" | "-inf" | "nan" as text)]:
                return float(text)
            case [("tuple", list(items))]:
                return tuple(items)
            case [("dict", list(items))]:
                return self._dict(items)
        raise FileFormatError(f"the skeleton has an entry of {[key[:20] for key, _ in pairs[:3]]}")

    @staticmethod
    def _dict(items: list[Any]) -> dict[str | int, Any]:
        for item in items:
            if type(item) is not list or len(item) != 2 or type(item[0]) not in (str, int):
                raise FileFormatError("the skeleton has a dict whose items are no pairs of a key and a value")
        made = dict(items)
        if len(made) != len(items):
            raise FileFormatError("the skeleton has a dict with a key that comes twice")
        return made

    def _array(self, name: str) -> NDArray[Any]:
        if not MEMBER.fullmatch(name):
            raise FileFormatError(f"the skeleton names {name[:99]!r}, and save gives no such name")
        if name not in self._members:
            raise FileFormatError(f"the skeleton names {name[:99]!r} twice, or there is no such member")
        return read_array(self._file, self._members.pop(name))

    def _tensor(self, name: str, requires_grad: bool) -> Tensor:
        array = self._array(name)
        try:
            return _to_tensor(array, requires_grad)
        except AutodiffError as error:  # a dtype that tensors do not have, or that has no gradients
            raise FileFormatError(f"{name} cannot be this tensor: {error}") from None


def _number(text: str) -> float:
    """A float that is spelled as `save` spells it: not 1e999, which is infinite, and not NaN."""
    value = float(text)
    if repr(value) == text and math.isfinite(value):
        return value
    raise FileFormatError(f"the skeleton has the number {text[:30]}")


def _check_depth(obj: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise FileFormatError(f"the skeleton is nested more than {MAX_DEPTH} deep")
    if isinstance(obj, (list, tuple, dict)):
        for item in obj.values() if isinstance(obj, dict) else obj:
            _check_depth(item, depth + 1)
