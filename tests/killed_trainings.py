"""Kill programs while they train: ``python -m tests.killed_trainings mnist 50`` kills 50, or ``recipe`` or ``workers``.

Each begins, is killed, and goes on until it is done. It must end with the files of one that was never killed, bit for
bit, but for the seconds it took.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import autodiff
from autodiff.data.idx import EMBEDDED, FILES, load_mnist, write_idx
from autodiff.viz import draw
from examples import mnist, plotting

# Lives of one process, as parts of the time that an unbroken one takes.
LIVES = 0.05, 0.8
PAGE = Path(__file__).parents[1] / "docs" / "checkpoints.md"


def train_mnist(folder: Path) -> None:
    """Six epochs of eight steps."""
    data, results = folder.parent / "data", folder / "results.json"
    options = ["--data", data, "--epochs", 6, "--checkpoint-every", 3, "--out", folder, "--json", results, "--resume"]
    if mnist.main([str(option) for option in options]):
        raise SystemExit("training failed")
    found = json.loads(results.read_text())
    for place in (found, *found["epochs"]):
        place["seconds"] = 0
    results.write_text(json.dumps(found))


def train_by_the_recipe(folder: Path, changes: tuple[str, str] = ("", "")) -> None:
    """The program of the page, in this folder."""
    (program,) = re.findall(r"```python\n(import os\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    os.chdir(folder)
    exec(compile(program.replace(*changes), "recipe", "exec"), {"__name__": "__main__"})


def train_with_workers(folder: Path) -> None:
    """The same with workers, which load ahead."""
    train_by_the_recipe(folder, ("manual_seed(epoch))", "manual_seed(epoch), num_workers=2)"))


PROGRAMS: dict[str, Callable[[Path], None]] = {
    "mnist": train_mnist, "recipe": train_by_the_recipe, "workers": train_with_workers,
}  # fmt: skip


def warm(folder: Path) -> None:
    """Import here, once, what draws the pictures."""
    plotting.learning_curve(folder / "curve.png", losses={"test": [1.0]}, accuracies={"test": [1.0]})
    draw(autodiff.ones(1, requires_grad=True).sum(), params={}).svg()


def few_images(folder: Path, count: int = 400) -> None:
    folder.mkdir()
    data = load_mnist(EMBEDDED)
    parts = data.train_images[:count], data.train_labels[:count], data.test_images[:100], data.test_labels[:100]
    for name, part in zip(FILES, parts, strict=True):
        write_idx(folder / name, part.astype("u1"))


def life(program: Callable[[Path], None], folder: Path, seconds: float | None) -> bool:
    """Run the program in a process of its own, for so long; whether it came to its end."""
    child = os.fork()
    if not child:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        try:
            program(folder)
        except BaseException:
            os._exit(1)
        os._exit(0)
    until = time.monotonic() + (seconds or 600)
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if status:
                raise SystemExit(f"the program failed in {os.listdir(folder)}")
            return True
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def main(name: str, kills: int, seed: int = 0) -> None:
    """Kill so many, and print what was found."""
    program, chance, killed, runs = PROGRAMS[name], random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as place:
        few_images(Path(place) / "data")
        warm(Path(place))
        unbroken = Path(place) / "unbroken"
        unbroken.mkdir()
        start = time.monotonic()
        life(program, unbroken, None)
        seconds = time.monotonic() - start
        while killed < kills:
            folder = Path(place) / f"run {runs}"
            folder.mkdir()
            while not life(program, folder, chance.uniform(*LIVES) * seconds if killed < kills else None):
                killed += 1
            runs += 1
            wanted, found = contents(unbroken), contents(folder)
            if wrong := [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]:
                raise SystemExit(f"after {killed} kills there is another {' and '.join(wrong)}")
    sys.stdout.write(f"{killed} killed in {runs} runs, which all ended with the same files, bit for bit\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
