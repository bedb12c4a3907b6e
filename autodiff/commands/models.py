"""A model that is found by ``FILE.py:NAME``, drawn and listed."""

from __future__ import annotations

import inspect
import os
import runpy
import sys
from collections.abc import Sequence
from typing import Any

from autodiff.dtypes import as_dtype
from autodiff.engine.modes import enable_grad
from autodiff.errors import DtypeError, OptionError
from autodiff.kinds import described
from autodiff.random import default_generator
from autodiff.tensors.creation import zeros
from autodiff.tensors.sampling import randn
from autodiff.tensors.tensor import Tensor
from autodiff.viz.drawing import draw
from autodiff.viz.layers import summary


def summarised(place: str, sizes: Sequence[str]) -> str:
    """The table of the layers of the model at ``FILE.py:NAME``."""
    model = _model_at(place)
    return str(summary(model, *_inputs(sizes, place, model)))


def drawn(place: str, sizes: Sequence[str], out: str, depth: str, show: str, direction: str) -> None:
    """Draw what the model at ``FILE.py:NAME`` computes, or how the tensor there was made."""
    if depth != "all" and not depth.isdecimal():
        raise OptionError(f'--depth {depth}: expected a whole number or "all"')
    found = _model_at(place)
    inputs = [] if isinstance(found, Tensor) else _inputs(sizes, place, found)
    level = None if depth == "all" else int(depth)
    with enable_grad():
        drawing = draw(found, *inputs, depth=level, show=show.split(","), direction=direction)
    drawing.save(out)


def _model_at(place: str) -> Any:
    file, _, name = place.rpartition(":")
    if not file or not name:
        raise OptionError(f"{place}: expected FILE.py:NAME, such as net.py:model")
    if not os.path.isfile(file):
        raise OptionError(f"{file}: there is no such file")
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))  # as Python does for a program
    try:
        found: Any = runpy.run_path(file)
    finally:
        del sys.path[0]
    first, *attributes = name.split(".")
    if first not in found:
        models = [key for key, value in found.items() if hasattr(value, "named_modules") and not inspect.isclass(value)]
        raise OptionError(f"{file} has no {first}" + (f"; the models in it: {', '.join(models)}" if models else ""))
    found = found[first]
    for attribute in attributes:
        if not hasattr(found, attribute):
            raise OptionError(f"{place}: {described(found)} has no {attribute}")
        found = getattr(found, attribute)
    if inspect.isclass(found) or inspect.isroutine(found):
        try:
            inspect.signature(found).bind()
        except TypeError as error:
            raise OptionError(f"{place}: it is called without arguments, and there is a {error}") from None
        found = found()
    if not hasattr(found, "named_modules") and not isinstance(found, Tensor):
        raise OptionError(f"{place} is {described(found)}, expected a model, what makes one, or a tensor")
    return found


def _inputs(sizes: Sequence[str], place: str, model: Any) -> list[Tensor]:
    if not sizes:
        takes = ", ".join(inspect.signature(model.forward).parameters)
        raise OptionError(f"{place} takes {takes or 'no input'}: say the size of each input, such as 1,1,28,28")
    return [_input(size) for size in sizes]


def _input(size: str) -> Tensor:
    numbers, _, kind = size.partition(":")
    shape = [int(each) if each.isdecimal() else -1 for each in numbers.split(",")] if numbers else []
    if -1 in shape:
        raise OptionError(f"{size}: expected sizes with commas between them, such as 1,1,28,28 or 2,9:int64")
    try:
        dtype = as_dtype(kind or "float32")
    except (DtypeError, TypeError):
        raise OptionError(f"{size}: {kind} is no dtype") from None
    if dtype.kind not in "fc":
        return zeros(shape, dtype=dtype)
    state = default_generator.get_state()
    try:  # the numbers that the program draws, for dropout, are those it would draw without this
        return randn(shape, dtype=dtype)
    finally:
        default_generator.set_state(state)
