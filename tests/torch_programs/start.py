"""Equal weights for a model of either library."""
# The programs are in the manner of their authors: they print, format with % and have classes in functions.

from __future__ import annotations

from typing import Any

import numpy as np

Result = tuple[list[float], list[float]]


def start_from_arrays(torch: Any, model: Any) -> None:
    """Weights that follow from the shapes alone, copied into the model from arrays; norms and buffers stay."""
    rng, state = np.random.RandomState(0), model.state_dict()
    for name, value in state.items():
        shape = tuple(value.size())
        if "weight" in name and len(shape) > 1:
            state[name] = torch.from_numpy((rng.randn(*shape) / np.sqrt(np.prod(shape[1:]))).astype("float32"))
        elif "bias" in name:
            state[name] = torch.zeros(*shape)
    model.load_state_dict(state)
