"""A graph as a file of ONNX: the one place that knows the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.errors import FileFormatError
from autodiff.export.errors import ExportError
from autodiff.export.graph import Graph, Node
from autodiff.version import __version__

OPSET, IR = 18, 10  # what readers of the last years know
Shape = Sequence[int | str]
Described = tuple[str, Any, Shape]  # name, dtype, shape


def needed() -> Any:
    """The package; raises FileFormatError with the command that installs it."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise FileFormatError("the export to ONNX needs the package onnx: pip install onnx") from None
    return onnx


def model_bytes(graph: Graph, name: str, inputs: Sequence[Described], outputs: Sequence[Described]) -> bytes:
    """The file, which ONNX's own checker has accepted.

    Raises:
        ExportError: the checker does not accept it.
    """
    onnx = needed()
    helper = onnx.helper

    def described(each: Described) -> Any:
        return helper.make_tensor_value_info(each[0], helper.np_dtype_to_tensor_dtype(np.dtype(each[1])), each[2])

    content = helper.make_graph(
        [_node(helper, node) for node in graph.nodes], name, [described(each) for each in inputs],
        [described(each) for each in outputs],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name=key)
         for key, array in graph.constants.items()],
    )  # fmt: skip
    model = helper.make_model(
        content, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR,
        producer_name="tapegrad", producer_version=__version__,
    )  # fmt: skip
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"ONNX's checker refuses the model, which is a fault of this library: {error}") from error
    written: bytes = model.SerializeToString()
    return written


def _node(helper: Any, node: Node) -> Any:
    attributes = {
        key: helper.np_dtype_to_tensor_dtype(value) if isinstance(value, np.dtype) else value
        for key, value in node.attributes.items()
    }
    return helper.make_node(node.operator, node.inputs, node.outputs, node.name, **attributes)
