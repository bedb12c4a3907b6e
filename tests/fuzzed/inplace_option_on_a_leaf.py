# a write into a leaf that was not refused
a = lib.tensor(1.0, dtype=lib.float64, requires_grad=True)
lib.nn.functional.elu(a, inplace=True)
