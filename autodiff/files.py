"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file so that its readers meet the old content or all of the new one, never a part; text is UTF-8.

    Raises:
        OSError: the file cannot be written; what was there before stays.

    """
    target = os.path.realpath(path)  # a link stays a link, to the new content
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, target)
    except BaseException as error:  # an interrupt, too, leaves nothing behind
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        if isinstance(error, OSError):
            error.filename, error.filename2 = os.fspath(path), None  # the user knows nothing of the temporary one
        raise
