"""The example in the docstring of each public function and method runs, also where it comes from a table."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import pytest

import autodiff
import nn
from autodiff import Tensor
from autodiff.functions.examples import FUNCTIONS
from autodiff.functions.more_examples import FFT, LINALG, METHODS, SPECIAL
from nn.functional.examples import EXAMPLES
from nn.modules.examples import LAYERS, VALUES

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SPACES: list[tuple[Any, Any]] = [
    (autodiff, FUNCTIONS), (autodiff.linalg, LINALG), (autodiff.special, SPECIAL), (autodiff.fft, FFT),
    (Tensor, METHODS), (nn.functional, EXAMPLES), (nn, LAYERS), (nn.init, VALUES),
]  # fmt: skip
OF_TABLES = [(space, name) for space, table in SPACES for name in table]
STATE = "asks for or sets a state of the whole process: devices, threads, warnings, printing, files"
WITHOUT = {
    **dict.fromkeys(["get_autocast_gpu_dtype", "get_default_device", "get_deterministic_debug_mode"], STATE),
    **dict.fromkeys(["get_float32_matmul_precision", "get_num_interop_threads", "is_autocast_enabled"], STATE),
    **dict.fromkeys(["is_warn_always_enabled", "set_default_device", "set_default_dtype", "set_detect_anomaly"], STATE),
    **dict.fromkeys(["set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal"], STATE),
    **dict.fromkeys(["set_num_interop_threads", "set_num_threads", "set_printoptions", "set_rng_state"], STATE),
    **dict.fromkeys(["clear_autocast_cache", "get_autocast_cpu_dtype", "get_autocast_dtype"], STATE),
    **dict.fromkeys(["is_autocast_cache_enabled", "is_autocast_cpu_enabled", "set_autocast_cache_enabled"], STATE),
    **dict.fromkeys(["set_autocast_cpu_dtype", "set_autocast_cpu_enabled", "set_autocast_dtype"], STATE),
    **dict.fromkeys(["set_autocast_enabled", "set_autocast_gpu_dtype"], STATE),
    **dict.fromkeys(["set_warn_always", "use_deterministic_algorithms", "load"], STATE),
    **dict.fromkeys(["detect_anomaly", "enable_grad", "inference_mode"], "is a context, which a page shows"),
    "xpu": "raises an error",
    "backward": "the README and the pages are its examples",
    "cuda": "raises an error",
    "new": "an old name of new_tensor",
    "range": "an old name, which warns; arange has an example",
    "register_post_accumulate_grad_hook": "docs/ has an example of hooks",
    "multi_head_attention_forward": "MultiheadAttention calls it",
}


@pytest.mark.parametrize(("space", "name"), OF_TABLES, ids=[name for _, name in OF_TABLES])
def test_the_example_of_a_table_is_in_the_docstring_and_runs(space: Any, name: str) -> None:
    """As doctest runs it: the imports that it shows are all that it needs."""
    words = inspect.getdoc(getattr(space, name))
    test = doctest.DocTestParser().get_doctest(words or "", {}, name, None, None)
    assert test.examples
    found: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=found.append)
    assert not result.failed, "".join(found)


def test_every_public_function_has_an_example() -> None:
    """A method in place has that of the function whose result it writes."""
    missing = {
        name
        for space, _ in SPACES[:-1]  # nn.init also has old names, and what it imports
        for name, call in inspect.getmembers(space, inspect.isroutine)
        if not name.startswith("_") and ">>>" not in (call.__doc__ or "")
        and not name.endswith("_")
        and "sparse" not in name and name not in ("spmm", "to_dense")
    }  # fmt: skip
    assert missing <= WITHOUT.keys(), missing - WITHOUT.keys()


def test_every_layer_has_an_example() -> None:
    """Bases, and what runs a model on several machines, are never called alone."""
    layers = {name for name, kind in inspect.getmembers(nn, inspect.isclass) if issubclass(kind, nn.Module)}
    missing = {name for name in layers if ">>>" not in (getattr(nn, name).__doc__ or "")}
    assert missing <= {"RNNBase", "RNNCellBase", "DataParallel", "DistributedDataParallel", "SyncBatchNorm"}
