"""The workloads as functions of arrays with NumPy's names, for HIPS autograd, MyGrad and JAX.

Each is called ``function(peer, parameters, *data)``. ``peer.np`` is that library's NumPy; what NumPy has no name for is
``peer.conv`` and ``peer.max_pool``.
"""

from __future__ import annotations

from typing import Any

import numpy

__all__ = [
    "chain",
    "conv",
    "conv_first",
    "elementwise",
    "gradient_penalty",
    "lenet",
    "lstm",
    "max_pool",
    "mlp",
    "one_conv",
    "weighted",
    "xor",
]


def _sigmoid(np: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _cross_entropy(np: Any, x: Any, y: Any) -> Any:
    picked = x[numpy.arange(len(y)), y]
    return np.mean(np.log(np.sum(np.exp(x), axis=1)) - picked)


def _layers(x: Any, parameters: list[Any], activation: Any) -> Any:
    """Linear maps of PyTorch's form, with an activation between them."""
    for i in range(0, len(parameters), 2):
        x = (activation(x) if i else x) @ parameters[i].T + parameters[i + 1]
    return x


def xor(peer: Any, parameters: list[Any], x: Any, y: Any) -> Any:
    """The mean square of what a 2-5-3-1 net of sigmoids is off by."""
    np = peer.np
    difference = _sigmoid(np, _layers(x, parameters, lambda z: _sigmoid(np, z))) - y
    return np.mean(difference * difference)


def chain(peer: Any, parameters: list[Any], g: Any, length: int) -> Any:
    """x times y, again and again."""
    x, y = parameters
    for _ in range(length):
        x = x * y
    return x


def weighted(peer: Any, parameters: list[Any], *data: Any, function: Any) -> Any:
    """The sum over ``function`` times the last of the data, its cotangent."""
    return peer.np.sum(function(peer, parameters, *data) * data[-1])


def gradient_penalty(peer: Any, parameters: list[Any], x: Any) -> Any:
    """How far the gradient of a critic by its input is from norm 1, and the mean score."""
    np = peer.np
    slope = peer.gradient(lambda x: np.sum(_layers(x, parameters, np.tanh)))(x)
    return np.mean((np.sqrt(np.sum(slope * slope, axis=1)) - 1) ** 2) + np.mean(_layers(x, parameters, np.tanh))


def mlp(peer: Any, parameters: list[Any], x: Any, y: Any) -> Any:
    """Softmax loss of linear maps with ReLU between them."""
    return _cross_entropy(peer.np, _layers(x, parameters, lambda z: peer.np.maximum(z, 0)), y)


def elementwise(peer: Any, parameters: list[Any], g: Any) -> Any:
    """The mean of products and functions of long arrays."""
    np, (x, y) = peer.np, parameters
    return np.mean(_sigmoid(np, x * y) + np.tanh(x) * np.exp(-y * y)) * g


def _conv(peer: Any, parameters: list[Any], g: Any, **options: Any) -> Any:
    x, w, b = parameters
    return peer.conv(x, w, **options) + b[:, None, None]


def conv(peer: Any, parameters: list[Any], g: Any, **options: Any) -> Any:
    """What convolution with a bias gives, times the cotangent."""
    return peer.np.sum(_conv(peer, parameters, g, **options) * g)


def conv_first(peer: Any, parameters: list[Any], x: Any, g: Any, **options: Any) -> Any:
    """The same, with an input that has no gradient."""
    return conv(peer, [x, *parameters], g, **options)


def max_pool(peer: Any, parameters: list[Any], g: Any, **options: Any) -> Any:
    """What max pooling gives, times the cotangent."""
    return peer.np.sum(peer.max_pool(parameters[0], **options) * g)


def one_conv(peer: Any, parameters: list[Any], x: Any, y: Any) -> Any:
    """Softmax loss of a convolution, tanh and a linear map."""
    w, b, *last = parameters
    hidden = peer.np.tanh(peer.conv(x, w, padding=2) + b[:, None, None])
    return _cross_entropy(peer.np, _layers(hidden.reshape(len(x), -1), last, None), y)


def lenet(peer: Any, parameters: list[Any], x: Any, y: Any) -> Any:
    """Softmax loss of two convolutions with max pooling and ReLU, and a linear map."""
    w1, b1, w2, b2, *last = parameters
    for w, b in ((w1, b1), (w2, b2)):
        x = peer.max_pool(peer.conv(x, w, padding=0) + b[:, None, None], size=2, stride=2, padding=0)
        x = peer.np.maximum(x, 0)
    return _cross_entropy(peer.np, _layers(x.reshape(len(x), -1), last, None), y)


def lstm(peer: Any, parameters: list[Any], x: Any, y: Any) -> Any:
    """Softmax loss of a linear map of the states of an LSTM."""
    np = peer.np
    w, u, b, c, *last = parameters
    size = u.shape[1]
    h = state = numpy.zeros((x.shape[1], size), numpy.float32)
    found = []
    for now in x:
        gates = now @ w.T + h @ u.T + (b + c)
        i, f, o = (_sigmoid(np, gates[:, k * size : (k + 1) * size]) for k in (0, 1, 3))
        state = f * state + i * np.tanh(gates[:, 2 * size : 3 * size])
        h = o * np.tanh(state)
        found.append(h)
    return _cross_entropy(np, _layers(np.concatenate(found), last, None), y)
