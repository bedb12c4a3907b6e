"""Draw the embedded MNIST subset again: ``python -m examples.make_subset --data DIR [--out DIR] [--seed N]``.

500 training and 100 test images of every digit, in the order of the full files. The same seed gives the same images
everywhere (NumPy has frozen the stream of ``RandomState``), and the same files byte for byte with the same zlib.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodiff.data.idx import EMBEDDED, FILES, DataError, load_mnist, write_idx
from examples import command

SEED = 0
TRAIN_PER_DIGIT, TEST_PER_DIGIT = 500, 100


def draw_balanced(labels: NDArray[Any], count: int, random: np.random.RandomState) -> NDArray[np.intp]:
    """Sorted indices of `count` random members of every class in `labels` (N,), without repetition.

    >>> draw_balanced(np.array([1, 0, 1, 0, 1, 1]), 2, np.random.RandomState(0)).tolist()
    [0, 1, 3, 4]

    """
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.sort(np.concatenate([random.permutation(members)[:count] for members in classes]))


def make_subset(data: Path, out: Path, seed: int = SEED) -> None:
    """Write the balanced subset of the MNIST files in `data` to four files in `out`.

    Raises:
        DataError: a file of `data` is missing or damaged, or has too few images of a digit.

    """
    full = load_mnist(data)
    parts: list[NDArray[Any]] = []
    random = np.random.RandomState(seed)
    for images, labels, count in (
        (full.train_images, full.train_labels, TRAIN_PER_DIGIT),
        (full.test_images, full.test_labels, TEST_PER_DIGIT),
    ):
        if (fewest := np.bincount(labels, minlength=10).min()) < count:
            raise DataError(data, f"{fewest} images of one digit", f"at least {count}", "name the full MNIST files")
        chosen = draw_balanced(labels, count, random)
        parts += [images[chosen], labels[chosen].astype(np.uint8)]
    out.mkdir(parents=True, exist_ok=True)
    for name, part in zip(FILES, parts, strict=True):
        write_idx(out / f"{name}.gz", part)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 2 is its exit code where the data are not what they should be."""
    parser = argparse.ArgumentParser(prog="python -m examples.make_subset", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--data", type=Path, required=True, help="directory of the four full MNIST files")
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="directory to write to (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the drawing (default: %(default)s)")
    options = parser.parse_args(arguments)
    return command.run(parser.prog, lambda: make_subset(options.data, options.out, options.seed))


if __name__ == "__main__":
    raise SystemExit(main())
