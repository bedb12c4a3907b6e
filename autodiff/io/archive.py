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

from autodiff.errors import DeviceError, DtypeError, FileFormatError
from autodiff.io.files import replacing
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

__all__ = ["load", "save"]

FORMAT, VERSION = "autodiff", 1
SKELETON = "skeleton.json"
MAX_DEPTH = 64  # far beyond any state dict; also where a container that holds itself is found out
Source = str | os.PathLike[str] | IO[bytes]


def save(obj: object, f: Source) -> None:
    """Write dicts, lists and tuples of tensors, arrays, str, int, float, bool and None to a path or binary file.

    Dict keys are str or int and keep their type; every dict loads as a plain dict. Arrays keep dtype, shape and memory
    order; tensors also keep `requires_grad`. A path is written whole or not at all: what was there before stays until
    the new file is complete on the disk.

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
    if not isinstance(f, (str, os.PathLike)):
        _write(obj, _binary(f, "save"))
        return
    if os.fspath(f).endswith(".safetensors"):
        raise FileFormatError(f"{os.fspath(f)}: save writes a zip of .npy members; give it another suffix")
    with replacing(f) as file:
        _write(obj, file)


def load(f: Source, map_location: object = None, *, weights_only: bool = True) -> Any:
    """Read what `save` wrote. `map_location` may only mean the CPU; `weights_only` has nothing to forbid here.

    Raises:
        FileFormatError: the file is damaged or was not written by `save`.
        OSError: the file cannot be read.

    """
    if not (map_location is None or callable(map_location) or str(map_location).startswith("cpu")):
        raise DeviceError(f"load: map_location={map_location!r} is not here, expected 'cpu' or None")
    if not isinstance(f, (str, os.PathLike)):
        return _read(_binary(f, "load"))
    with open(f, "rb") as file:
        return _read(file)


def _binary(f: Any, caller: str) -> IO[bytes]:
    if isinstance(f, TextIOBase) or not hasattr(f, "seek"):
        raise DtypeError(f"{caller}: f is a {type(f).__name__}, expected a path or a file opened in binary mode")
    return f  # type: ignore[no-any-return]  # any object with a file's methods will do


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
    raise DtypeError(
        f"save: {_spell(where)} is a {type(value).__name__}, expected tensors, arrays and plain values in dicts, lists "
        f"and tuples; of a module or an optimizer save the state_dict()"
    )


def _place(array: NDArray[Any], where: tuple[object, ...], members: dict[str, NDArray[Any]]) -> str:
    """Enter `array` under a member name of its own, which is its path in words that every zip tool takes."""
    if array.dtype.hasobject or isinstance(array, np.ma.MaskedArray):
        raise DtypeError(f"save: {_spell(where)} is a {type(array).__name__} of {array.dtype}, expected plain numbers")
    stem = re.sub(r"[^\w.+=@-]", "_", ".".join(map(str, where)), flags=re.ASCII)[:200] or "array"
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
    name = getattr(file, "name", "the file")
    try:
        with zipfile.ZipFile(file) as archive:
            if SKELETON not in archive.namelist():
                raise FileFormatError(f"there is no member {SKELETON}; if it is an .npz, numpy.load reads it")
            skeleton = json.loads(archive.read(SKELETON))
            if (skeleton["format"], skeleton["version"]) != (FORMAT, VERSION):
                raise FileFormatError(f"the skeleton is version {skeleton['version']} of format {skeleton['format']}")
            return _assemble(skeleton["root"], archive)
    except Exception as error:  # zipfile, zlib, json and numpy meet damage with a dozen kinds of exceptions
        fault = " ".join(str(error).split()) or type(error).__name__
        raise FileFormatError(f"{name}: not a whole file of autodiff.save ({fault}); save or fetch it again") from None


def _assemble(node: Any, archive: zipfile.ZipFile) -> Any:
    """The inverse of `_dismantle`."""
    if isinstance(node, list):
        return [_assemble(item, archive) for item in node]
    match node:
        case {"tensor": member}:
            return _to_tensor(_array(archive, member), node.get("requires_grad", False))
        case {"array": member}:
            return _array(archive, member)
        case {"scalar": member}:
            return _array(archive, member)[()]
        case {"float": text}:
            return float(text)
        case {"tuple": items}:
            return tuple(_assemble(item, archive) for item in items)
        case {"dict": items}:
            return {key: _assemble(item, archive) for key, item in items}
        case dict():
            raise FileFormatError(f"the skeleton has an entry {sorted(node)}")
    return node


def _array(archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    content = BytesIO(archive.read(member))  # read whole, so that the checksum speaks before numpy trusts the header
    array: NDArray[Any] = npy.read_array(content, allow_pickle=False)
    if content.read(1):
        raise FileFormatError(f"{member} goes on after its array")
    return array
