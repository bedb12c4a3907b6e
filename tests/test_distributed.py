"""Several processes by MPI: the weights of one process with the joined batch, and an end for all when one fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from architecture import ROOT
from killed_ranks import killed
from parity.harness import peer

import autodiff
import nn
from autodiff import distributed
from autodiff.data import DistributedSampler
from autodiff.errors import DeviceError, OptionError
from autodiff.nn.parallel import DistributedDataParallel

pytest.importorskip("mpi4py", reason="the extra `mpi` is not installed")

PROGRAM = Path(__file__).with_name("distributed_program.py")


def started(processes: int, *arguments: object) -> tuple[subprocess.CompletedProcess[str], float]:
    """What so many processes of a program came to, and the seconds."""
    begin = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "autodiff.distributed", "-n", str(processes), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    return done, time.monotonic() - begin


def fine(processes: int, *arguments: object) -> None:
    done, _ = started(processes, PROGRAM, *arguments)
    assert (done.returncode, done.stdout.count("fine")) == (0, processes), done.stderr[-3000:]


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_the_weights_are_those_of_one_process_with_the_joined_batch(processes: int) -> None:
    """To rounding, after 12 steps of two optimizers; parts of the batch differ in length; they start apart."""
    fine(processes, "training")


@pytest.mark.parametrize("scenario", ["odd", "gathered", "overlapping", "apart", "buffers", "collectives"])
def test_two_processes(scenario: str) -> None:
    """What each does is said in the program."""
    fine(2, scenario)


@pytest.mark.parametrize("scenario", ["odd", "apart", "collectives"])
def test_more_processes(scenario: str) -> None:
    """Three, so that no number is a power of two."""
    fine(3, scenario)


ENDS = {
    "fails": ["ValueError: a batch without labels", "DistributedError", "process 1 failed with ValueError"],
    "ends": ["process 1 ended; process 0 waited for it"],
    "killed": ["a process was killed by signal 9, and so all were ended"],
    "late": ["waited 3 s for the others"],
    "other model": ["the model of process 1 has ('weight', (2, 3), 'float32') where that of process 0 has"],
    "skips": ["called the wrapped model 2 times in training, and all 3 together 4 times; one of them skipped"],
    "twice": ["a backward pass before this one came to no parameter of the wrapped model"],
    "outside": ["weight has a gradient that did not come from a call of the wrapped model"],
}


@pytest.mark.parametrize("how", ENDS)
def test_when_one_process_fails_all_end_and_say_why(how: str) -> None:
    """None hangs: 10 seconds after it began, all is over, with an exit code that is not 0."""
    done, seconds = started(3, PROGRAM, "ends", how)
    assert done.returncode != 0
    assert seconds < 15  # the start of three interpreters included
    for words in ENDS[how]:
        assert words in done.stderr


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_at_any_moment_ends_all(processes: int) -> None:
    """Within ten seconds, and none is left over."""
    assert not killed(processes, seed=processes)


def test_the_command_says_what_is_wrong() -> None:
    """Without a number of processes, and with a program that ends by itself."""
    for arguments in ([], ["-n", "0", "x.py"], ["-n", "two", "x.py"]):
        done = subprocess.run([sys.executable, "-m", "autodiff.distributed", *arguments], capture_output=True,
                              text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_process_that_did_not_join_is_told_how() -> None:
    """Before anything is computed."""
    for call in (distributed.get_rank, distributed.barrier, lambda: DistributedDataParallel(nn.Linear(1, 1)),
                 lambda: distributed.all_reduce(autodiff.ones(1))):  # fmt: skip
        with pytest.raises(DeviceError, match=r"init_process_group\(\)"):
            call()
    with pytest.raises(DeviceError, match="'nccl' is not here"):
        distributed.init_process_group("nccl")
    assert not distributed.is_initialized()


@pytest.mark.parametrize("count", [0, 1, 7, 8])
@pytest.mark.parametrize("drop_last", [True, False])
def test_the_sampler_gives_each_process_its_part(count: int, drop_last: bool) -> None:
    """PyTorch's indices without shuffling; shuffled, all of them once, in another order each epoch."""
    torch = peer()
    for rank in range(3):
        options = {"num_replicas": 3, "rank": rank, "drop_last": drop_last}
        ours = DistributedSampler(range(count), shuffle=False, **options)
        theirs = torch.utils.data.distributed.DistributedSampler(range(count), shuffle=False, **options)
        assert len(ours) == len(theirs)
        assert list(ours) == (list(theirs) if count else [])
    parts = [DistributedSampler(range(count), 3, rank, drop_last=drop_last) for rank in range(3)]
    first = [list(part) for part in parts]
    assert first == [list(part) for part in parts]
    joined = np.array(first).T.reshape(-1).tolist()
    assert sorted(joined[:count]) == sorted(set(joined))
    for part in parts:
        part.set_epoch(1)
    assert count < 7 or first != [list(part) for part in parts]


def test_a_rank_beyond_the_processes_is_refused() -> None:
    """By name."""
    with pytest.raises(OptionError, match="rank 3 is not one of 0 to 2"):
        DistributedSampler(range(9), 3, 3)
