"""Engines: the programs that make a picture of DOT text, found on the PATH or beside the interpreter."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig

from autodiff.viz.errors import DrawingError

__all__ = ["ENGINES", "HINT", "engine_for", "rendered"]

HINT = "pip install graphviz-pure"
ENGINES = {"dot": "apt install graphviz (or brew, choco, conda install graphviz)", "graphviz-pure": HINT}


def engine_for(format: str, name: str | None = None) -> str | None:
    """The path of an engine that can make ``format``; None where there is none.

    Raises DrawingError for an engine that was asked for by ``name`` and is not here, or cannot.
    """
    if name is not None and name not in ENGINES:
        raise DrawingError(f"engine={name!r}: expected one of {', '.join(ENGINES)}, or None for the one that is here")
    beside = sysconfig.get_path("scripts")  # where pip puts programs, which need not be on the PATH
    for engine in ENGINES if name is None else (name,):
        path = shutil.which(engine) or shutil.which(engine, path=beside)
        if path is not None and not (engine == "graphviz-pure" and format == "pdf"):  # it writes none
            return path
    if name is not None:
        if name == "graphviz-pure" and format == "pdf":
            raise DrawingError(f"graphviz-pure writes no PDF: {ENGINES['dot']}")
        raise DrawingError(f"the engine {name} is not here: {ENGINES[name]}")
    return None


def rendered(path: str, source: str, format: str) -> bytes:
    """The picture that the engine at ``path`` makes of DOT text; raises DrawingError with what it complains of."""
    try:
        result = subprocess.run([path, f"-T{format}"], input=source.encode(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise DrawingError(f"{path} failed to draw {format}: {said or error}") from None
    return result.stdout
