from nn.modules.container import *
