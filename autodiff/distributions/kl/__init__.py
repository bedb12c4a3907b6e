"""Divergences of two distributions: a registry of laws by their classes.

>>> import autodiff
>>> from autodiff.distributions import Uniform, kl_divergence
>>> kl_divergence(Uniform(0.0, 1.0), Uniform(0.0, 2.0))
tensor(0.6931)
"""

from __future__ import annotations

from autodiff.distributions.kl import crossed as _crossed  # noqa: F401  # registers its laws
from autodiff.distributions.kl import kinds as _kinds  # noqa: F401
from autodiff.distributions.kl.registry import _KL_REGISTRY as _KL_REGISTRY
from autodiff.distributions.kl.registry import kl_divergence as kl_divergence
from autodiff.distributions.kl.registry import register_kl as register_kl
