"""autodiff.data: datasets, samplers, collation and the loader, with threads and processes, on one set of laws."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter, OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.harness import same

import autodiff
from autodiff import data
from autodiff.errors import DtypeError, OptionError, ShapeError, WorkerError

ROOT = Path(__file__).resolve().parent.parent
Pair = namedtuple("Pair", "x y")
WORKERS: list[dict[str, Any]] = [
    {},
    {"num_workers": 2},
    {"num_workers": 3, "prefetch_factor": 1},
    {"num_workers": 2, "multiprocessing_context": "fork"},
]


class Squares(data.Dataset[Any]):
    """Item i is i and its square; item ``bad`` cannot be had."""

    def __init__(self, size: int, bad: int | None = None) -> None:
        self.size, self.bad = size, bad

    def __getitem__(self, i: int) -> Any:
        if i == self.bad:
            raise KeyError(f"no item {i}\nin two lines")
        return np.int64(i), float(i * i)

    def __len__(self) -> int:
        return self.size


class Count(data.IterableDataset[int]):
    """The numbers below ``size``, dealt out to the workers in turn."""

    def __init__(self, size: int) -> None:
        self.size, self.start = size, 0

    def __iter__(self) -> Any:
        info = data.get_worker_info()
        first, stride = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(self.start + first, self.size, stride))


def flat(loader: Any) -> list[Any]:
    return [x for batch in loader for x in np.ravel(batch[0] if isinstance(batch, list) else batch).tolist()]


@pytest.mark.parametrize("workers", WORKERS, ids=str)
@pytest.mark.parametrize("options", [{"batch_size": 4}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}])
def test_every_item_comes_once_and_in_order(workers: dict[str, Any], options: dict[str, Any]) -> None:
    """With any workers the batches are the same, in the same order, as many as len() says."""
    loader = data.DataLoader(Squares(11), **options, **workers)
    batches = list(loader)
    assert len(batches) == len(loader)
    expected = list(range(8 if options.get("drop_last") else 11))
    if options["batch_size"] is None:
        assert [x.item() for x, _ in batches] == expected
        return
    assert [x for numbers, _ in batches for x in numbers.tolist()] == expected
    assert [x for _, squares in batches for x in squares.tolist()] == [float(i * i) for i in expected]
    assert (batches[0][0].dtype, batches[0][1].dtype) == (autodiff.int64, autodiff.float64)


@pytest.mark.parametrize("workers", WORKERS, ids=str)
def test_an_iterable_dataset_is_shared_out(workers: dict[str, Any]) -> None:
    """Each worker iterates over its part, in each epoch anew; together they give every number once."""
    keep = {"persistent_workers": True} if workers else {}
    loader = data.DataLoader(Count(23), batch_size=3, **workers, **keep)
    for _ in range(2):
        assert sorted(flat(loader)) == list(range(23))
    dropped = data.DataLoader(Count(23), batch_size=3, drop_last=True, **workers)
    lengths = [len(batch) for batch in dropped]
    assert lengths == [3] * len(lengths) != []


def test_shuffling_is_the_generators() -> None:
    """The order is a permutation, the same for the same seed, and another in the next epoch."""
    loader = lambda seed: data.DataLoader(range(50), 8, shuffle=True, generator=autodiff.Generator().manual_seed(seed))
    first, again, other = loader(1), loader(1), loader(2)
    epochs = [flat(first), flat(first)]
    assert sorted(epochs[0]) == list(range(50))
    assert epochs[0] != epochs[1]
    assert epochs == [flat(again), flat(again)]
    assert epochs[0] != flat(other)


@pytest.mark.parametrize("workers", WORKERS[1:], ids=str)
def test_a_workers_error_comes_whole(workers: dict[str, Any]) -> None:
    """The error keeps its type and its message, and its report names the line in the worker."""
    received: list[Any] = []
    with pytest.raises(KeyError, match="no item 5") as caught:
        received.extend(data.DataLoader(Squares(9, bad=5), batch_size=2, **workers))
    assert len(received) == 2
    report = "".join(traceback.format_exception(caught.value))
    assert "in worker" in report
    assert 'raise KeyError(f"no item {i}' in report
    assert "in two lines" in report


class Unpicklable(Exception):
    """An error that no process can pass on."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("cannot be made of its message")


class Broken(Squares):
    def __getitem__(self, i: int) -> Any:
        raise Unpicklable(1, 2)


class Leaves(Squares):
    def __getitem__(self, i: int) -> Any:
        os._exit(3)


class Waits(Squares):
    def __getitem__(self, i: int) -> Any:
        time.sleep(2 if i == 2 else 0)
        return i


FORK = {"num_workers": 1, "multiprocessing_context": "fork"}


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        (Broken(3), FORK, "Unpicklable: cannot be made"),
        (Leaves(3), FORK, "worker 0 of the data loader is gone, with exit code 3"),
        (Waits(3), {"num_workers": 1, "timeout": 0.2}, "for 0.2 seconds"),
    ],
)
def test_workers_that_do_not_answer_are_an_error(dataset: Any, options: dict[str, Any], message: str) -> None:
    """A worker that cannot say what is wrong, is gone, or takes too long, stops the program with a named error."""
    with pytest.raises(WorkerError, match=message):
        list(data.DataLoader(dataset, **options))


class Picky(Squares):
    def __getitem__(self, i: int) -> Any:
        return lambda: i


def test_a_batch_that_no_process_can_pass_on_is_an_error() -> None:
    """A batch that cannot be pickled raises an error, instead of never coming."""
    with pytest.raises(Exception, match="pickle"):
        list(data.DataLoader(Picky(3), collate_fn=list, **FORK))


@pytest.mark.parametrize("workers", WORKERS[1:], ids=str)
def test_workers_are_told_who_they_are(workers: dict[str, Any]) -> None:
    """worker_init_fn runs in each worker, which has a copy of the dataset, a number and a seed of its own."""
    dataset = Count(6)

    def shift(number: int) -> None:
        info = data.get_worker_info()
        assert info is not None
        assert (info.id, info.num_workers) == (number, workers["num_workers"])
        info.dataset.start = 10 * (info.seed - info.id > 0)
        info.dataset.size = 12

    assert sorted(flat(data.DataLoader(dataset, worker_init_fn=shift, **workers))) == [10, 11]
    assert (dataset.start, dataset.size, data.get_worker_info()) == (0, 6, None)


def test_an_error_in_worker_init_fn_is_raised() -> None:
    """What goes wrong before the first batch is raised where the first batch is asked for."""

    def fail(number: int) -> None:
        raise OptionError(f"worker {number} does not want to")

    with pytest.raises(OptionError, match="worker 0 does not want to"):
        list(data.DataLoader(Squares(3), num_workers=1, worker_init_fn=fail))


def loading_threads() -> int:
    return sum("work" in thread.name for thread in threading.enumerate())


def test_workers_end_with_the_loop() -> None:
    """Threads are gone soon after a loop that was left early; those of a persistent loader live until it goes."""
    before = loading_threads()
    for _ in data.DataLoader(Squares(100), num_workers=2):
        assert loading_threads() > before
        break
    loader = data.DataLoader(Squares(4), num_workers=2, persistent_workers=True)
    list(loader)
    kept = loader._workers
    list(loader)
    assert loader._workers is kept
    del loader, kept
    deadline = time.monotonic() + 5
    while loading_threads() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_batches_out_of_order_are_all_there() -> None:
    """in_order=False gives a slow worker's batch when it comes, and none is lost."""

    class Slow(Squares):
        def __getitem__(self, i: int) -> Any:
            time.sleep(0.3 if i == 0 else 0)
            return i

    found = flat(data.DataLoader(Slow(8), num_workers=2, in_order=False))
    assert sorted(found) == list(range(8))
    assert found[0] != 0


@pytest.mark.parametrize("context", ["None", "'fork'"])
def test_ctrl_c_ends_the_program(context: str) -> None:
    """An interrupt stops a program that waits for its workers, at once, with nothing but KeyboardInterrupt."""
    code = f"""
import signal, time
from autodiff import data
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without one
class Slow(data.Dataset):
    def __len__(self): return 1000
    def __getitem__(self, i):
        if i > 3: time.sleep(1)
        return i
print("ready", flush=True)
for batch in data.DataLoader(Slow(), num_workers=2, multiprocessing_context={context}):
    print(batch.item(), flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() != "3\n":
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=20)
    assert errors.count("Traceback") == 1, errors
    assert errors.strip().endswith("KeyboardInterrupt")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


ITEMS: list[Any] = [
    [np.ones(2, np.float32), np.zeros(2, np.float32)],
    [np.float32(1), np.float32(2)],
    [1.5, 2.5],
    [1, 2],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [(1, 2.0), (3, 4.0)],
    [[1, 2.0], [3, 4.0]],
    [{"x": 1, "y": ("a", [2.0])}, {"x": 2, "y": ("b", [3.0])}],
    [Pair(1, 2.0), Pair(3, 4.0)],
    [OrderedDict(a=1), OrderedDict(a=2)],
]


@pytest.mark.parametrize("items", ITEMS, ids=repr)
@pytest.mark.parametrize("name", ["default_collate", "default_convert"])
def test_batches_are_pytorchs(items: list[Any], name: str) -> None:
    """Numbers, arrays, strings and containers of them become the batches that PyTorch makes, in its types."""
    same(lambda lib: getattr(lib.utils.data, name)(items))


def test_tensors_are_stacked_in_the_graph() -> None:
    """A batch of tensors that require grad passes gradients back to them."""
    rows = [autodiff.ones(2, requires_grad=True) for _ in range(3)]
    data.default_collate([{"x": row} for row in rows])["x"].sum().backward()
    assert [row.grad.tolist() for row in rows] == [[1.0, 1.0]] * 3


def test_a_tensor_dataset_is_taken_by_rows() -> None:
    """Its batches, picked at once, are those that collating its items gives."""
    pairs = data.TensorDataset(autodiff.randn(7, 2), autodiff.arange(7))
    at_once = list(data.DataLoader(pairs, 3, sampler=[4, 2, 6, 0, 1]))
    one_by_one = list(data.DataLoader(pairs, 3, sampler=[4, 2, 6, 0, 1], collate_fn=lambda x: data.default_collate(x)))
    for batch, other in zip(at_once, one_by_one, strict=True):
        assert type(batch) is type(other) is list
        for a, b in zip(batch, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_datasets_join() -> None:
    """Concatenated, chained, stacked and picked from, the items are those of the parts."""
    both = Squares(3) + Squares(2)
    assert [int(x) for x, _ in both] == [0, 1, 2, 0, 1]
    assert both[-1][0] == 1
    assert list(Count(2) + Count(3)) == [0, 1, 0, 1, 2]
    stacked = data.StackDataset(a=range(3), b=data.Subset(range(10), [5, 6, 7]))
    assert stacked[1] == {"a": 1, "b": 6}
    assert stacked.__getitems__([0, 2]) == [{"a": 0, "b": 5}, {"a": 2, "b": 7}]
    assert [len(both), len(stacked), len(data.StackDataset([1], [2]))] == [5, 3, 1]
    assert next(iter(data.DataLoader(stacked, 2)))["b"].tolist() == [5, 6]
    with pytest.raises(IndexError, match="no item 5"):
        both[5]


@pytest.mark.parametrize(("lengths", "sizes"), [([7, 3],) * 2, ([0.5, 0.3, 0.2], [5, 3, 2]), ([1 / 3] * 3, [4, 3, 3])])
def test_a_random_split_is_a_partition(lengths: list[float], sizes: list[int]) -> None:
    """Every item is in one part; the sizes are PyTorch's, and the seed decides which item goes where."""
    parts = data.random_split(range(10), lengths, autodiff.Generator().manual_seed(0))
    assert [len(part) for part in parts] == sizes
    assert sorted(x for part in parts for x in part) == list(range(10))
    again = data.random_split(range(10), lengths, autodiff.Generator().manual_seed(0))
    assert [part.indices for part in parts] == [part.indices for part in again]
    same(lambda lib: [len(part) for part in lib.utils.data.random_split(range(10), lengths)])


def test_samplers_draw_what_they_say() -> None:
    """Lengths, repetition and proportions of the random samplers."""
    autodiff.manual_seed(0)
    drawn = list(data.RandomSampler(range(10), replacement=True, num_samples=20_000))
    assert len(drawn) == 20_000
    assert max(abs(count - 2000) for count in Counter(drawn).values()) < 6 * 2000**0.5
    again = list(data.RandomSampler(range(10), num_samples=25))
    assert Counter(again[:10]) == Counter(again[10:20]) == Counter(range(10))
    assert len(set(again[20:])) == 5
    assert sorted(data.SubsetRandomSampler([3, 5, 8])) == [3, 5, 8]
    weighted = Counter(data.WeightedRandomSampler([1, 0, 3], 8000))
    assert weighted[1] == 0
    assert abs(weighted[2] - 6000) < 6 * 1500**0.5
    assert sorted(data.WeightedRandomSampler([1, 0, 3], 2, replacement=False)) == [0, 2]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(data.BatchSampler(range(5), 2, False)) == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: data.DataLoader([1], sampler=[0], shuffle=True), OptionError, "leave out shuffle"),
        (lambda: data.DataLoader([1], batch_sampler=[[0]], batch_size=2), OptionError, "leave out batch_size"),
        (lambda: data.DataLoader(Count(1), shuffle=True), OptionError, "has its own order"),
        (lambda: data.DataLoader([1], None, drop_last=True), OptionError, "drop_last"),
        (lambda: data.DataLoader([1], 0), OptionError, "batch_size is a whole number"),
        (lambda: data.DataLoader([1], prefetch_factor=2), OptionError, "num_workers above 0"),
        (lambda: data.DataLoader([1], persistent_workers=True), OptionError, "num_workers above 0"),
        (lambda: data.DataLoader([1], num_workers=-1), OptionError, "0 or more"),
        (lambda: list(data.DataLoader([1], num_workers=1, multiprocessing_context="x")), OptionError, "started by"),
        (lambda: data.TensorDataset(autodiff.ones(2), autodiff.ones(3)), ShapeError, "one length"),
        (lambda: data.StackDataset([1], [1, 2]), ShapeError, "one length"),
        (lambda: data.StackDataset(), OptionError, "not none"),
        (lambda: data.ConcatDataset([]), OptionError, "one dataset or more"),
        (lambda: data.ConcatDataset([Count(1)]), OptionError, "ChainDataset"),
        (lambda: list(data.ChainDataset([[1]])), OptionError, "IterableDatasets"),
        (lambda: data.random_split([1, 2], [1, 2]), OptionError, "do not add up to 2"),
        (lambda: data.WeightedRandomSampler([0, 0], 1), OptionError, "not all of them 0"),
        (lambda: data.WeightedRandomSampler([1, 0], 2, False), OptionError, "without replacement"),
        (lambda: data.RandomSampler([1], num_samples=0), OptionError, "num_samples"),
        (lambda: data.default_collate([object()]), DtypeError, "no batch can be made of object"),
        (lambda: data.default_collate([[1], [1, 2]]), ShapeError, r"numbers of entries: \[1, 2\]"),
        (lambda: data.default_collate([np.array("a")]), DtypeError, "arrays of <U1"),
        (lambda: data.Dataset()[0], NotImplementedError, "__getitem__"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Options that exclude each other, and data that no batch can be made of, are refused by named errors."""
    with pytest.raises(error, match=message):
        make()
