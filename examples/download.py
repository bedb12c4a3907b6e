"""Fetch the four full MNIST files, 11 MB, into a cache folder: ``python -m examples.download``.

Files that are there already are not fetched again. Then ``autodiff.data.mnist(full=True)`` reads them, and so do the
examples with ``--data DIR``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autodiff.caches import cache_folder
from autodiff.data.mnist_files import MIRROR, download
from examples import command


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the files, and say where they are."""
    parser = command.Parser(prog="python -m examples.download", description=(__doc__ or "").partition(":")[0] + ".")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"the folder (default: {cache_folder() / 'mnist'})")
    parser.add_argument("--mirror", default=MIRROR, help="where the files are (default: %(default)s)")
    options = parser.parse_args(arguments)
    return command.run(parser.prog, lambda: print(download(options.out, options.mirror)))


if __name__ == "__main__":
    raise SystemExit(main())
