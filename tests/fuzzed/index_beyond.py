# an error without what was given
c = lib.tensor([[1.0]], dtype=lib.float64)
e = lib.tensor([2], dtype=lib.int64)
f = lib.tensor([[1.0, 1.0]], dtype=lib.float64)
c.index_put_((e,), f, accumulate=True)
