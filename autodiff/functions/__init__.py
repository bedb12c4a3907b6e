"""The primitives by PyTorch's API: names, argument order, defaults and result shapes.

Each function works on Tensors (recorded) and on ndarrays (plain NumPy, ndarray out); each that PyTorch also has as a
method is Tensor's method, unchanged.
"""
