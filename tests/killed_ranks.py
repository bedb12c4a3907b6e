"""Trainings in several processes of which one is killed at a random moment: the others end, and the command says why.

``python -m tests.killed_ranks 20`` kills 20; tests/test_distributed.py kills fewer.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = Path(__file__).with_name("distributed_program.py")
MOST = 10.0  # seconds that the others may take to end


def killed(processes: int, seed: int) -> str:
    """Start a training that would go on for ever, kill one of its processes, and say what was wrong, if anything."""
    random.seed(seed)
    command = [sys.executable, "-m", "autodiff.distributed", "-n", str(processes), str(PROGRAM), "forever"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    ids = _numbers(program, processes)
    time.sleep(random.uniform(0, 1.5))
    os.kill(random.choice(ids), signal.SIGKILL)
    begin = time.monotonic()
    try:
        _, errors = program.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        for process in (program.pid, *ids):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return "the command was still running after a minute"
    seconds = time.monotonic() - begin
    if seconds > MOST:
        return f"it took {seconds:.1f} s"
    left = [process for process in ids if Path(f"/proc/{process}").exists()]
    if program.returncode == 0 or "a process was killed by signal 9, and so all were ended" not in errors or left:
        return f"exit code {program.returncode}, left over {left}, said {errors[-2000:]!r}"
    return ""


def _numbers(program: subprocess.Popen[str], processes: int) -> list[int]:
    """The numbers that all processes have said."""
    assert program.stdout is not None
    said, ids = "", []  # type: tuple[str, list[int]]
    while len(ids) < processes:
        line = program.stdout.readline()
        assert line, f"the command ended: {said}"
        said += line
        ids = [int(number) for number in re.findall(r"<(\d+)>", said)]
    return ids


def main(count: int) -> int:
    """Kill so many, of two and of four processes."""
    wrong = [f"{i}: {found}" for i in range(count) if (found := killed(2 + 2 * (i % 2), i))]
    print(f"{count} killed, {len(wrong)} not as it should be", *wrong, sep="\n")  # noqa: T201
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
