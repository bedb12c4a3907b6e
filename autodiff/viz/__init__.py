"""Pictures and listings of a recorded graph: how a tensor was made, from the parameters down to the loss.

A recorded graph (``recorded``) becomes plain facts (``nodes``), these are folded into boxes (``boxes``), and a writer
(``dot``, ``mermaid``, ``svg``, ``text``, ``page``) makes a text of them. All of that needs nothing but NumPy. An engine
of Graphviz draws better; it is used if one is on the PATH or beside the interpreter (``pip install graphviz-pure``).
"""

from __future__ import annotations

from autodiff.viz.drawing import Drawing as Drawing
from autodiff.viz.drawing import draw as draw
from autodiff.viz.errors import DrawingError as DrawingError
from autodiff.viz.errors import DrawingWarning as DrawingWarning
from autodiff.viz.explanation import Explanation as Explanation
from autodiff.viz.explanation import explain as explain
from autodiff.viz.findings import Finding as Finding
from autodiff.viz.layers import Summary as Summary
from autodiff.viz.layers import summary as summary
from autodiff.viz.nodes import DrawnEdge as DrawnEdge
from autodiff.viz.nodes import DrawnNode as DrawnNode
from autodiff.viz.nodes import Gradient as Gradient
from autodiff.viz.nodes import Group as Group
from autodiff.viz.nodes import Part as Part
from autodiff.viz.saved import Memory as Memory
from autodiff.viz.saved import memory as memory
from autodiff.viz.watch import Watch as Watch
