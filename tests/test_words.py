"""Words that PyTorch's programs say and that mean nothing on a CPU are taken, and what cannot be done says so."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
import nn
import optim
from autodiff.errors import DeviceError, OptionError

SAME: dict[str, Callable[[Any], Any]] = {  # what PyTorch without a GPU says, word for word
    "cuda": lambda t: str(t.device("cuda")),
    "cuda:1": lambda t: (str(t.device("cuda:1")), repr(t.device("cuda:1")), t.device("cuda", 1).index),
    "device of device": lambda t: repr(t.device(t.device("cuda:1"))),
    "device by names": lambda t: repr(t.device(type="cuda", index=2)),
    "devices compared": lambda t: (t.device("cuda") == t.device("cpu"), t.device("cpu:0") == t.device("cpu", 0)),
    "devices and words": lambda t: (t.device("cuda") == "cuda", t.ones(2).device == "cpu", t.device("cpu") in ["cpu"]),
    "device of a tensor": lambda t: (t.ones(2).device == t.device("cpu"), t.ones(2).device.type),
    "device chosen": lambda t: str(t.device("cuda" if t.cuda.is_available() else "cpu")),
    "default device": lambda t: str(t.get_default_device()),
    "flags of tensors": lambda t: [
        getattr(t.ones(2), f"is_{word}")
        for word in ("cuda", "xpu", "mps", "cpu", "sparse", "sparse_csr", "mkldnn", "meta", "quantized", "nested")
    ],
    "get_device": lambda t: t.ones(2).get_device(),
    "is_pinned": lambda t: t.ones(2).is_pinned(),
    "cuda's numbers": lambda t: [
        t.cuda.is_available(), t.cuda.device_count(), t.cuda.memory_allocated(), t.cuda.max_memory_allocated(),
        t.cuda.is_initialized(), t.cuda._initialized, t.cuda.get_rng_state_all(), t.cuda.manual_seed_all(0),
        t.cuda.empty_cache(),
    ],
    "others' numbers": lambda t: [
        t.mps.is_available(), t.xpu.is_available(), t.accelerator.is_available(), t.backends.mps.is_available(),
        t.backends.cudnn.is_available(), t.backends.cudnn.version(), t.accelerator.current_accelerator(),
    ],
    "flags of cudnn": lambda t: (t.backends.cudnn.benchmark, t.backends.cudnn.deterministic, t.backends.cudnn.enabled),
    "precision of products": lambda t: (t.set_float32_matmul_precision("high"), t.get_float32_matmul_precision()),
    "autocast": lambda t: t.is_autocast_enabled(),
    "distributed": lambda t: t.distributed.is_initialized(),
    "jit": lambda t: (t.jit.is_scripting(), t.jit.annotate(int, 3)),
    "words of autocast": lambda t: (
        t.is_autocast_cache_enabled(), str(t.get_autocast_dtype("cuda")).partition(".")[2],
        t.clear_autocast_cache(), t.amp.is_autocast_available("cpu"),
    ),
    "number of the device": lambda t: t.get_device(t.ones(2)),
    "cpu": lambda t: (t.cpu.is_available(), t.cpu.device_count(), t.cpu.current_device(), t.cpu.synchronize()),
    "is_xla": lambda t: (t.ones(2).is_xla, t.ones(2).is_shared()),
    "branches": lambda t: (
        t.cond(t.tensor(True), lambda x: x.add(1), lambda x: x.sub(1), (t.tensor(2.0),)).item(),
        t.cond(t.tensor(False), lambda x: x.add(1), lambda x: x.sub(1), (t.tensor(2.0),)).item(),
    ),
    "types in scripts": lambda t: (
        t.jit.isinstance(1, int), t.jit.isinstance(1, str), t.jit.isinstance(None, int | None),
        t.jit.isinstance("", int | None),
    ),
}  # fmt: skip
FORMATS: list[Callable[[], Any]] = [
    lambda: autodiff.ones(2, 3, 4, 5).contiguous(memory_format=autodiff.channels_last),
    lambda: autodiff.ones(2, 3, 4, 5).to(memory_format=autodiff.channels_last),
    lambda: autodiff.ones(2, 3, 4, 5).clone(memory_format=autodiff.preserve_format),
    lambda: autodiff.ones_like(autodiff.zeros(2, 3, 4, 5), memory_format=autodiff.contiguous_format),
    lambda: autodiff.ones(2, 3, 4, 5, layout=autodiff.strided, pin_memory=True).pin_memory(),
    lambda: nn.Identity().to(memory_format=autodiff.channels_last)(autodiff.ones(2, 3, 4, 5)),
    lambda: autodiff.ones(2, 3, 4, 5).to("cpu", non_blocking=True).bfloat16(),
]


@pytest.mark.parametrize("ask", SAME.values(), ids=SAME.keys())
def test_the_answer_is_that_of_pytorch_without_a_gpu(ask: Callable[[Any], Any]) -> None:
    """A question about hardware has the answer that PyTorch gives on the CPU."""
    assert ask(autodiff) == ask(peer())


@pytest.mark.parametrize("make", FORMATS)
def test_formats_are_taken_wherever_pytorch_takes_them(make: Callable[[], Any]) -> None:
    """A word for the layout of memory changes no number, and the tensor is dense."""
    x = make()
    assert x.shape == (2, 3, 4, 5)
    assert x.is_contiguous(memory_format=autodiff.channels_last)
    assert x.layout is autodiff.strided
    assert (x.numpy() == 1).all()


def test_words_are_only_themselves() -> None:
    """They print as PyTorch's do, and copies and pickles are the same object."""
    for word in (autodiff.strided, autodiff.sparse_coo, autodiff.channels_last, autodiff.preserve_format):
        assert copy.deepcopy(word) is word
        assert pickle.loads(pickle.dumps(word)) is word
        assert str(word) == f"autodiff.{word.name}"
    assert isinstance(autodiff.strided, autodiff.layout)
    assert isinstance(autodiff.channels_last, autodiff.memory_format)


@pytest.mark.parametrize("device", ["cuda", autodiff.device("cuda:0"), "mps", autodiff.device("meta")])
def test_only_placing_an_array_elsewhere_is_an_error(device: Any) -> None:
    """A tensor or a model is not put where nothing is, and the error is the same everywhere."""
    places: list[Callable[[], Any]] = [
        lambda: autodiff.ones(2, device=device),
        lambda: autodiff.ones(2).to(device),
        lambda: autodiff.tensor([1.0], device=device),
        lambda: nn.Linear(1, 1).to(device),
        lambda: autodiff.set_default_device(device),
        lambda: autodiff.device(device).__enter__(),
    ]
    for place in places:
        with pytest.raises(DeviceError, match=f"there is no device '{device}', give 'cpu'"):
            place()


def test_what_nobody_has_is_no_device() -> None:
    """A word that PyTorch does not know raises where the device is made."""
    for name in ("gpu", "cuda:x", "float64", 0):
        with pytest.raises(DeviceError, match="there is no device"):
            autodiff.device(name)  # type: ignore[arg-type]  # on purpose


def test_a_program_of_mixed_precision_trains_as_without() -> None:
    """autocast and GradScaler, as context, as decorator and in the old place, leave every number as it is."""

    def trained(mixed: bool) -> np.ndarray[Any, Any]:
        autodiff.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        scaler = autodiff.cuda.amp.GradScaler(enabled=mixed)
        x = autodiff.randn(5, 3)

        @autodiff.autocast("cuda")
        def forward() -> Any:
            with autodiff.cuda.amp.autocast(enabled=True), autodiff.amp.autocast("cuda", dtype=autodiff.bfloat16):
                return (model(x) ** 2).mean()

        for _ in range(3):
            optimizer.zero_grad(set_to_none=True)
            if mixed:
                scaler.scale(forward()).backward()
                scaler.unscale_(optimizer)
                scaler.step(optimizer)
                scaler.update()
            else:
                (model(x) ** 2).mean().backward()
                optimizer.step()
        scaler.load_state_dict(scaler.state_dict())
        return model.weight.detach().numpy()

    assert (trained(True) == trained(False)).all()


def test_flags_can_be_set() -> None:
    """The lines that programs begin with run, by attribute and by import."""
    import autodiff.backends.cudnn as cudnn

    assert cudnn is autodiff.backends.cudnn
    before = cudnn.benchmark
    cudnn.benchmark = True
    cudnn.benchmark = before
    autodiff.backends.cuda.matmul.allow_tf32 = False
    with autodiff.backends.cudnn.flags(enabled=False), autodiff.backends.cuda.sdp_kernel(enable_flash=False):
        pass
    autodiff.set_default_tensor_type(autodiff.DoubleTensor)
    try:
        assert autodiff.tensor(1.0).dtype == autodiff.float64
    finally:
        autodiff.set_default_tensor_type("torch.FloatTensor")
    assert autodiff.tensor(1.0).dtype == autodiff.float32


def test_what_would_be_compiled_runs() -> None:
    """``jit.script`` and its siblings give functions and modules back, also as decorators."""

    @autodiff.jit.script
    def double(x: Any) -> Any:
        return x + x

    model = nn.Linear(2, 2)
    assert double(2) == 4
    assert autodiff.jit.trace(model, autodiff.ones(1, 2)) is model
    assert autodiff.jit.ignore(double) is double
    assert autodiff.jit.unused(drop=True)(double) is double
    assert autodiff.jit.wait(autodiff.jit.fork(double, 3)) == 6


def test_what_cannot_be_done_says_why() -> None:
    """Questions about a GPU, several processes and compiled files raise, with the reason."""
    for name in ("get_device_name", "current_device", "FloatTensor", "Event"):
        with pytest.raises(DeviceError, match=rf"cuda\.{name} needs a GPU"):
            getattr(autodiff.cuda, name)()
    with pytest.raises(DeviceError, match="the backend 'nccl' is not here"):
        autodiff.distributed.init_process_group("nccl")
    with pytest.raises(OptionError, match=r"save\(model\.state_dict\(\), f\)"):
        autodiff.jit.save(nn.Linear(1, 1), "f")
    with pytest.raises(OptionError, match="highest"):
        autodiff.set_float32_matmul_precision("low-ish")


def test_one_device_holds_the_whole_batch() -> None:
    """``DataParallel`` calls its module, whose parameters it names as PyTorch does."""
    model = nn.DataParallel(nn.Linear(2, 1))
    assert [*model.state_dict()] == ["module.weight", "module.bias"]
    assert (model(autodiff.ones(3, 2)) == model.module(autodiff.ones(3, 2))).all()


def _fails(number: int) -> None:
    if number:
        raise SystemExit(3)


def test_processes_are_started_and_their_failure_is_told() -> None:
    """``multiprocessing`` is Python's own, and ``spawn`` raises for a process that ended badly."""
    assert autodiff.multiprocessing.cpu_count() > 0
    autodiff.multiprocessing.spawn(_fails, nprocs=1)
    with pytest.raises(RuntimeError, match="process 1 of 2 ended with exit code 3"):
        autodiff.multiprocessing.spawn(_fails, nprocs=2)


def test_words_for_blocks_and_warnings_change_nothing() -> None:
    """Names of stretches for a profiler, blocks of the compiler's, classes of warnings that programs filter."""
    from autodiff.cpu.amp import autocast
    from autodiff.cuda.amp.grad_scaler import GradScaler

    with autodiff.cuda.nvtx.range("step"), autodiff.jit.optimized_execution(False), autodiff.jit.strict_fusion():
        assert (autodiff.cuda.nvtx.range_push("a"), autodiff.cuda.nvtx.range_pop()) == (0, 0)
    with autocast(), autodiff.compiler.set_stance("force_eager"):
        autodiff.set_autocast_enabled(True)
    assert not autodiff.is_autocast_enabled()
    assert not autodiff.is_autocast_cpu_enabled()
    assert autodiff.get_autocast_cpu_dtype() == autodiff.bfloat16
    assert autodiff.compiler.list_backends() == []
    assert GradScaler is autodiff.amp.GradScaler
    assert issubclass(autodiff.jit.TracerWarning, Warning)
    assert autodiff.jit.isinstance({}, dict[str, int])
    assert not autodiff.jit.isinstance([], dict[str, int])
    assert autodiff.cuda.memory_cached() == autodiff.cuda.max_memory_cached() == 0
    autodiff.cuda.nvtx.mark("end")
    autodiff.cpu.set_device("cpu")
    autodiff.ones(2).record_stream(None)
    with pytest.raises(autodiff.cuda.OutOfMemoryError):
        raise MemoryError
    assert autodiff.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, autodiff.tensor(1.0)))[1] == 8
