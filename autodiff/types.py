"""``torch.types``: words for annotations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, Any, Union

Number = Union[int, float, bool]  # noqa: UP007  # its parts are asked for
FileLike = Union[str, os.PathLike[str], IO[bytes]]  # noqa: UP007
Device = Any
_int, _float, _bool, _complex = int, float, bool, complex
_dtype = _device = Any
_size = Sequence[int]
