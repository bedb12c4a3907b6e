"""Cases of making tensors, of dtypes and of what a tensor is to Python; random ones are in test_sampling.py."""

from __future__ import annotations

import numpy as np

from parity.base import case, numbers

DTYPES = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
NUMBERS = {
    "zeros": [((2, 3), {}), (((),), {}), (([2, 0],), {}), ((), {"size": (2, 1)}), ((2,), {"requires_grad": True})],
    "ones": [((2, 3), {}), (((2, 3),), {}), ((), {"size": (2, 1)}), (((),), {})],
    "full": [(((2,), 3), {}), (((2,), 3.5), {}), (([], True), {}), (((1, 2), 2), {"requires_grad": False})],
    "arange": [((5,), {}), ((1, 5), {}), ((0, 1, 0.25), {}), ((5, 0, -2), {}), ((2.5,), {}), ((0,), {}),
               ((1, 2, 0.3), {}), ((), {"start": 1, "end": 4})],
    "linspace": [((0, 1, 5), {}), ((3, -2.5, 4), {}), ((0, 1, 1), {}), ((0, 1), {"steps": 0})],
    "logspace": [((0, 2, 5), {}), ((-1, 1, 3), {"base": 2}), ((0, 1, 1), {})],
    "eye": [((3,), {}), ((2, 3), {}), ((0,), {})],
    "tril_indices": [((3, 3), {}), ((2, 4, 1), {}), ((3, 2, -1), {})],
    "triu_indices": [((3, 3), {}), ((2, 4, 1), {}), ((3, 2), {"offset": -1})],
    "scalar_tensor": [((3,), {}), ((2.5,), {})],
    "tensor": [(([1, 2],), {}), (([1.5, 2],), {}), ((True,), {}), (([[1], [2]],), {}), (([],), {}), ((3.5,), {}),
               ((np.ones(2),), {}), ((np.float64(2),), {})],
    "as_tensor": [(([1, 2],), {}), ((np.ones((2, 1), np.float32),), {}), ((2.5,), {})],
    "asarray": [(([1, 2],), {}), ((np.arange(3),), {})],
    "from_numpy": [((np.arange(3),), {}), ((np.ones((2, 2), np.float32),), {})],
}  # fmt: skip
HALF = ("linspace", "float16")  # PyTorch adds up in half precision, we round once
for name, calls in NUMBERS.items():
    for args, options in calls:
        case(name, lambda lib, f=name, a=args, o=options: _made(lib, f, *a, **o), order=0)
        if name not in ("from_numpy", "tril_indices", "triu_indices") and "requires_grad" not in options:
            for dtype in DTYPES if name in ("zeros", "full", "tensor", "arange") else DTYPES[:4]:
                whole = not dtype.startswith("float")
                stands_still = name == "arange" and whole and {0.25, 0.3} & {*args}
                if stands_still or (name, dtype) in (("arange", "bool"), HALF):
                    continue
                case(name, lambda lib, f=name, a=args, o=options, d=dtype:
                     _made(lib, f, *a, dtype=getattr(lib, d), **o), order=0)  # fmt: skip
for name in ("zeros_like", "ones_like"):
    case(name, lambda lib, x, f=name: getattr(lib, f)(x), (2, 3), order=0)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, dtype=lib.int64, device="cpu"), (), order=0)
case("empty_like", lambda lib, x: lib.empty_like(x).zero_(), (2, 3), order=0)
case("empty_like", lambda lib, x: lib.empty_like(x, dtype=lib.int64, device="cpu").zero_(), (), order=0)
case("full_like", lambda lib, x: (lib.full_like(x, 2), lib.full_like(x, 3.5, dtype=lib.float64)), (2, 3), order=0)
case("empty", lambda lib: (lib.empty(2, 3).zero_(), lib.empty((0,), dtype=lib.int32)), order=0)
case("new_zeros", lambda lib, x: (x.new_zeros(2, 3), x.new_zeros((2,), dtype=lib.int64)), (1,), order=0)
case("new_ones", lambda lib, x: (x.new_ones((2, 3)), x.new_ones(1)), (1,), order=0)
case("new_full", lambda lib, x: (x.new_full((2,), 7), x.new_full([], 2.5)), (1,), order=0)
case("new_empty", lambda lib, x: (x.new_empty(2, 0), x.new_empty((3,)).zero_()), (1,), order=0)
case("new_tensor", lambda lib, x: (x.new_tensor([1, 2]), x.new_tensor(3, dtype=lib.int8)), (1,), order=0)
for name in ("FloatTensor", "DoubleTensor", "LongTensor", "IntTensor", "ShortTensor", "ByteTensor", "CharTensor",
             "BoolTensor", "HalfTensor"):  # fmt: skip
    case(name, lambda lib, f=name: (getattr(lib, f)([1, 0, 3]), getattr(lib, f)(2, 0), getattr(lib, f)()), order=0)
case("LongTensor", lambda lib: lib.LongTensor([np.array([1, 2]), np.array([3, 4])][1]), order=0)
case("Tensor", lambda lib: (lib.Tensor([1, 2]), lib.Tensor(2, 0), lib.Tensor([[1.5]])), order=0)

for dtype in DTYPES:
    case("to", lambda lib, x, d=dtype: (x.to(getattr(lib, d)), x.to("cpu", dtype=getattr(lib, d))), (2, 3))
    case("type", lambda lib, x, d=dtype: x.type(getattr(lib, d)), (2, 3))
    for other in DTYPES:
        case("result_type", lambda lib, a=dtype, b=other: lib.zeros((), dtype=lib.result_type(
            lib.ones(1, dtype=getattr(lib, a)), lib.ones((), dtype=getattr(lib, b)))), order=0)  # fmt: skip
        case("promote_types", lambda lib, a=dtype, b=other: lib.zeros((), dtype=lib.promote_types(
            getattr(lib, a), getattr(lib, b))), order=0)  # fmt: skip
for name in ("float", "double", "half", "long", "int", "bool", "byte", "short", "char"):
    case(name, lambda lib, x, f=name: getattr(x, f)(), (2, 3), low=0.5)
case("type_as", lambda lib, x, y: (x.type_as(y), x.type_as(lib.ones(1))), (2, 3), np.array([1]))
case("type", lambda lib, x: (x.type(lib.LongTensor), x.type("torch.DoubleTensor")), (2, 3))
case("clone", lambda lib, x: x.cpu().clone().detach().requires_grad_(), (2, 3), order=0)

PYTHON = {
    "item": lambda x: x[0, 0].item(), "tolist": lambda x: x.tolist(), "size": lambda x: [*x.size(), x.size(-1)],
    "dim": lambda x: [x.dim(), x.ndim, x.ndimension()], "shape": lambda x: list(x.shape),
    "numel": lambda x: [x.numel(), x.nelement()], "element_size": lambda x: [x.element_size(), x.itemsize, x.nbytes],
    "stride": lambda x: [*x.stride(), x.stride(0), *x[:, 1:].stride()], "__len__": len,
    "is_contiguous": lambda x: [x.is_contiguous(), x.t().is_contiguous()],
    "storage_offset": lambda x: [x.storage_offset(), x[1, 1:].storage_offset()],
    "__bool__": lambda x: [bool(x[0, 0] > 9), bool(x[0, 0])], "__int__": lambda x: int(x[0, 0] * 7),
    "__float__": lambda x: float(x[1, 0]), "__index__": lambda x: [10, 20, 30][x.long()[0, 0] * 0 + 1],
    "__iter__": lambda x: [[float(v) for v in row] for row in x], "__contains__": lambda x: [2.0 in x, x[0, 0] in x],
    "__format__": lambda x: [ord(c) for v in (f"{x[0, 0]:.3f}", f"{x.sum():8.2e}", f"{x.long()[0, 0]:d}") for c in v],
    "requires_grad": lambda x: [x.requires_grad, x.is_leaf, x.grad is None, x.grad_fn is None],
    "type": lambda x: [ord(c) for c in x.type() + x.long().type() + (x > 0).type()],
    "is_floating_point": lambda x: [x.is_floating_point(), x.long().is_floating_point()],
    "__array__": lambda x: np.asarray(x.detach()) * np.float64(2), "numpy": lambda x: x.detach().cpu().numpy(),
    "data": lambda x: x.data.numpy(),
}  # fmt: skip
for name, question in PYTHON.items():
    case(name, lambda lib, x, f=question: lib.tensor(np.asarray(f(x), np.float64)), numbers((2, 3), 1, 4), order=0)
case("numpy", lambda lib, x: (x / np.sqrt(4), x * np.float64(3), x + np.float32(1), 2**x, x ** np.int64(2)), (2, 3))
case("numpy", lambda lib, x: np.float64(3) * x, (2, 3))
case("broadcast_shapes", lambda lib: lib.zeros(lib.broadcast_shapes((2, 1), (3,), (1, 1, 1))), order=0)


def _made(lib, name, *args, **options):
    """A tensor that does not require grad, so that the case compares values alone."""
    return getattr(lib, name)(*args, **options).detach()
for options in ({"dtype": "int16"}, {"dtype": "uint8", "offset": 1}, {"dtype": "int16", "count": 2, "offset": 2}):
    case("frombuffer", lambda lib, o=options: lib.frombuffer(
        bytearray(range(8)), **{**o, "dtype": getattr(lib, o["dtype"])}), order=0)  # fmt: skip
case("empty_strided", lambda lib: lib.tensor(lib.empty_strided((2, 3), (1, 4)).stride()), order=0)
case("empty_strided", lambda lib: lib.empty_strided((2, 0), (1, 1), dtype=lib.int64), order=0)
case("empty_permuted", lambda lib: lib.tensor(lib.empty_permuted((2, 3, 4), (0, 2, 1)).stride()), order=0)
case("arange", lambda lib: (lib.arange(end=3), lib.arange(end=2.5), lib.arange(start=1, end=3)), order=0)
