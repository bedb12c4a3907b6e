"""Convolution in numbers to be checked by hand, and kernels that find edges: ``python -m examples.convolution``.

One dimension first, then batches and channels with every gradient against finite differences; at the end a kernel that
is shown nothing but a digit and its edges learns the operator that drew them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff
import nn
import optim
from autodiff.data.idx import EMBEDDED, load_mnist
from autodiff.testing import GradcheckError, gradcheck
from examples.pictures import images
from examples.progress import progress
from examples.report import Options, Report, Row, main, picture
from nn import functional as F

EXPECTED: dict[str, Any] = {
    "conv1d": [3, 6, 9, 12, 9],
    "sum": 39,
    "changed_sum": 41,
    "input_gradient": [2, 3, 3, 3, 2],
    "kernel_gradient": [10, 15, 14],
    "batch_outputs": [[1, 3, 6, 9, 12, 15, 11], [3, 6, 9, 12, 15, 18, 13]],
    "batch_kernel_gradient": [36, 49, 48],
    "shape": [10, 16, 32, 32],
}
KERNELS = {
    "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],  # Sobel & Feldman 1968
    "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "all edges": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],  # the Laplacian
}


def in_one_dimension() -> dict[str, Any]:
    """[1, 2, 3, 4, 5] through the kernel [1, 1, 1], the sum of the result, and its gradients."""
    signal = autodiff.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]], requires_grad=True)
    kernel = autodiff.ones(1, 1, 3, requires_grad=True)
    output = F.conv1d(signal, kernel, padding="same")
    signal_gradient, kernel_gradient = autodiff.grad(output.sum(), (signal, kernel))
    changed = signal.detach().clone()
    changed[0, 4] = 6
    return {
        "conv1d": output[0].tolist(),
        "sum": output.sum().item(),
        "changed_sum": F.conv1d(changed, kernel, padding="same").sum().item(),
        "input_gradient": signal_gradient[0].tolist(),
        "kernel_gradient": kernel_gradient[0, 0].tolist(),
    }


def batches() -> dict[str, Any]:
    """Two signals at once, whose gradients for the kernel add up."""
    signals = autodiff.stack([autodiff.arange(7.0), autodiff.arange(1.0, 8.0)])
    kernel = autodiff.ones(1, 1, 3, requires_grad=True)
    outputs = F.conv1d(signals[:, None], kernel, padding="same")[:, 0]
    (gradient,) = autodiff.grad(outputs.sum(), kernel)
    return {"batch_outputs": outputs.tolist(), "batch_kernel_gradient": gradient[0, 0].tolist()}


def channels() -> dict[str, Any]:
    """Ten images of three channels through 16 kernels 5x5: the shape, and whether all gradients are slopes."""
    layer = nn.Conv2d(3, 16, kernel_size=5, padding="same").double()
    x = autodiff.randn(10, 3, 32, 32, dtype=autodiff.float64, requires_grad=True)
    try:
        gradcheck(lambda *_: layer(x).square().mean(), (x, layer.weight, layer.bias), atol=1e-8, rtol=1e-6)
        verdict = "agree"
    except GradcheckError as error:
        verdict = str(error)
    return {"shape": list(layer(x).shape), "gradients": verdict}


def edges(digit: autodiff.Tensor) -> dict[str, autodiff.Tensor]:
    """The digit (28, 28) as each of ``KERNELS`` sees it."""
    kernels = autodiff.tensor(list(KERNELS.values()), dtype=autodiff.float32)[:, None]
    return dict(zip(KERNELS, F.conv2d(digit[None], kernels, padding="same"), strict=True))


def learn_kernel(digit: autodiff.Tensor, target: autodiff.Tensor, steps: int) -> tuple[autodiff.Tensor, list[float]]:
    """The 3x3 kernel that makes ``target`` of ``digit``, and the losses on the way to it."""
    layer = nn.Conv2d(1, 1, kernel_size=3, padding="same", bias=False)
    optimizer = optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in progress(range(steps), "learning a kernel"):
        optimizer.zero_grad()
        loss = F.mse_loss(layer(digit[None])[0], target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return layer.weight.detach()[0, 0], losses


def run(options: Options) -> Report:
    """All of it, the pictures included."""
    autodiff.manual_seed(options.seed)
    data = {**in_one_dimension(), **batches(), **channels()}
    digit = autodiff.tensor(load_mnist(EMBEDDED).test_images[7].astype(np.float32) / 255)
    seen = edges(digit)
    kernel, losses = learn_kernel(digit, seen["vertical edges"], steps=60 if options.quick else 600)
    error = (kernel - autodiff.tensor(KERNELS["vertical edges"])).abs().max().item()
    data |= {"learned_kernel": kernel.tolist(), "learned_kernel_error": error, "learned_kernel_losses": losses}

    if path := picture(options, "edges.png"):
        learned = F.conv2d(digit[None], kernel[None, None], padding="same")[0]
        shown = {"digit": digit, **seen, "learned kernel": kernel, "what it sees": learned}
        images(path, {name: image.numpy() for name, image in shown.items()}, columns=len(shown))
    rows = [Row(f"convolution: {key.replace('_', ' ')}", data[key], beat, "=", "g") for key, beat in EXPECTED.items()]
    rows.append(Row("convolution: gradients and finite differences", data["gradients"]))
    rows.append(Row("convolution: largest error of the learned edge kernel", error))
    return Report(data, rows)


if __name__ == "__main__":
    raise SystemExit(main("examples.convolution", __doc__, run))
