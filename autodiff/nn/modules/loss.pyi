from nn.modules.loss import *
