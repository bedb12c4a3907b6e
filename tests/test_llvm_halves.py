"""Products of matrices by BLAS that the team shares: they are NumPy's, and have the same bits whoever does a share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import only_kernels, workers

import autodiff
from autodiff.kernels import lanes, threads
from autodiff.kernels import products as numpys
from autodiff.kernels.blas import alone
from autodiff.kernels.llvm import halves, library

pytestmark = pytest.mark.skipif(not halves._sgemm(), reason="this NumPy has another BLAS than its wheels")


def shared(x: Any, y: Any) -> Any:
    """The product, by shares."""
    try:
        return halves.shared(x, y)
    except lanes.Untried as untried:
        return untried.args[0](halves.shared, np.dot, (x, y), {})


def _laid_out(x: Any, layout: str) -> Any:
    if layout == "rows":
        return x
    if layout == "columns":
        return x.T.copy().T
    return np.concatenate([x, x], axis=1)[:, : x.shape[1]]  # rows further apart than they are long


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(*[st.sampled_from([1, 2, 15, 33, 127, 128, 300])] * 3),
    st.sampled_from(["rows", "columns", "apart"]), st.sampled_from(["rows", "columns", "apart"]), st.integers(1, 4),
)  # fmt: skip
def test_shares_are_numpys_product(shape: tuple[int, int, int], left: str, right: str, number: int) -> None:
    """For matrices tall and wide, by rows and by columns, with gaps between rows, and with more threads than rows."""
    random, (rows, among, columns) = np.random.default_rng(0), shape
    x, y = (random.integers(-4, 5, size).astype(np.float32) for size in ((rows, among), (among, columns)))
    with pytest.MonkeyPatch.context() as patch, only_kernels(), workers(number):
        patch.setattr(halves, "WORTH_THREADS", 0)
        patch.setattr(threads, "shares_sums", lambda: True)
        found = shared(_laid_out(x, left), _laid_out(y, right))
        assert not library._off
    np.testing.assert_array_equal(found, x.astype(np.float64) @ y)


def test_who_does_a_share_does_not_change_its_bits() -> None:
    """Helpers come or do not; the shares depend on shapes and the number of threads alone."""
    x, y = np.random.default_rng(0).standard_normal((2, 300, 300)).astype(np.float32)
    with only_kernels(), workers(2):
        runs = [numpys.dot(x, y) for _ in range(50)]
        assert [kind for kind, _ in library._kernels] == ["shares of a matrix product"]
    assert all(np.array_equal(run, runs[0]) for run in runs)


def test_one_thread_where_one_is_wanted() -> None:
    """Nothing is shared with one worker, under use_deterministic_algorithms, and within what threads share already."""
    x = np.ones((200, 200), np.float32)
    with only_kernels():
        with workers(1):
            assert halves.shared(x, x) is None
        with workers(2):
            assert shared(x, x) is not None
            assert alone(halves.shared, x, x) is None
            autodiff.use_deterministic_algorithms(True)
            try:
                assert halves.shared(x, x) is None
            finally:
                autodiff.use_deterministic_algorithms(False)
        with workers(2):
            every_other = np.ones((200, 400), np.float32)[:, ::2]
            assert halves.shared(every_other, x) is None
