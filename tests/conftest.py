"""Fixtures that tests of several files use."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program that draws DOT is found."""
    monkeypatch.setattr(shutil, "which", lambda *arguments, **options: None)
