"""Fourteen layers with gradients derived by hand, in plain NumPy, tested by the pair form; and mistakes made in them.

Each layer is a forward function and a ``vjp(g, *inputs)``. Each mistake is another vjp, as it is found in homework.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from autodiff.testing import GradcheckError, gradcheck, gradient_test
from autodiff.testing.domain import away_from, distinct, real, unit

Array = Any


class Layer(NamedTuple):
    forward: Callable[..., Array]
    vjp: Callable[..., Any]
    domains: tuple[Any, ...]
    shapes: Any
    mistakes: dict[str, Callable[..., Any]]


def dense(x: Array, w: Array, b: Array) -> Array:
    return x @ w + b


def dense_vjp(g: Array, x: Array, w: Array, b: Array) -> Any:
    return g @ w.T, x.T @ g, g.sum(axis=0)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def labels(x: Array) -> Array:
    return np.eye(x.shape[1], dtype=x.dtype)[np.arange(len(x)) % x.shape[1]]


def softmax_loss(x: Array) -> Array:
    return -(labels(x) * np.log(softmax(x))).sum() / len(x)


def squared_loss(x: Array, y: Array) -> Array:
    return ((x - y) ** 2).mean()


def cross_entropy(p: Array, y: Array) -> Array:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum()


def conv(x: Array, w: Array) -> Array:
    """x (n, c, h, w), w (o, c, 2, 2): valid cross-correlation by loops."""
    n, _, height, width = x.shape
    out = np.zeros((n, len(w), height - 1, width - 1), x.dtype)
    for i in range(height - 1):
        for j in range(width - 1):
            out[:, :, i, j] = np.tensordot(x[:, :, i : i + 2, j : j + 2], w, ([1, 2, 3], [1, 2, 3]))
    return out


def conv_vjp(g: Array, x: Array, w: Array, last: int = 0, flipped: bool = False, overwrite: bool = False) -> Any:
    gx, gw = np.zeros_like(x), np.zeros_like(w)
    kernel = w[:, :, ::-1, ::-1] if flipped else w
    for i in range(g.shape[2] - last):
        for j in range(g.shape[3]):
            patch = np.tensordot(g[:, :, i, j], kernel, (1, 0))
            gx[:, :, i : i + 2, j : j + 2] = patch if overwrite else gx[:, :, i : i + 2, j : j + 2] + patch
            gw += np.tensordot(g[:, :, i, j], x[:, :, i : i + 2, j : j + 2], (0, 0))
    return gx, gw


def tiles(x: Array) -> Array:
    """(n, h, w) as (n, h / 2, w / 2, 4): the windows of pooling by two."""
    n, h, w = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, h // 2, w // 2, 4)


def untiled(t: Array) -> Array:
    n, h, w, _ = t.shape
    return t.reshape(n, h, w, 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, 2 * h, 2 * w)


def max_pool(x: Array) -> Array:
    return tiles(x).max(axis=-1)


def max_pool_vjp(g: Array, x: Array) -> Array:
    t = tiles(x)
    return untiled((np.arange(4) == t.argmax(axis=-1)[..., None]) * g[..., None])


def mean_pool(x: Array) -> Array:
    return tiles(x).mean(axis=-1)


def normalized(x: Array, axis: int) -> tuple[Array, Array]:
    deviation = np.sqrt(x.var(axis=axis, keepdims=True) + 0.1)
    return (x - x.mean(axis=axis, keepdims=True)) / deviation, deviation


def batch_norm(x: Array, scale: Array, shift: Array) -> Array:
    return normalized(x, 0)[0] * scale + shift


def batch_norm_vjp(g: Array, x: Array, scale: Array, shift: Array) -> Any:
    z, deviation = normalized(x, 0)
    gz = g * scale
    gx = (gz - gz.mean(axis=0) - z * (gz * z).mean(axis=0)) / deviation
    return gx, (g * z).sum(axis=0), g.sum(axis=0)


def batch_norm_constant_mean(g: Array, x: Array, scale: Array, shift: Array) -> Any:
    z, deviation = normalized(x, 0)
    return g * scale / deviation, (g * z).sum(axis=0), g.sum(axis=0)


def layer_norm(x: Array) -> Array:
    return normalized(x, 1)[0]


def layer_norm_vjp(g: Array, x: Array, axis: int = 1) -> Array:
    z, deviation = normalized(x, 1)
    return (g - g.mean(axis=axis, keepdims=True) - z * (g * z).mean(axis=1, keepdims=True)) / deviation


def recurrent(x: Array, h: Array, w: Array, u: Array) -> Array:
    """Two steps of a simple recurrent layer with the same weights."""
    return np.tanh(x @ w + np.tanh(x @ w + h @ u) @ u)


def recurrent_vjp(g: Array, x: Array, h: Array, w: Array, u: Array, both: bool = True) -> Any:
    first = np.tanh(x @ w + h @ u)
    second = np.tanh(x @ w + first @ u)
    g2 = g * (1 - second**2)
    g1 = (g2 @ u.T) * (1 - first**2)
    gu = first.T @ g2 + (h.T @ g1 if both else 0)
    return (g1 + g2) @ w.T, g1 @ u.T, x.T @ (g1 + g2 if both else g2), gu


def attention(q: Array, k: Array, v: Array) -> Array:
    return softmax(q @ k.T / q.shape[1] ** 0.5) @ v


def attention_vjp(g: Array, q: Array, k: Array, v: Array, scaled: bool = True, centred: bool = True) -> Any:
    scale = q.shape[1] ** -0.5
    p = softmax(q @ k.T * scale)
    gp = g @ v.T
    gs = p * (gp - ((gp * p).sum(axis=1, keepdims=True) if centred else 0)) * (scale if scaled else 1)
    return gs @ k, gs.T @ q, p.T @ g


IMAGES = [((n, h, 2),) for n in (1, 2) for h in (2, 4)]
LAYERS = {
    "dense": Layer(dense, dense_vjp, (real, real, real), "n d, d m, m", {
        "weights transposed the wrong way": lambda g, x, w, b: (g @ w.T, (x.T @ g).T.reshape(w.shape), g.sum(axis=0)),
        "bias not summed": lambda g, x, w, b: (g @ w.T, x.T @ g, g),
        "bias averaged": lambda g, x, w, b: (g @ w.T, x.T @ g, g.mean(axis=0)),
    }),
    "relu": Layer(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), (real,), None, {
        "no mask": lambda g, x: g,
        "mask of the cotangent": lambda g, x: g * (g > 0),
    }),
    "sigmoid": Layer(sigmoid, lambda g, x: g * sigmoid(x) * (1 - sigmoid(x)), (real,), None, {
        "derivative of the input, not of the output": lambda g, x: g * x * (1 - x),
        "the cotangent forgotten": lambda g, x: sigmoid(x) * (1 - sigmoid(x)),
    }),
    "tanh": Layer(np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2), (real,), None, {
        "not squared": lambda g, x: g * (1 - np.tanh(x)),
    }),
    "softmax loss": Layer(softmax_loss, lambda g, x: g * (softmax(x) - labels(x)) / len(x), (real,), "n c", {
        "sign": lambda g, x: g * (labels(x) - softmax(x)) / len(x),
        "batch size forgotten": lambda g, x: g * (softmax(x) - labels(x)),
    }),
    "squared loss": Layer(squared_loss, lambda g, x, y: (2 * g * (x - y) / x.size, 2 * g * (y - x) / x.size),
                          (real, real), "n d, n d", {
        "the factor 2 forgotten": lambda g, x, y: (g * (x - y) / x.size, g * (y - x) / x.size),
        "target with the sign of the prediction": lambda g, x, y: (2 * g * (x - y) / x.size, 2 * g * (x - y) / x.size),
    }),
    "cross-entropy": Layer(cross_entropy, lambda g, p, y: (g * (p - y) / (p * (1 - p)), g * np.log((1 - p) / p)),
                           (unit, unit), "n, n", {
        "that of the logits": lambda g, p, y: (g * (p - y), g * np.log((1 - p) / p)),
    }),
    "conv": Layer(conv, conv_vjp, (real, real), "1 2 h 3, 2 2 2 2", {
        "kernel flipped": lambda g, x, w: conv_vjp(g, x, w, flipped=True),
        "overlaps overwritten": lambda g, x, w: conv_vjp(g, x, w, overwrite=True),
        "the last row left out": lambda g, x, w: conv_vjp(g, x, w, last=1),
    }),
    "max pool": Layer(max_pool, max_pool_vjp, (distinct,), IMAGES, {
        "to the minimum": lambda g, x: max_pool_vjp(g, -x),
        "to all": lambda g, x: untiled(np.repeat(g[..., None], 4, axis=-1)),
    }),
    "mean pool": Layer(mean_pool, lambda g, x: untiled(np.repeat(g[..., None] / 4, 4, axis=-1)), (real,), IMAGES, {
        "not divided": lambda g, x: untiled(np.repeat(g[..., None], 4, axis=-1)),
        "to the first": lambda g, x: untiled((np.arange(4) == 0) * g[..., None] / 4),
    }),
    "batch norm": Layer(batch_norm, batch_norm_vjp, (real, away_from(0), real), "n d, d, d", {
        "mean and variance taken for constants": batch_norm_constant_mean,
    }),
    "layer norm": Layer(layer_norm, layer_norm_vjp, (real,), "n d", {
        "mean over the batch": lambda g, x: layer_norm_vjp(g, x, axis=0),
    }),
    "recurrent": Layer(recurrent, recurrent_vjp, (real(-1, 1),) * 4, "n d, n m, d m, m m", {
        "only the last step": lambda g, *inputs: recurrent_vjp(g, *inputs, both=False),
    }),
    "attention": Layer(attention, attention_vjp, (real(-1, 1), real(-1, 1), real(-1, 1)), "n d, m d, m e", {
        "scale forgotten": lambda g, *inputs: attention_vjp(g, *inputs, scaled=False),
        "softmax taken elementwise": lambda g, *inputs: attention_vjp(g, *inputs, centred=False),
    }),
}  # fmt: skip
MISTAKES = [(name, mistake) for name, layer in LAYERS.items() for mistake in layer.mistakes]


@pytest.mark.parametrize("name", LAYERS)
def test_a_right_gradient_passes(name: str) -> None:
    """No example of a right hand-written gradient is called wrong, kinks and ties included."""
    layer = LAYERS[name]
    gradient_test(*layer.domains, shapes=layer.shapes, vjp=layer.vjp)(layer.forward)()


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_a_mistake_is_found(name: str, mistake: str) -> None:
    """Each planted mistake is found, and the message has the inputs as code."""
    layer = LAYERS[name]
    test = gradient_test(*layer.domains, shapes=layer.shapes, vjp=layer.mistakes[mistake])(layer.forward)
    with pytest.raises(GradcheckError, match=r"@example\(case\(np\.array\("):
        test()


def test_one_point_is_enough_for_gradcheck() -> None:
    """The pair form of ``gradcheck`` takes plain arrays and finds the mistake at one point."""
    x, w, b = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([0.1, 0.2])
    assert gradcheck((dense, dense_vjp), (x, w, b))
    report = gradcheck((dense, LAYERS["dense"].mistakes["bias averaged"]), (x, w, b), raise_exception=False)
    assert not report
    assert "1/2 * numeric" in str(report)
