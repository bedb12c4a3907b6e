"""The site: each page is on it, notebooks are as they are written, and the reference has every public name."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from architecture import ROOT

import autodiff
import nn
import optim

DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.ipynb"))


def test_what_the_site_lists_is_there() -> None:
    """Once each: all tutorials, all pages for those who come from elsewhere; pages it does not name are added."""
    blocks = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "site.md").read_text(encoding="utf-8"), re.S)
    listed = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in [*DOCS.rglob("*.md"), *TUTORIALS]}
    assert len(listed) == len(set(listed))
    assert set(listed) - pages == {"reference/*"}
    assert {page for page in pages if page.startswith(("tutorials/", "from/"))} <= set(listed)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_printed(path: Path) -> None:
    """So that a change of it is a change of its words; the build runs it. Each begins with its number."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert notebook["cells"][0]["source"][0].startswith(f"# {path.stem[0]}. ")
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            compile("".join(cell["source"]), path.name, "exec")


def test_the_reference_has_every_public_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions, layers and optimizers, with their signatures and what their docstrings say."""
    monkeypatch.syspath_prepend(str(DOCS))
    reference = __import__("reference")
    monkeypatch.delitem(sys.modules, "reference")
    reference.write(tmp_path)
    pages = {name: (tmp_path / f"{name}.md").read_text(encoding="utf-8") for name in reference.MODULES}
    for module, name in ((autodiff, "exp"), (autodiff, "Tensor"), (nn, "Linear"), (nn, "LSTM"), (optim, "Adam")):
        assert f"\n## {name}\n" in pages[module.__name__]
    assert "autodiff.exp(input: " in pages["autodiff"].replace("(\n    ", "(")
    assert pages["nn"].count("\n## ") > 100
    assert "### Tensor.backward" in pages["autodiff"]
    for page in pages.values():
        assert page.count("```") % 2 == 0
