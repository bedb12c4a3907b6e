"""The laws of the house: who may import whom, what is public, how long a thing may be.

Each law is a function from the parsed modules to a list of faults.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from io import StringIO
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autodiff", "nn", "optim", "examples")
LIBRARY = ("autodiff", "nn", "optim")
MOVABLE = ("nn", "optim")

# From the ground up: each line of the README's table names rooms, which may import from the lines above.
README_ROW = re.compile(r"^\| (`[a-zA-Z`. _]+`) \|", re.MULTILINE)


def rooms_of(readme: str) -> list[list[str]]:
    rows = README_ROW.findall(readme.partition("## How it is layered")[2])
    return [re.findall(r"`([a-zA-Z._]+)`", row) for row in rows]


LEVELS = rooms_of((ROOT / "README.md").read_text(encoding="utf-8"))

# Each of these is imported by one file only. All but NumPy wait until they are used.
OPTIONAL = (
    "IPython", "einops", "graphviz", "hypothesis", "llvmlite", "matplotlib", "mpi4py", "onnx", "safetensors",
    "threadpoolctl", "tqdm",
)  # fmt: skip
ORACLES = ("jax", "torch")  # compared with in tests and benchmarks, never used
PEER = "examples.peer"  # where the examples time the same step on PyTorch, if it is installed

# Exceptions: "module" or "module:name", with the reason. One that is no longer needed is a fault too.
LAZY = {
    "autodiff.numpy_api.protocol:difflib": "a slow import that only an error message needs",
    "autodiff.spelling:difflib": "a slow import that only an error message needs",
    "autodiff.autograd:autodiff.testing.checking": "gradcheck has PyTorch's place, and waits to be asked for",
    "autodiff.testing:autodiff.testing.properties": "needs hypothesis, which gradcheck does not",
    "autodiff.testing:autodiff.testing.strategies": "needs hypothesis, which gradcheck does not",
    "autodiff.data.mnist_files:urllib.request": "a slow import that only a download needs",
    "nn.parallel:nn.data_parallel": "the talk between processes, which few programs need",
    "autodiff.kernels.lanes:autodiff.kernels.llvm": "the lane of llvmlite, which only large arrays need",
    "autodiff.kernels.threads:queue": "a slow import that only large arrays need",
}
LONG: dict[str, str] = {}
NAME_MAKING = {
    f"{package}:import_module": "looks up, by a short list, what a plain import leaves out"
    for package in ("autodiff", "autodiff.autograd", "autodiff.jit", "autodiff.ops", "autodiff.utils", "nn",
                    "nn.utils", "optim")
} | {
    "autodiff.spelling:import_module": "finds under PyTorch's path the module that is there",
} | {
    f"{package}:vars": "wraps what stands there already, and makes no name"
    for package in (
        "autodiff", "autodiff.fft", "autodiff.linalg", "autodiff.special", "nn", "nn.functional",
        "nn.functional.numbered_reductions", "nn.functional.top_level",
    )
}

MAX_FILE, MAX_FUNCTION = 400, 45
MAX_CODE = {
    "the engine": ("autodiff.engine.", 1000), "the compiler": ("autodiff.compiling.", 1410),
    "the lane of llvmlite": ("autodiff.kernels.llvm.", 1277),
}  # fmt: skip
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


def base_of(node: ast.ImportFrom, module: Module) -> str:
    """The absolute name of what ``module`` imports from."""
    if not node.level:
        return node.module or ""
    parents = module.name.split(".")
    parents = parents[: len(parents) - node.level + module.is_package]
    return ".".join([*parents, node.module] if node.module else parents)


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
                base = base_of(node, module)
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


def room_of(name: str) -> str | None:
    """The room of LEVELS that a module belongs to: the narrowest that is it or holds it."""
    parts = name.split(".")
    holders = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    if name != "autodiff":
        holders.remove("autodiff") if "autodiff" in holders else None
    return next((holder for holder in holders if any(holder in rooms for rooms in LEVELS)), None)


def level_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def levels(modules: Modules) -> list[str]:
    faults = [f"{name} has no room in the README's table" for name in modules if room_of(name) is None]
    for found in all_imports(modules):
        here, there = room_of(found.importer), room_of(found.target)
        if here is None or here == there or is_lazy_by_leave(found):
            continue
        if top(found.target) in PACKAGES and (there is None or level_of(there) > level_of(here)):
            faults.append(f"{found}, which does not stand below it")
        if {top(found.importer), top(found.target)} == {"nn", "optim"}:
            faults.append(f"{found}: nn and optim never import each other")
    return faults


def entries(modules: Modules) -> list[str]:
    """No room of the table is missing from the tree."""
    used = {room_of(name) for name in modules}
    named = [room for rooms in LEVELS for room in rooms]
    return [f"the README's table has {room}, which is not there" for room in named if room not in used]


def cycles(modules: Modules) -> list[str]:
    """No loop of imports, neither among modules nor among rooms."""
    faults = []
    for kind, name_of in (("modules", str), ("rooms", room_of)):
        graph: dict[str | None, set[str | None]] = {}
        for found in all_imports(modules):
            here, there = name_of(found.importer), name_of(found.target)
            if found.target in modules and here != there and not is_lazy_by_leave(found):
                graph.setdefault(here, set()).add(there)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            faults.append(f"a cycle of {kind}: " + " <- ".join(error.args[1]))
    return faults


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
    """What is taken whole by `import *` lists its names, once each, in `__all__`; nothing else does.

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
        is_lazy = "def __getattr__" in module.source  # what it looks up late must be listed for `import *`
        if module.name not in taken and listed is not None and not is_lazy:
            faults.append(f"{module.name} has an __all__ that nobody uses")
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
    return [modules[name] for name in (base_of(node, module) for node in froms) if name in modules]


def movable(modules: Modules) -> list[str]:
    """`nn` and `optim` name their own modules relatively, so that they load as `autodiff.nn` and `autodiff.optim` too.

    This is how they load where a program has an `nn.py` or `optim.py` of its own.
    """
    faults = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            own = top(module.name) in MOVABLE and top(module.name) in map(top, names)
            faults += [f"{module.name}:{node.lineno} imports its own package absolutely"] if own else []
    return faults


def code_size(modules: Modules) -> list[str]:
    """Some rooms can be held in the head: so many lines of code, imports, docstrings and comments aside."""
    faults = []
    for room, (begin, most) in MAX_CODE.items():
        size = sum(code_lines(module) for module in modules.values() if f"{module.name}.".startswith(begin))
        faults += [f"{room} has {size} lines of code, {most} at most"] if size > most else []
    return faults


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
