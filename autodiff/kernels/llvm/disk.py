"""Compiled kernels on disk: whole files only, which nobody else can have written, and not too many."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from autodiff.caches import cache_folder

VARIABLE = "AUTODIFF_CACHE"  # "off" keeps nothing on disk
MOST = 1000  # files of a few kB; the quarter that was not used for longest goes when there are more
DIGEST = hashlib.sha256().digest_size


def name_of(*parts: object) -> str:
    """The name of the file for what these parts determine."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _folder() -> Path:
    """Where the files are.

    Raises:
        OSError: where nothing is kept, or where others could put code for us to run.
    """
    if os.environ.get(VARIABLE) == "off":
        raise FileNotFoundError("nothing is kept on disk")
    path = cache_folder() / "kernels"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = path.stat()
    if hasattr(os, "getuid") and (state.st_uid != os.getuid() or state.st_mode & 0o022):
        raise PermissionError("others may write into the folder")
    return path


def read(name: str) -> bytes | None:
    """What was written under a name; None where nothing is, or not all of it."""
    try:
        file = _folder() / name
        whole = file.read_bytes()
        os.utime(file)  # it was used
    except (OSError, RuntimeError):  # there is no home, or none that we may write to
        return None
    digest, content = whole[:DIGEST], whole[DIGEST:]
    return content if hashlib.sha256(content).digest() == digest else None


def write(name: str, content: bytes) -> None:
    """Keep the content under a name, as a whole or not at all."""
    try:
        path = _folder()
        begun = path / f"{name}.{os.getpid()}.{threading.get_ident()}"
        begun.write_bytes(hashlib.sha256(content).digest() + content)
        begun.replace(path / name)
        files = sorted(path.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[: len(files) // 4] if len(files) > MOST else []:
            file.unlink(missing_ok=True)
    except (OSError, RuntimeError):  # or a full disk, or another process at the same files: the next run compiles again
        return
