"""einops takes tensors as it takes PyTorch's, whichever of the packages a program imports first."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import leaf
from parity.harness import Near, compare

import autodiff
import nn

einops = pytest.importorskip("einops", reason="einops is not installed")

ROOT = Path(__file__).resolve().parent.parent
NUMBERS = np.random.default_rng(0).normal(size=(2, 6, 4))
CALLS: dict[str, Callable[[Any], Any]] = {
    "rearrange": lambda x: einops.rearrange(x, "a (b c) d -> c (a d) b", c=2),
    "rearrange a list": lambda x: einops.rearrange([x, x * 2], "k a b c -> b (a k) c"),
    "repeat": lambda x: einops.repeat(x, "a b c -> a (b k) c n", k=2, n=3),
    "mean": lambda x: einops.reduce(x, "a (b k) ... -> b ...", "mean", k=2),
    "max": lambda x: einops.reduce(x, "a b c -> b 1", "max"),
    "min": lambda x: einops.reduce(x, "a b c -> c a", "min"),
    "sum": lambda x: einops.reduce(x, "a b c ->", "sum"),
    "prod": lambda x: einops.reduce(x, "a b c -> b", "prod"),
    "any": lambda x: einops.reduce(x > 0, "a b c -> b", "any"),
    "all": lambda x: einops.reduce(x > -1, "a b c -> b", "all"),
    "a function": lambda x: einops.reduce(x, "a b c -> b", lambda y, axes: y.std(dim=axes)),
    "einsum": lambda x: einops.einsum(x, x, "a b c, a d c -> b d"),
    "pack": lambda x: einops.pack([x, x.sum(1)], "a * c")[0],
    "unpack": lambda x: einops.unpack(x, [[2], [], [3]], "a * c"),
    "numbers": lambda x: einops.asnumpy(x.detach()).sum() + einops.parse_shape(x, "a _ c")["c"],
}


@pytest.mark.parametrize("name", CALLS)
def test_functions(name: str) -> None:
    """Values and gradients are those of the same calls with PyTorch's tensors."""
    compare(lambda lib, x: CALLS[name](x), NUMBERS, near=Near(1e-12))


@pytest.mark.parametrize("name", ["rearrange", "repeat", "mean", "einsum"])
def test_transforms_and_compiled_steps(name: str) -> None:
    """What einops makes of a tensor is recorded as any other call."""
    x = autodiff.tensor(NUMBERS)
    step = autodiff.compile(lambda x: (CALLS[name](x) ** 2).sum())
    for _ in range(3):
        assert step(x).item() == (CALLS[name](x) ** 2).sum().item()
    several = autodiff.stack([x, x * 2])
    got = autodiff.func.vmap(CALLS[name])(several)
    assert got.tolist() == [CALLS[name](one).tolist() for one in several]


def test_layers() -> None:
    """Rearrange and Reduce in a model, which can be copied; EinMix has parameters and learns."""
    layers = pytest.importorskip("einops.layers.autodiff")
    model = nn.Sequential(layers.Rearrange("a b c -> a c b"), nn.Linear(6, 3), layers.Reduce("a c b -> a b", "max"))
    x = leaf(NUMBERS, dtype=np.float32)
    assert copy.deepcopy(model)(x).tolist() == model(x).tolist() == model[1](x.permute(0, 2, 1)).amax(1).tolist()
    assert "Rearrange('a b c -> a c b')" in repr(model)
    mix = layers.EinMix("a b (h c) -> a b (h d)", weight_shape="h c d", bias_shape="h d", h=2, c=2, d=5)
    assert {name: tuple(p.shape) for name, p in mix.named_parameters()} == {"weight": (2, 2, 5), "bias": (1, 1, 2, 5)}
    expected = np.einsum("abhc,hcd->abhd", x.detach().numpy().reshape(2, 6, 2, 2), mix.weight.detach().numpy())
    got = mix(x)
    np.testing.assert_allclose(got.detach(), (expected + mix.bias.detach().numpy()).reshape(2, 6, 10), rtol=1e-5)
    got.sum().backward()
    assert mix.weight.grad.abs().sum() > 0
    assert layers.EinMix("a b c -> a b", weight_shape="c", c=4)(x).shape == (2, 6)


ORDERS = [
    "import einops, autodiff", "import autodiff, einops", "import einops, autodiff.nn", "import nn, einops, autodiff",
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_imports(order: str, tmp_path: Path) -> None:
    """Either may be imported first, PyTorch need not be there, and a program may have an nn.py of its own."""
    (tmp_path / "nn.py").write_text("ours = False\n")
    code = f"{order}\nimport sys\nx = einops.rearrange(autodiff.ones(2, 3), 'a b -> (b a) 1')\n"
    code += "from einops.layers.autodiff import Reduce\nprint(x.shape, Reduce('a b -> a', 'sum')(x).shape)\n"
    code += "print('torch' in sys.modules)\n"
    folders = [str(ROOT)] if "nn," in order else [str(tmp_path), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    run = [sys.executable, "-P", "-c", code]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "autodiff.Size([6, 1]) autodiff.Size([6])\nFalse\n", done.stderr


def test_without_tensors_einops_is_as_it_was() -> None:
    """Arrays have einops' own backend."""
    assert type(einops.rearrange(NUMBERS, "a b c -> c b a")) is np.ndarray
    with pytest.raises(RuntimeError, match="unknown to einops"):
        einops.rearrange("abc", "a -> a")
