from optim.optimizer import Optimizer as Optimizer
from optim.optimizer import ParamsT as ParamsT
