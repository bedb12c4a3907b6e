"""Tensor's methods, one class for each family; a function that PyTorch also has as a method stands there as it is."""
