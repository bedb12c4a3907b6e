from nn.modules.activation import *
