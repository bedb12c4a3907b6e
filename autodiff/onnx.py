"""``torch.onnx``: models as files of ONNX, by PyTorch's names; ``export.onnx`` does it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from autodiff.errors import OptionError
from autodiff.export.models import onnx


class TrainingMode(Enum):
    """In which mode PyTorch writes a model; here it is always as it computes in evaluation."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class OperatorExportTypes(Enum):
    """Which operators PyTorch writes; here they are always those of ONNX itself."""

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


def is_in_onnx_export() -> bool:
    """False: a model is run as it always is, and what it computed is written down."""
    return False


def export(
    model: Any,
    args: Any = (),
    f: Any = None,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Mapping[str, Mapping[int, str] | Sequence[int]] | None = None,
    **options: Any,
) -> None:
    """``export.onnx`` by PyTorch's arguments: no size may differ but those of ``dynamic_axes``.

    Args:
        model: a module, or a function of tensors.
        args: its input, or a tuple of its inputs.
        f: a path, or a file that is open for bytes.
        input_names: the names of the inputs in the file.
        output_names: the names of the outputs.
        dynamic_axes: for each input the axes whose size may differ, with names or without. Those of outputs follow.
        options: PyTorch's others, of which none changes what is written: its version, what is folded, the mode.

    Raises:
        OptionError: there is no ``f``; PyTorch returns a program then.
        ExportError: something cannot be exported.
        FileFormatError: the package onnx is not installed.
    """
    if f is None:
        raise OptionError("onnx.export writes a file; give its path as f")
    names = list(input_names) if input_names is not None else None
    axes = {
        name: dict(each) if isinstance(each, Mapping) else {axis: f"{name}_{axis}" for axis in each}
        for name, each in (dynamic_axes or {}).items()
        if names is None or name in names
    }
    named: dict[str, Any] = {"input_names": names, "output_names": output_names, "dynamic_axes": axes}
    if not hasattr(f, "write"):
        onnx(model, args, f, **named)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        onnx(model, args, path, **named)
        with open(path, "rb") as written:
            f.write(written.read())
