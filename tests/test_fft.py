"""Fourier transforms: adjoints and inverses, gradients of complex tensors, NumPy's names, mistakes, spectrograms."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.harness import Array, Near, agree, both, plain

import autodiff
from autodiff import Tensor, fft, grad, tensor
from autodiff.errors import AutodiffError, AxisError, DtypeError, OptionError, ShapeError

OF_COMPLEX, OF_REAL, TO_REAL = ("fft", "ifft"), ("rfft", "ihfft"), ("irfft", "hfft")
ONE = (*OF_COMPLEX, *OF_REAL, *TO_REAL)
INVERSE = {"fft": "ifft", "ifft": "fft", "rfft": "irfft", "ihfft": "hfft"}
NORMS = (None, "backward", "ortho", "forward")


def of(name: str) -> Any:
    return getattr(fft, name)


def some(shape: tuple[int, ...], complex_: bool, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_ else x


def inner(x: Any, y: Any) -> float:
    """Re <x, y>."""
    return float(np.real(np.vdot(plain(y), plain(x))))


@st.composite
def calls(draw: Any) -> tuple[str, tuple[int, ...], dict[str, Any]]:
    """A transform, the shape of its input, and options."""
    shape = tuple(draw(st.lists(st.integers(2, 5), min_size=1, max_size=3)))
    name, norm = draw(st.sampled_from(ONE)), draw(st.sampled_from(NORMS))
    axes = draw(st.permutations(range(len(shape))))[: draw(st.integers(1, len(shape)))]
    if draw(st.booleans()):
        return name, shape, {"dim": axes[0], "n": draw(st.none() | st.integers(1, 7)), "norm": norm}
    lengths = draw(st.none() | st.lists(st.just(-1) | st.integers(1, 7), min_size=len(axes), max_size=len(axes)))
    return f"{name}n", shape, {"dim": tuple(axes), "s": lengths, "norm": norm}


@given(calls(), st.integers(0, 1000))
@settings(max_examples=150)
def test_a_gradient_is_the_adjoint(call: Any, seed: int) -> None:
    """Re <F x, y> = Re <x, F* y> for all x and y, at every length, and so it is for the gradient of the gradient."""
    name, shape, options = call
    x = tensor(some(shape, not name.startswith(OF_REAL), seed), requires_grad=True)
    out = of(name)(x, **options)
    y = tensor(some(tuple(out.shape), out.is_complex(), seed + 1), requires_grad=True)
    (back,) = grad(out, x, y, create_graph=True)
    assert (back.dtype, back.shape) == (x.dtype, x.shape)
    whole = abs(inner(out, out)) + abs(inner(y, y)) + 1
    assert inner(out, y) == pytest.approx(inner(x, back), rel=1e-10, abs=1e-12 * whole)
    v = some(shape, x.is_complex(), seed + 2)
    (forth,) = grad(back, y, tensor(v))
    np.testing.assert_allclose(plain(forth), plain(of(name)(tensor(v), **options)), rtol=1e-10, atol=1e-12 * whole)


@given(st.sampled_from(list(INVERSE)), st.lists(st.integers(1, 6), min_size=1, max_size=3), st.sampled_from(NORMS))
@settings(max_examples=80)
def test_inverses_give_back_what_was_transformed(name: str, shape: list[int], norm: str | None) -> None:
    """Along one axis and along all, with even and odd lengths, in every norm; in "ortho" lengths stay."""
    x = some(tuple(shape), name in OF_COMPLEX)
    there = of(name)(tensor(x), norm=norm)
    back = of(INVERSE[name])(there, shape[-1], norm=norm)
    np.testing.assert_allclose(plain(back), x, atol=1e-12)
    everywhere = of(f"{name}n")(tensor(x), norm=norm)
    np.testing.assert_allclose(plain(of(f"{INVERSE[name]}n")(everywhere, shape, norm=norm)), x, atol=1e-12)
    if norm == "ortho" and name in OF_COMPLEX:
        assert inner(everywhere, everywhere) == pytest.approx(inner(x, x), rel=1e-12)


def test_a_transform_is_its_own_transpose() -> None:
    """sum(F(x) y) = sum(x F(y)): what users see as a gradient is the conjugate, F^-1 times n."""
    x = tensor(some((7,), True), requires_grad=True)
    y = tensor(some((7,), True, 1))
    np.testing.assert_allclose(plain((fft.fft(x) * y).sum()), plain((x * fft.fft(y)).sum()), rtol=1e-12)
    np.testing.assert_allclose(plain(grad(fft.fft(x), x, y)[0]), plain(fft.ifft(y) * 7), rtol=1e-12)


LENGTHS = [{}, {"n": 3}, {"n": 4}, {"n": 7, "norm": "ortho"}, {"n": 8, "dim": 0, "norm": "forward"}]


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("single", [False, True])
def test_gradients_of_complex_tensors_are_those_of_pytorch(name: str, single: bool) -> None:
    """Values, and gradients of both orders of something of the result that is not linear, in both precisions."""
    array = some((4, 5), name not in OF_REAL)
    array = array.astype(np.complex64 if array.dtype.kind == "c" else np.float32) if single else array

    def found(lib: Any, options: dict[str, Any]) -> list[Any]:
        x = lib.tensor(array, requires_grad=True)
        out = getattr(lib.fft, name)(x, **options).resolve_conj()
        (first,) = lib.autograd.grad((out * out.abs()).sum().real, x, create_graph=True)
        (second,) = lib.autograd.grad((first * first * (x + 1)).sum().real, x)
        return [out.detach(), first.detach().resolve_conj(), second.resolve_conj()]

    for options in LENGTHS:
        agree(*both(found, options), Near(1e-4, of_largest=1e-5) if single else Near(1e-9, of_largest=1e-11), name)


def test_frequencies_that_are_not_there_have_no_gradient_of_their_moduli() -> None:
    """|F x|, at frequencies that x does not have, has the gradient 0."""
    x = tensor(np.ones(4), requires_grad=True)
    (slope,) = grad(fft.fft(x).abs().sum(), x)
    np.testing.assert_allclose(plain(slope), np.ones(4), atol=1e-12)


NUMPY: dict[str, Callable[[Any], Any]] = {
    **{name: lambda x, name=name: getattr(np.fft, name)(x, 6, 1, norm="ortho") for name in ONE},
    **{f"{name}n": lambda x, name=name: getattr(np.fft, f"{name}n")(x, (4, 3), axes=(2, 0))
       for name in ("fft", "ifft", "rfft", "irfft")},
    **{f"{name}2": lambda x, name=name: getattr(np.fft, f"{name}2")(x, norm="forward")
       for name in ("fft", "ifft", "rfft", "irfft")},
    "fftn of all axes": lambda x: np.fft.fftn(x),
    "fft by keywords": lambda x: np.fft.fft(x, axis=0, n=5),
    "fftshift": lambda x: np.fft.fftshift(x, axes=0),
    "ifftshift": lambda x: np.fft.ifftshift(x),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_s_transforms_of_tensors_are_recorded(name: str) -> None:
    """``np.fft`` of a tensor has the values that it has of an array, and a gradient."""
    array = some((3, 4, 5), not name.startswith(OF_REAL))
    x = tensor(array, requires_grad=True)
    result = NUMPY[name](x)
    assert isinstance(result, Tensor)
    np.testing.assert_allclose(plain(result), NUMPY[name](array), rtol=1e-12, atol=1e-12)
    y = some(tuple(result.shape), result.is_complex(), 3)
    assert inner(result, y) == pytest.approx(inner(x, grad(result, x, tensor(y))[0]), rel=1e-10)


@pytest.mark.parametrize("name", ONE)
def test_dtypes_of_results(name: str) -> None:
    """Single precision stays single; halves become single, integers and booleans the default dtype."""
    for given_, wanted in ((np.float16, 32), (np.float32, 32), (np.float64, 64), (np.int64, 32), (np.bool_, 32)):
        out = of(name)(tensor(np.ones(4, given_)))
        assert out.dtype == f"float{wanted}" if name in TO_REAL else out.dtype == f"complex{2 * wanted}"
    x = tensor(np.ones(4, np.float16), requires_grad=True)
    (back,) = grad(of(name)(x).abs().sum(), x)
    assert back.dtype == np.float16


def test_a_spectrum_may_be_the_first_complex_tensor_of_a_program() -> None:
    """What takes real numbers alone refuses it, as it would any other."""
    program = "from autodiff import fft, ones, relu; relu(fft.rfft(ones(4)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "DtypeError: relu takes real numbers, not complex64" in found.stderr


X, Z = tensor(np.ones((3, 4))), tensor(np.ones((3, 4), complex))
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "complex to rfft": (lambda: fft.rfft(Z), DtypeError, "rfft takes real numbers, not complex128; fft takes"),
    "complex to rfft2": (lambda: fft.rfft2(Z), DtypeError, "rfft2 takes real numbers.*; fft2 takes"),
    "complex to ihfft": (lambda: fft.ihfft(Z), DtypeError, "ifft takes complex ones"),
    "no points": (lambda: fft.fft(X, 0), ShapeError, r"fft of shape \(3, 4\) to \[0\].*at least one point"),
    "a negative length": (lambda: fft.ifft(X, n=-1), ShapeError, "at least one point"),
    "an empty axis": (lambda: fft.rfft(X[:, :0]), ShapeError, "at least one point"),
    "nothing but the mean": (lambda: fft.irfft(Z[:, :1]), ShapeError, r"irfft of .* to \[0\]"),
    "no such axis": (lambda: fft.fft(X, dim=2), AxisError, "no axis 2 in a tensor of 2"),
    "a number": (lambda: fft.fft(tensor(1.0)), AxisError, "0-d"),
    "an axis twice": (lambda: fft.fftn(X, dim=(0, -2)), ShapeError, "an axis stands twice"),
    "a length without axis": (lambda: fft.fftn(X, (2, 2), 0), ShapeError, "2 lengths"),
    "too many lengths": (lambda: fft.fftn(X, (2, 2, 2)), ShapeError, "3 lengths .* for 2 axes"),
    "real along no axis": (lambda: fft.rfftn(X, dim=()), ShapeError, "rfftn needs an axis"),
    "a norm": (lambda: fft.hfft(X, norm="forwards"), OptionError, "hfft: norm is .* not 'forwards'"),
    "a fractional length": (lambda: fft.fft(X, 2.5), DtypeError, "integers"),  # type: ignore[arg-type]
    "whole frequencies": (lambda: fft.fftfreq(4, dtype=autodiff.int64), DtypeError, "gives floats"),
    "a list": (lambda: fft.fft([1.0, 2.0]), DtypeError, "takes tensors or arrays"),
    "out=": (lambda: np.fft.fft(X.detach().requires_grad_(), out=np.ones((3, 4), complex)), DtypeError, "out"),
    "stft of integers": (lambda: autodiff.stft(tensor([1, 2]), 4), DtypeError, "stft takes floats"),
    "stft of what": (lambda: autodiff.stft(X, 4), OptionError, "return_complex"),
    "a piece too long": (lambda: autodiff.stft(X, 6, center=False, return_complex=True), ShapeError, "does not fit"),
    "a mirror too short": (lambda: autodiff.stft(X, 8, return_complex=True), ShapeError, "'reflect' continues"),
    "a pad_mode": (lambda: autodiff.stft(X, 4, pad_mode="odd", return_complex=True), OptionError, "not 'odd'"),
    "a window too long": (lambda: autodiff.stft(X, 4, window=X[0, :3], return_complex=True), ShapeError, "window of"),
    "no hop": (lambda: autodiff.stft(X, 2, return_complex=True), OptionError, "hop_length=0"),
    "half of complex": (lambda: autodiff.stft(Z, 4, onesided=True), OptionError, "no conjugate half"),
    "istft of real": (lambda: autodiff.istft(X, 4), DtypeError, "istft takes complex numbers"),
    "other frequencies": (lambda: autodiff.istft(Z, 8), ShapeError, "make 5 frequencies, not 3"),
    "zeros at the ends": (lambda: autodiff.istft(Z, 4, 4, window=autodiff.hann_window(4)), ShapeError, "windows are 0"),
    "gaps": (lambda: autodiff.istft(Z, 4, 3, 2), OptionError, "leave gaps"),
    "a window's length": (lambda: autodiff.hann_window(-1), ShapeError, "below 0"),
    "a window's dtype": (lambda: autodiff.kaiser_window(3, dtype=autodiff.int64), DtypeError, "gives floats"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_mistakes_are_named(what: str) -> None:
    """What cannot be transformed is refused before anything is computed, and the error says what is wrong."""
    call, kind, words = REFUSED[what]
    with pytest.raises(kind, match=words) as caught:
        call()
    assert isinstance(caught.value, AutodiffError)


def test_frequencies_differentiate_a_wave() -> None:
    """The inverse of 2 pi i f times the transform of a sine is a cosine; f by ``fftfreq`` and by ``rfftfreq``."""
    for n in (16, 15):
        t = np.arange(n) / n
        wave, slope = tensor(np.sin(2 * np.pi * 3 * t)), 6 * np.pi * np.cos(2 * np.pi * 3 * t)
        f = fft.fftfreq(n, 1 / n, dtype=autodiff.float64)
        np.testing.assert_allclose(plain(fft.ifft(2j * np.pi * f * fft.fft(wave)).real), slope, atol=1e-10)
        f = fft.rfftfreq(n, 1 / n, dtype=autodiff.float64)
        np.testing.assert_allclose(plain(fft.irfft(2j * np.pi * f * fft.rfft(wave), n)), slope, atol=1e-10)
        np.testing.assert_array_equal(plain(fft.fftfreq(n, requires_grad=True)), np.fft.fftfreq(n).astype(np.float32))


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@given(st.integers(3, 9), st.integers(1, 3), st.integers(0, 3), st.booleans())
@settings(max_examples=25)
def test_istft_is_the_inverse_of_stft(center: bool, whole: bool, n: int, hop: int, less: int, normalized: bool) -> None:
    """Of real signals and complex ones, with windows that are shorter than the pieces, up to a rest at the end."""
    size = max(n - less, hop)
    signal = some((2, 24), whole)
    options: dict[str, Any] = {"hop_length": hop, "win_length": size, "center": center, "normalized": normalized}
    options["window"] = tensor(some((size,), False) ** 2 + 0.2)
    spectra = autodiff.stft(tensor(signal), n, return_complex=True, **options)
    if not center and size < n:
        return  # no piece reaches the first and the last entries
    found = plain(autodiff.istft(spectra, n, onesided=not whole, return_complex=whole, **options))
    np.testing.assert_allclose(found, signal[:, : found.shape[1]], atol=1e-10)
    assert found.shape[1] > 24 - hop - n % 2


def test_istft_is_the_nearest_signal() -> None:
    """Griffin and Lim: at it the gradient of the distance to spectra that belong to no signal is 0."""
    options: dict[str, Any] = {"hop_length": 2, "window": tensor(some((6,), False) ** 2 + 0.2), "center": False}
    wanted = tensor(some((6, 5), True))
    nearest = autodiff.istft(wanted, 6, return_complex=True, **options).requires_grad_()
    distance = (autodiff.stft(nearest, 6, **options) - wanted).abs().pow(2).sum()
    distance.backward()
    assert distance.item() > 1
    np.testing.assert_allclose(plain(nearest.grad), 0, atol=1e-12)


def test_a_signal_is_continued_by_zeros_to_its_length() -> None:
    """``length`` beyond the last piece gives zeros there."""
    spectra = autodiff.stft(tensor(some((12,), False)), 4, center=False, return_complex=True)
    found = plain(autodiff.istft(spectra, 4, center=False, length=15))
    assert found.shape == (15,)
    assert not found[12:].any()


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
def test_windows(name: str) -> None:
    """A periodic one is a symmetric one that is longer by 1, without its last number; in single precision as well."""
    make = getattr(autodiff, f"{name}_window")
    for n in (2, 5, 8):
        double = {"dtype": autodiff.float64}
        np.testing.assert_allclose(plain(make(n, **double)), plain(make(n + 1, False, **double))[:-1], atol=1e-15)
        np.testing.assert_allclose(plain(make(n, False)), plain(make(n, False))[::-1], atol=1e-7)
        np.testing.assert_array_equal(plain(make(n)), plain(make(n, **double)).astype(np.float32))
    assert (make(0).shape, make(1).tolist(), make(3).dtype) == ((0,), [1.0], autodiff.float32)
    assert make(3, requires_grad=True).requires_grad
