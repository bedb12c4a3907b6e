from autodiff.amp import *
