# an option that was ignored
a = lib.tensor([1.8, 1.7, -1.7], dtype=lib.float64)
with lib.no_grad(): lib.nn.functional.leaky_relu(a, inplace=True)
