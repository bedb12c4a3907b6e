"""The choice between NumPy and the lane of llvmlite, where that is not installed or not wanted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from autodiff.kernels import lanes


def test_a_plain_import_loads_nothing_of_it() -> None:
    """``import autodiff`` loads neither llvmlite nor our part of it, and small work does not either."""
    code = "import sys, autodiff, nn, optim\nprint([m for m in sys.modules if 'llvm' in m])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_without_llvmlite_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is not installed, or the variable says so, there are no routes."""
    monkeypatch.setattr(lanes, "_routes", None)
    monkeypatch.setattr(lanes, "find_spec", lambda name: None)
    lanes._found.cache_clear()
    assert lanes.routes() == {}
    lanes._found.cache_clear()
    monkeypatch.undo()
    monkeypatch.setattr(lanes, "_routes", None)
    monkeypatch.setenv("AUTODIFF_LLVM", "off")
    assert lanes.routes() == {}
