"""NumPy's two protocols: its ufuncs and functions called with a Tensor among the arguments."""
