"""``torch.cuda`` as a machine without one has it: not available, and nothing to wait for."""

from __future__ import annotations


def is_available() -> bool:
    """False: everything is computed on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing, as no generator lives elsewhere."""


manual_seed_all = manual_seed


def synchronize(device: object = None) -> None:
    """Nothing, as every operation is complete when it returns."""


def empty_cache() -> None:
    """Nothing."""
