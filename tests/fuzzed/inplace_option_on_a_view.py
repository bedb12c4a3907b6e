# a write that did not reach the base, nor its gradient
a = lib.tensor([[0.3, -0.2, 2.0]], dtype=lib.float64, requires_grad=True)
b = a * 2
lib.nn.functional.hardtanh(b[:, 1:], inplace=True)
gradients([b], order=2)
