# an error without what was given
a = lib.zeros((0, 3), dtype=lib.float64)
h = lib.tensor([[1.0], [1.0]], dtype=lib.float64)
i = a.nextafter(h)
