"""PyTorch's paths as import lines have them: ``import autodiff.nn.functional as F`` finds ``nn.functional`` itself.

Where a program has an ``nn.py`` or ``optim.py`` of its own, the packages beside this one are loaded all the same, as
``autodiff.nn`` and ``autodiff.optim``; for this they name their own modules only relatively.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from autodiff.errors import AttributeNameError, OptionError

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_BESIDE = frozenset(["autodiff.nn", "autodiff.optim"])  # packages beside this one, which PyTorch has inside
_LOAD = "download the weights, and load(path) reads them"
_FLOATS = "models compute in floats here"
_LINES = "it is one process, or several over MPI (docs/scaling.md)"
_INSTEAD = {  # parts of PyTorch that are not here, and what to do where that is one sentence
    "ao": _FLOATS,
    "cuda.comm": "",
    "cuda.graphs": "",
    "cuda.nccl": "",
    "distributed.algorithms": _LINES,
    "distributed.checkpoint": "save(model.state_dict(), path) writes a model",
    "distributed.device_mesh": _LINES,
    "distributed.elastic": _LINES,
    "distributed.fsdp": _LINES,
    "distributed.optim": _LINES,
    "distributed.pipelining": _LINES,
    "distributed.rpc": _LINES,
    "distributed.tensor": _LINES,
    "fx": "viz.draw and compile show what a model computes",
    "futures": "",
    "hub": _LOAD,
    "jit.frontend": "",
    "jit.mobile": "",
    "masked": "nan_to_num, where and masked_fill leave out entries",
    "monitor": "",
    "nested": "nn.utils.rnn packs sequences of several lengths",
    "nn.attention.bias": "scaled_dot_product_attention takes a mask",
    "nn.intrinsic": _FLOATS,
    "nn.parallel._functions": _LINES,
    "nn.parallel.comm": _LINES,
    "nn.qat": _FLOATS,
    "nn.quantizable": _FLOATS,
    "nn.quantized": _FLOATS,
    "onnx.operators": "",
    "onnx.symbolic_helper": "",
    "onnx.symbolic_registry": "",
    "onnx.utils": "onnx.export writes a file",
    "package": "save(model.state_dict(), path) writes a model",
    "quantization": _FLOATS,
    "quasirandom": "scipy.stats.qmc.Sobol draws such points",
    "testing._internal": "",
    "utils.benchmark": "use Python's own timeit",
    "utils.bundled_inputs": "",
    "utils.cpp_extension": "docs/extending.md adds an operation in Python",
    "utils.data.datapipes": "an IterableDataset does it",
    "utils.flop_counter": "viz.summary counts operations",
    "utils.mobile_optimizer": "",
    "utils.model_zoo": _LOAD,
}
_OPTIONAL = {  # what PyTorch has not everywhere: programs are ready for an import that fails
    "nn.attention.flex_attention": "scaled_dot_product_attention takes a mask",
    "utils.tensorboard": "draw the losses with matplotlib, or install tensorboardX",
}

_INSIDE = {  # modules of PyTorch's, and the modules that have their names here
    "autograd.gradcheck": "autograd",
    "cpu.amp": "amp",
    "cuda.memory": "cuda",
    "cuda.random": "cuda",
    "cuda.streams": "cuda",
    "nn.parallel.data_parallel": "nn.parallel",
    "nn.utils.spectral_norm": "nn.utils",
    "nn.utils.weight_norm": "nn.utils",
    "torch_version": "version",
}


class _Inside(ModuleType):
    """A path to names of another module. Where PyTorch has a function and a module of one name, it is both."""

    def __init__(self, name: str, found: ModuleType) -> None:
        super().__init__(name)
        self._found = found
        short = name.rpartition(".")[2]
        function = getattr(found, short, None)
        if function is not None:  # which this module replaces there, as the import ends
            vars(self)[short] = self.__wrapped__ = function
            self.__doc__ = function.__doc__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)


class _Name(type):
    """A name in a part of PyTorch that is not here.

    It stands in import lines, annotations, lists of base classes and ``isinstance``; what needs it is refused.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise OptionError(cls.refusal)  # of the class, or of the one that it extends

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeNameError(cls.refusal)


class _Absent(ModuleType):
    """A part of PyTorch that is not here: it can be imported, and what it lacks says so when it is used."""

    def __init__(self, name: str, repair: str) -> None:
        super().__init__(name, f"{name} is not here, as torch has it. {repair.capitalize()}")
        self.__path__: list[str] = []  # so that what is in it is looked for, and found absent
        self._repair = repair

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # programs import what is private only where they are ready to do without
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        whole = f"autodiff.{self.__name__.removeprefix('autodiff.')}.{name}"
        words = f"there is no {whole}, as torch has it{self._repair and '; '}{self._repair}"
        found = vars(self)[name] = _Name(name, (), {"__module__": self.__name__, "__doc__": words, "refusal": words})
        return found


class _Same:
    """The loader of a module that is there already, under another name."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # which the import has replaced


def _same(name: str, module: ModuleType) -> ModuleSpec:
    return ModuleSpec(name, _Same(module))  # type: ignore[arg-type]  # importlib.abc is slow to import


class _Known:
    """The loader of einops' module of backends, who tells it of tensors then."""

    def __init__(self, loader: Any) -> None:
        self.create_module, self.loader = loader.create_module, loader

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self.loader  # type: ignore[union-attr]
        self.loader.exec_module(module)
        meet_einops()


def _of_einops(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Modules that belong to einops and to this library: its backends, and its layers of our tensors."""
    if name == "einops.layers.autodiff":
        return _same(name, importlib.import_module("autodiff.nn.einops").layers())
    spec = PathFinder.find_spec(name, path) if name == "einops._backends" else None
    if spec is not None:
        spec.loader = _Known(spec.loader)  # type: ignore[assignment]
    return spec


def meet_einops() -> None:
    """Make einops know tensors, if it has been imported."""
    if "einops._backends" in sys.modules:
        importlib.import_module("autodiff.nn.einops").register()


def _is_shadowed(package: str) -> bool:
    """Whether a program finds something of its own under the name of ``package``, which stands beside this one."""
    known = sys.modules.get(package)
    origin = getattr(known, "__file__", None)
    if known is None:
        spec = importlib.util.find_spec(package)
        origin = None if spec is None else spec.origin
    ours = os.path.join(_HERE, package, "__init__.py")
    return origin is None or os.path.realpath(origin) != os.path.realpath(ours)


class Packages:
    """Finds ``autodiff.nn``, ``autodiff.optim`` and what is in them; asked before the path is searched."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """The module of the package beside this one; None for any other name."""
        if name.startswith("einops."):
            return _of_einops(name, path)
        package = ".".join(name.split(".", 2)[:2])
        if package not in _BESIDE:
            return None
        if name == package:
            short = package.removeprefix("autodiff.")
            if _is_shadowed(short):
                return PathFinder.find_spec(package, [_HERE])
            return _same(name, importlib.import_module(short))
        real = sys.modules[package].__name__ + name.removeprefix(package)
        if real == name:  # the package itself was loaded under this name
            return None
        try:
            return _same(name, importlib.import_module(real))
        except ModuleNotFoundError as error:
            if error.name != real:
                raise
            return None


class Attributes:
    """Finds modules that stand in their package under another name; asked when the path has been searched in vain."""

    @staticmethod
    def find_spec(name: str, folders: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """The module, as ``nn.modules.conv`` is ``nn.modules.convolution``; None for what is nowhere.

        A part of PyTorch that is not here is found, too: what it lacks says so when it is used.

        Raises ModuleNotFoundError, which names a repair, for what PyTorch itself has not everywhere.
        """
        package, _, short = name.rpartition(".")
        if package.partition(".")[0] not in ("autodiff", "nn", "optim"):
            return None
        path = name.removeprefix("autodiff.")
        inside = _INSIDE.get(path)
        if inside is not None:
            return _same(name, _Inside(name, importlib.import_module(f"autodiff.{inside}")))
        found = sys.modules[package]
        if isinstance(found, _Absent):
            if short.startswith("_"):
                return None
            return _same(name, _Absent(name, found._repair))
        if path in _INSTEAD:
            return _same(name, _Absent(name, _INSTEAD[path]))
        module = found if name == "autodiff.functional" else getattr(found, short, None)  # torch has those names twice
        if isinstance(module, ModuleType):
            return _same(name, module)
        if path in _OPTIONAL:
            raise ModuleNotFoundError(f"there is no {name}, as torch has it; {_OPTIONAL[path]}", name=name)
        return None


def is_absent(name: str) -> bool:
    """Whether that is the path of a part of PyTorch that is not here.

    >>> is_absent("autodiff.hub"), is_absent("autodiff.hubs")
    (True, False)
    """
    return name.removeprefix("autodiff.") in _INSTEAD


def no_attribute(module: str, name: str, known: Iterable[str] | None = None) -> AttributeError:
    """The error, to be raised, for a name that ``module`` has not; it names the nearest of those ``known``, or it has.

    >>> no_attribute("autodiff", "sigmod", ["sigmoid", "sin"])
    AttributeError("module 'autodiff' has no attribute 'sigmod'; did you mean 'sigmoid'?")
    """
    hint = ""
    if not name.startswith("_"):  # which programs and tools ask for, to see whether it is there
        import difflib

        known = dir(sys.modules[module]) if known is None else known
        hint = "".join(f"; did you mean {near!r}?" for near in difflib.get_close_matches(name, known, n=1, cutoff=0.7))
    error = AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
    error.name = name  # without .obj, so that a traceback does not suggest once more
    return error


def install() -> None:
    """Let import lines find PyTorch's paths."""
    sys.meta_path.insert(0, Packages)
    sys.meta_path.append(Attributes)
