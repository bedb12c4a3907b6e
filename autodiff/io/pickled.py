"""Pickles, on demand only: whole modules, optimizers and other objects, as PyTorch saves them."""

from __future__ import annotations

import pickle
from typing import IO, Any

from autodiff.errors import FileFormatError
from autodiff.tensors.warned import warn

PROTOCOL = 4  # read by every Python that this library runs on
REPAIR = """, and nothing is pickled unless you ask. Save its numbers, and load them into an object that the program \
makes:
    autodiff.save(model.state_dict(), f)
    model.load_state_dict(autodiff.load(f))
or pickle it with save(..., pickle=True), and load(..., weights_only=False), which runs whatever the file says"""


def is_pickle(file: IO[bytes]) -> bool:
    """Whether the file goes on as a pickle of ``write`` begins; it is left where it is."""
    place, head = file.tell(), file.read(2)
    file.seek(place)
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= pickle.HIGHEST_PROTOCOL


def write(obj: object, module: Any = None, protocol: int | None = None) -> bytes:
    """The pickle of ``obj``, made whole before anything is written."""
    content: bytes = (module or pickle).dumps(obj, protocol=PROTOCOL if protocol is None else protocol)
    return content


def read(file: IO[bytes], module: Any = None) -> Any:
    """What a pickle makes, with a warning; raises FileFormatError where it cannot be read."""
    text = (
        "load(weights_only=False) opens a pickle, which can run any program; open only what you trust, or save a "
        "state_dict(), which load reads without it"
    )
    warn(text)
    try:
        return (module or pickle).load(file)
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
        name = getattr(file, "name", "the file")
        raise FileFormatError(f"{name}: a pickle that cannot be read here: {type(error).__name__}: {error}") from error
