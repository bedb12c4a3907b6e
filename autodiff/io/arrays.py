"""Arrays of ``.npy`` members, read into memory that is no larger than the member."""

from __future__ import annotations

import ast
import math
import sys
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from autodiff.errors import FileFormatError
from autodiff.io.stored import Content, Member

MAX_HEADER = 10_000  # NumPy's limit too: Python's parser takes a hundred times the memory of what it parses


def read_array(file: IO[bytes], member: Member) -> NDArray[Any]:
    """The array of a member, which is all of it.

    Raises:
        FileFormatError: the member is damaged, or larger or smaller than its header says.
        MemoryError: there is no room for so many bytes as the file has.

    """
    content = Content(file, member)
    dtype, shape, fortran = _header(content)
    if math.prod(shape) * dtype.itemsize != content.left:
        raise FileFormatError(f"{member.name} has {content.left} bytes for an array of {dtype} and shape {shape}")
    make: Any = np.empty if dtype.itemsize else np.ndarray  # empty gives words of no length one letter
    try:
        array: NDArray[Any] = make(shape, dtype, order="F" if fortran else "C")
    except (ValueError, OverflowError) as error:  # sizes beyond NumPy's beside one of 0, and too many axes
        raise FileFormatError(f"{member.name}: {error}") from None
    if array.nbytes:
        content.fill((array.T if fortran else array).reshape(-1).view(np.uint8).data)
    content.finish()
    if not _is_text(array):
        raise FileFormatError(f"{member.name} has words of letters that do not exist")
    return array


def _is_text(array: NDArray[Any]) -> bool:
    """Whether the letters of all words, also in fields, are of Unicode; NumPy asks when it makes words of them."""
    if array.dtype.names is not None:
        return all(_is_text(array[name]) for name in array.dtype.names)
    if array.dtype.kind != "U" or not array.nbytes:
        return True
    letters = np.ravel(array, "K").view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    return bool(letters.max() <= sys.maxunicode)


def _header(content: Content) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """The dtype, the shape, and whether the entries lie in Fortran's order."""
    magic = content.take(8)
    if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3) or magic[7]:
        raise FileFormatError(f"{content.name} is no .npy array")
    length = int.from_bytes(content.take(2 if magic[6] == 1 else 4), "little")
    if length > MAX_HEADER:
        raise FileFormatError(f"{content.name} has a header of {length} bytes")
    text = content.take(length)
    try:
        fields = ast.literal_eval(text.decode("utf-8" if magic[6] == 3 else "latin-1"))
        dtype = npy.descr_to_dtype(fields["descr"])
        as_written = npy.dtype_to_descr(dtype) == fields["descr"]
    except Exception:  # Python's parser, the MemoryError of its stack too, and NumPy's dtypes fail in a dozen ways
        raise FileFormatError(f"{content.name} has a damaged header") from None
    shape, fortran = fields.get("shape"), fields.get("fortran_order")
    sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
    if not (as_written and sizes and isinstance(fortran, bool) and len(fields) == 3) or dtype.hasobject:
        raise FileFormatError(f"{content.name} has a header that save does not write")
    return dtype, shape, fortran
