"""Makes docs/numerics.md: the worst errors of stable formulas at hard points, beside PyTorch's.

    python -m benchmarks.numerics --write docs/numerics.md

``--only TEXT`` measures the formulas with this in their name; ``--points`` lists where one is worse than PyTorch's by
more than four units in the last place. mpmath (extra ``test``) and PyTorch (extra ``torch``) must be installed.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

try:
    import mpmath as mp
    import torch
except ImportError as missing:
    raise SystemExit(f"python -m benchmarks.numerics: {missing.name} is not installed") from None

import numpy as np

from autodiff.io.files import write_whole
from benchmarks.numeric_errors import DTYPES, MARGIN, Formula, Found, compare
from benchmarks.numeric_formulas import FORMULAS
from benchmarks.numeric_losses import LOSSES
from benchmarks.numeric_pairs import PAIRS
from benchmarks.numeric_rows import ROWS
from benchmarks.numeric_special import SPECIAL
from examples import command

__all__ = ["EXACT", "FAMILIES", "PAGE", "needs_reason", "page", "worst"]

FAMILIES = {
    "Functions of one number": FORMULAS,
    "Special functions": SPECIAL,
    "Functions of two numbers": PAIRS,
    "Losses of one sample, and densities": LOSSES,
    "Functions of many numbers": ROWS,
}
EXACT = {  # the elementwise primitives that are in no table, and why
    **dict.fromkeys(("floor", "ceil", "trunc", "round"), "the values are whole numbers, and the slopes 0"),
    **dict.fromkeys(("relu", "hardshrink", "minimum"), "they choose; the slopes are 0, 1/2 or 1"),
    **dict.fromkeys(("copysign", "mantissa", "nextafter"), "signs, neighbours and powers of 2 do not round"),
    "cube_root": "NumPy's alone: PyTorch has none to stand beside it",
}
PAGE = Path(__file__).resolve().parents[1] / "docs" / "numerics.md"
Worst = dict[tuple[Any, int], tuple[float, float | None, bool]]  # by dtype and order: ours, PyTorch's, worse somewhere

INTRODUCTION = """# Numerics

The worst error of each formula at points that are hard for it: numbers near 0 down to the least one there is,
neighbours of zeros, poles and thresholds, large numbers up to the largest. `python -m benchmarks.numerics --write
docs/numerics.md` measures them and writes this page; here it ran with NumPy {numpy} and PyTorch {torch}.

What is true comes from mpmath, with up to 2,200 digits. Each function is written there once, in
[`benchmarks/numeric_formulas.py`](../benchmarks/numeric_formulas.py) and the files beside it; slopes are central
differences of it, so they share nothing with the VJPs that they test.

- A cell has two errors: **this library's / PyTorch's**, each the worst over all points. A dash stands for a derivative
  that PyTorch does not have.
- The unit is the last place of the true number in that dtype, or of the least number that is not 0: 0.5 is perfect, and
  1 is as good as a function is in practice. Large errors stand as powers of ten: 1e7 in float32 and 1e15 in float64
  mean that no digit is right; ∞ means that one of the two is infinite or NaN and the other is not. For functions of
  many numbers the unit is the last place of the largest true entry.
- **slope** is the derivative by each argument (a VJP with the cotangent 1), **second** the derivative of that by the
  same argument.
- Wherever our error at one point is above PyTorch's there by more than {margin}, the last column says why; a test holds
  this.

Not in the tables are functions that only choose or round to whole numbers, such as `relu` or `floor`.
"""


def worst(row: Formula, lib: Any = torch) -> Worst:
    """For each dtype and order of derivatives the worst errors over all points."""
    found: Worst = {}
    for dtype in DTYPES:
        for each in compare(row, dtype, lib):
            ours, theirs, behind = found.get((dtype, each.order), (0.0, None, False))
            theirs = theirs if each.theirs is None else max(each.theirs, theirs or 0.0)
            found[dtype, each.order] = max(ours, each.ours), theirs, behind or worse(each)
    return found


def worse(at: Found) -> bool:
    """Whether the error at a point is above PyTorch's by more than the margin; above 8 where PyTorch has none."""
    return at.ours > MARGIN + (MARGIN if at.theirs is None else at.theirs)


def needs_reason(found: Worst) -> bool:
    """Whether the formula is worse at some point."""
    return any(behind for _, _, behind in found.values())


def page(measured: dict[str, list[tuple[Formula, Worst]]]) -> str:
    """The page as text."""
    parts = [INTRODUCTION.format(numpy=np.__version__, torch=torch.__version__.partition("+")[0], margin=MARGIN)]
    for family, rows in measured.items():
        parts.append(f"\n## {family}\n\n")
        parts += (line + "\n" for line in _table(rows))
    return "".join(parts)


def _table(rows: Iterable[tuple[Formula, Worst]]) -> Iterator[str]:
    rows = list(rows)
    orders = range(1 + max(order for _, found in rows for _, order in found))
    names = ("value", "slope", "second")
    heads = [f"{np.dtype(dtype).name} {names[order]}" for dtype in DTYPES for order in orders]
    yield f"| function | {' | '.join(heads)} | why |"
    yield "|---|" + "---|" * (len(heads) + 1)
    for row, found in rows:
        keys = ((dtype, order) for dtype in DTYPES for order in orders)
        cells = (_cell(*found[key][:2]) if key in found else "" for key in keys)
        yield f"| `{row.name}` | {' | '.join(cells)} | {row.why} |"


def _cell(ours: float, theirs: float | None) -> str:
    return f"{_short(ours)} / {'-' if theirs is None else _short(theirs)}"


def _short(error: float) -> str:
    if error > 1e19 or not math.isfinite(error):
        return "∞"
    return f"{error:.1f}" if error < 9.95 else f"{error:.0f}" if error < 1e4 else f"{error:.0e}".replace("e+", "e")


def _measured(name: str) -> Worst:
    """The worst errors of the formula of this name, in a process of a pool."""
    torch.set_num_threads(1)
    return worst(next(row for row in _all() if row.name == name))


def _all() -> list[Formula]:
    return [row for rows in FAMILIES.values() for row in rows]


def _say(row: Formula, found: Worst, points: bool) -> None:
    cells = (f"{np.dtype(dtype).name[-2:]}:{order} {_cell(*each[:2])}" for (dtype, order), each in found.items())
    print(row.name, *cells, flush=True)
    if needs_reason(found) and not row.why:
        print(f"    {row.name} is worse than PyTorch, and the table does not say why", file=sys.stderr)
    for dtype in DTYPES if points else ():
        for each in compare(row, dtype, torch):
            if worse(each):
                print("   ", np.dtype(dtype).name, _described(each))


def _described(each: Found) -> str:
    true = ", ".join(mp.nstr(x, 8) for x in (each.true if isinstance(each.true, list) else [each.true]))
    theirs = "none" if each.theirs is None else f"{each.theirs:.3g}"
    return f"order {each.order} at {each.point}: {true}, error {each.ours:.3g}, PyTorch's {theirs}"


def run(options: Any) -> None:
    """Measure, print, and write what is asked for."""
    command.check_writable([options.write] if options.write else [])
    chosen = [row for row in _all() if not options.only or any(text in row.name for text in options.only)]
    found: dict[str, Worst] = {}
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for row, each in zip(chosen, pool.map(_measured, [row.name for row in chosen]), strict=True):
            found[row.name] = each
            _say(row, each, options.points)
    if options.write:
        families = {family: [(row, found[row.name]) for row in rows] for family, rows in FAMILIES.items()}
        write_whole(options.write, page(families))


def main() -> int:
    """Run the command and return its exit code."""
    parser = command.Parser(prog="benchmarks.numerics", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="those with this in their name")
    parser.add_argument("--points", action="store_true", help="list the points where ours is worse")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("--write writes all tables; leave --only out")
    return command.run("python -m benchmarks.numerics", lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
