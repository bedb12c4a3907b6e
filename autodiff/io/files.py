"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO

if sys.platform != "win32":  # which has other locks: nobody removes a file that is open there
    import fcntl

LONGEST = 100  # bytes of its name that a temporary file takes over; a file system takes 255 in all, or only 143
AGE = 3600  # seconds without a change after which a file is old, where no lock tells whether it is being written
ODD = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # errors of file systems that do not sync folders


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of ``path`` at the end, or vanishes if there was an error on the way.

    Its readers meet the old content or all of the new one, never a part, also after a loss of power. A link stays a
    link, to the new content. The new file has the permissions of the old one before it has its first byte. What earlier
    writers of ``path`` left when they were killed is removed; a file that somebody is writing is not.

    Raises:
        OSError: the file cannot be written; what was there before stays.

    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):  # a pipe or a device stays one; a directory is refused
        with open(target, "wb") as device:
            yield (buffer := BytesIO())  # what is written with a look back goes where there is none
            device.write(buffer.getbuffer())
        return
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "no such directory to write to", os.fspath(path))
    beginning = f".{_shortened(name)}."
    _sweep(folder, beginning)
    temporary = os.path.join(folder, f"{beginning}{_host()}{secrets.token_hex(5)}")
    try:
        with _begun(temporary, target) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.path.exists(target):
                shutil.copymode(target, temporary)  # it may have changed
            if sys.platform == "win32":  # which renames no file that is open
                file.close()
            os.replace(temporary, target)  # locked until it is done, so that nobody takes it for one left behind
        _sync(folder)
    except BaseException as error:  # an interrupt, too, leaves nothing behind
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        if isinstance(error, OSError) and error.filename == temporary:
            error.filename, error.filename2 = os.fspath(path), None  # the user knows nothing of the temporary one
        raise


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write ``content`` to a file as ``replacing`` does; text is UTF-8."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _shortened(name: str) -> str:
    """As many letters of a name as have room; an odd one of several bytes is not cut."""
    name = name[:LONGEST]
    while len(os.fsencode(name)) > LONGEST:
        name = name[:-1]
    return name


def _host() -> str:
    """Six digits that differ between hosts, whose locks may not reach each other."""
    name = "" if sys.platform == "win32" else os.uname().nodename
    return f"{zlib.crc32(name.encode()) & 0xFFFFFF:06x}"


def _begun(temporary: str, target: str) -> IO[bytes]:
    """A new file with the permissions of the one it will replace, locked for as long as it is open."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        old = None
    allowed = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o700
    while True:
        file = open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, allowed))  # noqa: SIM115
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if old is not None:
                with contextlib.suppress(OSError):  # only some may give files away
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                with contextlib.suppress(OSError):  # a file system without modes
                    os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
        if os.path.exists(temporary):
            return file
        file.close()  # it was swept before it was locked


def _sweep(folder: str, beginning: str) -> None:
    """Remove temporary files that nobody writes any more."""
    temporary = re.compile(re.escape(beginning) + "([0-9a-f]{6})[0-9a-f]{10}")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = temporary.fullmatch(entry.name)
            if found and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_unowned(entry.path, found[1] == _host())


def _remove_unowned(path: str, ours: bool) -> None:
    """Remove a file that is not locked; where locks say nothing, as on another host, one that is old."""
    if sys.platform == "win32":
        if time.time() - os.stat(path).st_mtime > AGE:
            os.remove(path)
        return
    handle, unlocked = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), True
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:  # no locks here, or none for files that are only read
            unlocked = False
        if (unlocked and ours) or time.time() - os.fstat(handle).st_mtime > AGE:
            os.remove(path)
    finally:
        os.close(handle)


def _sync(folder: str) -> None:
    """See to it that the names in a folder are on the disk."""
    if sys.platform == "win32":  # which opens no folders
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder may be written and not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in ODD:
            raise
    finally:
        os.close(handle)
