"""Programs written for PyTorch import by PyTorch's paths, with ``torch`` replaced by ``autodiff`` and nothing else."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest
from parity.harness import peer

import autodiff
import nn
import optim
from autodiff import spelling
from autodiff.errors import OptionError

ROOT = Path(__file__).resolve().parent.parent
SAME = {
    "nn": "nn",
    "nn.functional": "nn.functional",
    "nn.init": "nn.init",
    "nn.parameter": "nn.parameter",
    "nn.modules": "nn.modules",
    "nn.modules.activation": "nn.modules.activation",
    "nn.modules.batchnorm": "nn.modules.normalization",
    "nn.modules.conv": "nn.modules.convolution",
    "nn.modules.flatten": "nn.modules.rearranging",
    "nn.modules.linear": "nn.modules.dense",
    "nn.modules.module": "nn.module",
    "nn.modules.rnn": "nn.modules.recurrent",
    "nn.modules.sparse": "nn.modules.embedding",
    "nn.utils": "nn.utils",
    "nn.utils.clip_grad": "nn.utils.clip_grad",
    "nn.utils.parametrizations": "nn.utils.parametrizations",
    "nn.utils.rnn": "nn.utils.rnn",
    "backends.cudnn": "autodiff.backends.cudnn",
    "backends.mps": "autodiff.accelerator",
    "cuda.amp": "autodiff.amp",
    "functional": "autodiff",
    "mps": "autodiff.accelerator",
    "nn.parallel": "nn.parallel",
    "optim": "optim",
    "optim.adamw": "optim.adam",
    "optim.lr_scheduler": "optim.lr_scheduler",
    "optim.optimizer": "optim.optimizer",
    "optim.rmsprop": "optim.adagrad",
    "optim.swa_utils": "optim.swa_utils",
    "autograd.variable": "autodiff.tensors.typed_constructors",
    "utils.data.dataloader": "autodiff.data.loader",
    "utils.data.dataset": "autodiff.data.dataset",
}
OURS = ("data", "errors", "io", "viz")  # packages that PyTorch has not under these names
OWN = {  # what a program of these two files prints
    "nn.py": "class Linear: pass\n",
    "optim.py": "import autodiff.optim\nclass SGD(autodiff.optim.SGD): pass\n",
}


def run(program: str, folder: Path) -> str:
    """What a program prints that stands in ``folder``, on whose path the library is also."""
    (folder / "program.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(("path", "name"), SAME.items())
def test_a_path_of_pytorch_is_a_module_of_ours(path: str, name: str) -> None:
    """It is the module itself, not another copy of it, and knows itself by its own name afterwards."""
    module = importlib.import_module(f"autodiff.{path}")
    assert module is importlib.import_module(name)
    assert module.__name__ == name
    assert module.__spec__ is not None
    assert module.__spec__.name == name
    assert sys.modules[f"autodiff.{path}"] is module


def test_classes_are_the_same_in_every_spelling() -> None:
    """An object made by one spelling is an instance by the other, whichever came first."""
    from autodiff.nn import Linear
    from autodiff.nn.modules.linear import Linear as ByItsFile
    from autodiff.optim import SGD

    assert Linear is nn.Linear
    assert ByItsFile is nn.Linear
    assert SGD is optim.SGD


@pytest.mark.parametrize("first", ["import autodiff.nn.functional as F", "import nn, optim", "from autodiff import nn"])
def test_the_order_of_spellings_does_not_matter(first: str, tmp_path: Path) -> None:
    """In a new process too, one module answers to all names."""
    program = f"""{first}
import autodiff.optim.lr_scheduler, autodiff.nn.functional, autodiff, optim, nn
assert nn.functional is autodiff.nn.functional and nn is autodiff.nn and optim is autodiff.optim
print(isinstance(autodiff.nn.Linear(1, 1), nn.Module))
"""
    assert run(program, tmp_path) == "True\n"


@pytest.mark.parametrize("first", ["import nn, optim", "import autodiff.nn, autodiff.optim"])
def test_a_program_may_have_files_of_these_names(first: str, tmp_path: Path) -> None:
    """Its ``nn.py`` and ``optim.py`` are its own, and the library's packages still train, by PyTorch's paths."""
    for name, source in OWN.items():
        (tmp_path / name).write_text(source)
    program = f"""{first}
import autodiff, nn, optim
import autodiff.nn.functional as F
from autodiff.nn.modules.conv import Conv2d
from autodiff.optim.lr_scheduler import StepLR
model = autodiff.nn.Linear(2, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
StepLR(optimizer, 1)
F.mse_loss(model(autodiff.ones(3, 2)), autodiff.zeros(3, 1)).backward()
optimizer.step()
assert autodiff.nn.Conv2d is Conv2d and isinstance(model, autodiff.nn.Module)
print(nn.Linear.__module__, type(model).__module__, autodiff.nn.functional is F)
"""
    assert run(program, tmp_path) == "nn autodiff.nn.modules.dense True\n"


def test_what_is_missing_says_so() -> None:
    """What PyTorch has only beside other packages names a repair; a name that nobody has fails as any other does."""
    with pytest.raises(ModuleNotFoundError, match=r"no autodiff\.utils\.tensorboard, as torch has it; .* matplotlib"):
        importlib.import_module("autodiff.utils.tensorboard")
    for name in ("autodiff.nothing", "autodiff.nn.nothing", "nn.nothing", "autodiff.optim.lr_scheduler.nothing"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'"):
            importlib.import_module(name)


ABSENT = [
    "ao.quantization", "cuda.graphs", "distributed.fsdp", "fx", "fx.experimental.proxy_tensor", "hub", "masked",
    "nested", "nn.quantized.dynamic", "package", "quantization", "testing._internal.common_utils", "utils.benchmark",
    "utils.cpp_extension", "utils.model_zoo",
]  # fmt: skip


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_here_can_be_imported_and_says_so_when_it_is_used(path: str) -> None:
    """A program that never comes to it runs: names stand in annotations, base classes and ``isinstance``."""
    module = importlib.import_module(f"autodiff.{path}")
    assert importlib.import_module(f"autodiff.{path}") is module
    found = module.Anything
    assert found is module.Anything
    assert not isinstance(3, found)

    class Own(found):  # type: ignore[misc, valid-type]
        """A class of the program's, which extends one that is not here."""

    for use in (found, Own, lambda: found(1, key=2)):
        with pytest.raises(OptionError, match=rf"no autodiff\.{path}\.Anything, as torch has it"):
            use()
    with pytest.raises(AttributeError, match=r"Anything, as torch has it"):
        _ = found.member
    assert not hasattr(found, "__wrapped__")
    assert not hasattr(module, "__all__")
    assert path.partition(".")[0] in ("cuda", "distributed", "nn", "testing", "utils") or path not in dir(autodiff)


@pytest.mark.parametrize("line", ["from autodiff.nn.attention.flex_attention import flex_attention",
                                  "import autodiff.nn.attention.flex_attention",
                                  "from autodiff.hub import _get_torch_home", "from autodiff.fx._compat import _x"])
def test_what_programs_are_ready_to_miss_is_refused_by_the_import(line: str) -> None:
    """``try: from torch.hub import _get_torch_home`` goes on behind ``except ImportError``, not to a later error."""
    with pytest.raises(ImportError):
        exec(line, {})


def test_an_attribute_finds_what_is_not_here(tmp_path: Path) -> None:
    """As ``torch.hub.load(...)`` in a program that never imports it by a line of its own."""
    program = "import autodiff as t\nprint(hasattr(t, 'hub'), t.hub.load.__name__, t.onnx.export.__name__)"
    assert run(program, tmp_path) == "True load export\n"


def test_what_is_there_comes_before_what_is_not() -> None:
    """No name of the list of what is absent hides a module that is here."""
    for path in spelling._INSTEAD:
        if "." in path:
            package, _, short = path.rpartition(".")
            parent = importlib.import_module(f"autodiff.{package}")
            assert not hasattr(parent, short) or type(getattr(parent, short)).__name__ == "_Absent", path


def test_what_there_is_is_listed() -> None:
    """``dir(autodiff)`` has every public name and package, nothing that the library only uses, and it is all there."""
    listed = dir(autodiff)
    assert {"Tensor", "autograd", "data", "exp", "float32", "nn", "optim", "save", "testing", "viz"} <= {*listed}
    assert {"abs_", "conv2d", "vmap"} <= {*listed}
    assert not {"Any", "TYPE_CHECKING", "annotations", "engine", "importlib", "kernels", "ops", "tensors"} & {*listed}
    assert [name for name in listed if not hasattr(autodiff, name)] == []
    modules = [name for name in listed if isinstance(getattr(autodiff, name), ModuleType)]
    assert [name for name in modules if not (hasattr(peer(), name) or name in OURS)] == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sigmod", "sigmoid"), ("Tensro", "Tensor"), ("optm", "optim"), ("savee", "save"), ("conv2", "conv2d"),
     ("xyz", None), ("_exp", None)],
)
def test_a_misspelled_name_names_the_nearest(name: str, meant: str | None) -> None:
    """The hint is there where a name is near, and once."""
    with pytest.raises(AttributeError) as caught:
        getattr(autodiff, name)
    hint = "" if meant is None else f"; did you mean '{meant}'?"
    assert str(caught.value) == f"module 'autodiff' has no attribute '{name}'{hint}"
    assert traceback.format_exception_only(caught.value) == [f"AttributeError: {caught.value}\n"]


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [("optim", "Adams", "Adam"), ("nn.utils", "clip_grad_nrom_", "clip_grad_norm_"),
     ("autodiff.autograd", "gard", "grad"), ("autodiff.testing", "gradchek", "gradcheck"),
     ("autodiff.utils", "chekpoint", "checkpoint"), ("optim", "xyz", None)],
)
def test_packages_that_import_late_name_the_nearest_too(module: str, name: str, meant: str | None) -> None:
    """Python's own hint in tracebacks does not reach them."""
    with pytest.raises(AttributeError) as caught:
        getattr(importlib.import_module(module), name)
    hint = "" if meant is None else f"; did you mean '{meant}'?"
    assert str(caught.value) == f"module '{module}' has no attribute '{name}'{hint}"
