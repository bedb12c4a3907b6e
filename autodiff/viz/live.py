"""A cell of a notebook whose content is replaced while a program runs; the one file that knows IPython."""

from __future__ import annotations

from typing import Any

from autodiff.viz.errors import DrawingError


def shown(content: Any) -> Any:
    """Show an object in the cell that runs; its ``update(object)`` shows it anew.

    Raises DrawingError outside of a notebook.
    """
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        raise DrawingError("there is no notebook to show a training in: save('training.html') writes the same page")
    return display(content, display_id=True)
