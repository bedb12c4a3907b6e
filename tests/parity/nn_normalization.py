"""Cases of normalisation, and of distances between vectors."""

from __future__ import annotations

import numpy as np

from parity.base import case, numbers

BATCHES = [(4, 3), (2, 3, 4), (2, 3, 2, 3), (2, 2, 2, 1, 3)]

for shape in BATCHES:
    channels = shape[1:2]
    case("nn.functional.batch_norm", lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True), shape)
    case("nn.functional.batch_norm",
         lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, True, 0.1, 1e-3),
         shape, channels, channels)
    statistics = [numbers(channels, -1.0, 1.0), numbers(channels, 0.5, 2.0)]

    def tracked(lib, x, w, b, training=True, momentum=0.3, statistics=statistics):
        mean, var = (lib.tensor(s).to(x.dtype) for s in statistics)
        out = lib.nn.functional.batch_norm(x, mean, var, w, b, training, momentum)
        return out, mean, var

    case("nn.functional.batch_norm", tracked, shape, channels, channels)
    case("nn.functional.batch_norm", lambda lib, x, w, b, call=tracked: call(lib, x, w, b, False),
         shape, channels, channels)
    case("nn.functional.batch_norm",
         lambda lib, x, m: lib.nn.functional.batch_norm(x, m, m.abs() + 1), shape, channels, order=0)
    case("nn.functional.group_norm", lambda lib, x: lib.nn.functional.group_norm(x, 1), shape)
    case("nn.functional.group_norm", lambda lib, x, w, b: lib.nn.functional.group_norm(x, w.shape[0], w, b, 1e-2),
         (shape[0], channels[0], *shape[2:], 2), channels, channels)
    for count in (1, 2):
        ends = shape[-count:]
        case("nn.functional.layer_norm", lambda lib, x, ends=ends: lib.nn.functional.layer_norm(x, ends), shape)
        case("nn.functional.layer_norm",
             lambda lib, x, w, b, ends=ends: lib.nn.functional.layer_norm(x, ends, w, b, 1e-3), shape, ends, ends)
        case("nn.functional.layer_norm",
             lambda lib, x, w, ends=ends: lib.nn.functional.layer_norm(x, ends, weight=w), shape, ends)
        case("nn.functional.rms_norm", lambda lib, x, ends=ends: lib.nn.functional.rms_norm(x, ends), shape)
        case("nn.functional.rms_norm",
             lambda lib, x, w, ends=ends: lib.nn.functional.rms_norm(x, ends, w, 1e-2), shape, ends)

for shape in BATCHES[1:]:
    channels = shape[1:2]
    case("nn.functional.instance_norm", lambda lib, x: lib.nn.functional.instance_norm(x), shape)
    case("nn.functional.instance_norm",
         lambda lib, x, w, b: lib.nn.functional.instance_norm(x, weight=w, bias=b, eps=1e-3), shape, channels, channels)

    def instances(lib, x, stats=True):
        mean, var = lib.zeros(x.shape[1], dtype=x.dtype), lib.ones(x.shape[1], dtype=x.dtype)
        out = lib.nn.functional.instance_norm(x, mean, var, use_input_stats=stats, momentum=0.2)
        return out, mean, var

    case("nn.functional.instance_norm", instances, shape)
    case("nn.functional.instance_norm", lambda lib, x: instances(lib, x, False), shape)
    for size in (1, 2, 3):
        case("nn.functional.local_response_norm",
             lambda lib, x, size=size: lib.nn.functional.local_response_norm(x, size, 0.5, 0.6, 1.5), shape)
case("nn.functional.local_response_norm", lambda lib, x: lib.nn.functional.local_response_norm(x, 2), (0, 2, 3),
     order=1)
case("nn.functional.layer_norm", lambda lib, x: lib.nn.functional.layer_norm(x, (3,)), (0, 3))
for shape, ends in (((2, 3), (3,)), ((2, 3, 4), (3, 4))):
    case("native_layer_norm",
         lambda lib, x, w, b, ends=ends: lib.native_layer_norm(x, ends, w, b, 1e-3), shape, ends, ends)
    case("native_layer_norm", lambda lib, x, ends=ends: lib.native_layer_norm(x, ends, None, None, 1e-5)[0], shape)
case("nn.functional.batch_norm", lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True), (0, 3),
     order=0)

for p in (1.0, 2.0, 3.0, float("inf")):
    for dim in (0, 1, -1):
        case("nn.functional.normalize", lambda lib, x, p=p, dim=dim: lib.nn.functional.normalize(x, p, dim), (2, 3, 2))
    order = 1 + (p in (2.0, 3.0))  # PyTorch's second one of the others is a tensor without memory
    case("nn.functional.pairwise_distance", lambda lib, x, y, p=p: lib.nn.functional.pairwise_distance(x, y, p),
         (2, 3), (2, 3), order=order)
    case("nn.functional.pairwise_distance",
         lambda lib, x, y, p=p: lib.nn.functional.pairwise_distance(x, y, p, keepdim=True), (4, 3), (3,), order=order)
case("nn.functional.normalize", lambda lib, x: lib.nn.functional.normalize(x), np.array([[0.0, 0.0], [3.0, 4.0]]),
     order=1)
case("nn.functional.pairwise_distance",
     lambda lib, x, y: lib.nn.functional.pairwise_distance(x, y, eps=0.5), (3,), (3,))
for shapes in [((2, 3), (2, 3)), ((2, 3, 2), (2, 3, 2)), ((2, 3), (1, 3)), ((0, 3), (0, 3))]:
    for options in ((), (0, 1e-3)):
        case("nn.functional.cosine_similarity",
             lambda lib, x, y, options=options: lib.nn.functional.cosine_similarity(x, y, *options), *shapes,
             float32=shapes[0] == shapes[1])  # of equal vectors what is left is rounding
case("nn.functional.cosine_similarity",
     lambda lib, x, y: lib.nn.functional.cosine_similarity(x, y, dim=-1), (3,), (2, 3))

for options in ({}, {"pow": 2, "dim": 1}, {"pow": 1, "dim": 0}, {"pow": 2, "dim": -1}):
    case("norm_except_dim", lambda lib, v, o=options: lib.norm_except_dim(v, **o), (3, 2, 2))
