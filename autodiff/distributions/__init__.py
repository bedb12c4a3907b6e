"""PyTorch's ``torch.distributions``: probability distributions, their transforms, constraints and divergences.

>>> import autodiff
>>> from autodiff.distributions import Normal, kl_divergence
>>> d = Normal(autodiff.zeros(3), 2.0)
>>> d.sample((5,)).shape
autodiff.Size([5, 3])
>>> kl_divergence(d, Normal(0.0, 1.0))
tensor([0.8069, 0.8069, 0.8069])
"""

from __future__ import annotations

from autodiff.distributions import constraints as constraints
from autodiff.distributions import kl as kl
from autodiff.distributions import transforms as transforms
from autodiff.distributions.bernoulli import Bernoulli as Bernoulli
from autodiff.distributions.beta import Beta as Beta
from autodiff.distributions.binomial import Binomial as Binomial
from autodiff.distributions.categorical import Categorical as Categorical
from autodiff.distributions.cauchy import Cauchy as Cauchy
from autodiff.distributions.chi2 import Chi2 as Chi2
from autodiff.distributions.constraint_registry import biject_to as biject_to
from autodiff.distributions.constraint_registry import transform_to as transform_to
from autodiff.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from autodiff.distributions.dirichlet import Dirichlet as Dirichlet
from autodiff.distributions.distribution import Distribution as Distribution
from autodiff.distributions.exp_family import ExponentialFamily as ExponentialFamily
from autodiff.distributions.exponential import Exponential as Exponential
from autodiff.distributions.fishersnedecor import FisherSnedecor as FisherSnedecor
from autodiff.distributions.gamma import Gamma as Gamma
from autodiff.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from autodiff.distributions.geometric import Geometric as Geometric
from autodiff.distributions.gumbel import Gumbel as Gumbel
from autodiff.distributions.half_cauchy import HalfCauchy as HalfCauchy
from autodiff.distributions.half_normal import HalfNormal as HalfNormal
from autodiff.distributions.independent import Independent as Independent
from autodiff.distributions.inverse_gamma import InverseGamma as InverseGamma
from autodiff.distributions.kl import kl_divergence as kl_divergence
from autodiff.distributions.kl import register_kl as register_kl
from autodiff.distributions.kumaraswamy import Kumaraswamy as Kumaraswamy
from autodiff.distributions.laplace import Laplace as Laplace
from autodiff.distributions.lkj_cholesky import LKJCholesky as LKJCholesky
from autodiff.distributions.log_normal import LogNormal as LogNormal
from autodiff.distributions.logistic_normal import LogisticNormal as LogisticNormal
from autodiff.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal as LowRankMultivariateNormal
from autodiff.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from autodiff.distributions.multinomial import Multinomial as Multinomial
from autodiff.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
from autodiff.distributions.negative_binomial import NegativeBinomial as NegativeBinomial
from autodiff.distributions.normal import Normal as Normal
from autodiff.distributions.one_hot_categorical import OneHotCategorical as OneHotCategorical
from autodiff.distributions.one_hot_categorical import (
    OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough,
)
from autodiff.distributions.pareto import Pareto as Pareto
from autodiff.distributions.poisson import Poisson as Poisson
from autodiff.distributions.relaxed_bernoulli import RelaxedBernoulli as RelaxedBernoulli
from autodiff.distributions.relaxed_categorical import RelaxedOneHotCategorical as RelaxedOneHotCategorical
from autodiff.distributions.studentT import StudentT as StudentT
from autodiff.distributions.transformed_distribution import TransformedDistribution as TransformedDistribution
from autodiff.distributions.transforms import AbsTransform as AbsTransform
from autodiff.distributions.transforms import AffineTransform as AffineTransform
from autodiff.distributions.transforms import CatTransform as CatTransform
from autodiff.distributions.transforms import ComposeTransform as ComposeTransform
from autodiff.distributions.transforms import CorrCholeskyTransform as CorrCholeskyTransform
from autodiff.distributions.transforms import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from autodiff.distributions.transforms import ExpTransform as ExpTransform
from autodiff.distributions.transforms import IndependentTransform as IndependentTransform
from autodiff.distributions.transforms import LowerCholeskyTransform as LowerCholeskyTransform
from autodiff.distributions.transforms import PositiveDefiniteTransform as PositiveDefiniteTransform
from autodiff.distributions.transforms import PowerTransform as PowerTransform
from autodiff.distributions.transforms import ReshapeTransform as ReshapeTransform
from autodiff.distributions.transforms import SigmoidTransform as SigmoidTransform
from autodiff.distributions.transforms import SoftmaxTransform as SoftmaxTransform
from autodiff.distributions.transforms import SoftplusTransform as SoftplusTransform
from autodiff.distributions.transforms import StackTransform as StackTransform
from autodiff.distributions.transforms import StickBreakingTransform as StickBreakingTransform
from autodiff.distributions.transforms import TanhTransform as TanhTransform
from autodiff.distributions.transforms import Transform as Transform
from autodiff.distributions.transforms import identity_transform as identity_transform
from autodiff.distributions.uniform import Uniform as Uniform
from autodiff.distributions.von_mises import VonMises as VonMises
from autodiff.distributions.weibull import Weibull as Weibull
from autodiff.distributions.wishart import Wishart as Wishart
