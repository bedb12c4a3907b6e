"""Fixtures that tests of several files use."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from parity.harness import peer

import autodiff
from autodiff.kernels import lanes, threads

# Where llvmlite is installed no kernel becomes ready between two calls that a test compares.
os.environ.setdefault(lanes.VARIABLE, "now")

collect_ignore_glob = ["typing/*"]  # programs that a checker of types reads, and nobody runs


def pytest_collection_finish() -> None:
    """Tens of thousands of tests are there to the end: the garbage collector need not look through them each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program that draws DOT is found."""
    monkeypatch.setattr(shutil, "which", lambda *arguments, **options: None)


@pytest.fixture
def precise(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """PyTorch, computing all it can in float64: numbers of the state, and Muon's iterations, which run in bfloat16."""
    torch = peer()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    yield torch
    torch.set_default_dtype(before)


@pytest.fixture
def own_number() -> Iterator[None]:
    """The test may change the number of threads; in the end it is as before."""
    before = threads._wanted
    yield
    threads._wanted = None
    autodiff.set_num_threads(threads.workers() if before is None else before)
    threads._wanted = before
