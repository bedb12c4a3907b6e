"""Files of weights that other libraries read too: ``.safetensors``.

Such a file holds arrays by their names, and nothing else: no nesting, no plain values, nothing that runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodiff.errors import DtypeError, FileFormatError
from autodiff.kinds import described

SUFFIX, RESERVED = ".safetensors", "__metadata__"  # where the format has what is no array
KINDS: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "C64": np.complex64, "BOOL": np.bool_,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
}  # fmt: skip
STANDARD = {np.dtype(kind) for kind in KINDS.values()}


def is_weights(path: object) -> bool:
    """Whether a path has the suffix of such a file."""
    return isinstance(path, (str, os.PathLike)) and os.fsdecode(path).lower().endswith(SUFFIX)


def written(arrays: Iterable[tuple[object, object]]) -> bytes:
    """The file of named arrays, each of numbers of a kind that the format has.

    Raises:
        DtypeError: a name is not text, or something is not such an array; the message names it.

    """
    library = _library()
    content: dict[str, NDArray[Any]] = {}
    for name, array in arrays:
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            raise DtypeError(
                f"save: at {name!r} is {described(array)}; a {SUFFIX} file holds a dict of tensors with names, such as "
                f"model.state_dict(); a file with another suffix holds more"
            )
        if name == RESERVED or name.encode(errors="replace").decode() != name:  # half a letter
            raise DtypeError(f"save: a {SUFFIX} file cannot hold an array of the name {name!r}; give it another name")
        if array.dtype.newbyteorder("=") not in STANDARD:
            raise DtypeError(f"save: {name!r} is an array of {array.dtype}, which a {SUFFIX} file cannot hold")
        content[name] = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    data: bytes = library.numpy.save(content, metadata={"format": "pt"})  # which some of its readers insist on
    return data


def read(content: bytes, name: object) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names; bfloat16 becomes float32, which holds each of its numbers.

    Raises:
        FileFormatError: the file is damaged, or has numbers of a kind that NumPy does not.

    """
    library = _library()
    try:
        entries = library.deserialize(content)
        _refuse_names_twice(content)
    except (library.SafetensorError, _TwiceError) as error:
        raise FileFormatError(f"{name}: not a whole {SUFFIX} file ({error}); fetch it again") from None
    try:
        return {key: _array(entry, f"{name}: {key!r}") for key, entry in sorted(entries, key=itemgetter(0))}
    except ValueError as error:  # sizes beyond NumPy's beside one of 0, and too many axes
        raise FileFormatError(f"{name}: {error}") from None


class _TwiceError(ValueError):
    """A name that stands twice in a header."""


def _refuse_names_twice(content: bytes) -> None:
    """Raise where a name stands twice in the header, of which each reader would take another array."""
    end = 8 + int.from_bytes(content[:8], "little")
    json.loads(content[8:end], object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise _TwiceError(f"{twice!r} stands twice in its header")
    return found


def _array(entry: Any, where: str) -> NDArray[Any]:
    kind, shape = entry["dtype"], entry["shape"]
    if kind == "BF16":
        halves = np.frombuffer(entry["data"], "<u2").astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(shape)
    if kind not in KINDS:
        raise FileFormatError(f"{where} has numbers of the kind {kind}, which NumPy lacks; convert them to F32 first")
    dtype = np.dtype(KINDS[kind])
    return np.require(np.frombuffer(entry["data"], dtype.newbyteorder("<")), dtype, "W").reshape(shape)


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise FileFormatError(f"a {SUFFIX} file needs the package safetensors: pip install safetensors") from None
    return safetensors
