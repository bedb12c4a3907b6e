"""The pages of the reference: every public name with its signature and its docstring, as Markdown."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = {
    "autodiff": "Tensors and functions",
    "autodiff.linalg": "Linear algebra",
    "autodiff.special": "Special functions",
    "autodiff.fft": "Fourier transforms",
    "autodiff.func": "Functions of functions",
    "autodiff.autograd": "Gradients and operations of your own",
    "autodiff.data": "Data sets and loaders",
    "autodiff.distributions": "Distributions",
    "autodiff.sparse": "Sparse tensors",
    "autodiff.viz": "Drawings",
    "autodiff.testing": "Tests of gradients",
    "autodiff.export": "Export",
    "autodiff.distributed": "Several processes",
    "autodiff.errors": "Errors",
    "nn": "Layers",
    "nn.functional": "Functions of layers",
    "nn.init": "First weights",
    "nn.utils": "Tools for models",
    "optim": "Optimizers",
    "optim.lr_scheduler": "Learning rates",
}
OWN = ("autodiff", "nn", "optim")
SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Reference):\s*(.*)")
ENTRY = re.compile(r"    (\*{0,2}[\w, *./]+): (.*)")


def write(folder: Path) -> None:
    """Write a page for each module, and one that lists them."""
    folder.mkdir(exist_ok=True)
    known = {}
    for name, title in MODULES.items():
        known[name] = f"# {title}: `{name}`\n\n" + "\n".join(_page(name, importlib.import_module(name)))
    for name, text in known.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _page(name: str, module: ModuleType) -> Iterator[str]:
    yield _markdown(inspect.getdoc(module) or "")
    for public, value in _public(module):
        yield f"\n## {public}\n"
        yield _signature(f"{name}.{public}", value)
        yield _markdown(_documentation(value))
        if inspect.isclass(value) and not issubclass(value, BaseException):
            yield from _methods(value)


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module gives to programs: its functions and classes, not the modules in it."""
    for name in sorted(dir(module), key=str.lower):
        value = getattr(module, name, None)
        if name.startswith("_") or inspect.ismodule(value) or not callable(value):
            continue
        if str(getattr(value, "__module__", "")).partition(".")[0] in OWN:
            yield name, value


def _methods(kind: type) -> Iterator[str]:
    """The methods that a class itself has, or a base of its own module that is not public."""
    for name, value in sorted(inspect.getmembers(kind)):
        owner = next((base for base in kind.__mro__ if name in base.__dict__), object)
        inherited = owner is not kind and not owner.__name__.endswith(("Methods", "Hookable", "Registered"))
        if name.startswith("_") or inherited or not (callable(value) or isinstance(value, property)):
            continue
        if text := _documentation(value):
            yield f"\n### {kind.__name__}.{name}\n"
            if not isinstance(value, property):
                yield _signature(name, value)
            yield _markdown(text)


def _documentation(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    return "" if text == (inspect.getdoc(object) or "") else text


def _signature(name: str, value: Any) -> str:
    try:
        signature = str(inspect.signature(value))
    except (TypeError, ValueError):
        signature = "(...)"
    signature = re.sub(r"\b(?:autodiff|numpy|collections|typing)\.(?:\w+\.)*", "", signature)
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", signature).replace("Value", "Tensor")
    shown = f"{name}{signature}"
    if len(shown) > 90 and "(" in signature:
        shown = shown.replace("(", "(\n    ", 1).replace(", ", ",\n    ") if shown.count("[") == 0 else shown
    return f"```python\n{shown}\n```\n"


def _markdown(text: str) -> str:
    """A docstring as Markdown: its sections as lists, its examples as code, its words as they are."""
    lines, inside, code = [], "", False
    for line in text.splitlines():
        starts = line.lstrip().startswith(">>>")
        if starts and not code:
            lines += ["", "```pycon"]
            code = True
        elif code and not line.strip():
            lines += ["```"]
            code = False
        if code:
            lines.append(line)
            continue
        if found := SECTION.fullmatch(line):
            inside = found[1]
            lines += ["", f"**{inside}:** {_escaped(found[2])}", ""]
        elif inside and (entry := ENTRY.fullmatch(line)):
            lines.append(f"- `{entry[1]}`: {_escaped(entry[2])}")
        elif inside and line.startswith("    "):
            lines.append(f"  {_escaped(line.strip())}")
        else:
            inside = "" if line.strip() else inside
            lines.append(f"    {line}" if line.startswith("    ") else _escaped(line))
    return "\n".join([*lines, "```"] if code else lines) + "\n"


def _escaped(line: str) -> str:
    """Words in which nothing but what stands between backticks has a meaning for Markdown."""
    parts = re.split(r"(``.*?``|`[^`]*`)", line)
    return "".join(part if i % 2 else re.sub(r"([*_<>\[\]$#|\\`])", r"\\\1", part) for i, part in enumerate(parts))
