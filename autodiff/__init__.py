"""A small reverse-mode autograd engine: NumPy underneath, PyTorch's names on top.

>>> import autodiff
>>> x = autodiff.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> y = (x.sin() * x).sum()
>>> y.backward()
>>> x.grad
tensor([ 1.3818,  0.0770, -2.8289])
"""

from __future__ import annotations

import importlib
import math as _math
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING, Any

from autodiff.engine.call_sites import register_library as _register_library

_register_library(__file__)  # before anything asks whose code it is

from autodiff import autograd as autograd
from autodiff import errors as errors
from autodiff import fft as fft
from autodiff import linalg as linalg
from autodiff import special as special
from autodiff.autograd import grad as grad
from autodiff.dtypes import *
from autodiff.engine.modes import *
from autodiff.fft.spectrograms import *
from autodiff.functions.arithmetic import *
from autodiff.functions.comparison import *
from autodiff.functions.complex_names import *
from autodiff.functions.diagonals import *
from autodiff.functions.differences import *
from autodiff.functions.documented import add_examples as _add_examples
from autodiff.functions.einsum import *
from autodiff.functions.examples import FUNCTIONS as _FUNCTIONS
from autodiff.functions.histograms import *
from autodiff.functions.indexing import *
from autodiff.functions.joining import *
from autodiff.functions.linear_algebra import *
from autodiff.functions.public import give_tensors as _give_tensors
from autodiff.functions.reductions import *
from autodiff.functions.scans import *
from autodiff.functions.scatter import *
from autodiff.functions.segments import *
from autodiff.functions.shaping import *
from autodiff.functions.sorting import *
from autodiff.functions.splitting import *
from autodiff.functions.statistics import *
from autodiff.functions.transcendental import *
from autodiff.functions.view_copies import *
from autodiff.kernels.blas import are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled
from autodiff.kernels.blas import (
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
)
from autodiff.kernels.blas import use_deterministic_algorithms as use_deterministic_algorithms
from autodiff.kernels.heap import keep_freed_memory as _keep_freed_memory
from autodiff.kernels.lanes import when_found as _when_found
from autodiff.kernels.threads import get_num_threads as get_num_threads
from autodiff.kernels.threads import set_num_threads as set_num_threads
from autodiff.linalg.old_names import *
from autodiff.named_dtypes import *
from autodiff.ops.long_arrays import take_kernels as _take_kernels
from autodiff.random import *
from autodiff.settings import *
from autodiff.spelling import install as _find_spellings
from autodiff.spelling import is_absent as _is_absent
from autodiff.spelling import meet_einops as _meet_einops
from autodiff.spelling import no_attribute as _no_attribute
from autodiff.tensors.creation import *
from autodiff.tensors.devices import device as device
from autodiff.tensors.devices import get_default_device as get_default_device
from autodiff.tensors.devices import set_default_device as set_default_device
from autodiff.tensors.formats import *
from autodiff.tensors.more_creation import *
from autodiff.tensors.printing import set_printoptions as set_printoptions
from autodiff.tensors.sampling import *
from autodiff.tensors.sizes import *
from autodiff.tensors.tensor import *
from autodiff.tensors.typed_constructors import *
from autodiff.tensors.warned import name_lines_of_user as _name_lines_of_user
from autodiff.tensors.windows import *
from autodiff.version import FOLLOWED as _FOLLOWED
from autodiff.version import Version as _Version
from autodiff.version import __version__ as _own_version

if TYPE_CHECKING:
    from autodiff import _C as _C
    from autodiff import _jit_internal as _jit_internal
    from autodiff import accelerator as accelerator
    from autodiff import amp as amp
    from autodiff import backends as backends
    from autodiff import compiler as compiler
    from autodiff import cpu as cpu
    from autodiff import cuda as cuda
    from autodiff import data as data
    from autodiff import distributed as distributed
    from autodiff import distributions as distributions
    from autodiff import export as export
    from autodiff import func as func
    from autodiff import io as io
    from autodiff import jit as jit
    from autodiff import library as library
    from autodiff import multiprocessing as multiprocessing
    from autodiff import nn as nn
    from autodiff import onnx as onnx
    from autodiff import optim as optim
    from autodiff import overrides as overrides
    from autodiff import profiler as profiler
    from autodiff import return_types as return_types
    from autodiff import serialization as serialization
    from autodiff import signal as signal
    from autodiff import sparse as sparse
    from autodiff import storage as storage
    from autodiff import testing as testing
    from autodiff import types as types
    from autodiff import utils as utils
    from autodiff import viz as viz
    from autodiff._utils import cond as cond
    from autodiff._utils import while_loop as while_loop
    from autodiff.amp import GradScaler as GradScaler
    from autodiff.amp import autocast as autocast
    from autodiff.compiling import compile as compile
    from autodiff.cuda import OutOfMemoryError as OutOfMemoryError
    from autodiff.io import load as load
    from autodiff.io import save as save
    from autodiff.overrides import typename as typename
    from autodiff.sparse import sparse_coo_tensor as sparse_coo_tensor
    from autodiff.sparse import sparse_csr_tensor as sparse_csr_tensor
    from autodiff.sparse import spmm as spmm
    from autodiff.storage import TypedStorage as TypedStorage
    from autodiff.storage import UntypedStorage as UntypedStorage
    from autodiff.storage import is_storage as is_storage
    from autodiff.tensors.later import *
    from autodiff.viz import explain as explain
    from autodiff.viz import memory as memory

__version__ = _Version(f"{_FOLLOWED}+tapegrad.{_own_version}")  # programs choose their branch by PyTorch's
bool, float, int, newaxis = bool_, float32, int32, None  # PyTorch gives dtypes the names of Python's own types
e, inf, nan, pi = _math.e, _math.inf, _math.nan, _math.pi
digamma, erf, erfc, erfinv = special.digamma, special.erf, special.erfc, special.erfinv
i0, lgamma, mvlgamma, polygamma = special.i0, special.lgamma, special.mvlgamma, special.polygamma
igamma, igammac = special.gammainc, special.gammaincc

_find_spellings()
_keep_freed_memory()
_when_found(_take_kernels)
_name_lines_of_user()
_give_tensors(vars(), _FUNCTIONS)
_add_examples({name: getattr(Tensor, name) for name in _FUNCTIONS if hasattr(Tensor, name)}, _FUNCTIONS)
_LATER = {name: name for name in (
    "accelerator", "amp", "backends", "compiler", "cpu", "cuda", "data", "distributed", "distributions", "export",
    "func", "io", "jit", "library", "multiprocessing", "nn", "onnx", "optim", "overrides", "profiler", "return_types",
    "serialization", "signal", "sparse", "storage", "testing", "types", "utils", "viz",
)} | {"mps": "accelerator", "xpu": "accelerator", "_C": "_C",
     "_dynamo": "_dynamo", "_jit_internal": "_jit_internal"}  # fmt: skip
_PARTS = ("autograd", "errors", "fft", "linalg", "random", "special")
_OTHERS = ("Any", "TYPE_CHECKING", "annotations")  # what is not the library's own
_LATER_NAMES = {
    "GradScaler": "amp", "autocast": "amp", "compile": "compiling", "load": "io", "save": "io", "explain": "viz",
    "memory": "viz", "typename": "overrides", "sparse_coo_tensor": "sparse", "sparse_csr_tensor": "sparse",
    "spmm": "sparse", **dict.fromkeys(("TypedStorage", "UntypedStorage", "is_storage"), "storage"), **dict.fromkeys(
        ("_assert", "_softmax_backward_data", "_log_softmax_backward_data", "cond", "while_loop"), "_utils"),
    "_amp_foreach_non_finite_check_and_unscale_": "amp", "OutOfMemoryError": "cuda",
}  # fmt: skip
# Names that come here are declared for checkers of types in autodiff/tensors/later.pyi.
_OF_LAYERS = {"vmap": "func", **dict.fromkeys((
    "avg_pool1d", "adaptive_avg_pool1d", "bilinear", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d", "conv3d",
    "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "hardshrink",
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "pairwise_distance", "pdist", "pixel_shuffle",
    "pixel_unshuffle", "prelu", "relu_", "rms_norm", "rrelu", "rrelu_", "selu", "selu_", "threshold", "threshold_",
), "nn.functional"), **dict.fromkeys((
    "adaptive_max_pool1d", "alpha_dropout", "batch_norm", "constant_pad_nd", "convolution", "dropout", "dropout_",
    "embedding", "embedding_bag", "feature_alpha_dropout", "feature_dropout", "grid_sampler", "grid_sampler_2d",
    "grid_sampler_3d", "gru", "gru_cell", "group_norm", "instance_norm", "layer_norm", "lstm", "lstm_cell",
    "native_layer_norm", "norm_except_dim", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell",
), "nn.functional.top_level"), **dict.fromkeys((
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "ctc_loss", "hinge_embedding_loss", "kl_div",
    "margin_ranking_loss", "poisson_nll_loss", "triplet_margin_loss",
), "nn.functional.numbered_reductions")}  # fmt: skip
_METHODS = frozenset((
    "abs_", "absolute_", "acos_", "acosh_", "addmv_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_",
    "arctanh_", "as_strided_", "asin_", "asinh_", "atan_", "atanh_", "ceil_", "clamp_", "clamp_max_", "clamp_min_",
    "clip_", "cos_", "cosh_", "deg2rad_", "detach", "detach_", "erf_", "erfc_", "exp2_", "exp_", "expm1_", "fill_",
    "fix_", "floor_", "frac_", "gcd_", "i0_", "index_put_", "lcm_", "ldexp_", "log10_", "log1p_", "log2_", "log_",
    "logit_", "nan_to_num_", "neg_", "negative_", "rad2deg_", "reciprocal_", "resize_as_", "round_", "rsqrt_",
    "sigmoid_", "sin_", "sinc_", "sinh_", "sqrt_", "square_", "tan_", "tanh_", "trunc_", "xlogy_", "zero_",
))  # fmt: skip
_GONE = {"eig": "linalg.eig", "lstsq": "linalg.lstsq, the matrix first", "matrix_rank": "linalg.matrix_rank",
         "solve": "linalg.solve, the matrix first", "symeig": "linalg.eigh"}  # fmt: skip


if not TYPE_CHECKING:  # to which any name would be one of these

    def __getattr__(name: str) -> Any:
        """What a plain import leaves out, being slow to load or above this package, is imported when it is used."""
        if name in _LATER:
            return importlib.import_module(f"autodiff.{_LATER[name]}")
        if name in ("torch", "_VF"):  # by which PyTorch has itself, and its functions
            return importlib.import_module("autodiff")
        if name in _LATER_NAMES:
            return getattr(importlib.import_module(f"autodiff.{_LATER_NAMES[name]}"), name)
        if name in _OF_LAYERS:  # what torch has twice
            return getattr(importlib.import_module(f"autodiff.{_OF_LAYERS[name]}"), name)
        if name in _METHODS:
            return getattr(Tensor, name)
        if name.startswith("_foreach_"):
            lists = importlib.import_module("autodiff.functions.foreach")
            if name in lists.FOREACH:
                return lists.foreach(name)
        if name in _GONE:
            raise AttributeError(f"PyTorch has {name} no more, and neither is it here; use {_GONE[name]}")
        if _is_absent(f"autodiff.{name}"):
            return importlib.import_module(f"autodiff.{name}")
        raise _no_attribute("autodiff", name, __dir__())


def __dir__() -> list[str]:
    """The public names: functions and their like, and the packages that programs use."""
    here = vars(importlib.import_module("autodiff"))
    own = [name for name, value in here.items() if not (name in _OTHERS or isinstance(value, _ModuleType))]
    public = {*own, *_PARTS, *_LATER, *_LATER_NAMES, *_OF_LAYERS, *_METHODS}
    return sorted(name for name in public if not name.startswith("_") or name == "__version__")


_meet_einops()  # which may have been imported before
