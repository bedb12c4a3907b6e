"""Calls to draw from, taken out of the cases of ``tests/parity``: one table of signatures for tests and fuzzer.

A case says a call as a lambda, ``lambda lib, x, m=mode: lib.div(x, y, rounding_mode=m) * x``, with arrays for which it
is valid. What does not depend on the library or on tensors is evaluated, and the rest taken apart where a case joins
several calls: ``lib.div(x, y, rounding_mode="floor")``. A call that is written with several statements is left out.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "tests")) if path not in sys.path]

import parity  # noqa: E402, F401  # the path is set first; it loads every case
from parity.base import CASES, Case  # noqa: E402
from parity.harness import numbers  # noqa: E402

Array = np.ndarray[Any, Any]
BUILTIN = {"tuple", "range", "abs", "len", "float", "sum", "int", "bool", "list", "reversed", "max", "min", "slice"}
# Uninitialised memory, other memory than was asked for, and what is no tensor: nothing to compare.
SKIPPED = {"empty", "new_empty", "empty_like", "set_", "data", "from_numpy", "asarray", "as_tensor", "resize_"}


class Template(NamedTuple):
    """An expression, or a statement that writes into its first input, with ``{0}``, ``{1}``, ... for its inputs.

    ``order`` is that of the derivatives that can be compared with PyTorch's, 0 for values alone.
    """

    name: str
    text: str
    inputs: tuple[Array, ...]
    order: int
    writes: bool


# What the cases say in several statements, or ask of Python.
MORE: dict[str, list[tuple[str, list[tuple[int, ...]]]]] = {
    "nn.functional.fold": [("lib.nn.functional.fold({0}, (3, 4), (2, 2))", [(2, 8, 6)])],
    "nn.functional.max_unpool1d": [("lib.nn.functional.max_unpool1d(*lib.nn.functional.max_pool1d({0}, 2, "
                                    "return_indices=True), 2)", [(2, 2, 4)])],
    "nn.functional.max_unpool2d": [("lib.nn.functional.max_unpool2d(*lib.nn.functional.max_pool2d({0}, 2, "
                                    "return_indices=True), 2)", [(1, 2, 4, 4)])],
    "nn.functional.scaled_dot_product_attention": [
        ("lib.nn.functional.scaled_dot_product_attention({0}, {1}, {2})", [(2, 3, 4), (2, 5, 4), (2, 5, 4)]),
        ("lib.nn.functional.scaled_dot_product_attention({0}, {1}, {2}, is_causal=True)", [(3, 4), (3, 4), (3, 4)]),
        ("lib.nn.functional.scaled_dot_product_attention({0}, {1}, {2}, {3})", [(3, 4), (2, 4), (2, 4), (3, 2)])],
    "meshgrid:list_of_tensors": [("lib.meshgrid([{0}, {1}], indexing='ij')", [(2,), (3,)])],
    "size": [("lib.tensor(list({0}.size()))", [(2, 3)]), ("lib.tensor({0}.numel())", [(2, 3)])],
    "item": [("lib.tensor({0}.sum().item())", [(2, 3)])],
    "tolist": [("lib.tensor({0}.tolist())", [(2, 3)])],
    "__len__": [("{0} * len({0})", [(2, 3)])],
    "__iter__": [("sum([row * 2 for row in {0}])", [(2, 3)])],
    "__float__": [("{0} * float({0}.sum())", [(2, 3)])],
}


class NotSimpleError(Exception):
    """A call that is no single expression of ``lib`` and tensors."""


def literal(value: Any) -> str:
    """The source text of a constant; raises NotSimpleError where there is none."""
    match value:
        case bool() | int() | str() | None:
            return repr(value)
        case float():
            return repr(value) if math.isfinite(value) else f"float('{value}')"
        case slice():
            return f"slice({literal(value.start)}, {literal(value.stop)}, {literal(value.step)})"
        case tuple() | list():
            parts = [literal(part) for part in value]
            if isinstance(value, list):
                return f"[{', '.join(parts)}]"
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        case np.ndarray():
            return f"np.array({literal(value.tolist())}, dtype=np.{value.dtype})"
    if value is Ellipsis:
        return "..."
    raise NotSimpleError(f"no text for {value!r}")


class Fold(ast.NodeTransformer):
    """Evaluates what names neither ``lib`` nor a tensor, with the names that the lambda sees."""

    def __init__(self, known: dict[str, Any], kept: set[str]) -> None:
        self.known, self.kept = known, kept

    def visit(self, node: ast.AST) -> ast.AST:
        """A constant in the place of an expression that is one, otherwise the expression with its parts folded."""
        if isinstance(node, ast.expr) and not isinstance(node, (ast.Constant, ast.Starred, ast.Slice)):
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if names and not names & self.kept and not any(isinstance(p, ast.Lambda) for p in ast.walk(node)):
                try:
                    value = eval(compile(ast.Expression(node), "case", "eval"), dict(self.known))
                    return ast.parse(literal(value), mode="eval").body
                except (NotSimpleError, NameError, TypeError, ValueError):
                    pass
        return super().visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """Names of a lambda's own are no constants."""
        inner = Fold(self.known, self.kept | {argument.arg for argument in node.args.args})
        node.body = inner.visit(node.body)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """The branch taken, where that is known."""
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.visit(node.body if test.value else node.orelse)
        node.test, node.body, node.orelse = test, self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """``getattr(lib, "f")`` is ``lib.f``; ``**options`` are written out; a call is taken out of its wrapper."""
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        if function == "quietly":
            node = ast.Call(node.args[0], node.args[1:], node.keywords)
        self.generic_visit(node)
        keywords: list[ast.keyword] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                value = self.known[keyword.value.id] if isinstance(keyword.value, ast.Name) else None
                if not isinstance(value, dict):
                    raise NotSimpleError("options that are no dict")
                keywords += [ast.keyword(k, ast.parse(literal(v), mode="eval").body) for k, v in value.items()]
            else:
                keywords.append(keyword)
        node.keywords = keywords
        if function == "getattr" and isinstance(node.args[1], ast.Constant):
            return ast.Attribute(node.args[0], node.args[1].value, ast.Load())
        return node


@functools.cache
def _lambdas(path: str) -> dict[tuple[int, int], ast.Lambda]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {(node.lineno, node.col_offset): node for node in ast.walk(tree) if isinstance(node, ast.Lambda)}


def _unwrapped(call: Callable[..., Any]) -> Any:
    """The lambda inside ``quiet(lambda ...)``."""
    inner = [cell.cell_contents for cell in call.__closure__ or () if inspect.isfunction(cell.cell_contents)]
    return inner[0] if call.__name__ == "silent" else call


def expressions(case: Case) -> Iterator[tuple[str, list[str], bool]]:
    """The calls that a case joins: text, the names of its inputs, and whether it writes into the first."""
    call = _unwrapped(case.call)
    if call.__name__ != "<lambda>":
        raise NotSimpleError("a function of several statements")
    found = [node for (line, _), node in _lambdas(call.__code__.co_filename).items()
             if line == call.__code__.co_firstlineno]
    names = call.__code__.co_varnames[: call.__code__.co_argcount]
    found = [node for node in found if tuple(a.arg for a in node.args.args) == names]
    if len(found) > 1:
        bodies = [compile(ast.Expression(node), "x", "eval").co_consts[0].co_code for node in found]
        found = [node for node, code in zip(found, bodies, strict=True) if code == call.__code__.co_code]
    if not found:
        raise NotSimpleError("no source")
    node = ast.parse(ast.unparse(found[0]), mode="eval").body
    defaults = dict(zip(names[len(names) - len(call.__defaults__ or ()) :], call.__defaults__ or (), strict=True))
    free = dict(zip(call.__code__.co_freevars, [c.cell_contents for c in call.__closure__ or ()], strict=True))
    positional = list(names[1 : len(names) - len(defaults)])
    vararg = bool(call.__code__.co_flags & inspect.CO_VARARGS)
    if vararg:
        raise NotSimpleError("as many inputs as are given")
    known = {**call.__globals__, **free, **defaults}
    body = Fold(known, {"lib", *positional}).visit(node.body)
    for part in _parts(body):
        with contextlib.suppress(NotSimpleError):
            yield _text(part, positional)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The calls that stand beside each other in tuples, sums and products."""
    match node:
        case ast.Tuple() | ast.List():
            for entry in node.elts:
                yield from _parts(entry)
        case ast.BinOp() if not (isinstance(node.left, (ast.Name, ast.Constant)) and
                                 isinstance(node.right, (ast.Name, ast.Constant))):
            for side in (node.left, node.right):
                if not isinstance(side, (ast.Name, ast.Constant)):
                    yield from _parts(side)
        case ast.Name() | ast.Constant():
            pass
        case _:
            yield node


def _text(node: ast.AST, inputs: list[str]) -> tuple[str, list[str], bool]:
    writes = False
    match node:
        case ast.Call(func=ast.Name("_changed"), args=[target, ast.Constant(method), *rest]):
            node, writes = ast.Call(ast.Attribute(_target(target), method, ast.Load()), rest, node.keywords), True
        case ast.Call(func=ast.Name("_set"), args=[target, key, value]):
            node = ast.Assign([ast.Subscript(_target(target), key, ast.Store())], value, lineno=0)
            writes = True
    used = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    own = {argument.arg for part in ast.walk(node) if isinstance(part, ast.Lambda) for argument in part.args.args}
    own |= {part.target.id for part in ast.walk(node) if isinstance(part, ast.comprehension)
            and isinstance(part.target, ast.Name)}
    names = [name for name in inputs if name in used]
    if unknown := {*used} - {"lib", *inputs, *BUILTIN, *own, "np"}:
        raise NotSimpleError(f"names {unknown}")
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in names:
            part.id = f"IN_{names.index(part.id)}_"
    text = ast.unparse(ast.fix_missing_locations(node))
    text = text.replace("{", "{{").replace("}", "}}")
    for k in range(len(names)):
        text = text.replace(f"IN_{k}_", f"{{{k}}}")
    return text, names, writes


def _target(node: ast.expr) -> ast.expr:
    """The input that is written into, without the copy that the case makes of it."""
    match node:
        case ast.Name():
            return node
        case ast.Call(func=ast.Attribute(value=ast.Name() as name, attr="clone")):
            return name
        case ast.BinOp(left=ast.Name() as name):
            return name
    raise NotSimpleError("what is written into is no input")


@functools.cache
def templates() -> dict[str, list[Template]]:
    """The templates of each entry of the vocabulary, none of them twice."""
    found: dict[str, list[Template]] = {}
    seen: set[Any] = set()
    for name, cases in CASES.items():
        for case in cases:
            if name in SKIPPED:
                continue
            call = _unwrapped(case.call)
            parameters = call.__code__.co_varnames[1 : call.__code__.co_argcount]
            arrays = dict(zip(parameters, case.inputs, strict=False))
            try:
                texts = list(expressions(case))
            except NotSimpleError:
                continue
            for text, names, writes in texts:
                inputs, order = tuple(arrays[n] for n in names), case.order if case.tracking else 0
                if "segment_reduce" in text and ("unsafe" in text or "offsets" in text):
                    continue  # PyTorch does not look whether they fit, and crashes
                key = (text, tuple((x.shape, x.dtype.kind, bool(x.size and x.min() > 0)) for x in inputs))
                if key not in seen:
                    seen.add(key)
                    found.setdefault(name, []).append(Template(name, text, inputs, order, writes))
    for name, calls in MORE.items():
        found.setdefault(name, []).extend(
            Template(name, text, tuple(numbers(shape, seed=k) for k, shape in enumerate(shapes)), 1, False)
            for text, shapes in calls
        )
    return found
