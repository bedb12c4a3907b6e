"""What programs take from PyTorch's module of this name: words for annotations."""

from __future__ import annotations

from typing import Any as Any
from typing import Dict as Dict  # noqa: UP035  # the old names are what is asked for
from typing import Final as Final
from typing import List as List  # noqa: UP035
from typing import Optional as Optional
from typing import Tuple as Tuple  # noqa: UP035
from typing import Union as Union
