"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from io import BytesIO
from typing import IO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of ``path`` at the end, or vanishes if there was an error on the way.

    Its readers meet the old content or all of the new one, never a part. A link stays a link, to the new content.

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
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
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
