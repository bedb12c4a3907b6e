"""The page of the vocabulary shows the library as it is."""

from __future__ import annotations

from benchmarks.vocabulary import PAGE, page


def test_the_page_is_up_to_date() -> None:
    """``python -m benchmarks.vocabulary`` would write what docs/vocabulary.md says."""
    assert PAGE.read_text() == page()
