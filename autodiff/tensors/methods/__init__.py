"""Tensor's methods, one class for each family. A function that takes a tensor first is a method as it is."""
