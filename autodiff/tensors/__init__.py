"""Tensor: data, node, gradient; its methods, and the functions that make tensors."""
