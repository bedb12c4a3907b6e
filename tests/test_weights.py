"""Files of weights: what PyTorch writes is read here, what is written here is read there, and the models agree."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.errors import DtypeError, FileFormatError
from examples import gpt, lstm, mnist, residual

safetensors = pytest.importorskip("safetensors", reason="the extra `weights` is not installed")


def images(lib: Any, model: Any) -> Any:
    return model(lib.tensor(np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)))


def sums(lib: Any, model: Any) -> Any:
    return lstm.logits(model, lib.tensor(np.random.default_rng(0).integers(0, 10, (4, 3, 2))))


def text(lib: Any, model: Any) -> Any:
    return gpt.logits(lib, model, lib.tensor(np.random.default_rng(0).integers(0, 20, (2, 9))))


MODELS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "LeNet": (mnist.make_model, images),
    "residual": (residual.make_model, images),
    "LSTM": (lstm.make_model, sums),
    "GPT": (lambda lib: gpt.make_model(lib, 20), text),
}


@pytest.mark.parametrize("name", MODELS)
def test_weights_go_from_pytorch_to_here_and_back(name: str, tmp_path: Path) -> None:
    """A model of PyTorch's, its file loaded here, and the file written here loaded there: equal outputs each time."""
    torch = peer()
    from safetensors.torch import load_file, save_file

    make, outputs = MODELS[name]
    torch.manual_seed(0)
    theirs, ours, again = make(torch).eval(), make(autodiff).eval(), make(torch).eval()
    expected = outputs(torch, theirs).detach().numpy()

    save_file(theirs.state_dict(), tmp_path / "there.safetensors")
    ours.load_state_dict(autodiff.load(tmp_path / "there.safetensors"))
    np.testing.assert_allclose(outputs(autodiff, ours).detach().numpy(), expected, atol=1e-5)

    autodiff.save(ours.state_dict(), tmp_path / "here.safetensors")
    again.load_state_dict(load_file(tmp_path / "here.safetensors"))
    np.testing.assert_array_equal(outputs(torch, again).detach().numpy(), expected)


@pytest.mark.parametrize("new", [True, False])
def test_the_two_lines_make_a_file_of_pytorch_readable(new: bool, tmp_path: Path) -> None:
    """The error of `load` for torch.save's file has two lines that run, also for tied and strided weights."""
    torch = peer()
    state = {"a": (weight := torch.arange(6.0).reshape(2, 3)), "tied": weight, "strided": weight.T}
    torch.save(state, tmp_path / "net.pt", _use_new_zipfile_serialization=new)
    with pytest.raises(FileFormatError, match="a PyTorch file, which is a pickle") as caught:
        autodiff.load(tmp_path / "net.pt")
    program = "\n".join(line.strip() for line in str(caught.value).splitlines()[1:])
    assert program.count("\n") == 1
    exec(program, {})
    for name, found in autodiff.load(tmp_path / "net.safetensors").items():
        np.testing.assert_array_equal(found, state[name])


KINDS = ["f8", "f4", "f2", "c8", "?", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", ">f4"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)])
def test_every_kind_of_number_survives(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    """Shapes, dtypes and values of any memory order, tensors or arrays; each can be written to afterwards."""
    array = np.arange(np.prod(shape)).astype(kind).reshape(shape)
    autodiff.save({"a": array, "b": autodiff.from_numpy(array.T), "c": np.repeat(array, 2, -1)[..., ::2]
                   if shape else array}, tmp_path / "w.safetensors")
    found = autodiff.load(str(tmp_path / "w.safetensors"))
    for name, expected in {"a": array, "b": array.T, "c": array}.items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], expected, strict=False)
        found[name].fill_(1)


def test_bfloat16_of_pytorch_comes_as_float32(tmp_path: Path) -> None:
    """Each of its numbers is one of float32; kinds that NumPy lacks are refused by name."""
    torch = peer()
    from safetensors.torch import save_file

    half = torch.tensor([[1.5, -2.0], [3.140625, float("inf")]], dtype=torch.bfloat16)
    save_file({"a": half}, tmp_path / "w.safetensors")
    found = autodiff.load(tmp_path / "w.safetensors")["a"]
    assert found.dtype == autodiff.float32
    np.testing.assert_array_equal(found, half.float())
    save_file({"layer.0": half.to(torch.float8_e5m2)}, tmp_path / "w.safetensors")
    with pytest.raises(FileFormatError, match=r"'layer\.0' has numbers of the kind F8_E5M2"):
        autodiff.load(tmp_path / "w.safetensors")


WRONG = {
    "the name of what is no array": ({"__metadata__": np.ones(1)}, "cannot hold an array of the name '__metadata__'"),
    "half a letter": ({"\ud800": np.ones(1)}, r"cannot hold an array of the name '\ud800'"),
    "nested": ({"model": {"a": np.ones(1)}}, "at 'model' is a dict with 'a'"),
    "a number": ({"epoch": 3}, "at 'epoch' is 3"),
    "a name": ({1: np.ones(1)}, "at 1 is a"),
    "a tensor": (np.ones(1), "at None is a"),
    "complex128": ({"a": np.ones(1, complex)}, "'a' is an array of complex128"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_format_cannot_hold_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """Nothing is written then, and what stood there stays."""
    obj, expected = WRONG[name]
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"before")
    with pytest.raises(DtypeError, match=re.escape(expected)):
        autodiff.save(obj, path)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Cut short, or not such a file at all; under another suffix the error says how it is read."""
    path = tmp_path / "w.safetensors"
    autodiff.save({"a": np.ones(9)}, path)
    whole = path.read_bytes()
    for content in (b"", whole[:-1], whole[:20], b"\xff" * 40):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=re.escape(str(path))):
            autodiff.load(path)
    for shape in ([0, 1 << 62], [1] * 70):  # which NumPy has no array of
        count = 4 * (shape[0] > 0)
        head = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, count]}}).encode()
        path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(count))
        with pytest.raises(FileFormatError, match=re.escape(str(path))):
            autodiff.load(path)
    with pytest.raises(FileFormatError, match=r"a name that ends in \.safetensors"):
        autodiff.load(BytesIO(whole))


def test_without_the_package_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, before anything is written."""
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(FileFormatError, match="pip install safetensors"):
        autodiff.save({"a": np.ones(1)}, tmp_path / "w.safetensors")
    assert not os.listdir(tmp_path)
