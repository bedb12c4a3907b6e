"""The mathematics of the layers, without state: ``torch.nn.functional``'s names over the primitives of autodiff."""

from __future__ import annotations

from autodiff.functions.indexing import one_hot as one_hot
from autodiff.functions.public import give_tensors as _give_tensors
from autodiff.overrides import handle_torch_function as handle_torch_function
from autodiff.overrides import has_torch_function as has_torch_function
from autodiff.overrides import has_torch_function_unary as has_torch_function_unary
from autodiff.overrides import has_torch_function_variadic as has_torch_function_variadic

from .activations import *
from .adaptive import *
from .attention import *
from .classification import *
from .convolution import *
from .ctc import *
from .dense import *
from .distances import *
from .dropout import *
from .examples import EXAMPLES as _EXAMPLES
from .in_place import *
from .interpolation import *
from .losses import *
from .margins import *
from .normalization import *
from .padding import *
from .pooling import *
from .rearranging import *
from .recurrent import *
from .sampling import *
from .sparse import *

_give_tensors(vars(), _EXAMPLES)
