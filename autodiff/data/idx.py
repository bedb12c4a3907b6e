"""The IDX files of MNIST, gzipped or plain: reader, writer, and the four files as one value.

Reference: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autodiff.errors import FileFormatError

EMBEDDED = Path(__file__).parent / "embedded"
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # the format is big-endian
REPAIR = "fetch the file again"


class DataError(FileFormatError):
    """A data file that is missing, damaged, or not what its name promises; one line names file, fault and repair."""

    def __init__(self, path: Path, found: str, expected: str, repair: str = REPAIR) -> None:
        super().__init__(f"{path}: {found}, expected {expected}; {repair}")


class Mnist(NamedTuple):
    """Images (N, 28, 28) uint8 from 0 (paper) to 255 (ink), and labels (N,) int64 from 0 to 9, to train and to test."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def load_mnist(directory: str | os.PathLike[str] | None = None) -> Mnist:
    """Read the four files of `directory`; without one, of ``$MNIST_DIR``; without that, the 6,000 embedded images.

    Raises:
        DataError: a file is missing, damaged, or holds something else than MNIST's images and labels.

    >>> data = load_mnist(EMBEDDED)
    >>> data.train_images.shape, data.test_images.shape
    ((5000, 28, 28), (1000, 28, 28))
    >>> np.bincount(data.test_labels).tolist()
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100]

    """
    folder = Path(directory or os.environ.get("MNIST_DIR") or EMBEDDED)
    if not folder.is_dir():
        raise DataError(folder, "no such directory", "the folder of the four IDX files", "check the path")
    train_images, train_labels, test_images, test_labels = (_find(folder, name) for name in FILES)
    return Mnist(*_read_pair(train_images, train_labels), *_read_pair(test_images, test_labels))


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file, gzipped or not, as an array of the dtype and shape in its header.

    Raises:
        DataError: the file is missing, or its bytes are not one whole IDX file.

    >>> read_idx(EMBEDDED / "t10k-labels-idx1-ubyte.gz").shape
    (1000,)

    """
    path = Path(path)
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(path, f"the first bytes are {content[:4].hex(' ') or 'missing'}", "00 00 and an IDX type")
    code, rank = content[2], content[3]
    if code not in DTYPES:
        raise DataError(path, f"the type code is 0x{code:02x}", "one of " + ", ".join(f"0x{c:02x}" for c in DTYPES))
    start = 4 + 4 * rank
    if len(content) < start:
        raise DataError(path, f"the file ends after {len(content)} bytes", f"a header of {start}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=rank, offset=4))
    dtype = np.dtype(DTYPES[code])
    if (length := start + math.prod(shape) * dtype.itemsize) != len(content):  # Python integers: no overflow
        raise DataError(path, f"{len(content)} bytes (unpacked)", f"{length} for shape {shape} of {dtype.name}")
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def write_idx(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write `array` as an IDX file; a name ending in ``.gz`` is gzipped, without name or time: equal data, equal bytes.

    Raises:
        DataError: the format has no code for the dtype, or no room for the shape.

    """
    path = Path(path)
    codes = {np.dtype(code).newbyteorder("="): number for number, code in DTYPES.items()}
    native = array.dtype.newbyteorder("=")
    if native not in codes:
        names = ", ".join(dtype.name for dtype in codes)
        raise DataError(path, f"an array of {array.dtype.name}", f"one of {names}", "convert it with astype")
    if array.ndim > 255 or any(size >= 2**32 for size in array.shape):
        raise DataError(path, f"an array of shape {array.shape}", "sizes below 2**32", "write it in parts")
    header = bytes([0, 0, codes[native], array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + array.astype(DTYPES[codes[native]]).tobytes()
    path.write_bytes(_packed(content) if path.suffix == ".gz" else content)


def _content(path: Path) -> bytes:
    """The bytes of a file, unpacked if they are gzipped; its name does not matter."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "no such file", "an IDX file", "check the path") from None
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", "an IDX file", "check the path") from None
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(path, f"damaged gzip data ({error})", "a whole gzip file") from None


def _packed(content: bytes) -> bytes:
    """The bytes gzipped; GzipFile writes the same header everywhere, which gzip.compress leaves to the platform."""
    packed = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(content)
    return packed.getvalue()


def _find(folder: Path, name: str) -> Path:
    """The file of this name in `folder`, gzipped or plain, also with the dot that some mirrors put before ``idx``."""
    spellings = [name + ".gz", name, name.replace("-idx", ".idx") + ".gz", name.replace("-idx", ".idx")]
    for spelling in spellings:
        if (folder / spelling).exists():
            return folder / spelling
    raise DataError(folder / spellings[0], "no such file", "the four MNIST files", "check the directory")


def _read_pair(image_path: Path, label_path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images and the labels that belong to them, or a DataError that says why they do not."""
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or not len(images):
        raise DataError(image_path, f"shape {images.shape} of {images.dtype.name}", "shape (N, 28, 28) of uint8")
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise DataError(label_path, f"shape {labels.shape} of {labels.dtype.name}", "shape (N,) of uint8")
    if len(labels) != len(images):
        raise DataError(label_path, f"{len(labels)} labels", f"{len(images)}, one for each image of {image_path.name}")
    if labels.max() > 9:
        raise DataError(label_path, f"a label {labels.max()}", "digits from 0 to 9")
    return images, labels.astype(np.int64)
