# a result that was the memory of its input
e = lib.tensor(-0.5, dtype=lib.float64)
f, g = e.nanmedian(dim=-1, keepdim=True)
e *= f
