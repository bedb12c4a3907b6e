"""The class of compiled modules, which ``autodiff.jit`` names: a module like any other."""

from __future__ import annotations

from .module import Module


class ScriptModule(Module):
    """A module whose ``forward`` PyTorch compiles; here it runs as the Python that it is."""


class ScriptFunction:
    """The class of compiled functions, of which there are none here."""
