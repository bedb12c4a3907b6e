# For type checkers: the module is optim itself.
from optim import *
from optim import lr_scheduler as lr_scheduler
from optim import swa_utils as swa_utils
