"""Embeddings, recurrent nets, attention and transformers against PyTorch's modules with the same state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import Near, compare_modules, numbers, twins

import autodiff
import nn
from autodiff.errors import AxisError, DtypeError, OptionError, ShapeError


def compare(models: tuple[Any, Any], call: Any, *arrays: Any) -> None:
    """Outputs and all gradients of two modules of one state agree to 1e-6."""
    compare_modules(models, call, *arrays, near=Near(1e-6, 1e-12, of_largest=1e-9))


KINDS = ["RNN", "LSTM", "GRU"]
OPTIONS: list[dict[str, Any]] = [
    {}, {"num_layers": 2}, {"bias": False}, {"batch_first": True}, {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
]  # fmt: skip


def recurrent(kind: str, **options: Any) -> tuple[Any, Any]:
    return twins(lambda lib: getattr(lib.nn, kind)(3, 4, **options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_recurrent_net_is_pytorchs(kind: str, options: dict[str, Any]) -> None:
    """Outputs, last states, and gradients of the input, the first states and all parameters, with every option."""
    models = recurrent(kind, **options)
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    states = [numbers((count, 2, 4), seed=k) for k in range(1 + (kind == "LSTM"))]
    call = lambda lib, m, x, *s: m(x, tuple(s) if kind == "LSTM" else s[0])
    compare(models, call, numbers((2, 5, 3) if options.get("batch_first") else (5, 2, 3)), *states)
    compare(models, lambda lib, m, x: m(x), numbers((2, 2, 3)))
    alone = [state[:, 0] for state in states]
    compare(models, call, numbers((5, 3)), *alone)


@pytest.mark.parametrize(("kind", "shape"), [("RNN", (5, 2, 3)), ("RNNCell", (5, 3))])
def test_a_recurrent_net_with_relu_is_pytorchs(kind: str, shape: tuple[int, ...]) -> None:
    """The nonlinearity by its name."""
    compare(recurrent(kind, nonlinearity="relu"), lambda lib, m, x: m(x), numbers(shape))


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_an_lstm_with_projection_is_pytorchs(options: dict[str, Any]) -> None:
    """``proj_size`` makes h shorter than c, and adds weight_hr to each layer and direction."""
    count = 4 if options else 1
    states = numbers((count, 2, 2)), numbers((count, 2, 4), seed=1)
    models = recurrent("LSTM", proj_size=2, **options)
    compare(models, lambda lib, m, x, h, c: m(x, (h, c)), numbers((5, 2, 3)), *states)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_pytorchs(kind: str, bidirectional: bool) -> None:
    """Samples of different lengths, in any order, each run to its own end."""
    lengths = [2, 5, 3, 5]
    models = recurrent(kind, num_layers=2, bidirectional=bidirectional)
    states = [numbers((2 * (1 + bidirectional), 4, 4), seed=k) for k in range(1 + (kind == "LSTM"))]

    def run(lib: Any, module: Any, x: Any, *states: Any) -> Any:
        tools = lib.nn.utils.rnn
        packed = tools.pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, last = module(packed, tuple(states) if kind == "LSTM" else states[0])
        padded, found = tools.pad_packed_sequence(output)
        assert found.tolist() == lengths
        return padded, last, module(packed)[0].data

    compare(models, run, numbers((5, 4, 3)), *states)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_pytorchs(kind: str, bias: bool) -> None:
    """One step of a batch and of one sample, with a state and from zeros."""
    models = recurrent(f"{kind}Cell", bias=bias)
    states = [numbers((2, 4), seed=k) for k in range(1 + (kind == "LSTM"))]
    call = lambda lib, m, x, *s: m(x, tuple(s) if kind == "LSTM" else s[0])
    compare(models, call, numbers((2, 3)), *states)
    compare(models, call, numbers((3,)), *(state[0] for state in states))
    compare(models, lambda lib, m, x: m(x), numbers((2, 3)))


def test_a_recurrent_net_outside_the_graph_keeps_no_gates() -> None:
    """Without a gradient the output owns its memory: of an LSTM, whose primitive gives the gates too, no more."""
    with autodiff.no_grad():
        output, (h, c) = nn.LSTM(3, 4)(autodiff.zeros(5, 2, 3))
    held = {id(base): base.nbytes for x in (output, h, c) for base in [root(x.numpy())]}
    assert sum(held.values()) <= 4 * (2 * 5 * 2 * 4 + 2 * 2 * 4)


def root(array: Any) -> Any:
    while array.base is not None:
        array = array.base
    return array


@pytest.mark.parametrize("kind", KINDS)
def test_a_recurrent_net_is_differentiable_twice(kind: str) -> None:
    """The gradient of the squared norm of the input's gradient, by differences, through two layers and directions."""
    autodiff.manual_seed(1)
    model = getattr(nn, kind)(2, 3, num_layers=2, bidirectional=True).double()
    x = numbers((3, 2, 2), -1, 1)

    def steepness(array: Any) -> tuple[Any, Any]:
        leaf = autodiff.tensor(array).requires_grad_()
        (slope,) = autodiff.autograd.grad((model(leaf)[0] ** 2).sum(), [leaf], create_graph=True)
        return (slope * slope).sum(), leaf

    value, leaf = steepness(x)
    (found,) = autodiff.autograd.grad(value, [leaf])
    step = 1e-5 * numbers(x.shape, seed=3)
    change = steepness(x + step)[0].item() - steepness(x - step)[0].item()
    assert change == pytest.approx(2 * (found.numpy() * step).sum(), rel=1e-6)


def test_packed_batch_sizes_that_do_not_fit_are_refused() -> None:
    """Sizes that rise, or that do not add up, are named."""
    weights = [autodiff.zeros(4, 3), autodiff.zeros(4, 4)]
    for sizes in ((1, 2), (2, 2), ()):
        with pytest.raises(ShapeError, match="batch sizes"):
            nn.functional.rnn(autodiff.zeros(3, 3), sizes, autodiff.zeros(2, 4), *weights)


def test_inputs_that_do_not_fit_are_refused() -> None:
    """Each error names the shape that is wanted."""
    with pytest.raises(ShapeError, match=r"LSTM.*\(T, N, 3\)"):
        nn.LSTM(3, 4)(autodiff.zeros(5, 2, 4))
    with pytest.raises(ShapeError, match=r"\(1, 2, 4\)"):
        nn.GRU(3, 4)(autodiff.zeros(5, 2, 3), autodiff.zeros(1, 3, 4))
    with pytest.raises(ShapeError, match="GRUCell"):
        nn.GRUCell(3, 4)(autodiff.zeros(2, 4))
    with pytest.raises(AxisError, match="not 10"):
        nn.Embedding(10, 3)(autodiff.tensor([1, 10]))
    with pytest.raises(DtypeError, match="integers"):
        nn.Embedding(10, 3)(autodiff.zeros(2))
    with pytest.raises(OptionError, match="offsets"):
        nn.EmbeddingBag(10, 3)(autodiff.tensor([1, 2]), autodiff.tensor([1]))


# --- embeddings -------------------------------------------------------------------------------------------------------


INDICES = np.array([[1, 0, 3], [3, 3, 2]])


@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 3}, {"padding_idx": -2}, {"scale_grad_by_freq": True}, {"max_norm": 1.0}], ids=str
)
def test_an_embedding_is_pytorchs(options: dict[str, Any]) -> None:
    """Rows, the gradient of the table, and what happens to rows of padding and to long ones."""
    models = twins(lambda lib: lib.nn.Embedding(5, 3, **options))
    compare(models, lambda lib, m, i: m(i), INDICES)
    np.testing.assert_allclose(models[0].weight.detach().numpy(), models[1].weight.detach().numpy(), rtol=1e-6)
    assert repr(models[0]) == repr(models[1])


def test_a_new_embedding_has_zeros_for_padding_and_can_be_given() -> None:
    """Row ``padding_idx`` starts at 0; ``from_pretrained`` takes a table over, frozen or not."""
    assert not nn.Embedding(5, 3, padding_idx=2).weight[2].detach().numpy().any()
    table = autodiff.tensor(numbers((5, 3)))
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    trained = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=1)
    assert trained.weight.requires_grad
    assert np.array_equal(trained(autodiff.tensor([1, 4])).detach().numpy(), table.numpy()[[1, 4]])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_an_embedding_bag_is_pytorchs(mode: str) -> None:
    """Bags of one size and of several."""
    models = twins(lambda lib: lib.nn.EmbeddingBag(5, 3, mode=mode))
    compare(models, lambda lib, m, i: m(i), INDICES)
    compare(models, lambda lib, m, i: m(i, lib.tensor(np.array([0, 2, 2]))), INDICES.reshape(-1))


def test_a_bag_scales_gradients_by_frequency_as_an_embedding_does() -> None:
    """The gradient of a row is divided by how often all bags have it (PyTorch divides by another row's count)."""
    gradients = []
    for lookup in (
        lambda w: nn.functional.embedding_bag(autodiff.tensor(INDICES), w, mode="sum", scale_grad_by_freq=True),
        lambda w: nn.functional.embedding(autodiff.tensor(INDICES), w, scale_grad_by_freq=True).sum(1),
    ):
        w = autodiff.tensor(numbers((5, 3))).requires_grad_()
        (lookup(w) * numbers((2, 3), seed=1)).sum().backward()
        gradients.append(w.grad.numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-12)


# --- attention and transformers ---------------------------------------------------------------------------------------


FUTURE = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False, False, False, False, True], [False] * 5, [False, True, False, True, True]])


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"kdim": 3, "vdim": 2}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"batch_first": True},
     {"add_bias_kv": True, "add_zero_attn": True, "kdim": 4, "vdim": 3}],
    ids=str,
)  # fmt: skip
def test_multihead_attention_is_pytorchs(options: dict[str, Any], need_weights: bool) -> None:
    """Results, weights and gradients, for each option, with keys and values of their own, masked and not."""
    models = twins(lambda lib: lib.nn.MultiheadAttention(4, 2, **options))
    k, v = options.get("kdim", 4), options.get("vdim", 4)
    order = (1, 0, 2) if options.get("batch_first") else (0, 1, 2)
    q, k, v = (numbers(s, seed=i).transpose(order) for i, s in enumerate(((5, 3, 4), (5, 3, k), (5, 3, v))))
    heads = np.repeat(FUTURE[None], 6, 0) & (np.arange(6)[:, None, None] % 2 == 0)
    added = np.where(FUTURE, -np.inf, numbers((5, 5)))

    def call(lib: Any, m: Any, *x: Any, **masks: Any) -> Any:
        masks = {name: lib.tensor(mask) for name, mask in masks.items()}
        return tuple(y for y in m(*x, need_weights=need_weights, **masks) if y is not None)

    compare(models, call, q, k, v)
    compare(models, lambda *a: call(*a, attn_mask=FUTURE), q, k, v)
    compare(models, lambda *a: call(*a, attn_mask=added), q, k, v)
    compare(models, lambda *a: call(*a, attn_mask=heads, key_padding_mask=PADDING), q, k, v)


def test_multihead_attention_has_weights_of_each_head_and_takes_one_sample() -> None:
    """``average_attn_weights=False``; inputs without a batch; the same tensor for all three, or for keys and values."""
    models = twins(lambda lib: lib.nn.MultiheadAttention(4, 2))
    compare(models, lambda lib, m, x: m(x, x, x, average_attn_weights=False), numbers((5, 3, 4)))
    compare(models, lambda lib, m, x, y: m(x, y, y), numbers((5, 4)), numbers((2, 4)))
    compare(
        models,
        lambda lib, m, x: m(x, x, x, key_padding_mask=lib.tensor(PADDING[0]), average_attn_weights=False),
        numbers((5, 4)),
    )
    compare(
        models,
        lambda lib, m, x: m(x, x, x, attn_mask=lib.tensor(FUTURE), need_weights=False, is_causal=True)[0],
        numbers((5, 3, 4)),
    )


SHAPES: list[dict[str, Any]] = [
    {}, {"norm_first": True}, {"activation": "gelu", "batch_first": True}, {"bias": False, "layer_norm_eps": 0.1}
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # PyTorch's, about a path that training never takes
@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_a_transformer_is_pytorchs(options: dict[str, Any]) -> None:
    """Encoder and decoder of two layers each with all masks: outputs and all gradients."""
    models = twins(lambda lib: lib.nn.Transformer(4, 2, 2, 2, 6, dropout=0.0, **options))

    def call(lib: Any, m: Any, src: Any, tgt: Any) -> Any:
        future = m.generate_square_subsequent_mask(5, dtype=lib.float64)
        padding = lib.tensor(np.where(PADDING, -np.inf, 0.0))
        return m(
            src, tgt, tgt_mask=future, memory_mask=lib.tensor(-1.0 * FUTURE.T),
            src_key_padding_mask=padding, memory_key_padding_mask=padding,
        )  # fmt: skip

    shape = (3, 5, 4) if options.get("batch_first") else (5, 3, 4)
    compare(models, call, numbers(shape), numbers(shape, seed=1))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # PyTorch's, about a path that training never takes
def test_transformer_layers_take_functions_and_one_sample() -> None:
    """An activation given as a function; a single sequence; the mask of the future by its hint."""
    models = twins(lambda lib: lib.nn.TransformerEncoderLayer(4, 2, 6, 0.0, lib.nn.functional.silu))
    compare(models, lambda lib, m, x: m(x), numbers((5, 4)))
    models = twins(lambda lib: lib.nn.TransformerEncoder(lib.nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2))
    future = lambda lib: lib.nn.Transformer.generate_square_subsequent_mask(5, dtype=lib.float64)
    compare(models, lambda lib, m, x: m(x, mask=future(lib), is_causal=True), numbers((5, 3, 4)))


def test_dropout_of_attention_sets_weights_to_zero_and_keeps_their_mean() -> None:
    """With equal values the result is, on the average, that value; without dropout it is exactly that."""
    autodiff.manual_seed(0)
    q = autodiff.zeros(200, 50, 2)
    dropped = nn.functional.scaled_dot_product_attention(q, q, q + 1, dropout_p=0.4).numpy()
    assert abs(dropped.mean() - 1) < 0.01
    assert 0.08 < dropped.std() < 0.15  # sqrt(0.4 / 0.6 / 50) = 0.115
    assert np.allclose(nn.functional.scaled_dot_product_attention(q, q, q + 1).numpy(), 1)


def test_large_attention_in_blocks_is_that_in_one_piece() -> None:
    """Stacks that are cut into blocks, with masks and dropout that have stacks of their own, give the same numbers."""
    q, k, v = (autodiff.tensor(numbers((3, 2, 300, 4), seed=i)).requires_grad_() for i in range(3))
    mask = autodiff.tensor(numbers((3, 1, 300, 300)))
    pieces = nn.functional.scaled_dot_product_attention(q, k, v, mask)
    whole = ((q @ k.transpose(-1, -2)) / 2 + mask).softmax(-1) @ v
    np.testing.assert_allclose(pieces.detach().numpy(), whole.detach().numpy(), rtol=1e-9, atol=1e-12)
    weights = numbers(tuple(whole.shape))
    for mine, wanted in zip(
        *(autodiff.autograd.grad((x * weights).sum(), [q, k, v]) for x in (pieces, whole)), strict=True
    ):
        np.testing.assert_allclose(mine.numpy(), wanted.numpy(), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("size", [0.1, 3.0, 1e2, 1e3])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_of_small_and_large_scores(size: float, causal: bool) -> None:
    """Whether maxima are taken off the scores or not, single precision gives the numbers of double, and no NaN."""

    def run(dtype: Any) -> list[Any]:
        q, k, v, g = (autodiff.tensor(numbers((2, 3, 40, 4), seed=i)).to(dtype) for i in range(4))
        inputs = [(q * size).requires_grad_(), k.requires_grad_(), v.requires_grad_()]
        out = nn.functional.scaled_dot_product_attention(*inputs, is_causal=causal)
        return [x.detach().numpy() for x in (out, *autodiff.autograd.grad((out * g).sum(), inputs))]

    single, double = run(autodiff.float32), run(autodiff.float64)
    for mine, wanted in zip(single, double, strict=True):
        np.testing.assert_allclose(mine, wanted, atol=1e-6 * max(size, 1) * np.abs(wanted).max())


CELLS = [("rnn_tanh_cell", 1), ("rnn_relu_cell", 1), ("lstm_cell", 4), ("gru_cell", 3)]


@pytest.mark.parametrize(("name", "gates"), CELLS)
def test_a_cell_of_torch_refuses_shapes_that_do_not_fit(name: str, gates: int) -> None:
    """PyTorch refuses them, too: one of input, state and weights has another shape than it should."""
    right = [(2, 3), (2, 2), (2 * gates, 3), (2 * gates, 2)]
    wrong = [
        [(3,), (2, 2, 3), (2, 4), (3, 3)], [(2,), (1, 2), (2, 1), (2, 2, 2)], [(2 * gates,), (2 * gates + 1, 3)],
        [(2 * gates, 3), (2 * gates + 1, 2), (2,)],
    ]  # fmt: skip
    call = lambda x, h, w_ih, w_hh: getattr(autodiff, name)(x, (h, h) if gates == 4 else h, w_ih, w_hh)
    call(*map(autodiff.ones, right))
    for at, shapes in enumerate(wrong):
        for shape in shapes:
            with pytest.raises(ShapeError, match=r"of shape|gates of"):
                call(*map(autodiff.ones, [*right[:at], shape, *right[at + 1 :]]))


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn_relu", "gru", "lstm"])
def test_a_recurrent_net_of_torch_refuses_weights_and_states_that_are_not_as_many_as_layers(name: str) -> None:
    """Two layers have two sets of weights, and two states."""
    gates = {"gru": 3, "lstm": 4}.get(name, 1)
    one = [autodiff.ones(gates * 2, 3), autodiff.ones(gates * 2, 2)]

    def call(states: int, weights: Any) -> Any:
        h = autodiff.ones(states, 1, 2)
        return getattr(autodiff, name)(
            autodiff.ones(4, 1, 3), (h, h) if name == "lstm" else h, weights, False, 2, 0.0, False, False, False)

    weights = [*one, autodiff.ones(gates * 2, 2), one[1]]
    assert call(2, weights)[0].shape == (4, 1, 2)
    for states, given in ((1, weights), (2, weights[:3]), (3, weights)):
        with pytest.raises(ShapeError, match="as many sets of weights and states"):
            call(states, given)
    if name == "lstm":
        with pytest.raises(DtypeError, match="two tensors"):
            autodiff.lstm(autodiff.ones(4, 1, 3), one[0], weights, False, 2, 0.0, False, False, False)


def test_relu_of_a_complex_recurrent_net_is_refused() -> None:
    """As relu itself refuses complex numbers; tanh takes them."""
    x, h, w = autodiff.ones(1, 1, 2) + 0j, autodiff.ones(1, 1, 2) + 0j, autodiff.eye(2) + 0j
    assert autodiff.rnn_tanh(x, h, [w, w], False, 1, 0.0, False, False, False)[0].dtype.is_complex
    with pytest.raises(DtypeError, match="relu takes real numbers"):
        autodiff.rnn_relu(x, h, [w, w], False, 1, 0.0, False, False, False)
    with pytest.raises(DtypeError, match="relu takes real numbers"):
        autodiff.rnn_relu_cell(x[0], h[0], w, w)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_a_recurrent_layer_of_complex_numbers_is_its_cell_again_and_again(name: str) -> None:
    """States and gradients of ``dtype=complex128`` are those of the steps, one after another."""
    layer = getattr(nn, name)(3, 2, dtype=autodiff.complex128)
    x = autodiff.tensor(numbers((4, 2, 3), seed=1) + 1j * numbers((4, 2, 3), seed=2))
    zero = autodiff.zeros(2, 2, dtype=autodiff.complex128)
    state, steps = (zero, zero) if name == "LSTM" else zero, []
    cell = getattr(autodiff, {"RNN": "rnn_tanh"}.get(name, name.lower()) + "_cell")
    for row in x:
        state = cell(row, state, *layer.all_weights[0])
        steps.append(state[0] if name == "LSTM" else state)
    outputs = layer(x)[0], autodiff.stack(steps)
    found = [[out, *autodiff.autograd.grad(out.abs().sum(), layer.parameters())] for out in outputs]
    for mine, wanted in zip(*found, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), wanted.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_the_states_that_a_recurrent_layer_gives_may_be_written_over(name: str) -> None:
    """As in PyTorch, whose states are copies: ``ReLU(inplace=True)`` behind a layer changes no gradient."""
    layer = getattr(nn, name)(3, 4, num_layers=2, bidirectional=True)
    x = autodiff.tensor(numbers((5, 2, 3), seed=1).astype(np.float32))
    found = []
    for inplace in (False, True):
        out = nn.ReLU(inplace=inplace)(layer(x)[0])
        found.append(autodiff.autograd.grad((out * out).sum(), layer.parameters()))
    for mine, wanted in zip(*found, strict=True):
        np.testing.assert_array_equal(mine.numpy(), wanted.numpy())
