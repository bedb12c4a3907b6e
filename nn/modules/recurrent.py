"""Recurrent nets: RNN, LSTM and GRU over sequences, and one step of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.shaping import transpose, unsqueeze
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..functional.arguments import check_probability
from ..functional.recurrent import through_layers
from ..module import Module, changed_options
from .new_parameters import add_parameters

if TYPE_CHECKING:
    from ..utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]


class _Recurrent(Module):
    """A module whose parameters are first uniform up to 1 / sqrt(hidden_size), as in PyTorch."""

    hidden_size: int

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)


class RNNBase(_Recurrent):
    """What RNN, LSTM and GRU share: layers, directions, their weights, and the forms of input.

    Args:
        input_size: I, the numbers of a step of the input.
        hidden_size: H, the numbers of a state.
        num_layers: layers, each of which reads the output of the one before.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (N, T, I) instead of (T, N, I); states are not affected.
        dropout: the probability of dropout on the output of each layer but the last.
        bidirectional: a second set of weights goes through each sequence from its end; outputs are side by side.
        proj_size: P, for an LSTM: h is a product W_hr h of P numbers.

    The weights of layer k are weight_ih_l{k} (G H, I), weight_hh_l{k} (G H, H), bias_ih_l{k}, bias_hh_l{k} (G H,) and
    weight_hr_l{k} (P, H), for G gates; those of the second direction end in "_reverse".

    Raises OptionError for numbers that are not above 0, a ``dropout`` that is not from 0 to 1, and a ``proj_size`` that
    is not below ``hidden_size`` or not of an LSTM.
    """

    gates = 1
    mode = "RNN"

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_probability(dropout)
        if hidden_size <= 0 or num_layers <= 0 or not 0 <= proj_size < hidden_size:
            raise OptionError(
                "hidden_size and num_layers are above 0, and proj_size is from 0 to below hidden_size; they are "
                f"{hidden_size}, {num_layers} and {proj_size}"
            )
        if proj_size and self.mode != "LSTM":
            raise OptionError(f"proj_size is an option of LSTM, not of {type(self).__name__}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        rows, width = self.gates * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else width * (1 + bidirectional)
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, width)}
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
            if proj_size:
                shapes["weight_hr"] = (proj_size, hidden_size)
            for suffix in self._suffixes(layer):
                add_parameters(self, dtype, **{name + suffix: shape for name, shape in shapes.items()})
        self.reset_parameters()

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def _weights(self, suffix: str) -> tuple[Any, Any, Any, Any, Any]:
        """The weights of a direction of a layer, None where it has none.

        They are attributes: a program may compute one anew before each call, of a parameter of another name.
        """
        return (
            getattr(self, "weight_ih" + suffix, None), getattr(self, "weight_hh" + suffix, None),
            getattr(self, "bias_ih" + suffix, None), getattr(self, "bias_hh" + suffix, None),
            getattr(self, "weight_hr" + suffix, None),
        )  # fmt: skip

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction, in PyTorch's order."""
        suffixes = [suffix for layer in range(self.num_layers) for suffix in self._suffixes(layer)]
        return [[weight for weight in self._weights(suffix) if weight is not None] for suffix in suffixes]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The names of all parameters, in PyTorch's order."""
        suffixes = [suffix for layer in range(self.num_layers) for suffix in self._suffixes(layer)]
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return [kind + suffix for suffix in suffixes for kind in kinds if hasattr(self, kind + suffix)]

    @property
    def _flat_weights(self) -> list[Any]:
        """All parameters, in PyTorch's order."""
        return [weight for weights in self.all_weights for weight in weights]

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Any]) -> None:
        self.__dict__.update(zip(self._flat_weights_names, weights, strict=True))  # what the next call computes with

    def flatten_parameters(self) -> None:
        """Do nothing: the weights have one layout only."""

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the default."""
        return f"{self.input_size}, {self.hidden_size}" + changed_options(
            self, proj_size=0, num_layers=1, bias=True, batch_first=False, dropout=0, bidirectional=False
        )

    # --- from the forms of input to packed samples, and back ---------------------------------------------------------

    if TYPE_CHECKING:  # what comes of a Tensor, and of a PackedSequence

        @overload
        def __call__(self, input: PackedSequence, hx: Any = None) -> tuple[PackedSequence, Tensor]: ...
        @overload
        def __call__(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]: ...
        def __call__(self, input: Any, hx: Any = None) -> Any:
            """What ``forward`` gives."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """All states of the last layer, and the last states of all layers.

        Shapes: input (T, N, I), (N, T, I) with ``batch_first``, (T, I) for one sample, or a PackedSequence; output
        alike with D H for I, D directions; states (D layers, N, H), or (D layers, H) for one sample.

        Raises ShapeError where these do not fit.
        """
        sizes = getattr(input, "batch_sizes", None)
        if sizes is not None:
            order, back = input.sorted_indices, input.unsorted_indices
            states = self._states(hx, input.data, int(sizes[0]), order, True)
            output, last = self._layers(input.data, tuple(map(int, sizes)), states)
            return type(input)(output, sizes, order, back), self._result(last, back, True)
        alone = input.ndim == 2
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            axes = "(N, T" if self.batch_first else "(T, N"
            raise ShapeError(
                f"{type(self).__name__} takes inputs {axes}, {self.input_size}) or (T, {self.input_size}), not of "
                f"shape {tuple(input.shape)}"
            )
        x = unsqueeze(input, 1) if alone else transpose(input, 0, 1) if self.batch_first else input
        steps, samples = x.shape[:2]
        if not steps:
            raise ShapeError(f"a sequence has at least one step; the input is of shape {tuple(input.shape)}")
        states = self._states(hx, x, samples, None, not alone)
        flat, last = self._layers(x.reshape(steps * samples, self.input_size), (samples,) * steps, states)
        output = flat.reshape(steps, samples, flat.shape[-1])
        output = flat if alone else transpose(output, 0, 1) if self.batch_first else output
        return output, self._result(last, None, not alone)

    def _widths(self) -> tuple[int, ...]:
        """The sizes of the parts of a state."""
        return (self.hidden_size,)

    def _states(self, hx: Any, like: Any, samples: int, order: Any, batched: bool) -> list[Any]:
        """The parts of the first state, each (D layers, N, H): zeros where none are given."""
        count = self.num_layers * (1 + self.bidirectional)
        given = [None] * len(self._widths()) if hx is None else [hx] if len(self._widths()) == 1 else list(hx)
        if len(given) != len(self._widths()) or (len(given) > 1 and isinstance(hx, Tensor)):
            raise DtypeError(f"{type(self).__name__} takes its state as (h_0, c_0), two tensors, not {described(hx)}")
        states = []
        for state, width in zip(given, self._widths(), strict=True):
            if state is None:
                states.append(np.zeros((count, samples, width), like.dtype))
                continue
            wanted = (count, samples, width) if batched else (count, width)
            if tuple(state.shape) != wanted:
                raise ShapeError(f"{type(self).__name__} wants a state of shape {wanted}, not {tuple(state.shape)}")
            state = state.reshape(count, samples, width)
            states.append(state if order is None else state[:, order])
        return states

    def _result(self, last: list[Any], back: Any, batched: bool) -> Any:
        parts = [state if back is None else state[:, back] for state in last]
        parts = parts if batched else [state.reshape(state.shape[0], state.shape[2]) for state in parts]
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _layers(self, x: Any, sizes: tuple[int, ...], states: list[Any]) -> tuple[Tensor, list[Tensor]]:
        """All layers in both directions over packed samples."""
        suffixes = [suffix for layer in range(self.num_layers) for suffix in self._suffixes(layer)]
        one = lambda k, x, sizes, first, reverse: self._direction(x, sizes, first, suffixes[k], reverse)
        ways = 1 + self.bidirectional
        return through_layers(one, x, sizes, states, self.num_layers, ways, self.dropout, self.training)

    def _direction(
        self, x: Any, sizes: tuple[int, ...], first: list[Any], suffix: str, reverse: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One layer in one direction: its output, and the parts of the last state; a subclass defines it."""
        raise NotImplementedError


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that; see ``RNNBase`` for arguments and shapes.

    Raises OptionError for another ``nonlinearity``.

    >>> import autodiff
    >>> output, h = RNN(3, 5)(autodiff.zeros(7, 2, 3))
    >>> output.shape, h.shape
    (autodiff.Size([7, 2, 5]), autodiff.Size([1, 2, 5]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"RNN has the nonlinearity 'tanh' or 'relu', not {nonlinearity!r}")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity = nonlinearity

    def _direction(self, x: Any, sizes: Any, first: list[Any], suffix: str, reverse: bool) -> Any:
        output, h = F.rnn(x, sizes, first[0], *self._weights(suffix)[:4], self.nonlinearity, reverse)
        return output, (h,)


class LSTM(RNNBase):
    """Long short-term memory (``functional.lstm``); the state is a pair (h, c). See ``RNNBase`` for arguments.

    >>> import autodiff
    >>> output, (h, c) = LSTM(3, 5, num_layers=2)(autodiff.zeros(7, 2, 3))
    >>> output.shape, h.shape, c.shape
    (autodiff.Size([7, 2, 5]), autodiff.Size([2, 2, 5]), autodiff.Size([2, 2, 5]))
    """

    gates = 4
    mode = "LSTM"

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # the state is a pair
        def __call__(self, input: PackedSequence, hx: Any = None) -> tuple[PackedSequence, tuple[Tensor, Tensor]]: ...
        @overload
        def __call__(self, input: Any, hx: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...
        def __call__(self, input: Any, hx: Any = None) -> Any:
            """What ``forward`` gives."""

    def _widths(self) -> tuple[int, ...]:
        return (self.proj_size or self.hidden_size, self.hidden_size)

    def _direction(self, x: Any, sizes: Any, first: list[Any], suffix: str, reverse: bool) -> Any:
        return F.lstm(x, sizes, (first[0], first[1]), *self._weights(suffix), reverse)


class GRU(RNNBase):
    """Gated recurrent units (``functional.gru``). See ``RNNBase`` for arguments and shapes."""

    gates = 3
    mode = "GRU"

    def _direction(self, x: Any, sizes: Any, first: list[Any], suffix: str, reverse: bool) -> Any:
        output, h = F.gru(x, sizes, first[0], *self._weights(suffix)[:4], reverse)
        return output, (h,)


# --- one step ---------------------------------------------------------------------------------------------------------


class RNNCellBase(_Recurrent):
    """What the cells share: weight_ih (G H, I), weight_hh (G H, H), bias_ih and bias_hh (G H,) for G gates."""

    gates = 1
    parts = 1  # of a state

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        add_parameters(self, dtype, weight_ih=(rows, input_size), weight_hh=(rows, hidden_size))
        add_parameters(self, dtype, bias_ih=(rows,) if bias else None, bias_hh=(rows,) if bias else None)
        self.reset_parameters()

    def extra_repr(self) -> str:
        """The sizes, and whether there is no bias."""
        return f"{self.input_size}, {self.hidden_size}" + changed_options(self, bias=True)

    if TYPE_CHECKING:

        def __call__(self, input: Any, hx: Any = None) -> Tensor:
            """What ``forward`` gives."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state, from an input (N, I) or (I,) and a state of (N, H) or (H,), by default zeros.

        Raises ShapeError where these do not fit.
        """
        alone = input.ndim == 1
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            wanted = f"(N, {self.input_size}) or ({self.input_size},)"
            raise ShapeError(f"{type(self).__name__} takes inputs {wanted}, not of shape {tuple(input.shape)}")
        x = input.reshape(1, self.input_size) if alone else input
        given = [None] * self.parts if hx is None else [hx] if self.parts == 1 else list(hx)
        shape = (len(x), self.hidden_size)
        for state in given:
            if state is not None and tuple(state.shape) != (shape[1:] if alone else shape):
                raise ShapeError(f"{type(self).__name__} wants states of shape {shape}, not {tuple(state.shape)}")
        given = [state.reshape(*shape) if alone and state is not None else state for state in given]
        states = [np.zeros(shape, x.dtype) if state is None else state for state in given]
        found = self._step(x, states, [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh])
        found = [state.reshape(self.hidden_size) if alone else state for state in found]
        return found[0] if self.parts == 1 else tuple(found)

    def _step(self, x: Any, states: list[Any], weights: list[Any]) -> Any:
        """The parts of the next state; a subclass defines it."""
        raise NotImplementedError


class RNNCell(RNNCellBase):
    """One step of ``RNN``; raises OptionError for another ``nonlinearity``."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"RNNCell has the nonlinearity 'tanh' or 'relu', not {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        """The sizes, and what is not as it is by default."""
        return super().extra_repr() + changed_options(self, nonlinearity="tanh")

    def _step(self, x: Any, states: list[Any], weights: list[Any]) -> Any:
        return [(F.rnn_tanh_cell if self.nonlinearity == "tanh" else F.rnn_relu_cell)(x, states[0], *weights)]


class LSTMCell(RNNCellBase):
    """One step of ``LSTM``: the state and the result are pairs (h, c)."""

    gates = 4
    parts = 2

    if TYPE_CHECKING:

        def __call__(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            """What ``forward`` gives."""

    def _step(self, x: Any, states: list[Any], weights: list[Any]) -> Any:
        return F.lstm_cell(x, (states[0], states[1]), *weights)


class GRUCell(RNNCellBase):
    """One step of ``GRU``."""

    gates = 3

    def _step(self, x: Any, states: list[Any], weights: list[Any]) -> Any:
        return [F.gru_cell(x, states[0], *weights)]
