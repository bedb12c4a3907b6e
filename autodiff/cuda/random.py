"""The names of ``torch.cuda.random``."""

from __future__ import annotations

from autodiff.cuda import get_rng_state as get_rng_state
from autodiff.cuda import get_rng_state_all as get_rng_state_all
from autodiff.cuda import manual_seed as manual_seed
from autodiff.cuda import manual_seed_all as manual_seed_all
from autodiff.cuda import seed as seed
from autodiff.cuda import seed_all as seed_all
from autodiff.cuda import set_rng_state as set_rng_state
from autodiff.cuda import set_rng_state_all as set_rng_state_all
