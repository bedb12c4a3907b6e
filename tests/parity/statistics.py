"""Cases of covariance and correlation."""

from __future__ import annotations

import numpy as np

from parity.base import case

OFTEN = np.array([1, 2, 3, 1])
for shape in [(3, 4), (1, 4), (4,)]:
    case("cov", lambda lib, x: lib.cov(x) + x.cov(correction=0), shape)
    case("cov", lambda lib, x, f: lib.cov(x, fweights=f), shape, OFTEN)
    case("cov", lambda lib, x, a: lib.cov(x, aweights=a.detach(), correction=0), shape, (4,), low=0.1)
    case("cov", lambda lib, x, a, f: lib.cov(x, aweights=a.detach(), fweights=f), shape, (4,), OFTEN, low=0.1)
    case("corrcoef", lambda lib, x: lib.corrcoef(x) + x.corrcoef(), shape)
