"""``torch.utils.hooks``: the handle of a hook."""

from __future__ import annotations

from autodiff.handles import RemovableHandle as RemovableHandle
