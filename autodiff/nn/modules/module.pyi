from nn.module import *
from nn.module import Module as Module
