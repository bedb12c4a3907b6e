"""Transforms of variables, with the determinants of their Jacobians, for ``TransformedDistribution``.

>>> import autodiff
>>> from autodiff.distributions import transforms
>>> halves = transforms.AffineTransform(loc=1.0, scale=0.5)
>>> halves(autodiff.tensor([0.0, 2.0]))
tensor([1., 2.])
>>> halves.inv(autodiff.tensor([1.0, 2.0]))
tensor([0., 2.])
"""

from __future__ import annotations

from autodiff.distributions.transforms.base import Transform as Transform
from autodiff.distributions.transforms.base import _InverseTransform as _InverseTransform
from autodiff.distributions.transforms.composed import ComposeTransform as ComposeTransform
from autodiff.distributions.transforms.composed import IndependentTransform as IndependentTransform
from autodiff.distributions.transforms.composed import ReshapeTransform as ReshapeTransform
from autodiff.distributions.transforms.composed import identity_transform as identity_transform
from autodiff.distributions.transforms.elementwise import AbsTransform as AbsTransform
from autodiff.distributions.transforms.elementwise import AffineTransform as AffineTransform
from autodiff.distributions.transforms.elementwise import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from autodiff.distributions.transforms.elementwise import ExpTransform as ExpTransform
from autodiff.distributions.transforms.elementwise import PowerTransform as PowerTransform
from autodiff.distributions.transforms.elementwise import SigmoidTransform as SigmoidTransform
from autodiff.distributions.transforms.elementwise import SoftplusTransform as SoftplusTransform
from autodiff.distributions.transforms.elementwise import TanhTransform as TanhTransform
from autodiff.distributions.transforms.joined import CatTransform as CatTransform
from autodiff.distributions.transforms.joined import StackTransform as StackTransform
from autodiff.distributions.transforms.matrices import CorrCholeskyTransform as CorrCholeskyTransform
from autodiff.distributions.transforms.matrices import LowerCholeskyTransform as LowerCholeskyTransform
from autodiff.distributions.transforms.matrices import PositiveDefiniteTransform as PositiveDefiniteTransform
from autodiff.distributions.transforms.vectors import SoftmaxTransform as SoftmaxTransform
from autodiff.distributions.transforms.vectors import StickBreakingTransform as StickBreakingTransform
