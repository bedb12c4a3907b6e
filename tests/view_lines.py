"""Lines of Python that make tensors, views and writes, drawn to fit the tensors that there are.

A line is text that runs with ``T`` for this library or for PyTorch: a program that disagrees is printed as it ran.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

NAMES = "abcdefgh"
NUMBERS = ("2.0", "0.5", "-1.5", "0.25", "3", "-0.5", "0.0")
SHAPES = ("(3,)", "(2, 3)", "(2, 2)", "(4,)", "(3, 1)", "(2, 1, 3)", "()", "(2, 4)", "(1,)")
LAYOUT = True  # whether to draw what depends on how a result lies in memory: flatten, as_strided, .view(), ravel
VIEWS = ("[...]", ".unsqueeze(0)", "[None]", ".unsqueeze(-1)", "[..., None]")
MODES = ("T.no_grad()", "T.enable_grad()", "T.set_grad_enabled(False)")

Line = Callable[["Drawer"], str]


class NothingFitsError(Exception):
    """There is no tensor for such a line."""


class Drawer:
    """Draws lines: ``random`` decides, ``tensors`` says what PyTorch's tensors are now."""

    def __init__(self, random: Random, tensors: dict[str, Any]) -> None:
        self.random, self.tensors = random, tensors

    def of(self, choices: Any) -> Any:
        return self.random.choice(choices)

    def chance(self, of: int) -> bool:
        return self.random.randrange(of) == of - 1

    def new(self) -> str:
        """A name for a result: a free one, or now and then one whose tensor is given up."""
        free = [name for name in NAMES if name not in self.tensors]
        return free[0] if free and not self.chance(8) else self.of(NAMES)

    def name(self, fits: Callable[[Any], bool] = lambda x: True) -> str:
        names = [name for name, x in self.tensors.items() if fits(x)]
        if not names:
            raise NothingFitsError
        return self.of(names)

    def written(self, fits: Callable[[Any], bool] = lambda x: True) -> str:
        """A tensor no entry of which shares memory with another: what a write leaves there would be undefined."""
        refused = self.chance(8)  # now and then one that must not be written while recording
        return self.name(lambda x: not overlaps(x) and fits(x) and (refused or not is_of_leaf(x)))

    def floating(self, fits: Callable[[Any], bool] = lambda x: True) -> str:
        return self.name(lambda x: x.is_floating_point() and fits(x))

    def dim(self, name: str) -> int:
        if not self.tensors[name].ndim:
            raise NothingFitsError
        return self.random.randrange(-1, self.tensors[name].ndim)

    def length(self, name: str, dim: int) -> int:
        length: int = self.tensors[name].shape[dim]
        if not length:
            raise NothingFitsError
        return length

    def fitting(self, name: str) -> str:
        """A number, or a tensor that broadcasts to the shape of that one."""
        kind = self.random.randrange(6)
        if kind < 2 or not self.tensors:
            return self.of(NUMBERS)
        other = self.name()
        if kind == 2:
            return f"{other}.{self.of(('sum()', 'detach().sum()'))}"
        fits = [n for n, x in self.tensors.items() if broadcasts(x.shape, self.tensors[name].shape)]
        other = self.of(fits)
        return other if kind > 3 else self.of((f"{other}.detach()", f"({other} * 2)", f"{other}.sin()"))

    def key(self, name: str, single: bool = True) -> str:
        """A key that picks entries of that tensor, no entry twice."""
        shape = tuple(self.tensors[name].shape)
        whole = self.random.randrange(12)
        if whole == 0 or not shape:
            return "..."
        if whole == 1:
            return f"{name}.detach() > {self.of(('0', '0.5', '-1'))}"
        if whole == 2:
            return f"..., {self.entry(shape[-1])}"
        if whole == 3:
            return f"None, {self.entry(shape[0])}"
        if whole == 4 and len(shape) > 1:
            return f"{self.entry(shape[0])}, {self.entry(shape[1])}"
        return self.entry(shape[0])

    def entry(self, length: int) -> str:
        kinds = [":1", "1:", "::2", "-1:", ":", ":-1"]
        if length:
            kinds += [str(self.random.randrange(-length, length)), "[0]", "T.tensor(0)"]
        if length > 1:
            kinds += [f"[0, {length - 1}]", "T.tensor([1, 0])", f"[{'True, ' * (length - 1)}False]"]
        return self.of(kinds)


def is_tracked(x: Any) -> bool:
    try:
        return bool(x.requires_grad) and x.is_leaf is not None
    except RuntimeError:  # a view of which PyTorch has lost track
        return False


def is_of_leaf(x: Any) -> bool:
    """Whether it is a leaf that requires grad, or a view of one."""
    root = x._base if x._is_view() else x
    return bool(root.requires_grad and root._is_view() is False and root.grad_fn is None)


def overlaps(x: Any) -> bool:
    """Whether windows of ``unfold`` overlap; what ``expand`` stretches is refused, and does not count."""
    span = 1 + sum((n - 1) * step for n, step in zip(x.shape, x.stride(), strict=True))
    return bool(x.numel() > span and 0 not in x.stride())


def broadcasts(shape: Any, to: Any) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


# --- what makes tensors -----------------------------------------------------------------------------------------------


def leaf(d: Drawer) -> str:
    dtype = "float32" if d.chance(8) else "float64"
    grad = "" if d.chance(3) else ", requires_grad=True"
    return f"{d.new()} = values({d.of(SHAPES)}, {d.random.randrange(9)}, T.{dtype}{grad})"


def whole_numbers(d: Drawer) -> str:
    return f"{d.new()} = T.tensor([[1, 2, 3], [0, 5, 1]])"


def result(d: Drawer) -> str:
    x = d.floating()
    forms = (f"{x} * 2", f"{x} * {d.fitting(x)}", f"{x} + {d.fitting(x)}", f"{x}.sin()", f"{x}.clone()", f"{x} * {x}",
             f"{x}.exp()", f"{x}.tanh()", f"{x}.sum()", f"{x}.detach()", f"{x} / 4", f"-{x}",
             f"{x}.sigmoid()", f"{x} ** 2", f"{x}.relu()", f"{x} - {d.fitting(x)}",
             f"{x}.detach().clone()", f"{x}.data", f"T.zeros_like({x})",
             f"T.where({x} > 0, {x}, {d.fitting(x)})")  # fmt: skip
    if LAYOUT or d.tensors[x].is_contiguous():
        forms += (f"T.cat([{x}, {x}])", f"T.stack([{x}, {x}])")
    return f"{d.new()} = {d.of(forms)}"


def view(d: Drawer) -> str:
    x = d.floating()
    shape = tuple(d.tensors[x].shape)
    forms = [f"{x}[{d.key(x)}]", f"{x}.T" if len(shape) == 2 else f"{x}[...]", f"{x}.view_as({x})",
             f"{x}.unsqueeze({d.random.randrange(-1, len(shape) + 1)})", f"{x}.squeeze()", f"{x}.reshape(-1)",
             f"{x}.expand({(2, *shape)})", f"{x}.detach()"]  # fmt: skip
    if LAYOUT:
        strided = f"as_strided({shape[:1]}, {(1,) * len(shape[:1])})"
        forms += [f"{x}.flatten()", f"{x}.ravel()", f"{x}.view(-1)", f"{x}.{strided}"]
    if shape:
        dim = d.dim(x)
        length = d.length(x, dim)
        forms += [f"{x}.select({dim}, {d.random.randrange(length)})", f"{x}.narrow({dim}, 0, {(length + 1) // 2})",
                  f"{x}.narrow({dim}, {length // 2}, {length - length // 2})", f"{x}.transpose({dim}, 0)",
                  f"{x}.permute({tuple(range(len(shape)))[::-1]})", f"{x}.unfold({dim}, 1, 1)",
                  f"{x}.unfold({dim}, {(length + 1) // 2}, {max(1, length // 2)})", f"{x}.movedim({dim}, 0)",
                  f"{x}.chunk(2, {dim})[0]", f"{x}.split(1, {dim})[-1]", f"{x}.unbind({dim})[0]",
                  f"{x}.squeeze({dim})", f"T.unbind({x}, {dim})[-1]", f"{x}.tensor_split(2, {dim})[1]",
                  f"{x}.swapaxes({dim}, -1)"]  # fmt: skip
    if len(shape) == 2:
        forms += [f"{x}.t()", f"{x}.diagonal()", f"{x}.diagonal(1)", f"{x}.mT"]
    return f"{d.new()} = {d.of(forms)}"


# --- what writes ------------------------------------------------------------------------------------------------------


def in_place(d: Drawer) -> str:
    x = d.written()
    forms = ("add_({v})", "mul_({v})", "sub_({v})", "zero_()", "fill_({n})", "copy_({v})", "sin_()", "neg_()",
             "pow_(2)", "exp_()", "clamp_(-1, 1)", "clamp_(min=0.1)", "div_({v})", "tanh_()", "sigmoid_()", "relu_()",
             "square_()", "masked_fill_({x} > 0, {n})", "add_({v}, alpha=2)", "addcmul_({x}, {x})", "abs_()",
             "lerp_({x}.detach(), 0.5)", "masked_fill_({x}.detach() < 0, {x}.sum())", "fill_({x}.sum())")  # fmt: skip
    text: str = d.of(forms)
    return f"{x}." + text.format(v=d.fitting(x), n=d.of(NUMBERS), x=x)


def operator(d: Drawer) -> str:
    x = d.written()
    return f"{x} {d.of(('+=', '*=', '-=', '/=', '**='))} {d.of((d.fitting(x), '2'))}"


def setitem(d: Drawer) -> str:
    x = d.written()
    key = d.key(x)
    value = d.of(("v", "n", "part", "sum", "scaled"))
    texts = {"v": d.fitting(x), "n": d.of(NUMBERS), "part": f"{x}[{key}] * 2", "sum": f"{d.name()}.sum()",
             "scaled": f"{x}[{key}].detach()"}  # fmt: skip
    form = d.of(("{x}[{k}] = {v}", "{x}[{k}] += {v}", "{x}[{k}] *= {v}"))
    return str(form.format(x=x, k=key, v=texts[value]))


def indexed(d: Drawer) -> str:
    x = d.written(lambda x: x.ndim > 0)
    dim = d.dim(x)
    last = d.length(x, dim) - 1
    index = f"T.tensor([{d.of((0, last))}])"
    pick = f"{d.name(lambda x: x.ndim > 0)}.detach()" if d.chance(3) else f"{x}.narrow({dim}, 0, 1)"
    zeros = f"T.zeros_like({x}, dtype=T.int64)"
    forms = (f"index_fill_({dim}, {index}, {d.of(NUMBERS)})", f"index_add_({dim}, {index}, {pick})",
             f"index_copy_({dim}, {index}, {pick} * 2)", f"scatter_({dim}, {zeros}, {d.of(NUMBERS)})",
             f"scatter_add_({dim}, {zeros}, {x})", f"cumsum_({dim})",
             f"index_fill_({dim}, {index}, {d.name()}.sum())",
             f"index_put_((T.tensor([0]),), {x}[:1] * 3)", f"masked_scatter_({x} > 0, {x} * 2)")  # fmt: skip
    return f"{x}.{d.of(forms)}"


def shape_in_place(d: Drawer) -> str:
    x = d.name()
    return f"{x}.{d.of(('squeeze_()', 'unsqueeze_(0)', 't_()', 'transpose_(0, -1)'))}"


# --- what changes the place in the graph, and what uses it ------------------------------------------------------------


def state(d: Drawer) -> str:
    x = d.floating()
    forms = (f"{x}.requires_grad_()", f"{x}.detach_()", f"{x}.retain_grad()", f"{x}.requires_grad_(False)",
             f"{x}.register_hook(lambda g: g * 2)", f"{x}.grad = None", f"{d.new()} = deepcopy({x})",
             f"{d.new()} = {x}.detach().requires_grad_()", f"del {x}")  # fmt: skip
    return str(d.of(forms))


def data(d: Drawer) -> str:
    x = d.written(lambda x: x.is_floating_point())
    if d.chance(2):
        x = d.floating(lambda x: not x._is_view() and all(y._base is not x for y in d.tensors.values()))
        values = (f"{x}.detach() * 2", f"{x}.detach().clone()", f"{d.floating()}.data")
        return f"{x}.data = {d.of(values)}"
    return str(d.of((f"{x}.data.mul_({d.of(NUMBERS)})", f"{x}.detach().add_(1)",
                     f"{x}.data[{d.key(x)}] = {d.of(NUMBERS)}",
                     f"{x}.data.copy_({d.fitting(x)})")))  # fmt: skip


def gradient(d: Drawer) -> str:
    x = d.floating()
    return str(d.of((f"{x}.grad.mul_(2)", f"{x}.grad.zero_()", f"{x}.grad = {x}.detach() * 2",
                     f"{d.new()} = {x}.grad", f"SGD([{x}], lr=0.25).step()", f"SGD([{x}], lr=0.5).zero_grad()",
                     f"SGD([{x}], lr=0.25, momentum=0.5).step()", f"{x}.grad.add_({x}.detach())")))  # fmt: skip


def back(d: Drawer) -> str:
    x = d.floating(is_tracked)
    y = d.floating(is_tracked)
    z = d.new()
    return str(d.of((f"weighted({x}).backward(retain_graph=True)", f"weighted({x}).backward()", f"{x}.sum().backward()",
                     f"{z}, = T.autograd.grad(weighted({x}), {y}, create_graph=True)",
                     f"{z}, = T.autograd.grad(weighted({x}), {y}, retain_graph=True)",
                     f"{x}.backward(T.ones_like({x}), retain_graph=True)",
                     f"weighted({x}).backward(create_graph=True, inputs=[{y}])", "check()")))  # fmt: skip


def recorded_passes(d: Drawer) -> str:
    """Two passes that are recorded, with the gradient of the first kept."""
    x, y, z = d.floating(is_tracked), d.floating(is_tracked), d.new()
    passes = f"weighted({x}).backward(create_graph=True, inputs=[{y}])"
    return f"{passes}\n{z} = {y}.grad\n{passes}"


def taken_out(d: Drawer) -> str:
    """What has a view is written, and then taken out of the graph, or given other memory."""
    y = d.floating(is_tracked)
    x, v = d.random.sample([name for name in NAMES if name != y], 2)
    write = d.of((f"{x}.mul_(2)", f"{x}[...] = {x}.sin()", f"{v} *= 3", f"{x} += {d.fitting(y)}"))
    out = d.of((f"{x}.detach_()", f"{x}.data = {x}.detach() * 2"))
    return f"{x} = {y} / 2\n{v} = {x}{d.of(VIEWS)}\n{write}\n{out}"


def older_view(d: Drawer) -> str:
    """A view of a view is used after a write to what both look into, or to the view in between."""
    y = d.floating(is_tracked)
    x, v, w, z = d.random.sample([name for name in NAMES if name != y], 4)
    written = d.of((x, v))
    write = f"{written}.mul_({d.of(('2', f'{y}.sum()', f'{written}.detach()'))})"
    return f"{x} = {y} / 2\n{v} = {x}{d.of(VIEWS)}\n{w} = {v}{d.of(VIEWS)}\n{write}\n{z} = {w} * 3"


def hooked_view(d: Drawer) -> str:
    """A view with a hook is written, or what it looks into is."""
    y = d.floating(is_tracked)
    x, v = d.random.sample([name for name in NAMES if name != y], 2)
    asks = d.of((f"{v}.register_hook(lambda g: g * 2)", f"{v}.retain_grad()"))
    return f"{x} = {y} / 2\n{v} = {x}{d.of(VIEWS)}\n{asks}\n{d.of((x, v))}.mul_(2)"


def check(d: Drawer) -> str:
    return "check()"


def in_mode(d: Drawer) -> str:
    line = d.of((view, in_place, setitem, result, operator, indexed, shape_in_place, state))(d)
    return f"with {d.of(MODES)}: {line}"


def in_inference_mode(d: Drawer) -> str:
    return f"with T.inference_mode(): {d.of((in_place, setitem, operator))(d)}"


RULES: tuple[Line, ...] = (
    *[leaf] * 2, *[result] * 4, *[view] * 8, *[in_place] * 6, *[setitem] * 4, *[operator] * 2, *[indexed] * 2,
    *[in_mode] * 4, *[state] * 2, data, gradient, *[back] * 3, check, shape_in_place, in_inference_mode,
    recorded_passes, taken_out, older_view, hooked_view,
)  # fmt: skip
RARE: tuple[Line, ...] = (whole_numbers,)


def draw_lines(drawer: Drawer) -> list[str]:
    """The next lines of a program, mostly one; none where none was found."""
    if not drawer.tensors:
        return [leaf(drawer)]
    try:
        rule = drawer.of(RULES)
        if rule is leaf and drawer.chance(8):
            rule = whole_numbers
        return str(rule(drawer)).split("\n")
    except NothingFitsError:
        return []
