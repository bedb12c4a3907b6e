"""Fetch the four full MNIST files into a cache folder, when a person asks for it: ``python -m examples.download``."""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.request
import zlib
from pathlib import Path

from examples.idx import FILES, DataError

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tapegrad" / "mnist"
SHA256 = (  # of the unpacked files, since mirrors pack them differently
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)


def download(directory: Path = CACHE, mirror: str = MIRROR) -> Path:
    """Fetch what `directory` does not have yet, and return `directory`.

    Raises:
        DataError: what came is not the file that its checksum names; nothing of it is kept.
        OSError: the mirror cannot be reached.

    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, checksum in zip(FILES, SHA256, strict=True):
        target = directory / f"{name}.gz"
        if not target.exists():
            with urllib.request.urlopen(mirror + target.name, timeout=60) as response:
                packed = response.read()
            if _unpacked_sha256(packed) != checksum:
                raise DataError(target, "a file of another checksum", f"SHA-256 {checksum} unpacked", "try again later")
            partial = target.with_suffix(".part")
            partial.write_bytes(packed)
            partial.replace(target)  # a cache holds whole files only
    return directory


def _unpacked_sha256(packed: bytes) -> str:
    try:
        return hashlib.sha256(gzip.decompress(packed)).hexdigest()
    except (EOFError, OSError, zlib.error):
        return "not gzip"


if __name__ == "__main__":
    print(download())
