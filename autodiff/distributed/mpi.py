"""The one place that knows mpi4py."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from autodiff.errors import DeviceError


def is_here() -> bool:
    """Whether mpi4py is installed."""
    return find_spec("mpi4py") is not None


def mpi() -> Any:
    """MPI, begun; raises DeviceError with the command that installs it."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise DeviceError(
            f"several processes need mpi4py and an MPI library: pip install mpi4py mpich ({error})"
        ) from error
    return MPI
