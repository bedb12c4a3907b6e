"""SciPy's solvers with derivatives of this library: what is differentiated by arrays gives arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, func, tensor

optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

START = np.array([-1.2, 1.0, 0.8])


def rosenbrock(x: Any) -> Any:
    """In NumPy's words."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def the_same(x: Any) -> Any:
    """In this library's words, which give a tensor for an array."""
    return (100.0 * (autodiff.diff(x) + x[:-1] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


WITH = {  # what each method takes
    "": ("Nelder-Mead", "Powell", "COBYLA", "COBYQA"),
    "jac": ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"),
    "jac hess": ("Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr"),
}
METHODS = {method: takes.split() for takes, methods in WITH.items() for method in methods}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("function", [rosenbrock, the_same])
@pytest.mark.filterwarnings("ignore:delta_grad == 0.0")
def test_every_method_of_minimize_goes_as_with_derivatives_by_hand(method: str, function: Any) -> None:
    """To the same point, with the gradient and the Hessian where the method takes them."""
    near = method in ("COBYLA", "TNC", "dogleg")  # two do not arrive from afar, one wants a definite Hessian
    start = np.array([1.05, 1.1, 1.2]) if near else START
    ours = {"jac": func.grad(function), "hess": func.hessian(function)}
    by_hand = {"jac": optimize.rosen_der, "hess": optimize.rosen_hess}
    found = optimize.minimize(function, start, method=method, **{name: ours[name] for name in METHODS[method]})
    expected = optimize.minimize(
        optimize.rosen, start, method=method, **{name: by_hand[name] for name in METHODS[method]}
    )
    np.testing.assert_allclose(found.x, expected.x, atol=1e-4)
    assert found.success == expected.success


def test_the_value_comes_with_the_gradient() -> None:
    """jac=True, and a Hessian by its products."""
    found = optimize.minimize(func.value_and_grad(rosenbrock), START, jac=True, method="BFGS")
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)

    def product(x: Any, p: Any) -> Any:
        return func.hvp(rosenbrock, (x,), (p,))[1][0]

    for method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        found = optimize.minimize(rosenbrock, START, jac=func.grad(rosenbrock), hessp=product, method=method)
        np.testing.assert_allclose(found.x, 1.0, atol=1e-3)


def test_constraints_and_further_arguments() -> None:
    """A constraint has a Jacobian of its own; data stand beside what is differentiated by, as tensors too."""

    def distance(x: Any, target: Any) -> Any:
        return ((x - target) ** 2).sum()

    def circle(x: Any) -> Any:
        return 1 - np.sum(x**2)

    for target in (np.array([2.0, 2.0]), tensor(np.array([2.0, 2.0]))):
        constraint = {"type": "ineq", "fun": circle, "jac": func.grad(circle)}
        found = optimize.minimize(
            distance, np.zeros(2), args=(target,), jac=func.grad(distance), method="SLSQP", constraints=[constraint]
        )
        np.testing.assert_allclose(found.x, np.sqrt(0.5), atol=1e-6)
    nonlinear = optimize.NonlinearConstraint(
        circle, 0, np.inf, jac=func.jacrev(circle), hess=lambda x, v: v[0] * func.hessian(circle)(x)
    )
    found = optimize.minimize(distance, np.zeros(2), args=(np.full(2, 2.0),), jac=func.grad(distance),
                              hess=func.hessian(distance), method="trust-constr", constraints=[nonlinear])  # fmt: skip
    np.testing.assert_allclose(found.x, np.sqrt(0.5), atol=1e-3)


def equations(x: Any) -> Any:
    return np.stack([x[0] + 2 * x[1] - 2, x[0] ** 2 + 4 * x[1] ** 2 - 4])


@pytest.mark.parametrize("jacobian", [func.jacrev, func.jacfwd])
@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root_takes_a_jacobian(jacobian: Any, method: str) -> None:
    """Row by row and column by column."""
    found = optimize.root(equations, np.array([1.0, 2.0]), jac=jacobian(equations), method=method)
    np.testing.assert_allclose(equations(found.x), 0, atol=1e-8)
    found = optimize.fsolve(equations, np.array([1.0, 2.0]), fprime=jacobian(equations))
    np.testing.assert_allclose(equations(found), 0, atol=1e-8)


@pytest.mark.parametrize("method", ["newton", "halley"])
def test_root_scalar_takes_derivatives(method: str) -> None:
    """Of a Python number, which SciPy turns into NumPy's."""

    def cube(x: Any) -> Any:
        return x**3 - 2.0

    slope = func.grad(cube)
    found = optimize.root_scalar(cube, x0=1.5, fprime=slope, fprime2=func.grad(slope), method=method)
    np.testing.assert_allclose(float(found.root), 2 ** (1 / 3), rtol=1e-6)


def curve(t: Any, a: Any, b: Any) -> Any:
    return a * np.exp(-b * t)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares_take_a_jacobian(method: str) -> None:
    """Residuals of a curve, and curve_fit."""
    times = np.linspace(0, 3, 20)
    data = curve(times, 2.0, 1.5)

    def residuals(p: Any) -> Any:
        return curve(times, p[0], p[1]) - data

    found = optimize.least_squares(residuals, np.array([1.0, 1.0]), jac=func.jacrev(residuals), method=method)
    np.testing.assert_allclose(found.x, [2.0, 1.5], rtol=1e-6)

    def slopes(t: Any, a: Any, b: Any) -> Any:
        return np.stack(func.jacfwd(lambda a, b: curve(t, a, b), (0, 1))(np.float64(a), np.float64(b)), -1)

    fitted, _ = optimize.curve_fit(curve, times, data, p0=(1.0, 1.0), jac=slopes, method=method)
    np.testing.assert_allclose(fitted, [2.0, 1.5], rtol=1e-6)


def test_an_implicit_solver_takes_a_jacobian() -> None:
    """Of a stiff system, by the second of the arguments."""

    def speed(t: Any, y: Any) -> Any:
        return np.stack([-50.0 * (y[0] - np.cos(t)), y[0] - y[1]])

    ours = integrate.solve_ivp(speed, (0, 1), np.array([0.0, 1.0]), method="BDF", jac=func.jacrev(speed, 1))
    theirs = integrate.solve_ivp(speed, (0, 1), np.array([0.0, 1.0]), method="BDF")
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=1e-2)


def test_arrays_give_arrays_and_tensors_give_tensors() -> None:
    """What is differentiated by decides, leaf by leaf; without axes it is a number of NumPy's."""
    x = START
    assert type(func.grad(rosenbrock)(x)) is np.ndarray
    assert isinstance(func.grad(rosenbrock)(tensor(x)), Tensor)
    assert [type(y) for y in func.value_and_grad(rosenbrock)(x)] == [np.float64, np.ndarray]
    assert [type(y) for y in func.jvp(rosenbrock, (x,), (x,))] == [np.float64, np.float64]
    value, pull = func.vjp(equations, x[:2])
    assert [type(value), type(pull(np.ones(2))[0])] == [np.ndarray, np.ndarray]
    value, push = func.linearize(equations, x[:2])
    assert [type(value), type(push(np.ones(2)))] == [np.ndarray, np.ndarray]
    for transform in (func.jacrev, func.jacfwd):
        assert type(transform(equations)(x[:2])) is np.ndarray
    assert type(func.hessian(rosenbrock)(x)) is np.ndarray
    assert type(func.hvp(rosenbrock, (x,), (x,))[1][0]) is np.ndarray
    assert type(func.vmap(func.grad(rosenbrock))(np.stack([x, x]))) is np.ndarray
    assert type(autodiff.autograd.functional.jacobian(equations, x[:2])) is np.ndarray
    by_array, by_tensor = func.grad(lambda a, b: (a * b).sum(), (0, 1))(x, tensor(x))
    assert type(by_array) is np.ndarray
    assert isinstance(by_tensor, Tensor)
    assert isinstance(func.grad(lambda a: a * a)(0.5), Tensor)
    held = tensor(2.0, dtype=autodiff.float64, requires_grad=True)
    tracked = func.grad(lambda a: (held * a**2).sum())(x)
    assert isinstance(tracked, Tensor), "a gradient that can be differentiated again keeps its history"
    assert tracked.requires_grad
