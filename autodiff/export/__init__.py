"""Models for other programs: ``autodiff.export.onnx(model, args, path)``."""

from __future__ import annotations

from autodiff.export.errors import ExportError as ExportError
from autodiff.export.models import onnx as onnx
