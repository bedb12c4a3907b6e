"""Names that programs import by PyTorch's inner paths: dual tensors, windows, reductions, words without effect."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import warnings
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architecture import ROOT
from parity.harness import peer

import autodiff
import nn
from autodiff import tensor
from autodiff.autograd import forward_ad, graph
from autodiff.errors import DtypeError, FileFormatError, GraphError, OptionError, ShapeError


def of_torch(path: str) -> Any:
    """A module of PyTorch's, which warns as it is loaded."""
    peer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(path)


PATHS = [
    "_C._LinAlgError", "_C._TensorBase", "_C.Value", "_C.dtype", "_jit_internal.Optional",
    "amp.autocast_mode.autocast", "amp.grad_scaler.GradScaler", "cuda.amp.grad_scaler.GradScaler",
    "nn.common_types._size_2_t", "autograd.forward_ad.dual_level", "autograd.graph.Node",
    "autograd.functional.jacobian", "nn.functional.has_torch_function",
    "_dynamo.reset", "_dynamo.config", "autograd.anomaly_mode.detect_anomaly", "autograd.gradcheck.gradgradcheck",
    "autograd.profiler.record_function", "linalg.LinAlgError", "nn._reduction.get_enum", "nn.parallel.data_parallel",
    "nn.parallel.data_parallel.DataParallel", "nn.parallel.distributed.DistributedDataParallel",
    "nn.utils.spectral_norm.spectral_norm", "nn.utils.weight_norm.weight_norm", "overrides.has_torch_function",
    "return_types.max", "sparse.torch", "utils.data._utils.collate.default_collate",
    "serialization.add_safe_globals", "serialization.load", "signal.windows.hann", "types.Number", "types._size",
    "utils.checkpoint.get_device_states",
    "_C._jit_override_can_fuse_on_gpu", "_C._jit_set_profiling_mode", "_VF.lstm", "cuda.default_generators",
    "cuda.get_arch_list", "multiprocessing.set_sharing_strategy", "nn.modules.activation.MultiheadAttention",
    "nn.modules.conv._pair", "nn.modules.conv._single", "optim.lbfgs._strong_wolfe", "optim.optimizer.ParamsT",
    "torch_version.TorchVersion",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_the_path_is_found_by_attributes_and_by_imports(path: str) -> None:
    """As ``import autodiff`` finds it, and as ``from autodiff.x import y`` does."""
    module, _, name = path.rpartition(".")
    found = getattr(import_module(f"autodiff.{module}"), name)
    assert attrgetter(path)(autodiff) is found


IMPORTED = (  # a module that is there after its import only, and modules behind functions of their name
    "nn._reduction", "torch_version.", "autograd.gradcheck.", "nn.parallel.data_parallel.", "nn.utils.spectral_norm.",
    "nn.utils.weight_norm.",
)  # fmt: skip
BY_ATTRIBUTES = [path for path in PATHS if not path.startswith(IMPORTED)]


def test_parts_need_no_import_of_their_own() -> None:
    """``import autodiff`` is enough, as in PyTorch, for what it has by ``import torch``."""
    code = f"import autodiff\nfrom operator import attrgetter\nattrgetter(*{BY_ATTRIBUTES})(autodiff)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def duals(t: Any, f: Any, level: Any) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    with level.dual_level():
        x, v, y, w = (t.tensor(rng.uniform(0.5, 1.5, (2, 3))) for _ in range(4))
        primal, tangent = level.unpack_dual(f(t, level.make_dual(x, v), level.make_dual(y, w)))
    return [primal.detach().numpy(), tangent.detach().numpy()]


FUNCTIONS: dict[str, Any] = {
    "product": lambda t, x, y: x * y,
    "matrices": lambda t, x, y: (x @ y.T).softmax(-1),
    "of one": lambda t, x, y: x.sin() * 2,
    "itself": lambda t, x, y: x,
    "a number": lambda t, x, y: (x.log() * y.exp()).sum(),
    "linear": lambda t, x, y: x[:, :2] + y[:, 1:],
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script")  # as PyTorch makes its first dual tensor
@pytest.mark.parametrize("name", FUNCTIONS)
def test_dual_tensors_have_pytorchs_tangents(name: str) -> None:
    """Of one input and of two, linear functions and others."""
    torch, theirs = peer(), of_torch("torch.autograd.forward_ad")
    for ours, other in zip(
        duals(autodiff, FUNCTIONS[name], forward_ad), duals(torch, FUNCTIONS[name], theirs), strict=True
    ):
        np.testing.assert_allclose(ours, other, rtol=1e-12)


def test_tangents_reach_parameters_and_can_be_differentiated() -> None:
    """A dual tensor in a layer's place; d/dw of the tangent of w^3 v is 6 w v."""
    layer = nn.Linear(2, 3)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(layer.weight, autodiff.ones(3, 2))
        del layer.weight
        layer.weight = dual
        assert forward_ad.unpack_dual(layer(autodiff.ones(1, 2))).tangent.tolist() == [[2.0, 2.0, 2.0]]
        w = tensor(2.0, requires_grad=True)
        primal, tangent = forward_ad.unpack_dual(forward_ad.make_dual(w, tensor(1.0)) ** 3)
        assert autodiff.autograd.grad(tangent, w, retain_graph=True)[0].item() == 12
        assert autodiff.autograd.grad(primal, w)[0].item() == 12
        assert forward_ad.unpack_dual(w).tangent is None
        assert forward_ad.unpack_dual(tensor(1.0)).tangent is None


def test_dual_tensors_are_refused_outside_their_level() -> None:
    """And tangents that do not fit."""
    x = autodiff.ones(2)
    for call in (lambda: forward_ad.make_dual(x, x), lambda: forward_ad.unpack_dual(x), forward_ad.exit_dual_level):
        with pytest.raises(GraphError, match="level"):
            call()
    with forward_ad.dual_level():
        with pytest.raises(ShapeError, match="tangent"):
            forward_ad.make_dual(x, autodiff.ones(3))
        with pytest.raises(DtypeError, match="one dtype"):
            forward_ad.make_dual(x, autodiff.ones(2, dtype=autodiff.float64))
        with pytest.raises(GraphError, match="one level"):
            forward_ad.enter_dual_level()


WINDOWS: dict[str, dict[str, Any]] = {
    "bartlett": {}, "blackman": {}, "cosine": {}, "exponential": {"tau": 0.7}, "gaussian": {"std": 1.3},
    "general_cosine": {"a": [0.5, 0.3, 0.2]}, "general_hamming": {"alpha": 0.6}, "hamming": {}, "hann": {},
    "kaiser": {"beta": 3.0}, "nuttall": {},
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_are_pytorchs(name: str) -> None:
    """Of an odd, an even and the smallest length, symmetric and side by side, in a given dtype."""
    theirs, ours = of_torch("torch.signal.windows"), import_module("autodiff.signal.windows")
    float64 = peer().float64
    for length in (0, 1, 2, 7, 8):
        for sym in (True, False):
            found = getattr(ours, name)(length, sym=sym, dtype=autodiff.float64, **WINDOWS[name])
            wanted = getattr(theirs, name)(length, sym=sym, dtype=float64, **WINDOWS[name]).numpy()
            np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)
    assert getattr(ours, name)(3, requires_grad=True, **WINDOWS[name]).requires_grad


def test_windows_refuse_what_makes_none() -> None:
    """Widths of 0 and below, and a centre aside of a symmetric window."""
    windows = autodiff.signal.windows
    calls = [
        lambda: windows.gaussian(3, std=0.0), lambda: windows.exponential(3, tau=0.0),
        lambda: windows.exponential(3, center=1.0), lambda: windows.kaiser(3, beta=-1.0),
        lambda: windows.general_cosine(3, a=[]),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(OptionError):
            call()


def test_reductions_have_pytorchs_numbers() -> None:
    """By their words, and by two booleans of old programs."""
    torch = of_torch("torch.nn._reduction")
    ours = import_module("autodiff.nn._reduction")
    for word in ("none", "mean", "sum"):
        assert ours.get_enum(word) == torch.get_enum(word)
    for size_average in (None, True, False):
        for reduce in (None, True, False):
            wanted = torch.legacy_get_string(size_average, reduce, emit_warning=False)
            assert ours.legacy_get_string(size_average, reduce, emit_warning=False) == wanted


def test_prelu_and_hardshrink_are_methods_too() -> None:
    """With the values of the functions."""
    x, w = tensor([[-1.0, 2.0], [0.3, -4.0]]), tensor([0.5, 0.25])
    assert autodiff.equal(x.prelu(w), nn.functional.prelu(x, w))
    assert autodiff.equal(x.hardshrink(0.5), nn.functional.hardshrink(x))
    assert autodiff.equal(x.hardshrink(2.0), nn.functional.hardshrink(x, 2.0))


def test_a_loss_of_images_has_its_old_name() -> None:
    """``NLLLoss2d``, of which ``NLLLoss`` does all."""
    assert nn.NLLLoss2d()(autodiff.zeros(1, 3, 2, 2), autodiff.zeros(1, 2, 2, dtype=autodiff.int64)).item() == 0


def test_what_has_no_effect_is_taken() -> None:
    """Contexts, registrations, questions; and what cannot be done says what to do."""
    x = autodiff.ones(2, requires_grad=True)
    with graph.save_on_cpu(), graph.disable_saved_tensors_hooks("no"):
        (x * x).sum().backward()
    y = x * 3
    assert isinstance(y.grad_fn, graph.Node)
    assert graph.get_gradient_edge(y).node is y.grad_fn
    with pytest.raises(GraphError):
        graph.get_gradient_edge(autodiff.ones(2))
    with autodiff.serialization.safe_globals([dict]):
        autodiff.serialization.add_safe_globals([dict])
    assert autodiff.serialization.load is autodiff.load
    assert not autodiff.overrides.has_torch_function((x,))
    assert isinstance(2.0, autodiff.types.Number)
    assert autodiff.typename(x) == "torch.FloatTensor"
    assert nn.parallel.data_parallel(nn.Identity(), (x,)) is x
    assert issubclass(autodiff.linalg.LinAlgError, np.linalg.LinAlgError)


def test_a_name_that_stands_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    """One reader would take the first array, another the last."""
    pytest.importorskip("safetensors", reason="the extra `weights` is not installed")
    entry = '{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    header = f'{{"w":{entry % (0, 4)},"w":{entry % (4, 8)}}}'.encode()
    assert len(json.loads(header)) == 1
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(FileFormatError, match=r"a\.safetensors"):
        autodiff.load(tmp_path / "a.safetensors")


def test_a_function_that_is_a_module_too_says_what_it_takes() -> None:
    """After ``import autodiff.autograd.gradcheck`` the name of the function is that of the module."""
    both = import_module("autodiff.autograd.gradcheck")
    assert both.__doc__ == both.gradcheck.__doc__
    assert inspect.signature(both) == inspect.signature(both.gradcheck)


def test_a_function_that_is_a_module_too_is_called_when_it_was_imported_first() -> None:
    """Nobody has asked the package for the function before, which comes when it is used."""
    code = """if True:
        import autodiff.autograd.gradcheck as f
        import autodiff
        x = autodiff.ones((), dtype=autodiff.double, requires_grad=True)
        print(f is autodiff.autograd.gradcheck, bool(f(autodiff.sin, (x,))))
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("True True\n", "")
