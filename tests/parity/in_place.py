"""Cases of the methods that change their tensor, inside the graph."""

from __future__ import annotations

import numpy as np

from parity.base import case

I2 = np.array([2, 0])
ALONG = np.array([[0, 1, 1], [1, 0, 0]])
MASK = np.array([[True, False, True], [False, False, True]])
POSITIVE = ["log_", "sqrt_", "rsqrt_", "log1p_", "reciprocal_", "log2_", "log10_"]
ANY = ["erf_", "erfc_", "exp_", "neg_", "relu_", "sigmoid_", "tanh_", "sin_", "cos_", "square_", "expm1_", "sign_",
       "floor_",
       "ceil_", "round_", "trunc_", "frac_", "atan_", "sinh_", "cosh_", "negative_",  "exp2_",
       "zero_", "tan_", "nan_to_num_", "sinc_", "logit_"]  # fmt: skip
KINKED = ["abs_", "sgn_", "absolute_"]  # of which PyTorch gives no second derivative that could be compared
UNIT = ["erfinv_", "asin_", "acos_", "arcsin_", "arccos_", "logit_"]
for names, low, high in ((POSITIVE, 0.2, 3.0), (ANY, -2.0, 2.0), (UNIT, 0.1, 0.9)):
    for name in names:
        if name == "logit_" and low < 0:
            continue
        case(name, lambda lib, x, f=name: _changed(x, f), (2, 3), low=low, high=high)
        case(name, lambda lib, x, f=name: _changed(x, f), (), low=low, high=high, order=1)
for name in KINKED:
    case(name, lambda lib, x, f=name: _changed(x, f), (2, 3), order=int(name != "sgn_"))


def _changed(x, name, *args, **kwargs):
    """The method called on a value of the graph: what it returns is the value itself."""
    x = x.clone()
    result = getattr(x, name)(*args, **kwargs)
    assert result is x
    return x


PAIR = (2, 3), (3,)
case("add_", lambda lib, x, y: (_changed(x, "add_", y), _changed(x, "add_", y, alpha=2), _changed(x, "add_", 1)), *PAIR)
case("sub_", lambda lib, x, y: (_changed(x, "sub_", y, alpha=3), _changed(x, "subtract_", y)), *PAIR)
case("mul_", lambda lib, x, y: (_changed(x, "mul_", y), _changed(x, "multiply_", 2.5)), *PAIR)
case("div_", lambda lib, x, y: (_changed(x, "div_", y), _changed(x, "true_divide_", 4), _changed(x, "divide_", y)),
     *PAIR, low=1.0)
case("div_", lambda lib, x, y: _changed(x, "div_", y, rounding_mode="floor"), *PAIR, low=1.0)
case("pow_", lambda lib, x, y: (_changed(x, "pow_", 2), _changed(x, "pow_", y), _changed(x, "pow_", 0.5)),
     *PAIR, low=1.0)
case("clamp_", lambda lib, x: (_changed(x, "clamp_", -1, 1), _changed(x, "clip_", min=0.5)), (2, 3))
case("clamp_", lambda lib, x: (_changed(x, "clamp_min_", 0.1), _changed(x, "clamp_max_", 0.1)), (2, 3))
case("atan2_", lambda lib, x, y: _changed(x, "atan2_", y), *PAIR)
case("remainder_", lambda lib, x, y: (_changed(x, "remainder_", 0.7), _changed(x, "fmod_", 0.7)), *PAIR)
case("copysign_", lambda lib, x, y: _changed(x, "copysign_", y), *PAIR, order=1)
case("hypot_", lambda lib, x, y: _changed(x, "hypot_", y), *PAIR)
case("addcmul_", lambda lib, x, y, z: (_changed(x, "addcmul_", y, z), _changed(x, "addcmul_", y, z, value=2)),
     (2, 3), (2, 3), (3,))
case("addcdiv_", lambda lib, x, y, z: (_changed(x, "addcdiv_", y, z), _changed(x, "addcdiv_", y, z, value=0.5)),
     (2, 3), (2, 3), (3,), low=1.0)
case("lerp_", lambda lib, x, y, z: (_changed(x, "lerp_", y, 0.3), _changed(x, "lerp_", y, z)), (2, 3), (2, 3), (3,))
case("addmm_", lambda lib, x, y, z: _changed(x, "addmm_", y, z, beta=0.5, alpha=2), (2, 3), (2, 4), (4, 3))
case("cumsum_", lambda lib, x: (_changed(x, "cumsum_", 0), _changed(x, "cumprod_", 1)), (2, 3))
case("tril_", lambda lib, x: (_changed(x, "tril_"), _changed(x, "triu_", 1)), (2, 3))
case("fill_", lambda lib, x, v: (_changed(x, "fill_", 2), _changed(x, "fill_", v)), (2, 3), ())
case("fill", lambda lib, x, v: (lib.fill(x, v), lib.fill(x, 2.5)), (2, 3), ())
case("copy_", lambda lib, x, y: (_changed(x, "copy_", y), _changed(lib.zeros_like(x), "copy_", y)), *PAIR)
case("masked_fill_", lambda lib, x, m, v: (_changed(x, "masked_fill_", m, 7), _changed(x, "masked_fill_", m, v)),
     (2, 3), MASK, ())
case("masked_scatter_", lambda lib, x, m, y: _changed(x, "masked_scatter_", m, y), (2, 3), MASK, (3,))
case("index_fill_", lambda lib, x, i: _changed(x, "index_fill_", 1, i, -1.5), (2, 3), I2)
case("index_add_", lambda lib, x, i, y: _changed(x, "index_add_", 1, i, y, alpha=2), (2, 3), I2, (2, 2))
case("index_copy_", lambda lib, x, i, y: _changed(x, "index_copy_", 1, i, y), (2, 3), I2, (2, 2))
case("index_put_", lambda lib, x, i, y: (_changed(x, "index_put_", (i,), y, accumulate=True),
                                         _changed(x, "index_put_", (i,), y)), (3, 2), I2, (2, 2))
case("put_", lambda lib, x, i, y: _changed(x, "put_", i, y), (3, 2), I2, (2,))
case("scatter_", lambda lib, x, i, y: (_changed(x, "scatter_", 0, i[:1], y), _changed(x, "scatter_", 0, i, 1.5)),
     (2, 3), ALONG, (1, 3))
case("scatter_", lambda lib, i: lib.zeros(2, 2).scatter_(1, i.unsqueeze(1), 1.0), np.array([0, 1]), order=0)
case("scatter_add_", lambda lib, x, i, y: _changed(x, "scatter_add_", 0, i, y), (2, 3), ALONG, (2, 3))
case("scatter_reduce_", lambda lib, x, i, y: _changed(x, "scatter_reduce_", 0, i, y, "mean"), (2, 3), ALONG, (2, 3))
case("squeeze_", lambda lib, x: (_changed(x, "squeeze_"), _changed(x, "squeeze_", 0)), (1, 3, 1))
case("unsqueeze_", lambda lib, x: _changed(x, "unsqueeze_", 1), (2, 3))
case("transpose_", lambda lib, x: (_changed(x, "transpose_", 0, 1), _changed(x, "swapaxes_", 0, 1)), (2, 3))
case("t_", lambda lib, x: (_changed(x, "t_"), _changed(x, "t_").mul_(2)), (2, 3))
case("detach_", lambda lib, x: (_changed(x, "detach_"), x * 1), (2, 3))
case("resize_", lambda lib, x: x.detach().contiguous().clone().resize_(3, 2), (2, 3), order=0)
case("resize_", lambda lib, x: lib.arange(6).resize_(2, 2), (2, 3), order=0)
case("set_", lambda lib, x: lib.zeros(1, dtype=x.dtype).set_(x.detach()), (2, 3), order=0)
case("__radd__", lambda lib, x, y: _augmented(x * 1, y), *PAIR, low=1.0)


def _augmented(x, y):
    x += y
    x *= x[0].clone()
    x -= 1
    x /= y
    x **= 2
    return x
case("renorm_", lambda lib, x: _changed(x, "renorm_", 2, 0, 1.0), (2, 3))
case("as_strided_", lambda lib, x: _changed(x, "as_strided_", (2, 2), (1, 2)), (2, 3))
case("as_strided_", lambda lib, x: _changed(x, "as_strided_", (3,), (2,), 1), (2, 3))
for n in (0, 1, 3):
    case("polygamma_", lambda lib, x, n=n: _changed(x, "polygamma_", n), (2, 3), low=1.0, high=4.0, order=1)
