"""What programs print: tensors, limits, containers, optimizers, distributions, keys that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from parity.harness import peer

import autodiff

PRINTED: dict[str, Callable[[Any], Any]] = {
    "dtypes": lambda t: [t.tensor([1, 2]).to(kind) for kind in (t.float64, t.float16, t.int32, t.int64, t.bool)],
    "dtypes and more": lambda t: t.ones(2, dtype=t.float64, requires_grad=True),
    "complex": lambda t: [t.tensor([1 + 2j]), t.tensor([1 + 2j], dtype=t.complex128)],
    "a long dtype": lambda t: t.arange(12, dtype=t.float64) * 1.5,
    "no entries": lambda t: [t.zeros(0, dtype=kind) for kind in (t.float32, t.float64, t.int64, t.bool, t.complex64)],
    "no entries in a shape": lambda t: [t.zeros(2, 0), t.zeros(2, 0, dtype=t.int64), t.zeros(0, 3, dtype=t.float64)],
    "another default": lambda t: in_double(t, lambda: [t.ones(1), t.ones(1).float(), t.zeros(0), t.finfo()]),
    "limits": lambda t: [t.finfo(kind) for kind in (t.float16, t.float32, t.float64, t.complex64, t.complex128)],
    "limits as numbers": lambda t: [
        getattr(t.finfo(kind), name)
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution", "bits", "dtype")
        for kind in (t.float16, t.float32, t.float64)
    ],
    "equal limits": lambda t: (t.finfo() == t.finfo(t.float32), t.finfo(t.float32) == t.finfo(t.float64)),
    "integers": lambda t: [(t.iinfo(kind).min, t.iinfo(kind).max, t.iinfo(kind).bits) for kind in (t.uint8, t.int64)],
    "kinds by old names": lambda t: [
        isinstance(x, kind)
        for x in (t.ones(1), t.ones(1).double(), t.tensor([1]), t.tensor([True]), t.nn.Parameter(t.ones(1)), 1.0)
        for kind in (t.FloatTensor, t.DoubleTensor, t.LongTensor, t.BoolTensor, (t.IntTensor, t.LongTensor), t.Tensor)
    ],
    "parameters in a list": lambda t: t.nn.ParameterList([t.nn.Parameter(t.ones(2, 3).double()), t.ones(4), None]),
    "parameters in a dict": lambda t: t.nn.ParameterDict({"a": t.nn.Parameter(t.ones(2, 3).double()), "b": t.ones(4)}),
    "an encoder": lambda t: t.nn.TransformerEncoder(t.nn.Identity(), 2, enable_nested_tensor=False),
    "groups": lambda t: t.optim.SGD([{"params": [t.ones(1)]}, {"params": [t.ones(2)], "lr": 1.0}], lr=0.1),
    "the state of an optimizer": lambda t: t.optim.SGD([t.ones(1)], lr=0.1, momentum=0.5).state_dict(),
    "distributions": lambda t: [
        t.distributions.Normal(t.zeros(2), t.ones(2)), t.distributions.Categorical(logits=t.ones(2, 3)),
        t.distributions.MultivariateNormal(t.zeros(2), t.eye(2)), t.distributions.Uniform(0.0, 1.0),
    ],
    "keys that do not fit": lambda t: t.nn.Linear(2, 1).load_state_dict({"weight": t.ones(1, 2)}, strict=False),
    "results along an axis": lambda t: [
        (found, type(found).__name__, type(found).__module__)
        for x in (t.tensor([[3.0, 1.0, 2.0], [1.0, 6.0, 4.0]]),)
        for found in (
            x.max(1), t.max(x, 1), x.min(1), x.sort(), t.topk(x, 2), x.kthvalue(2), x.median(1), x.nanmedian(1),
            x.mode(), x.cummax(1), x.cummin(1), t.aminmax(x), t.frexp(x), t.histogram(x, 2), t.histogramdd(x, [2] * 3),
        )
    ],
    "results of factorizations": lambda t: [
        (type(found).__name__, type(found).__module__, [hasattr(found, name) for name in names.split()])
        for A in (t.tensor([[2.0, 1.0], [1.0, 3.0]]),)
        for names, found in {
            "eigenvalues eigenvectors": t.linalg.eig(A), "eigenvalues": t.linalg.eigh(A), "U S Vh": t.linalg.svd(A),
            "U S V": t.svd(A), "Q R": t.linalg.qr(A), "Q": t.qr(A), "a tau": t.geqrf(A), "P L U": t.linalg.lu(A),
            "sign logabsdet": t.linalg.slogdet(A), "sign": t.slogdet(A), "LU pivots": t.linalg.lu_factor(A),
            "L U P": t.lu_unpack(*t.linalg.lu_factor(A)), "LU pivots info": t.linalg.lu_factor_ex(A),
            "inverse info": t.linalg.inv_ex(A), "L info": t.linalg.cholesky_ex(A),
            "result info": t.linalg.solve_ex(A, A), "solution cloned_coefficient": t.triangular_solve(A, A),
            "solution residuals rank singular_values": t.linalg.lstsq(A, A),
        }.items()
    ],
    "defaults of optimizers": lambda t: [list(made.defaults) for made in optimizers(t)],
    "entries of states": lambda t: [
        list(made.state[made.param_groups[0]["params"][0]]) for made in optimizers(t)
    ],
    "shared": lambda t: t.nn.ReLU().share_memory(),
}  # fmt: skip


def optimizers(t: Any) -> list[Any]:
    """One of each kind that counts its steps, after one."""
    names = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Adafactor", "ASGD",
             "Rprop"]  # fmt: skip
    made = []
    for name in names:
        x = t.ones(3, 2).requires_grad_()
        made.append(getattr(t.optim, name)([x]))
        x.sum().backward()
        made[-1].step()
    return made


def in_double(t: Any, make: Callable[[], Any]) -> str:
    t.set_default_dtype(t.float64)
    try:
        return repr(make())
    finally:
        t.set_default_dtype(t.float32)


@pytest.mark.filterwarnings("ignore:torch.(qr|svd|triangular_solve) is deprecated")
@pytest.mark.parametrize("printed", PRINTED)
def test_it_prints_as_pytorch_prints_it(printed: str) -> None:
    """Character by character, but for the name of the library."""
    assert repr(PRINTED[printed](autodiff)).replace("autodiff.", "torch.") == repr(PRINTED[printed](peer()))


def test_integers_have_no_such_limits() -> None:
    for t in (autodiff, peer()):
        with pytest.raises(TypeError):
            t.finfo(t.int64)
