"""Libraries that differentiate functions of NumPy's names: HIPS autograd, MyGrad and JAX, each where it is installed.

A step of theirs is the value and the gradient of a pure function and a plain step of descent, which is no more than
what our step and PyTorch's do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

__all__ = ["PEERS", "Peer"]

Array = np.ndarray[Any, Any]
Pure = Callable[..., Any]
RATE = 1e-12  # of steps that are made for the time they take: the numbers stay as they are


class Peer(Protocol):
    """What the workloads of ``pure`` ask of a library, besides a step."""

    np: Any

    def step(self, loss: Pure, parameters: list[Array], data: list[Array]) -> Callable[[], Any]:
        """A function that makes one step and returns the loss; raises NotImplementedError where there is no way."""
        ...


class Hips:
    """HIPS autograd: NumPy wrapped, a tape for each call of the function; it has no convolution that is not a loop."""

    def __init__(self) -> None:
        import autograd
        import autograd.numpy as wrapped

        self.np, self._lib = wrapped, autograd

    def gradient(self, function: Pure) -> Pure:
        return self._lib.grad(function)

    def conv(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError("no convolution")

    max_pool = conv

    def step(self, loss: Pure, parameters: list[Array], data: list[Array]) -> Callable[[], Any]:
        both = self._lib.value_and_grad(lambda parameters: loss(self, parameters, *data))

        def step() -> Any:
            value, gradients = both(parameters)
            for p, g in zip(parameters, gradients, strict=True):
                p -= RATE * g
            return value

        return step


class MyGrad:
    """MyGrad: tensors with NumPy's names, first derivatives."""

    def __init__(self) -> None:
        import mygrad
        from mygrad.nnet import layers

        self.np, self._layers = mygrad, layers

    def gradient(self, function: Pure) -> Pure:
        raise NotImplementedError("no gradient of a gradient")

    def conv(self, x: Any, w: Any, padding: int, stride: int = 1, groups: int = 1) -> Any:
        if groups > 1 or (x.shape[2] + 2 * padding - w.shape[2]) % stride:
            raise NotImplementedError("no groups, nor windows that do not come out even")
        return self._layers.conv_nd(x, w, stride=stride, padding=padding)

    def max_pool(self, x: Any, size: int, stride: int, padding: int) -> Any:
        if padding:
            raise NotImplementedError("no padding")
        return self._layers.max_pool(x, (size, size), stride)

    def step(self, loss: Pure, parameters: list[Array], data: list[Array]) -> Callable[[], Any]:
        tensors = [self.np.tensor(p) for p in parameters]

        def step() -> Any:
            value = loss(self, tensors, *data)
            value.backward()
            for p in tensors:
                p.data -= RATE * p.grad
            return value.data

        return step


class Jax:
    """JAX: the whole step compiled."""

    def __init__(self) -> None:
        import jax
        import jax.numpy

        self.np, self._lib = jax.numpy, jax

    def gradient(self, function: Pure) -> Pure:
        return self._lib.grad(function)

    def conv(self, x: Any, w: Any, padding: int, stride: int = 1, groups: int = 1) -> Any:
        return self._lib.lax.conv_general_dilated(
            x, w, (stride, stride), [(padding, padding)] * 2, feature_group_count=groups
        )

    def max_pool(self, x: Any, size: int, stride: int, padding: int) -> Any:
        pads = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
        return self._lib.lax.reduce_window(
            x, -np.inf, self._lib.lax.max, (1, 1, size, size), (1, 1, stride, stride), pads
        )

    def step(self, loss: Pure, parameters: list[Array], data: list[Array]) -> Callable[[], Any]:
        both = self._lib.value_and_grad(lambda parameters, *data: loss(self, parameters, *data))

        def update(parameters: Any, *data: Any) -> Any:
            value, gradients = both(parameters, *data)
            return value, [p - RATE * g for p, g in zip(parameters, gradients, strict=True)]

        compiled, now = self._lib.jit(update), list(map(self.np.asarray, parameters))
        inputs = list(map(self.np.asarray, data))

        def step() -> Any:
            nonlocal now
            value, now = compiled(now, *inputs)
            self._lib.block_until_ready(now)
            return value

        return step


PEERS: dict[str, Callable[[], Peer]] = {"HIPS autograd": Hips, "MyGrad": MyGrad, "jax.jit": Jax}
