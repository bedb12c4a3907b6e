"""The site: ``python -m sphinx -W docs site`` builds it, with the packages of the extra ``docs``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))  # notebooks

import reference  # noqa: E402

import autodiff  # noqa: E402

project, author = "tapegrad", "the tapegrad authors"
copyright = f"2026, {author}"
version = release = autodiff.version.__version__

extensions = ["myst_nb"]
exclude_patterns = ["images/*", "static/*", "site.md", "**.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
myst_heading_anchors = 4
highlight_language = "default"  # Python where it is Python, plain text where not
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_render_image_options = {"width": "100%"}
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"tapegrad {version}"
html_show_sourcelink = False
html_static_path, html_css_files = ["static"], ["site.css"]

# Pages are read in the repository, too. There they lead to its files, which are not on the site; and its list of pages
# is another than that of the site.
OUTSIDE = re.compile(r"\[([^\[\]]+)\]\(\.\./[^)]*\)")


def front_page() -> str:
    """The page with the list of all others; one that it does not name yet stands at the end of the list."""
    text = (HERE / "site.md").read_text(encoding="utf-8")
    pages = sorted(path.stem for path in HERE.glob("*.md") if path.stem not in ("site", "index"))
    if more := [page for page in pages if f"\n{page}\n" not in text]:
        text += "\n".join(["", "```{toctree}", ":caption: More", ":maxdepth: 1", ":hidden:", "", *more, "```", ""])
    return text


def _without_links_to_files(app: Any, docname: str, source: list[str]) -> None:
    if docname == "index":
        source[0] = front_page()
    elif "/" not in docname:
        source[0] = OUTSIDE.sub(r"\1", source[0])


def setup(app: Any) -> None:
    """Write the reference before the pages are read."""
    app.connect("source-read", _without_links_to_files)
    app.connect("builder-inited", lambda app: reference.write(HERE / "reference"))
