"""MNIST's images as datasets: a part of them that comes with the library, or all, fetched once."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodiff.caches import cache_folder
from autodiff.data.dataset import TensorDataset
from autodiff.data.idx import EMBEDDED, FILES, DataError, load_mnist
from autodiff.io.files import write_whole
from autodiff.tensors.creation import from_numpy

__all__ = ["mnist"]

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
SHA256 = (  # of the unpacked files, since mirrors pack them differently
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)


def mnist(full: bool = False, folder: str | os.PathLike[str] | None = None) -> tuple[TensorDataset, TensorDataset]:
    """The handwritten digits to train on and those to test on: images (1, 28, 28) from 0 to 1, and labels.

    Args:
        full: all 70,000, instead of the 6,000 that come with the library. They are read from ``$MNIST_DIR`` if that is
            set; otherwise they are fetched into the cache folder, once (11 MB), and compared with their checksums.
        folder: the four files of a folder instead.

    Raises:
        DataError: a file is damaged, or not what its name or checksum promises.
        OSError: the files cannot be fetched.

    Reference: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), "Gradient-based learning applied to document
    recognition".

    >>> train, test = mnist()
    >>> len(train), len(test)
    (5000, 1000)
    >>> image, label = train[0]
    >>> image.shape, label
    (autodiff.Size([1, 28, 28]), tensor(4))
    """
    if folder is None:
        folder = os.environ.get("MNIST_DIR") or download() if full else EMBEDDED
    data = load_mnist(folder)
    return _dataset(data.train_images, data.train_labels), _dataset(data.test_images, data.test_labels)


def _dataset(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> TensorDataset:
    return TensorDataset(from_numpy(images[:, None].astype(np.float32) / 255), from_numpy(labels))


def download(directory: Path | None = None, mirror: str = MIRROR) -> Path:
    """Fetch what `directory`, by default a folder in the cache, does not have yet, and return it.

    Raises:
        DataError: what came is not the file that its checksum names; nothing of it is kept.
        OSError: the mirror cannot be reached.

    """
    import urllib.request

    directory = directory or cache_folder() / "mnist"
    directory.mkdir(parents=True, exist_ok=True)
    for name, checksum in zip(FILES, SHA256, strict=True):
        target = directory / f"{name}.gz"
        if not target.exists():
            try:
                with urllib.request.urlopen(mirror + target.name, timeout=60) as response:
                    packed = response.read()
            except OSError as error:
                raise OSError(
                    f"{mirror}{target.name} cannot be fetched ({error}); put the four files of MNIST into {directory}"
                ) from error
            if _unpacked_sha256(packed) != checksum:
                raise DataError(target, "a file of another checksum", f"SHA-256 {checksum} unpacked", "try again later")
            write_whole(target, packed)  # a cache holds whole files only
    return directory


def _unpacked_sha256(packed: bytes) -> str:
    try:
        return hashlib.sha256(gzip.decompress(packed)).hexdigest()
    except (EOFError, OSError, zlib.error):
        return "not gzip"
