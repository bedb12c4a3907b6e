"""Several processes that train one model, by ``torch.distributed``'s names, over MPI.

``python -m autodiff.distributed -n 4 train.py`` starts four; ``mpiexec -n 4 python train.py`` does, too. It needs the
package mpi4py and an MPI library (``pip install mpi4py mpich``).
"""

from __future__ import annotations

from autodiff.distributed import nn as nn
from autodiff.distributed.collectives import *
from autodiff.distributed.messages import *
from autodiff.distributed.processes import Group as Group
from autodiff.distributed.processes import Work as Work
from autodiff.distributed.processes import destroy_process_group as destroy_process_group
from autodiff.distributed.processes import get_rank as get_rank
from autodiff.distributed.processes import get_world_size as get_world_size
from autodiff.distributed.processes import init_process_group as init_process_group
from autodiff.distributed.processes import is_initialized as is_initialized
from autodiff.distributed.processes import is_mpi_available as is_mpi_available
from autodiff.errors import DistributedError as DistributedError

ProcessGroup = Group
is_available = is_mpi_available


def is_nccl_available() -> bool:
    """False: there is no GPU."""
    return False


is_gloo_available = is_torchelastic_launched = is_nccl_available


def get_backend(group: object = None) -> str:
    """ "mpi"."""  # noqa: D210  # the word itself
    return "mpi"


DistError = DistBackendError = DistributedError


class group:
    """The group of all processes, which default arguments mention."""

    WORLD = None
