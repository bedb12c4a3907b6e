"""LBFGS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np

from autodiff.dtypes import to_real
from autodiff.engine.modes import enable_grad
from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import OptionError
from autodiff.kernels.layout import pairs
from autodiff.kernels.lending import keep_lent
from autodiff.tensors.tensor import Tensor

from .line_search import ENOUGH_DESCENT, ENOUGH_FLATTENING, Point, cubic_minimum, strong_wolfe
from .optimizer import Array, Group, Optimizer, State
from .options import Limit, NotNegative, Params, Whole, options
from .states import Slot, is_number

__all__ = ["LBFGS"]


def _strong_wolfe(
    obj_func: Callable[..., tuple[float, Tensor]], x: Any, t: Any, d: Tensor, f: Any, g: Tensor, gtd: Any,
    c1: float = ENOUGH_DESCENT, c2: float = ENOUGH_FLATTENING, tolerance_change: float = 1e-9, max_ls: int = 25,
) -> tuple[float, Tensor, float, int]:
    """The line search, as minimizers of programs call it; ``obj_func(x, t, d)`` is a loss and its gradient.

    Returns the loss and the gradient of the point that is found, how far it is, and how many points were tried.

    Raises OptionError for other constants than those of PyTorch's LBFGS.
    """
    if (c1, c2) != (ENOUGH_DESCENT, ENOUGH_FLATTENING):
        raise OptionError(f"the line search has the constants 1e-4 and 0.9, not {c1} and {c2}")

    def at(t: float) -> Point:
        loss, gradient = obj_func(x, t, d)
        return Point(t, float(loss), gradient, float(gradient.dot(d)))

    origin = Point(0.0, float(f), g, float(gtd))
    there, tried = strong_wolfe(at, origin, float(t), float(d.abs().max()), tolerance_change, max_ls)
    return there.loss, there.gradient, there.t, tried


def _cubic_interpolate(
    x1: float, f1: float, g1: float, x2: float, f2: float, g2: float, bounds: tuple[float, float] | None = None
) -> float:
    """Where the cubic through two points, with values ``f`` and slopes ``g``, is least, between ``bounds``.

    >>> _cubic_interpolate(0.0, 1.0, -2.0, 3.0, 4.0, 4.0)  # (x - 1)^2
    1.0
    """
    low, high = bounds or (min(x1, x2), max(x1, x2))
    return cubic_minimum(Point(x1, f1, None, g1), Point(x2, f2, None, g2), low, high)

Search = Annotated[str | None, Limit(lambda name: name in (None, "strong_wolfe"), "None or 'strong_wolfe'")]


class LBFGS(Optimizer):
    """Steps along an approximate Newton direction, from the last steps and the changes of the gradient along them.

    ``step(closure)`` takes several iterations and calls the closure for each point it evaluates. All parameters are in
    one group and count as one vector.

    Args:
        params: parameters, or pairs of names and parameters.
        lr: the step, or the first step that the line search tries.
        max_iter: iterations in one ``step``.
        max_eval: calls of the closure in one ``step``; a quarter more than ``max_iter`` where it is not given.
        tolerance_grad: stop where no entry of the gradient is larger.
        tolerance_change: stop where neither the loss nor any entry changes by more.
        history_size: how many steps are remembered.
        line_search_fn: None or "strong_wolfe".

    Reference: Nocedal 1980, "Updating quasi-Newton matrices with limited storage"; Liu & Nocedal 1989, "On the limited
    memory BFGS method for large scale optimization".

    >>> import autodiff
    >>> x = autodiff.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - 1) ** 2 * autodiff.tensor([1.0, 10.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(94., grad_fn=<sum>)
    >>> (x - 1).abs().max() < 1e-5
    tensor(True)
    """

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1,
        max_iter: Whole = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: Whole = 100,
        line_search_fn: Search = None,
    ) -> None:
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, options(locals()))

    def _check(self, group: Group) -> None:
        if self.param_groups and group["params"] is not self.param_groups[0]["params"]:
            raise OptionError("LBFGS has one group of parameters, with one set of options; put all into one list")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to ``max_iter`` iterations; ``closure`` computes loss and gradients anew, and returns the loss.

        Returns the loss before the first iteration.

        Raises OptionError without a ``closure``.
        """
        if closure is None:
            raise OptionError("LBFGS looks at several points in one step; give step() a closure that computes the loss")
        (group,) = self.param_groups
        state, evaluate = self.state[group["params"][0]], enable_grad()(closure)
        first = evaluate()
        here = Point(0.0, float(first), self._gradient(), 0.0)
        calls = 1
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)
        for left in reversed(range(group["max_iter"] if self._steep(here, group) else 0)):
            d = self._direction(state, here.gradient, group["history_size"])
            t = float(group["lr"])
            if state["n_iter"] == 1:
                t *= min(1.0, 1 / float(np.abs(here.gradient).sum()))
            state.update(d=wrap(d), t=t, prev_flat_grad=wrap(here.gradient.copy()), prev_loss=here.loss)
            here = here._replace(t=0.0, slope=float(here.gradient @ d))
            if here.slope > -group["tolerance_change"]:
                break
            there, used = self._go(evaluate, here, d, group, calls, left)
            before, here, calls, state["t"] = here, there, calls + used, there.t
            state["func_evals"] += used
            small = group["tolerance_change"]
            stands = np.abs(d * there.t).max() <= small or abs(there.loss - before.loss) < small
            if calls >= group["max_eval"] or stands or not self._steep(there, group):
                break
        return first

    def _go(
        self, evaluate: Callable[[], Any], here: Point, d: Array, group: Group, calls: int, left: int
    ) -> tuple[Point, int]:
        """Move along ``d``; returns the point that is reached and the number of calls it took."""
        start = [pairs(p._array).copy() for p in group["params"]]

        def at(t: float) -> Point:
            self._move(start, t, d)
            loss, gradient = float(evaluate()), self._gradient()
            return Point(t, loss, gradient, float(gradient @ d))

        t = self.state[group["params"][0]]["t"]
        if group["line_search_fn"] is None:
            if left:
                return at(t), 1
            self._move(start, t, d)  # the loss of the last point is not needed, and differs on the next batch
            return here._replace(t=t), 0
        length = float(np.abs(d).max())
        there, used = strong_wolfe(at, here, t, length, group["tolerance_change"], group["max_eval"] - calls)
        self._move(start, there.t, d)
        return there, used

    @staticmethod
    def _steep(point: Point, group: Group) -> bool:
        return bool(np.abs(point.gradient).max() > group["tolerance_grad"])

    @staticmethod
    def _direction(state: State, g: Array, history: int) -> Array:
        """Minus the inverse Hessian, as remembered steps estimate it, times the gradient: the two-loop recursion."""
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        change, step = g - state["prev_flat_grad"]._array, state["d"]._array * state["t"]
        curvature = float(change @ step)
        memory = (state["old_dirs"], state["old_stps"], state["ro"])
        if curvature > 1e-10:
            for remembered, new in zip(memory, (wrap(change), wrap(step), 1 / curvature), strict=True):
                remembered.append(new)
                del remembered[:-history]
            state["H_diag"] = curvature / float(change @ change)
        pairs = [(y._array, s._array, rho) for y, s, rho in zip(*memory, strict=True)]
        q, weights = -g, []
        for y, s, rho in reversed(pairs):
            weights.append(float(s @ q) * rho)
            q -= weights[-1] * y
        q *= state["H_diag"]
        for y, s, rho in pairs:
            q += (weights.pop() - float(y @ q) * rho) * s
        return q

    def _gradient(self) -> Array:
        """The gradients of all parameters in one vector, 0 for those that have none."""
        params = self.param_groups[0]["params"]
        parts = [np.zeros_like(p._array) if p._grad is None else p._grad._array for p in params]
        return np.concatenate([pairs(part).ravel() for part in parts])

    def _move(self, start: list[Array], t: float, d: Array) -> None:
        """Put the parameters at ``start + t d``."""
        offset, arrays = 0, [pairs(p._array) for p in self.param_groups[0]["params"]]
        keep_lent(*arrays)
        for x, origin in zip(arrays, start, strict=True):
            np.add(origin, t * d[offset : offset + x.size].reshape(x.shape), x)
            offset += x.size
        changed(*(p._array for p in self.param_groups[0]["params"]), by=" by LBFGS.step()")

    def _slots(self, p: Tensor, group: Group, saved: Mapping[str, Any]) -> dict[str, Slot]:
        params, weights = group["params"], saved.get("ro")
        if p is not params[0]:
            return {}
        dtype, size = np.result_type(*(to_real(q.dtype) for q in params)), sum(pairs(q._array).size for q in params)
        taken = saved.get("n_iter")
        begun, length = is_number(taken) and taken != 0, len(weights) if isinstance(weights, (list, tuple)) else 0
        vector, number = Slot(shape=(size,), dtype=dtype, needed=begun), Slot("number", needed=begun)
        slots = {"func_evals": Slot("count"), "n_iter": Slot("count"), "al": Slot("unused", needed=False)}
        slots |= {"d": vector, "prev_flat_grad": vector, "t": number, "prev_loss": number, "H_diag": number}
        several = {"old_dirs": vector, "old_stps": vector, "ro": number}
        return slots | {name: slot._replace(length=length) for name, slot in several.items()}
