"""Cases of embeddings and attention."""

from __future__ import annotations

import numpy as np

from parity.base import case, numbers

INDICES = [np.array([[1, 0, 3], [3, 3, 2]]), np.array([4, 4]), np.array(2), np.zeros((0, 2), np.int64)]

for indices in INDICES:
    for options in ({}, {"padding_idx": 3}, {"padding_idx": -1}, {"scale_grad_by_freq": True},
                    {"padding_idx": 4, "scale_grad_by_freq": True}):
        case("nn.functional.embedding",
             lambda lib, w, i=indices, o=options: lib.nn.functional.embedding(lib.tensor(i), w, **o),
             (5, 3), order=1 if "scale_grad_by_freq" in options else 2)  # PyTorch has no second order of that

    def shortened(lib, w, i=indices):
        table = w.detach().clone()
        return lib.nn.functional.embedding(lib.tensor(i), table, max_norm=1.5, norm_type=1.0), table

    case("nn.functional.embedding", shortened, (5, 3), order=0)
case("nn.functional.embedding", lambda lib, w: lib.nn.functional.embedding(lib.tensor([1, 1]).to(lib.int32), w), (3, 1))

FLAT, OFFSETS = np.array([1, 0, 3, 3, 3, 2, 4]), np.array([0, 3, 3, 4])
for mode in ("sum", "mean", "max"):
    for options in ({}, {"padding_idx": 3}, {"include_last_offset": True}):
        case("nn.functional.embedding_bag",
             lambda lib, w, mode=mode, o=options: lib.nn.functional.embedding_bag(
                 lib.tensor(FLAT), w, lib.tensor(np.array([0, 3, 3, 7]) if "include_last_offset" in o else OFFSETS),
                 mode=mode, **o),
             (5, 3), order=1)  # PyTorch has no second order here
    case("nn.functional.embedding_bag",
         lambda lib, w, mode=mode: lib.nn.functional.embedding_bag(lib.tensor(INDICES[0]), w, mode=mode), (5, 3),
         order=1)
case("nn.functional.embedding_bag",
     lambda lib, w, p: lib.nn.functional.embedding_bag(
         lib.tensor(FLAT), w, lib.tensor(OFFSETS), mode="sum", per_sample_weights=p), (5, 3), (7,), order=1)
case("nn.functional.embedding_bag",
     lambda lib, w, p: lib.nn.functional.embedding_bag(
         lib.tensor(INDICES[0]), w, mode="sum", per_sample_weights=p, padding_idx=0), (5, 3), (2, 3), order=1)
for mode in (0, 1, 2):
    case("embedding_bag",
         lambda lib, w, mode=mode: lib.embedding_bag(w, lib.tensor(FLAT), lib.tensor(OFFSETS), False, mode)[0], (5, 3),
         order=1)
case("embedding_bag", lambda lib, w: lib.embedding_bag(
    w, lib.tensor(FLAT), lib.tensor(np.array([0, 3, 7])), include_last_offset=True, mode=1)[:3], (5, 3), order=1)
case("embedding_bag", lambda lib, w, p: lib.embedding_bag(
    w, lib.tensor(FLAT), lib.tensor(OFFSETS), False, 0, False, p, False, 3)[0], (5, 3), (7,), order=1)
for gates, name in ((1, "rnn_tanh_cell"), (1, "rnn_relu_cell"), (3, "gru_cell")):
    case(name, lambda lib, x, h, v, w, b, c, f=name: getattr(lib, f)(x, h, v, w, b, c),
         (2, 3), (2, 4), (4 * gates, 3), (4 * gates, 4), (4 * gates,), (4 * gates,), order=1)
    case(name, lambda lib, x, h, v, w, f=name: getattr(lib, f)(x, h, v, w), (2, 3), (2, 4), (4 * gates, 3),
         (4 * gates, 4), order=1)
case("lstm_cell", lambda lib, x, h, c, v, w, a, b: lib.lstm_cell(x, (h, c), v, w, a, b),
     (2, 3), (2, 4), (2, 4), (16, 3), (16, 4), (16,), (16,), order=1)
case("lstm_cell", lambda lib, x, h, c, v, w: lib.lstm_cell(x, [h, c], v, w), (2, 3), (2, 4), (2, 4), (16, 3), (16, 4),
     order=1)


def through_layers(lib, name, inputs, states, layers=1, ways=1, biases=True, batch_first=False, packed=False):
    """All that a recurrent net of torch's own gives; the weights are the rest of ``inputs``."""
    x, hx, weights = inputs[0], inputs[1 : 1 + states], list(inputs[1 + states :])
    hx = hx[0] if states == 1 else tuple(hx)
    if packed:
        sizes = lib.tensor([2, 2, 1])
        return getattr(lib, name)(x, sizes, hx, weights, biases, layers, 0.0, True, ways == 2)
    return getattr(lib, name)(x, hx, weights, biases, layers, 0.0, True, ways == 2, batch_first)


for name, gates, states in (("rnn_tanh", 1, 1), ("rnn_relu", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)):
    for options in ({}, {"layers": 2, "ways": 2}, {"biases": False, "batch_first": True}, {"ways": 2, "packed": True}):
        layers, ways = options.get("layers", 1), options.get("ways", 1)
        weights = []
        for layer in range(layers):
            one = [(4 * gates, 4 * ways if layer else 3), (4 * gates, 4)]
            weights += ways * (one if options.get("biases") is False else [*one, (4 * gates,), (4 * gates,)])
        case(name, lambda lib, *inputs, f=name, n=states, o=options: through_layers(lib, f, inputs, n, **o),
             (5, 3) if "packed" in options else (2, 3, 3) if "batch_first" in options else (3, 2, 3),
             *states * [(layers * ways, 2, 4)], *weights, order=1, float32=layers == 1)  # complex ones come near poles
case("lstm", lambda lib, *inputs: through_layers(lib, "lstm", inputs, 2, biases=False),
     (3, 2, 3), (1, 2, 2), (1, 2, 4), (16, 3), (16, 2), (2, 4), order=1, float32=False)  # h is shorter than c


def attention(lib, *inputs, **options):
    """PyTorch's own composition: its fused kernels have no second order."""
    if lib.__name__ != "torch":
        return lib.nn.functional.scaled_dot_product_attention(*inputs, **options)
    with lib.nn.attention.sdpa_kernel(lib.nn.attention.SDPBackend.MATH):
        return lib.nn.functional.scaled_dot_product_attention(*inputs, **options)


QKV = [((4, 3), (5, 3), (5, 2)), ((2, 4, 3), (2, 5, 3), (2, 5, 3)), ((2, 3, 4, 2), (2, 3, 4, 2), (2, 3, 4, 2)),
       ((2, 1, 4, 2), (3, 4, 2), (1, 4, 2))]
OPEN = numbers((4, 5)) > -1
for shapes in QKV[:2]:
    case("nn.functional.scaled_dot_product_attention",
         lambda lib, q, k, v: attention(lib, q, k, v, attn_mask=lib.tensor(OPEN)), *shapes)
    case("nn.functional.scaled_dot_product_attention",
         lambda lib, q, k, v: attention(lib, q, k, v, attn_mask=lib.tensor(OPEN & (np.arange(4)[:, None] != 2))),
         *shapes)
    case("nn.functional.scaled_dot_product_attention",
         lambda lib, q, k, v, m: attention(lib, q, k, v, attn_mask=m), *shapes, (4, 5))
    case("nn.functional.scaled_dot_product_attention",
         lambda lib, q, k, v, m: attention(lib, q, k, v, attn_mask=m.detach()), *shapes, (1, 5))
for shapes in QKV:
    case("nn.functional.scaled_dot_product_attention", attention, *shapes)
    case("nn.functional.scaled_dot_product_attention",
         lambda lib, q, k, v: attention(lib, q, k, v, is_causal=True, scale=0.7), *shapes)
case("nn.functional.scaled_dot_product_attention",
     lambda lib, q, k, v: attention(lib, q, k, v, enable_gqa=True), (2, 4, 3, 2), (2, 2, 5, 2), (2, 2, 5, 2))
case("nn.functional.scaled_dot_product_attention",
     lambda lib, q, k, v, m: attention(lib, q, k, v, attn_mask=m), (2, 3, 4, 2), (2, 3, 5, 2), (2, 3, 5, 2),
     (2, 1, 1, 5))
