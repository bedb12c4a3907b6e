"""The page of mistakes: each is made, says what the page says, and its repair runs without an error or a warning."""

from __future__ import annotations

import linecache
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from autodiff.errors import AutodiffError, AutodiffWarning

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
ROW = re.compile(r"^\| `(?P<mistake>.+?)` \| (?P<kind>\w+): `(?P<message>.+?)` \| `(?P<repair>.+?)` \|$", re.M)
BLOCK = re.compile(
    r"^```python\n(?P<mistake>[^`]+?)```\n\n(?P<kind>\w+): `(?P<message>.+?)`\n\n"
    r"```python\n(?P<repair>[^`]+?)```$",
    re.M,
)
GROUPS = (
    "Making a tensor", "Shapes", "Dtypes", "Tracking", "Backward", "In place", "Layers", "Models", "Losses",
    "Optimizers", "Data", "Saving", "Functions of functions", "Own operations", "Pictures",
)  # fmt: skip


class Entry(NamedTuple):
    """A mistake, the class of what it raises, the words that are in it, and the program without the mistake."""

    mistake: str
    kind: str
    message: str
    repair: str


TEXT = PAGE.read_text(encoding="utf-8")
NAMES = TEXT.split("```python\n", 1)[1].split("```", 1)[0]
ENTRIES = [Entry(**found.groupdict()) for pattern in (ROW, BLOCK) for found in pattern.finditer(TEXT)]


def run(code: str) -> None:
    """Run the code of an entry after the names of the page, where a warning is an error."""
    names: dict[str, Any] = {}
    linecache.cache["<entry>"] = (len(code), None, code.splitlines(keepends=True), "<entry>")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(NAMES, names)
        exec(compile(code, "<entry>", "exec"), names)


def test_the_page_is_read_whole() -> None:
    """No row and no block escapes the tests, and there is one at each moment."""
    assert len(ENTRIES) == TEXT.count("\n| `") + (TEXT.count("```python") - 1) // 2
    assert len(ENTRIES) >= 60
    assert len({entry.mistake for entry in ENTRIES}) == len(ENTRIES)
    for group in GROUPS:
        assert f"\n## {group}\n" in TEXT


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.mistake[:60])
def test_a_mistake_says_what_the_page_says(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mistake raises an error with a name and with the words of the page; the repair raises none."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises((AutodiffError, AutodiffWarning, NotImplementedError)) as caught:
        run(entry.mistake)
    assert type(caught.value).__name__.lstrip("_") == entry.kind
    assert entry.message in str(caught.value)
    run(entry.repair)
