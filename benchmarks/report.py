"""The tables of what was measured, and the machine it was measured on."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from autodiff.io.files import write_whole
from benchmarks.peers import PEERS

__all__ = ["COMPILED", "FAST", "OTHER_KERNELS", "TARGETS", "machine", "table", "write_page"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: python -m benchmarks --docs -->", "<!-- end of what was measured -->"
COMPILED = "PyTorch, ours compiled"  # the ratio to a replay of ``autodiff.compile``, with what kernels there are
FAST = "PyTorch, ours with llvmlite"  # the ratio of PyTorch's time to ours with the extra ``fast``
OTHER_KERNELS = "PyTorch, other kernels"  # the ratio to PyTorch where OPENBLAS_CORETYPE says which kernels ours has
TARGETS = {  # of the geometric mean of each group, and of each of its workloads
    "overhead": "3.5, none under 2.0",
    "small": "1.1, none under 1.0",
    "dense": "1.2, none under 0.9",
    "convolution": "0.8, none under 0.45; depthwise 0.25",
    "model": "0.9, none under 0.6",
}


def machine() -> dict[str, Any]:
    """What the times were measured on, and with which versions."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    kernels = next((d.get("architecture") for d in threadpool_info() if d["user_api"] == "blas"), None)
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "BLAS kernels": kernels,
        "system": platform.system(),
        "versions": {"Python": platform.python_version(), **dict(_versions())},
    }


def _versions() -> Iterator[tuple[str, str]]:
    for package in ("numpy", "torch", "llvmlite", "autograd", "mygrad", "jax"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def table(results: dict[str, Any]) -> str:
    """All figures, as Markdown."""
    parts = [_ratios(group, [r for r in results["workloads"] if r["group"] == group]) for group in TARGETS]
    if "kept" in results:
        parts += [_kept(results["kept"]), _growth(results["growth"]), _imports(results["import"])]
    return "\n\n".join(part for part in parts if part)


def _ratios(group: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    known = ("PyTorch", FAST, COMPILED, OTHER_KERNELS, *PEERS)
    others = [name for name in known if any(name in row["ratio"] for row in rows)]
    lines = [f"| {group} | ours, µs | {' | '.join(others)} |", "|---|--:|" + "--:|" * len(others)]
    for row in rows:
        ratios = (f"{row['ratio'][name]:.2f}" if name in row["ratio"] else "" for name in others)
        lines.append(f"| {row['name']} | {row['microseconds']['ours']:,.4g} | {' | '.join(ratios)} |")
    means = (f" {_geometric_mean(rows, name)} |" if "PyTorch" in name else " |" for name in others)
    return "\n".join([*lines, f"| geometric mean (wanted: {TARGETS[group]}) | |{''.join(means)}"])


def _geometric_mean(rows: list[dict[str, Any]], name: str) -> str:
    ratios = [row["ratio"][name] for row in rows]
    return f"**{math.prod(ratios) ** (1 / len(ratios)):.2f}**"


def _kept(rows: list[dict[str, Any]]) -> str:
    lines = ["| kept for the backward pass, MB | ours | PyTorch | ours / PyTorch |", "|---|--:|--:|--:|"]
    return "\n".join(lines + [
        f"| {row['name']} | {row['ours']:.2f} | {row['PyTorch']:.2f} | {row['ours'] / row['PyTorch']:.2f} |"
        for row in rows
    ])  # fmt: skip


def _growth(rows: list[dict[str, Any]]) -> str:
    lines = ["| operations in a chain | µs of each, forward and backward | bytes of each |", "|--:|--:|--:|"]
    return "\n".join(
        lines + [f"| {row['operations']:,} | {row['microseconds']:.2f} | {row['bytes']:.0f} |" for row in rows]
    )


def _imports(times: dict[str, float]) -> str:
    return f"Import, beyond NumPy's own: {times['ours']:.2f} s; PyTorch's: {times['PyTorch']:.2f} s."


def write_page(results: dict[str, Any]) -> None:
    """Put the tables in their place in docs/performance.md."""
    about = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    processors = f"{about['processors']} processors ({about['processor']})"
    kernels = f"BLAS kernels for {about['BLAS kernels']}"
    if "other kernels" in results:
        kernels += f" ({OTHER_KERNELS!r}: for {results['other kernels']})"
    where = f"{processors}, {kernels}, {versions}."
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    write_whole(PAGE, f"{before}{BEGIN}\n\n{where}\n\n{table(results)}\n\n{END}{after}")
