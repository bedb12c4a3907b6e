# For type checkers: the module is nn itself.
from nn import *
from nn import functional as functional
from nn import init as init
from nn import modules as modules
from nn import parallel as parallel
from nn import parameter as parameter
from nn import utils as utils
