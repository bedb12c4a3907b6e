"""``python -m autodiff``: what belongs into a bug report, and pictures and tables of a model in a file."""

from __future__ import annotations

from autodiff.commands.line import main as main
