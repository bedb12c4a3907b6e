"""Matrix products, factorisations, norms and spectra as methods."""

from __future__ import annotations

from autodiff.engine.values import TensorBase
from autodiff.fft import spectrograms
from autodiff.functions import linear_algebra
from autodiff.functions.old_orders import numbers_first
from autodiff.kinds import refusing
from autodiff.linalg import old_names as matrices


class LinearAlgebraMethods(TensorBase):
    """``x.mm(y)``, ``x.det()``, ``x.norm()``, ``x.stft(400)``."""

    __slots__ = ()

    matmul = linear_algebra.matmul
    addbmm = numbers_first(refusing(linear_algebra.addbmm))
    addmm = numbers_first(refusing(linear_algebra.addmm))
    addmv = numbers_first(refusing(linear_algebra.addmv))
    addr = numbers_first(refusing(linear_algebra.addr))
    baddbmm = numbers_first(refusing(linear_algebra.baddbmm))
    bmm = linear_algebra.bmm
    cross = refusing(linear_algebra.cross)
    dot = linear_algebra.dot
    ger = refusing(linear_algebra.ger)
    inner = refusing(linear_algebra.inner)
    kron = refusing(linear_algebra.kron)
    mm = linear_algebra.mm
    mv = linear_algebra.mv
    outer = refusing(linear_algebra.outer)
    trace = linear_algebra.trace
    vdot = linear_algebra.vdot
    cholesky = matrices.cholesky
    cholesky_inverse = matrices.cholesky_inverse
    cholesky_solve = refusing(matrices.cholesky_solve)
    det = matrices.det
    dist = refusing(matrices.dist)
    geqrf = matrices.geqrf
    inverse = matrices.inverse
    logdet = matrices.logdet
    lu = matrices.lu
    lu_solve = refusing(matrices.lu_solve)
    matrix_exp = matrices.matrix_exp
    matrix_power = matrices.matrix_power
    norm = matrices.norm
    orgqr = refusing(matrices.orgqr)
    ormqr = refusing(matrices.ormqr)
    pinverse = matrices.pinverse
    qr = matrices.qr
    renorm = matrices.renorm
    slogdet = matrices.slogdet
    svd = matrices.svd
    triangular_solve = refusing(matrices.triangular_solve)
    stft = refusing(spectrograms.stft)
    istft = refusing(spectrograms.istft)
