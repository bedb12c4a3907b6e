# For type checkers: what autodiff/__init__.py imports when it is used, and the methods that are functions too.
from autodiff import accelerator
from autodiff.func import vmap as vmap
from autodiff.tensors.tensor import Tensor
from nn.functional import adaptive_avg_pool1d as adaptive_avg_pool1d
from nn.functional import avg_pool1d as avg_pool1d
from nn.functional import bilinear as bilinear
from nn.functional import celu as celu
from nn.functional import celu_ as celu_
from nn.functional import channel_shuffle as channel_shuffle
from nn.functional import conv1d as conv1d
from nn.functional import conv2d as conv2d
from nn.functional import conv3d as conv3d
from nn.functional import conv_tbc as conv_tbc
from nn.functional import conv_transpose1d as conv_transpose1d
from nn.functional import conv_transpose2d as conv_transpose2d
from nn.functional import conv_transpose3d as conv_transpose3d
from nn.functional import cosine_similarity as cosine_similarity
from nn.functional import hardshrink as hardshrink
from nn.functional import max_pool1d as max_pool1d
from nn.functional import max_pool1d_with_indices as max_pool1d_with_indices
from nn.functional import max_pool2d as max_pool2d
from nn.functional import max_pool3d as max_pool3d
from nn.functional import pairwise_distance as pairwise_distance
from nn.functional import pdist as pdist
from nn.functional import pixel_shuffle as pixel_shuffle
from nn.functional import pixel_unshuffle as pixel_unshuffle
from nn.functional import prelu as prelu
from nn.functional import relu_ as relu_
from nn.functional import rms_norm as rms_norm
from nn.functional import rrelu as rrelu
from nn.functional import rrelu_ as rrelu_
from nn.functional import selu as selu
from nn.functional import selu_ as selu_
from nn.functional import threshold as threshold
from nn.functional import threshold_ as threshold_
from nn.functional.numbered_reductions import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from nn.functional.numbered_reductions import cosine_embedding_loss as cosine_embedding_loss
from nn.functional.numbered_reductions import ctc_loss as ctc_loss
from nn.functional.numbered_reductions import hinge_embedding_loss as hinge_embedding_loss
from nn.functional.numbered_reductions import kl_div as kl_div
from nn.functional.numbered_reductions import margin_ranking_loss as margin_ranking_loss
from nn.functional.numbered_reductions import poisson_nll_loss as poisson_nll_loss
from nn.functional.numbered_reductions import triplet_margin_loss as triplet_margin_loss
from nn.functional.top_level import adaptive_max_pool1d as adaptive_max_pool1d
from nn.functional.top_level import alpha_dropout as alpha_dropout
from nn.functional.top_level import batch_norm as batch_norm
from nn.functional.top_level import constant_pad_nd as constant_pad_nd
from nn.functional.top_level import convolution as convolution
from nn.functional.top_level import dropout as dropout
from nn.functional.top_level import dropout_ as dropout_
from nn.functional.top_level import embedding as embedding
from nn.functional.top_level import embedding_bag as embedding_bag
from nn.functional.top_level import feature_alpha_dropout as feature_alpha_dropout
from nn.functional.top_level import feature_dropout as feature_dropout
from nn.functional.top_level import grid_sampler as grid_sampler
from nn.functional.top_level import grid_sampler_2d as grid_sampler_2d
from nn.functional.top_level import grid_sampler_3d as grid_sampler_3d
from nn.functional.top_level import group_norm as group_norm
from nn.functional.top_level import gru as gru
from nn.functional.top_level import gru_cell as gru_cell
from nn.functional.top_level import instance_norm as instance_norm
from nn.functional.top_level import layer_norm as layer_norm
from nn.functional.top_level import lstm as lstm
from nn.functional.top_level import lstm_cell as lstm_cell
from nn.functional.top_level import native_layer_norm as native_layer_norm
from nn.functional.top_level import norm_except_dim as norm_except_dim
from nn.functional.top_level import rnn_relu as rnn_relu
from nn.functional.top_level import rnn_relu_cell as rnn_relu_cell
from nn.functional.top_level import rnn_tanh as rnn_tanh
from nn.functional.top_level import rnn_tanh_cell as rnn_tanh_cell

mps = xpu = accelerator

abs_ = Tensor.abs_
absolute_ = Tensor.absolute_
acos_ = Tensor.acos_
acosh_ = Tensor.acosh_
addmv_ = Tensor.addmv_
arccos_ = Tensor.arccos_
arccosh_ = Tensor.arccosh_
arcsin_ = Tensor.arcsin_
arcsinh_ = Tensor.arcsinh_
arctan_ = Tensor.arctan_
arctanh_ = Tensor.arctanh_
as_strided_ = Tensor.as_strided_
asin_ = Tensor.asin_
asinh_ = Tensor.asinh_
atan_ = Tensor.atan_
atanh_ = Tensor.atanh_
ceil_ = Tensor.ceil_
clamp_ = Tensor.clamp_
clamp_max_ = Tensor.clamp_max_
clamp_min_ = Tensor.clamp_min_
clip_ = Tensor.clip_
cos_ = Tensor.cos_
cosh_ = Tensor.cosh_
deg2rad_ = Tensor.deg2rad_
detach = Tensor.detach
detach_ = Tensor.detach_
erf_ = Tensor.erf_
erfc_ = Tensor.erfc_
exp2_ = Tensor.exp2_
exp_ = Tensor.exp_
expm1_ = Tensor.expm1_
fill_ = Tensor.fill_
fix_ = Tensor.fix_
floor_ = Tensor.floor_
frac_ = Tensor.frac_
gcd_ = Tensor.gcd_
i0_ = Tensor.i0_
index_put_ = Tensor.index_put_
lcm_ = Tensor.lcm_
ldexp_ = Tensor.ldexp_
log10_ = Tensor.log10_
log1p_ = Tensor.log1p_
log2_ = Tensor.log2_
log_ = Tensor.log_
logit_ = Tensor.logit_
nan_to_num_ = Tensor.nan_to_num_
neg_ = Tensor.neg_
negative_ = Tensor.negative_
rad2deg_ = Tensor.rad2deg_
reciprocal_ = Tensor.reciprocal_
resize_as_ = Tensor.resize_as_
round_ = Tensor.round_
rsqrt_ = Tensor.rsqrt_
sigmoid_ = Tensor.sigmoid_
sin_ = Tensor.sin_
sinc_ = Tensor.sinc_
sinh_ = Tensor.sinh_
sqrt_ = Tensor.sqrt_
square_ = Tensor.square_
tan_ = Tensor.tan_
tanh_ = Tensor.tanh_
trunc_ = Tensor.trunc_
xlogy_ = Tensor.xlogy_
zero_ = Tensor.zero_
