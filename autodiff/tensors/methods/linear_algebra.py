"""Matrix products, factorisations, norms and spectra as methods."""

from __future__ import annotations

from autodiff.engine.values import TensorBase
from autodiff.fft import spectrograms
from autodiff.functions import linear_algebra
from autodiff.functions.public import as_function
from autodiff.linalg import old_names as matrices
from autodiff.ops.linear_algebra import matmul


class LinearAlgebraMethods(TensorBase):
    """``x.mm(y)``, ``x.det()``, ``x.norm()``, ``x.stft(400)``."""

    __slots__ = ()

    matmul = as_function(matmul)
    addbmm = linear_algebra.addbmm
    addmm = linear_algebra.addmm
    addmv = linear_algebra.addmv
    addr = linear_algebra.addr
    baddbmm = linear_algebra.baddbmm
    bmm = linear_algebra.bmm
    cross = linear_algebra.cross
    dot = linear_algebra.dot
    ger = linear_algebra.ger
    inner = linear_algebra.inner
    kron = linear_algebra.kron
    mm = linear_algebra.mm
    mv = linear_algebra.mv
    outer = linear_algebra.outer
    trace = linear_algebra.trace
    vdot = linear_algebra.vdot
    cholesky = matrices.cholesky
    cholesky_inverse = matrices.cholesky_inverse
    cholesky_solve = matrices.cholesky_solve
    det = as_function(matrices.det)
    dist = matrices.dist
    geqrf = matrices.geqrf
    inverse = matrices.inverse
    logdet = matrices.logdet
    lu = matrices.lu
    lu_solve = matrices.lu_solve
    matrix_exp = as_function(matrices.matrix_exp)
    matrix_power = matrices.matrix_power
    norm = matrices.norm
    orgqr = matrices.orgqr
    ormqr = matrices.ormqr
    pinverse = matrices.pinverse
    qr = matrices.qr
    renorm = matrices.renorm
    slogdet = matrices.slogdet
    svd = matrices.svd
    triangular_solve = matrices.triangular_solve
    stft = spectrograms.stft
    istft = spectrograms.istft
