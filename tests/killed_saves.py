"""Kill processes while they save: ``python -m tests.killed_saves 200`` kills 200.

After each kill the file must be one of those that were saved, whole; and after the next save nothing else may be there.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from autodiff.io import load, save


def checkpoint(number: int) -> dict[str, object]:
    """One of many: each of its arrays tells which."""
    arrays = [np.full(size, number) for size in (3, 1000, 30_000)]
    return {"number": number, "arrays": arrays, "text": str(number) * 100}


def save_for_ever(path: Path, start: int) -> None:
    number = start
    while True:
        number += 1
        save(checkpoint(number), path)


def check(path: Path, start: int) -> int:
    """The number of the checkpoint that is there; nothing of it may be of another one."""
    found = load(path)
    number = found["number"]
    whole = found["text"] == str(number) * 100 and all((array == number).all() for array in found["arrays"])
    if number < start or not whole:
        raise SystemExit(f"after {start}, a wrong checkpoint: {number}")
    return int(number)


def main(kills: int, seed: int = 0) -> None:
    """Kill so many, and print what was found."""
    chance, left, number = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights"
        save(checkpoint(0), path)
        path.chmod(0o600)
        for _ in range(kills):
            child = os.fork()
            if not child:
                save_for_ever(path, number)
            time.sleep(chance.uniform(0.002, 0.06))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            left += len(os.listdir(folder)) - 1
            modes = {entry.stat().st_mode & 0o777 for entry in Path(folder).iterdir()}
            number = check(path, number) + 1
            save(checkpoint(number), path)
            if os.listdir(folder) != ["weights"] or modes != {0o600}:
                raise SystemExit(f"left behind: {os.listdir(folder)}, with modes {modes}")
    found = f"{left} of them with a file left behind, none after the next save"
    sys.stdout.write(f"{kills} killed after {number} saves, {found}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
