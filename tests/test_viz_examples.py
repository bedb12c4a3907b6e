"""The pictures of docs/graphs.md: written by one command, and shown on the page."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from examples import graphs

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_command_writes_every_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run writes all of GRAPHS and names them; a directory that cannot be made is one line and code 2."""
    assert graphs.main(["--out", str(tmp_path / "new")]) == 0
    assert sorted(os.listdir(tmp_path / "new")) == sorted(graphs.GRAPHS)
    assert len(capsys.readouterr().out.splitlines()) == len(graphs.GRAPHS)
    (tmp_path / "file").write_text("")
    assert graphs.main(["--out", str(tmp_path / "file" / "below")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_page_shows_the_pictures_that_are_there() -> None:
    """Each picture of the directory is on the page and made by the command, and none is missing."""
    shown = set(re.findall(r"images/graphs/([\w.]+)", (DOCS / "graphs.md").read_text(encoding="utf-8")))
    assert shown == set(os.listdir(DOCS / "images" / "graphs")) == set(graphs.GRAPHS)


def test_the_pictures_show_what_the_page_says() -> None:
    """The first layers of the sigmoid net vanish, eleven blocks are counted, and query and key stay apart."""
    states = {node.name: node.gradient.state for node in graphs.sigmoids().nodes if node.gradient}
    assert (states["0"], states["8"]) == ("vanishing", "")
    names = {(node.name, node.times) for node in graphs.block().nodes}
    assert {("blocks.1", 11), ("blocks.0.query", 1), ("blocks.0.key", 1)} <= names
