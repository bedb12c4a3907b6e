"""The laws of the house: who may import whom, what is public, how long a thing may be.

Each check is a function from the parsed modules to a list of faults, so that the last test here can plant one fault
of each kind and see it found.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autodiff", "nn", "optim", "examples")
LIBRARY = ("autodiff", "nn", "optim")

# From the ground up. A module imports from lines above its own, and, where its entry ends in ".*", from that entry.
# A module that no line names is a fault: whoever adds it chooses its place here.
LEVELS = """
    autodiff.errors autodiff.version autodiff.random autodiff.cuda
    autodiff.dtypes autodiff.kernels.*
    autodiff.tensors.sizes autodiff.tensors.printing autodiff.tensors.devices autodiff.func.trees autodiff.io.files
    autodiff.engine.call_sites
    autodiff.engine.hooks autodiff.engine.modes autodiff.engine.versions autodiff.engine.broadcasting
    autodiff.engine.first_use
    autodiff.engine.primitive
    autodiff.engine.tape
    autodiff.engine.checks autodiff.engine.values
    autodiff.engine.views
    autodiff.engine.apply autodiff.engine.walk
    autodiff.engine.backward
    autodiff.engine
    autodiff.ops.*
    autodiff.functions.*
    autodiff.tensors.leaves
    autodiff.linalg.* autodiff.special.*
    autodiff.numpy_api.*
    autodiff.tensors.methods.*
    autodiff.tensors.tensor
    autodiff.tensors.*
    autodiff.distributions
    autodiff.func.*
    autodiff.autograd.*
    autodiff.data.*
    autodiff.utils.*
    autodiff.io.*
    autodiff.viz.*
    autodiff.testing.*
    autodiff
    nn.functional.*
    nn.parameter nn.init nn.hooks nn.state
    nn.module
    nn.modules.*
    nn.utils.*
    nn
    optim.options optim.rules optim.hooks
    optim.optimizer
    optim.*
    examples.*
"""

# Each of these is imported by one file only. All but NumPy wait until they are used.
OPTIONAL = ("graphviz", "hypothesis", "matplotlib", "mpi4py", "onnx", "safetensors", "threadpoolctl", "tqdm")
ORACLES = ("jax", "torch")  # compared with in tests and benchmarks, never used
PEER = "examples.peer"  # where the examples time the same step on PyTorch, if it is installed

# Exceptions: "module" or "module:name", with the reason. One that is no longer needed is a fault too.
LAZY = {
    "autodiff.numpy_api.protocol:difflib": "a slow import that only an error message needs",
    "autodiff.autograd:autodiff.testing.checking": "gradcheck has PyTorch's place, and waits to be asked for",
    "autodiff.utils:autodiff.utils.data": "loading data brings multiprocessing with it, which few programs need",
    "autodiff.testing:autodiff.testing.properties": "needs hypothesis, which gradcheck does not",
    "autodiff.testing:autodiff.testing.strategies": "needs hypothesis, which gradcheck does not",
    "autodiff.kernels.threads:queue": "a slow import that only large arrays need",
}
LONG: dict[str, str] = {}
NAME_MAKING = {"autodiff:import_module": "looks up, by a short list, what a plain import leaves out"} | {
    f"{package}:vars": "wraps what stands there already, and makes no name"
    for package in ("autodiff", "autodiff.linalg", "autodiff.special", "nn.functional")
}

MAX_FILE, MAX_FUNCTION, MAX_ENGINE = 400, 45, 1000
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    name: str
    path: Path
    source: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


class Import(NamedTuple):
    importer: str
    target: str  # as far as it is a module
    line: int
    in_function: bool
    for_types: bool  # under `if TYPE_CHECKING:`

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


Modules = dict[str, Module]


def parse(root: Path) -> Modules:
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            source = path.read_text(encoding="utf-8")
            found[name] = Module(name, path, source, ast.parse(source, path))
    return found


def top(name: str) -> str:
    return name.partition(".")[0]


def imports_of(module: Module, modules: Modules) -> Iterator[Import]:
    """Every import, those under ``if TYPE_CHECKING:`` too: an annotation is knowledge as well."""

    def visit(node: ast.AST, in_function: bool, for_types: bool) -> Iterator[Import]:
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                for_types = True
            case ast.Import():
                for alias in node.names:
                    yield Import(module.name, alias.name, node.lineno, in_function, for_types)
            case ast.ImportFrom():
                base = node.module or ""
                if node.level:
                    parents = module.name.split(".")
                    parents = parents[: len(parents) - node.level + module.is_package]
                    base = ".".join([*parents, base] if base else parents)
                for alias in node.names:
                    member = f"{base}.{alias.name}"
                    target = member if member in modules else base
                    yield Import(module.name, target, node.lineno, in_function, for_types)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, in_function or isinstance(node, Function | ast.Lambda), for_types)

    yield from visit(module.tree, False, False)


def all_imports(modules: Modules) -> list[Import]:
    return [found for module in modules.values() for found in imports_of(module, modules)]


def is_lazy_by_leave(found: Import) -> bool:
    return found.in_function and f"{found.importer}:{found.target}" in LAZY


def place(name: str) -> tuple[int, str] | None:
    """Line number and entry of LEVELS that a module belongs to; an exact entry wins over a wildcard."""
    places = {entry: number for number, line in enumerate(LEVELS.split("\n")) for entry in line.split()}
    if name in places:
        return places[name], name
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        entry = ".".join(parts[:length]) + ".*"
        if entry in places:
            return places[entry], entry
    return None


def levels(modules: Modules) -> list[str]:
    faults = [f"{name} has no place in LEVELS" for name in modules if place(name) is None]
    for found in all_imports(modules):
        here, there = place(found.importer), place(found.target)
        if here is None or found.target == found.importer or is_lazy_by_leave(found):
            continue
        if top(found.target) in PACKAGES and (there is None or (there[0] >= here[0] and there != here)):
            faults.append(f"{found}, which does not stand below it")
        if {top(found.importer), top(found.target)} == {"nn", "optim"}:
            faults.append(f"{found}: nn and optim never import each other")
    return faults


def cycles(modules: Modules) -> list[str]:
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for found in all_imports(modules):
        if found.target in modules and found.target != found.importer and not is_lazy_by_leave(found):
            graph[found.importer].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["a cycle of imports: " + " <- ".join(error.args[1])]
    return []


def dependencies(modules: Modules) -> list[str]:
    faults: list[str] = []
    users: dict[str, set[str]] = {}
    used_leave: set[str] = set()
    for found in all_imports(modules):
        package = top(found.target)
        if found.for_types:
            continue
        if package in ORACLES:
            if not (found.in_function and found.importer == PEER):
                faults.append(f"{found}: an oracle is for tests only")
        elif package in OPTIONAL:
            users.setdefault(package, set()).add(found.importer)
            if not found.in_function and top(found.importer) in LIBRARY and package != "hypothesis":
                faults.append(f"{found} before it is used")
        elif found.in_function:
            used_leave.add(f"{found.importer}:{found.target}")
            if not is_lazy_by_leave(found):
                faults.append(f"{found} inside a function")
        elif package not in {"numpy", *PACKAGES, *sys.stdlib_module_names}:
            faults.append(f"{found}, which is no dependency of this project")
    faults += [f"{package} is imported by {sorted(names)}" for package, names in users.items() if len(names) > 1]
    return faults + [f"LAZY: {key} is not needed" for key in stale(LAZY, used_leave, modules)]


def stale(exceptions: dict[str, str], used: set[str], modules: Modules) -> set[str]:
    return {key for key in exceptions if key.partition(":")[0] in modules} - used


def sizes(modules: Modules) -> list[str]:
    lengths = {}
    for module in modules.values():
        if (length := module.source.count("\n")) > MAX_FILE:
            lengths[module.name] = length
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
                length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if length > MAX_FUNCTION:
                    lengths[f"{module.name}:{node.name}"] = length
    faults = [f"{key} has {length} lines" for key, length in lengths.items() if key not in LONG]
    return faults + [f"LONG: {key} is not needed" for key in stale(LONG, set(lengths), modules)]


def spelled_out(modules: Modules) -> list[str]:
    """No `assert` where a user's mistake wants a named exception, and no name that a search would not find."""
    faults: list[str] = []
    used: set[str] = set()
    makers = {"setattr", "globals", "vars", "exec", "eval", "import_module", "__import__"}
    for module in modules.values():
        for node in ast.walk(module.tree):
            match node:
                case ast.Assert() if top(module.name) in LIBRARY:
                    faults.append(f"{module.name}:{node.lineno} asserts")
                case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in makers:
                    # model.eval() and its like are methods of ours
                    if isinstance(node.func, ast.Attribute) and called in {"eval", "exec"}:
                        continue
                    if called == "vars" and node.args:  # of an object, not of the module
                        continue
                    used.add(f"{module.name}:{called}")
                    if f"{module.name}:{called}" not in NAME_MAKING:
                        faults.append(f"{module.name}:{node.lineno} calls {called}")
    return faults + [f"NAME_MAKING: {key} is not needed" for key in stale(NAME_MAKING, used, modules)]


def public_names(modules: Modules) -> list[str]:
    """What is taken whole by `import *` lists its names, once each, in `__all__`.

    No two modules that a package takes whole may give the same name.
    """
    faults: list[str] = []
    taken = {each.name for module in modules.values() for each in starred_by(module, modules)}
    for module in modules.values():
        starred = [name for each in starred_by(module, modules) for name in exported(each.tree) or []]
        faults += [f"{module.name} gets {name!r} from two modules" for name in starred if starred.count(name) > 1]
        listed = exported(module.tree)
        if module.name in taken and listed is None and not starred:
            faults.append(f"{module.name} has no __all__ and is taken whole")
        listed = listed or []
        faults += [f"{module.name}.__all__ has {name!r} twice" for name in listed if listed.count(name) > 1]
    return sorted(set(faults))


def exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return [str(ast.literal_eval(item)) for item in node.value.elts]  # type: ignore[attr-defined]
    return None


def starred_by(module: Module, modules: Modules) -> list[Module]:
    """The modules of which ``module`` takes every name."""
    froms = [node for node in module.tree.body if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    return [modules[node.module] for node in froms if node.module in modules]


def engine_size(modules: Modules) -> list[str]:
    """The engine can be held in the head: so many lines of code, imports, docstrings and comments aside."""
    size = sum(code_lines(module) for module in modules.values() if f"{module.name}.".startswith("autodiff.engine."))
    return [f"the engine has {size} lines of code, {MAX_ENGINE} at most"] if size > MAX_ENGINE else []


def code_lines(module: Module) -> int:
    """The lines of a module on which code stands: no docstring, comment, blank or import."""
    aside: set[int] = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Import() | ast.ImportFrom():
                aside.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(StringIO(module.source).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - aside)


MODULES = parse(ROOT)
CHECKS: list[Callable[[Modules], list[str]]] = [
    levels, cycles, dependencies, sizes, engine_size, spelled_out, public_names,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_law_holds(check: Callable[[Modules], list[str]]) -> None:
    """The project as it is has no fault of this kind."""
    assert len(MODULES) > 5, "the project's modules were not found"
    faults = check(MODULES)
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) in LIBRARY])
def test_every_public_name_exists(name: str) -> None:
    """Each module of the library imports by itself, and has what its `__all__` promises."""
    module: ModuleType = importlib.import_module(name)
    missing = [public for public in exported(MODULES[name].tree) or [] if not hasattr(module, public)]
    assert not missing, f"{name}.__all__ promises {missing}"


def test_importing_the_library_loads_nothing_heavy() -> None:
    """What is optional waits until it is used: a plain import costs NumPy and our own files."""
    code = "import sys, autodiff, nn, optim; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "numpy" in loaded.split()
    assert not set(loaded.split()) & {*OPTIONAL, *ORACLES, "examples", "pytest"}


PLANTED = {
    "unlisted": (levels, "autodiff/new.py", "", "autodiff.new has no place"),
    "upward": (levels, "autodiff/engine/tape.py", "from autodiff.tensors.tensor import Tensor", "does not stand below"),
    "upward to the package": (levels, "autodiff/engine/tape.py", "from autodiff import Tensor", "does not stand below"),
    "upward, relative": (levels, "autodiff/ops/__init__.py", "from ..tensors import x", "autodiff.tensors, which"),
    "upward for types": (
        levels,
        "autodiff/engine/tape.py",
        "if TYPE_CHECKING:\n    from autodiff.tensors.tensor import Tensor",
        "does not stand below",
    ),
    "sideways": (levels, "autodiff/dtypes.py", "import autodiff.engine.modes", "does not stand below"),
    "upward, hidden": (
        levels,
        "autodiff/engine/tape.py",
        "def f():\n    import autodiff.tensors.tensor",
        "does not stand below",
    ),
    "autodiff on nn": (levels, "autodiff/tensors/tensor.py", "import nn", "does not stand below"),
    "lazy, but not in the function": (levels, "autodiff/__init__.py", "import nn", "does not stand below"),
    "optim on nn": (levels, "optim/__init__.py", "from nn import Module", "never import each other"),
    "cycle": (cycles, "autodiff/ops/a.py", "from . import b", "a cycle"),
    "torch": (dependencies, "nn/__init__.py", "import torch.nn", "an oracle"),
    "too early": (dependencies, "autodiff/viz/__init__.py", "import graphviz", "before it is used"),
    "two users": (dependencies, "autodiff/io.py", "def f():\n    import graphviz", "graphviz is imported by"),
    "undeclared": (dependencies, "autodiff/io.py", "import scipy", "no dependency"),
    "inside a function": (dependencies, "autodiff/io.py", "def f():\n    import json", "inside a function"),
    "long file": (sizes, "nn/__init__.py", "\n" * 401, "nn has 401 lines"),
    "long function": (sizes, "nn/__init__.py", "def f():\n    'Say.'\n" + "    1\n" * 46, "nn:f has 46 lines"),
    "assert": (spelled_out, "nn/__init__.py", "assert True", "asserts"),
    "globals": (spelled_out, "nn/__init__.py", "globals()['f'] = 1", "calls globals"),
    "setattr": (spelled_out, "nn/__init__.py", "setattr(int, 'f', 1)", "calls setattr"),
    "hidden import": (spelled_out, "nn/__init__.py", "importlib.import_module('optim')", "calls import_module"),
    "no __all__": (public_names, "nn/__init__.py", "from autodiff.ops.a import *", "no __all__"),
    "name from two modules": (
        public_names,
        "nn/__init__.py",
        "from autodiff.ops.b import *\nfrom nn.module import *",
        "'here' from two",
    ),
    "doubled name": (public_names, "nn/module.py", "__all__ = ['a', 'a']\na = 1", "'a' twice"),
    "engine": (engine_size, "autodiff/engine/new.py", "x = 1\n" * 1001, "lines of code, 1000 at most"),
}


@pytest.mark.parametrize(("check", "path", "source", "fault"), PLANTED.values(), ids=PLANTED.keys())
def test_each_check_finds_what_it_is_for(
    check: Callable[[Modules], list[str]], path: str, source: str, fault: str, tmp_path: Path
) -> None:
    """In a small house without faults, one planted fault is found."""
    sound = {
        "autodiff/__init__.py": "def __getattr__(name):\n    return importlib.import_module(name)\nf(vars())\n",
        "autodiff/engine/tape.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import graphviz\n",
        "autodiff/ops/b.py": "from . import a\n__all__ = ['here']\nhere = 1\n",
        "autodiff/ops/a.py": "",
        "autodiff/viz/__init__.py": "def _draw():\n    import graphviz\n",
        "nn/module.py": "import numpy\nfrom autodiff.ops import b\n__all__ = ['here']\nhere = 1\n",
        "nn/utils/__init__.py": "from nn.module import *\n",
        "optim/__init__.py": "from autodiff.ops.b import *\n",
    }
    for each in (sound, {path: source}):
        for name, text in each.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        if each is sound:
            assert [law(parse(tmp_path)) for law in CHECKS] == [[] for _ in CHECKS]
    faults = check(parse(tmp_path))
    assert any(fault in found for found in faults), faults
