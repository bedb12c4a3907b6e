"""Objects of the wrong kind in place of a tensor: whatever is given, and to what, the error is named and says so."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.base import CASES

import autodiff
import nn
import optim
from autodiff import Tensor, func, ones, tensor
from autodiff.data import DataLoader, Subset, TensorDataset
from autodiff.errors import AutodiffError, AutodiffWarning, DtypeError, LinalgError, OptionError
from autodiff.kinds import wrong_kind
from autodiff.utils.checkpoint import checkpoint
from autodiff.viz import draw, summary

LAYER = nn.Linear(2, 3)
WRONG: dict[str, Any] = {
    "list": [1.0, 2.0],
    "tensors": (ones(2), ones(2)),
    "path": Path("a/b"),
    "None": None,
    "dict": {"a": 1},
    "model": LAYER,
    "function": abs,
    "method": LAYER.parameters,
    "class": Path,
    "objects": np.array([1, "a", None], dtype=object),
    "strings": np.array(["a", "b"]),
}
LIBRARY = tuple(str(Path(package.__file__).parent) for package in (autodiff, nn))


def _bare(call: Callable[..., Any], *args: Any) -> Exception | None:
    """The error without a name that the library raises, None where it raises none."""
    try:
        call(*args)
    except AutodiffError:
        return None
    except Exception as error:
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename.startswith(LIBRARY):
                return error
            traceback = traceback.tb_next
    return None


@pytest.mark.parametrize("kind", WRONG)
def test_no_function_of_the_vocabulary_raises_a_bare_error_about_a_wrong_kind(kind: str) -> None:
    """In place of each tensor of a call: no AttributeError of a list, and none of NumPy's errors."""
    faults = []
    for name, cases in CASES.items():
        for i in range(len(cases[0].inputs)):
            given: list[Any] = [autodiff.tensor(x) for x in cases[0].inputs]
            given[i] = copy.deepcopy(LAYER) if kind == "model" else WRONG[kind]  # some calls change a model, as half()
            error = _bare(cases[0].call, autodiff, *given)
            if isinstance(error, AttributeError) or (error is not None and kind in ("model", "dict", "class", "path")):
                faults.append(f"{name}, input {i}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)


METHODS = [name for name in dir(Tensor) if inspect.isfunction(inspect.getattr_static(Tensor, name)) and name[0] != "_"]


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind not in ("objects", "strings")])
def test_no_method_says_that_what_it_was_given_has_no_attribute(kind: str) -> None:
    """In place of each of the first three arguments of each method; of tensors, the others are tensors."""
    faults = []
    for name in METHODS:
        wanted = list(inspect.signature(inspect.getattr_static(Tensor, name)).parameters.values())[1:]
        needed = [p for p in wanted if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        for position in range(max(1, len(needed))):
            given: list[Any] = [ones(2, 2)] * len(needed) or [None]
            given[position] = WRONG[kind]
            error = _bare(getattr(ones(2, 2), name), *given)
            if isinstance(error, AttributeError):
                faults.append(f"{name}, argument {position}: {error}")
    assert not faults, "\n".join(faults)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(3, 2),
    "convolution": lambda: nn.Conv1d(3, 2, 1),
    "pooling": lambda: nn.MaxPool1d(2),
    "norm": lambda: nn.BatchNorm1d(3),
    "layer norm": lambda: nn.LayerNorm(3),
    "activation": lambda: nn.ReLU(),
    "softmax": lambda: nn.Softmax(1),
    "dropout": lambda: nn.Dropout(0.5),
    "flatten": lambda: nn.Flatten(),
    "embedding": lambda: nn.Embedding(3, 2),
    "recurrent": lambda: nn.LSTM(3, 2),
    "in a model": lambda: nn.Sequential(nn.Sequential(nn.Linear(3, 2))),
    "transformer": lambda: nn.TransformerEncoderLayer(4, 2),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_says_what_it_was_given(layer: str, kind: str) -> None:
    """Whatever it is, the error has a name, and begins with the path of the layer."""
    model = LAYERS[layer]()
    with pytest.raises(AutodiffError, match=f"^in {type(model).__name__}"):
        model(WRONG[kind])


LOSSES = [
    nn.MSELoss, nn.L1Loss, nn.CrossEntropyLoss, nn.NLLLoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.HuberLoss,
    nn.KLDivLoss,
]  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_says_what_it_was_given(loss: Callable[[], nn.Module], kind: str) -> None:
    """As input and as target."""
    with pytest.raises(AutodiffError, match=r"^in "):
        loss()(WRONG[kind], ones(2))
    with pytest.raises(AutodiffError, match=r"^in "):
        loss()(ones(2) / 2, WRONG[kind])


X = tensor([1.0, 2.0, 3.0], requires_grad=True)
OPTIMIZER = optim.SGD([X], lr=0.1)
DOORS: dict[str, tuple[Callable[[Any], Any], str]] = {  # and what the door takes, of all kinds
    "optimizer": (lambda wrong: optim.SGD(wrong, lr=0.1), "tensors"),
    "group": (lambda wrong: optim.SGD([{"params": wrong}], lr=0.1), "tensors"),
    "lr": (lambda wrong: optim.SGD([X], lr=wrong), ""),
    "closure": (lambda wrong: OPTIMIZER.step(wrong), "function method class None model"),
    "schedule": (lambda wrong: optim.lr_scheduler.StepLR(wrong, 1), ""),
    "step size": (lambda wrong: optim.lr_scheduler.StepLR(OPTIMIZER, wrong), ""),
    "state of an optimizer": (lambda wrong: OPTIMIZER.load_state_dict(wrong), ""),
    "state of a module": (lambda wrong: LAYER.load_state_dict(wrong), ""),
    "clipping": (lambda wrong: nn.utils.clip_grad_norm_(wrong, 1.0), "tensors"),
    "backward": (lambda wrong: X.sum().backward(wrong), "None"),
    "inputs of backward": (lambda wrong: X.sum().backward(inputs=wrong), "None"),
    "outputs of grad": (lambda wrong: autodiff.grad(wrong, X), ""),
    "inputs of grad": (lambda wrong: autodiff.grad(X.sum(), wrong), ""),
    "data": (lambda wrong: setattr(ones(2), "data", wrong), ""),
    "grad": (lambda wrong: setattr(ones(2), "grad", wrong), "None"),
    "requires_grad": (lambda wrong: setattr(ones(2), "requires_grad", wrong), ""),
    "hook": (lambda wrong: X.register_hook(wrong).remove(), "function method class model"),
    "hook of a module": (lambda wrong: LAYER.register_forward_hook(wrong).remove(), "function method class model"),
    "transform": (lambda wrong: func.grad(lambda x: (x * x).sum())(wrong), "list tensors dict"),
    "function of a transform": (lambda wrong: func.grad(wrong)(1.0), "function class"),
    "summary": (lambda wrong: summary(wrong, ones(2)), "model"),
    "input of a summary": (lambda wrong: summary(LAYER, wrong), ""),
    "picture": (lambda wrong: draw(wrong), ""),
    "names of a picture": (lambda wrong: draw(X.sum(), params=wrong), "None model"),
    "depth of a picture": (lambda wrong: draw(X.sum(), depth=wrong), "None function method class model"),
    "data set": (lambda wrong: DataLoader(wrong), "list tensors dict objects strings"),
    "tensors of a data set": (lambda wrong: TensorDataset(wrong), "objects strings"),
    "members": (lambda wrong: nn.Sequential(wrong), "model dict"),
    "member of a list": (lambda wrong: nn.ModuleList([wrong]), "model None"),
    "tensor": (lambda wrong: tensor(wrong), "list tensors"),
    "initial values": (lambda wrong: nn.init.normal_(wrong), ""),
    "like": (lambda wrong: autodiff.zeros_like(wrong), ""),
    "checkpoint": (lambda wrong: checkpoint(wrong, ones(2)), "model function method class"),
    "functional call": (lambda wrong: func.functional_call(LAYER, wrong, ones(2)), ""),
    "indices of a subset": (lambda wrong: Subset([1, 2], wrong), "list tensors dict"),
    "sizes of a convolution": (lambda wrong: nn.Conv1d(wrong, 2, 1), ""),
    "heads": (lambda wrong: nn.MultiheadAttention(4, wrong), ""),
    "no_grad": (lambda wrong: autodiff.no_grad(wrong), "function method class model None"),
}


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind not in ("objects", "strings")])
@pytest.mark.parametrize("door", DOORS)
def test_each_door_says_what_it_was_given(door: str, kind: str) -> None:
    """Optimizers, gradients, hooks, transforms, pictures, loaders: an error of the library's, never a bare one."""
    call, takes = DOORS[door]
    if kind in takes.split():
        return
    with pytest.raises(AutodiffError):
        call(WRONG[kind])


def test_the_repair_is_that_of_the_kind() -> None:
    """A list is made a tensor, a model called, a path loaded, a tuple of tensors taken apart."""
    repairs = {
        "list": "use tensor(...) to make one",
        "tensors": "take one of them, as in output[0]",
        "path": "load(path) reads those of a file",
        "None": "a function without a return gives None",
        "dict": "choose one of its values",
        "model": "give its output, model(x)",
        "function": "call it, with parentheses",
        "method": "call it, with parentheses",
        "class": "make an instance of it",
    }
    for kind, repair in repairs.items():
        with pytest.raises(DtypeError) as caught:
            LAYER(WRONG[kind])
        assert str(caught.value).startswith("in Linear (Linear(2, 3)): Linear takes tensors, arrays and numbers, not ")
        assert repair in str(caught.value)


def test_errors_of_the_users_own_are_left_alone() -> None:
    """Of a callback, say, beside arguments that are None or options: they are no proof of a wrong kind."""
    for error in (AttributeError("no such thing"), ValueError("none"), KeyError("a"), TypeError("'str' and 'int'")):
        assert wrong_kind("f", (ones(2), None, 0.5, True, float), error) is None
    assert wrong_kind("f", (LAYER,), DtypeError("already has a name")) is None

    def distance(x: Any, y: Any) -> Any:
        raise AttributeError("the user's own")

    with pytest.raises(AttributeError, match="the user's own"):
        nn.functional.triplet_margin_with_distance_loss(ones(2, 2), ones(2, 2), ones(2, 2), distance_function=distance)


def test_numbers_of_another_kind_are_options_that_do_not_fit() -> None:
    """What a rate, a pair of betas, a number of epochs and the sizes of a layer take."""
    for value in ("0.1", None, [0.1]):
        with pytest.raises(OptionError, match=r"lr is a number, 0 or more, not "):
            optim.SGD([X], lr=value)
    with pytest.raises(OptionError, match=r"betas is a pair.*not 0\.9"):
        optim.Adam([X], betas=0.9)
    with pytest.raises(OptionError, match=r"StepLR: step_size is of another kind than '3'"):
        optim.lr_scheduler.StepLR(OPTIMIZER, "3")
    for wrong in ("3", 3.0):
        with pytest.raises(OptionError, match="the sizes of a Linear are integers"):
            nn.Linear(wrong, 4)


def test_a_matrix_without_an_inverse_is_a_linalg_error() -> None:
    """As NumPy's and PyTorch's are, with a repair."""
    for call in (autodiff.linalg.inv, autodiff.linalg.cholesky):
        with pytest.raises(LinalgError, match=r"float32 \(2, 2\)") as caught:
            call(-ones(2, 2))
        assert isinstance(caught.value, (np.linalg.LinAlgError, RuntimeError))


def test_numpy_takes_untracked_tensors_as_arrays() -> None:
    """Whatever NumPy has; a tensor of the graph is refused, and nothing is written into a tensor's memory."""
    t, array = ones(2, 3), np.zeros((2, 3), np.float32)
    assert np.histogram(t)[0].sum() == 6
    assert np.cbrt(t).tolist() == t.tolist()
    array += t
    assert array.sum() == 6
    with pytest.raises(DtypeError, match=r"np\.spacing has no derivative here, .* on a Tensor; t\.detach"):
        np.spacing(X)
    for write in (lambda: np.copyto(t, array), lambda: np.add(t, t, out=t), lambda: np.add.at(t, 0, 1)):
        with pytest.raises(DtypeError):
            write()
    assert t.sum().item() == 6


@pytest.mark.parametrize(
    ("lose", "repair"),
    [
        (lambda x: tensor([x * 2, x * 3]), "stack"), (lambda x: tensor([[x * 2], [x]]), "stack"),
        (lambda x: tensor(x * 2), "clone"), (lambda x: (x * 2).grad, "retain_grad"),
    ],
)  # fmt: skip
def test_what_leaves_the_graph_in_silence_warns_once_at_the_users_line(lose: Callable[[Any], Any], repair: str) -> None:
    """A copy of tracked tensors, and the .grad that a result does not keep; under no_grad nothing is said of copies."""
    with pytest.warns(AutodiffWarning, match=repair) as caught:
        lose(X)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with autodiff.no_grad():
        tensor([X * 2, X * 3])
    tensor([X.detach() * 2, X.detach()])
    assert X.grad is None or X.grad.shape == (3,)


PLAIN: dict[str, Callable[[Any], Any]] = {
    "bernoulli": autodiff.bernoulli,
    "multinomial": lambda x: autodiff.multinomial(x, 1),
    "rand_like": autodiff.rand_like,
    "cov": lambda x: ones(2, 2).cov(fweights=x),
    "diff": lambda x: ones(2).diff(prepend=x),
    "the generator of rand": lambda x: autodiff.rand(2, generator=x),
    "the generator of normal_": lambda x: ones(2).normal_(generator=x),
    "the rate of std": lambda x: autodiff.std(ones(2), correction=x),
    "isclose": lambda x: autodiff.isclose(ones(2), ones(2), x),
    "lerp": lambda x: autodiff.lerp(ones(2), ones(2), x),
    "vector_norm": lambda x: autodiff.linalg.vector_norm(ones(2), x),
    "clip_grad_norm_": lambda x: nn.utils.clip_grad_norm_([np.ones(2), x], 1.0),
    "remove_weight_norm": nn.utils.remove_weight_norm,
    "spectral_norm": nn.utils.spectral_norm,
    "fuse_linear_bn_eval": lambda x: nn.utils.fuse_linear_bn_eval(x, nn.BatchNorm1d(2)),
    "vector_to_parameters": lambda x: nn.utils.vector_to_parameters(x, [ones(2)]),
    "functional_call": lambda x: func.functional_call(x, {}, ones(2)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_no_function_of_the_vocabulary_names_itself_too(name: str) -> None:
    """Draws, options, generators and the tools of nn: no error about an attribute, and none of NumPy's words."""
    with pytest.raises(AutodiffError) as refusal:
        PLAIN[name]("hello")
    assert "attribute" not in str(refusal.value)
    assert "ufunc" not in str(refusal.value)


def test_numpys_words_about_dtypes_are_not_shown() -> None:
    """It speaks of loops and casting rules."""
    with pytest.raises(DtypeError, match=r"^gcd\(float32 \(2,\), float32 \(2,\)\): there is none for these dtypes$"):
        autodiff.gcd(ones(2), ones(2))
    with pytest.raises(DtypeError, match=r"^adaptive_max_pool2d takes real numbers"):
        nn.functional.adaptive_max_pool2d(ones(1, 2, 2, dtype=autodiff.complex64), 1)
