"""``torch.signal``: windows."""

from autodiff.signal import windows as windows
