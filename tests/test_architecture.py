"""The project keeps the laws of the house, and each law finds the fault that it is for."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from architecture import (
    LIBRARY,
    MAX_FILE,
    OPTIONAL,
    ORACLES,
    ROOT,
    Modules,
    code_size,
    cycles,
    dependencies,
    entries,
    exported,
    levels,
    movable,
    parse,
    public_names,
    sizes,
    spelled_out,
    top,
)  # fmt: skip

MODULES = parse(ROOT)
CHECKS: list[Callable[[Modules], list[str]]] = [
    levels, cycles, dependencies, sizes, code_size, spelled_out, public_names, movable,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_law_holds(check: Callable[[Modules], list[str]]) -> None:
    """The project as it is has no fault of this kind."""
    assert len(MODULES) > 5, "the project's modules were not found"
    faults = check(MODULES)
    assert not faults, "\n" + "\n".join(faults)


def test_the_table_of_rooms_names_only_what_is_there() -> None:
    """Each room of the README's table is a package or a module."""
    assert not entries(MODULES)
    assert entries({}), "a room that is not there was not found"


def test_no_test_is_too_long() -> None:
    """Files of tests and of benchmarks are as short as those of the library."""
    files = [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 50
    assert not [str(path) for path in files if path.read_text(encoding="utf-8").count("\n") > MAX_FILE]


def names_torch(node: ast.AST) -> bool:
    """Whether it imports PyTorch so that a test fails where that is not installed."""
    match node:
        case (
            ast.Import(names=[ast.alias(name=str(name)), *_])
            | ast.ImportFrom(module=str(name))
            | ast.Call(func=ast.Name("import_module"), args=[ast.Constant(str(name)), *_])
            | ast.Call(func=ast.Name("import_module"), args=[ast.JoinedStr([ast.Constant(str(name)), *_]), *_])
        ):
            return top(name) == "torch"
    return False


def test_tests_ask_for_pytorch_by_what_skips() -> None:
    """They run where it is not installed: what asks for it is ``parity.harness.peer`` or ``pytest.importorskip``."""
    for line in ("import torch.nn", "from torch import nn", "import_module('torch')", "import_module(f'torch.{x}')"):
        assert any(map(names_torch, ast.walk(ast.parse(line)))), line
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("*.py")}
    assert not [str(path) for path, tree in trees.items() if any(map(names_torch, ast.walk(tree)))]


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


LATER = {
    "autodiff.accelerator", "autodiff.amp", "autodiff.compiling", "autodiff.cuda", "autodiff.data",
    "autodiff.distributed", "autodiff.distributions", "autodiff.export", "autodiff.func", "autodiff.io",
    "autodiff.sparse", "autodiff.testing", "autodiff.utils", "autodiff.viz", "nn.data_parallel", "nn.utils.rnn",
    "optim.lr_scheduler", "optim.swa_utils", "asyncio", "concurrent", "ctypes.util", "difflib", "email", "http",
    "multiprocessing", "socket", "subprocess", "tempfile", "unittest", "urllib.request", "zipfile",
}  # fmt: skip


def test_importing_the_library_loads_little_of_it() -> None:
    """What only some programs use is loaded by them, and so are slow modules of Python's that NumPy does without."""
    code = "import sys, numpy; before = {*sys.modules}; import autodiff, nn, optim; print(*{*sys.modules} - before)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "autodiff.engine.apply" in loaded.split()
    assert not set(loaded.split()) & LATER
    assert all(name in MODULES for name in LATER if name.startswith(("autodiff.", "nn.", "optim.")))


COUNTED = """
import collections, dataclasses, inspect, re, sys
import numpy
calls = collections.Counter()
def note(frame, event, argument):
    calls[frame.f_code] += event == "call"
sys.setprofile(note)
import autodiff, nn, optim
sys.setprofile(None)
print(*[calls[slow.__code__] for slow in (inspect.signature, dataclasses._process_class, re.compile)])
"""


def test_importing_the_library_does_little_that_is_slow() -> None:
    """It reads few signatures, makes few dataclasses and compiles few patterns: what can wait for its use does."""
    run = subprocess.run([sys.executable, "-c", COUNTED], cwd=ROOT, capture_output=True, text=True, check=True)
    signatures, dataclasses, patterns = map(int, run.stdout.split())
    assert 0 < signatures <= 40
    assert 0 < dataclasses <= 5
    assert 0 < patterns <= 10


PLANTED = {
    "unlisted": (levels, "autodiff/new.py", "", "autodiff.new has no room"),
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
    "cycle": (cycles, "autodiff/ops/a.py", "from . import b", "a cycle of modules"),
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
    "hidden import": (spelled_out, "nn/module.py", "importlib.import_module('optim')", "calls import_module"),
    "no __all__": (public_names, "nn/__init__.py", "from autodiff.ops.a import *", "no __all__"),
    "needless __all__": (public_names, "autodiff/ops/a.py", "__all__ = ['f']\ndef f(): ...", "nobody uses"),
    "name from two modules": (
        public_names,
        "nn/__init__.py",
        "from autodiff.ops.b import *\nfrom .module import *",
        "'here' from two",
    ),
    "doubled name": (public_names, "nn/module.py", "__all__ = ['a', 'a']\na = 1", "'a' twice"),
    "not movable": (movable, "nn/utils/__init__.py", "from nn.module import here", "absolutely"),
    "not movable, hidden": (movable, "optim/__init__.py", "def f():\n    import optim.sgd", "absolutely"),
    "engine": (code_size, "autodiff/engine/new.py", "x = 1\n" * 1001, "the engine has"),
    "compiler": (code_size, "autodiff/compiling/new.py", "x = 1\n" * 1500, "the compiler has"),
}


@pytest.mark.parametrize(("check", "path", "source", "fault"), PLANTED.values(), ids=PLANTED.keys())
def test_each_check_finds_what_it_is_for(
    check: Callable[[Modules], list[str]], path: str, source: str, fault: str, tmp_path: Path
) -> None:
    """In a small house without faults, one planted fault is found."""
    later = "def __getattr__(name):\n    return importlib.import_module(name)\n"
    sound = {
        "autodiff/__init__.py": f"{later}f(vars())\n",
        "autodiff/engine/tape.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import graphviz\n",
        "autodiff/ops/b.py": "from . import a\n__all__ = ['here']\nhere = 1\n",
        "autodiff/ops/a.py": "",
        "autodiff/viz/__init__.py": "def _draw():\n    import graphviz\n",
        "nn/module.py": "import numpy\nfrom autodiff.ops import b\n__all__ = ['here']\nhere = 1\n",
        "nn/utils/__init__.py": f"from ..module import *\n{later}",
        "optim/__init__.py": f"from autodiff.ops.b import *\n{later}",
    }
    for each in (sound, {path: source}):
        for name, text in each.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        if each is sound:
            assert [law(parse(tmp_path)) for law in CHECKS] == [[] for _ in CHECKS]
    faults = check(parse(tmp_path))
    assert any(fault in found for found in faults), faults
