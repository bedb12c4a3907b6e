"""Lines to draw that no case of the vocabulary says: views, writes, ends of recording, arithmetic of two variables.

Each function takes the generator and tensors of this library, of which it reads the shapes, and gives a text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Rng = Any

# Layers with the shapes of inputs; ``{d}`` is the dtype.
LAYERS: list[tuple[str, tuple[int, ...]]] = [
    ("Linear(3, 2, dtype={d})", (2, 3)), ("Linear(3, 4, bias=False, dtype={d})", (3,)),
    ("Conv1d(2, 3, 2, dtype={d})", (1, 2, 5)), ("Conv2d(2, 3, 2, padding=1, dtype={d})", (1, 2, 3, 4)),
    ("ConvTranspose2d(2, 2, 2, stride=2, dtype={d})", (1, 2, 3, 2)), ("LayerNorm(3, dtype={d})", (2, 3)),
    ("GroupNorm(2, 4, dtype={d})", (2, 4, 3)), ("BatchNorm1d(3, dtype={d})", (4, 3)),
    ("BatchNorm2d(2, dtype={d}).eval()", (2, 2, 2, 2)), ("PReLU(dtype={d})", (2, 3)), ("RMSNorm(3, dtype={d})", (2, 3)),
    ("Softmax(dim=-1)", (2, 3)), ("Flatten()", (2, 2, 3)), ("MaxPool2d(2)", (1, 2, 4, 4)),
    ("AvgPool2d(2)", (1, 2, 4, 4)), ("Upsample(scale_factor=2)", (1, 2, 3)), ("GLU()", (2, 4)), ("GELU()", (2, 3)),
    ("Unflatten(1, (2, 3))", (2, 6)), ("PixelShuffle(2)", (1, 4, 2, 2)), ("ZeroPad2d(1)", (1, 2, 3)), ("ELU()", (2, 3)),
    ("Dropout(0.5).eval()", (2, 3)), ("Identity()", (2, 3)), ("Softplus()", (2, 3)), ("Hardswish()", (2, 3)),
    ("Sequential(lib.nn.Linear(3, 4, dtype={d}), lib.nn.ReLU(), lib.nn.Linear(4, 2, dtype={d}))", (2, 3)),
    ("Sequential(lib.nn.Linear(3, 4, dtype={d}), lib.nn.Tanh(), lib.nn.LayerNorm(4, dtype={d}))", (2, 3)),
]  # fmt: skip


def pick(rng: Rng, options: Sequence[Any]) -> Any:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def _index(rng: Rng, shape: Sequence[int]) -> str:
    """A key of basic indexing."""
    keys, n = [], int(rng.integers(1, len(shape) + 1))
    for size in shape[:n]:
        keys.append(pick(rng, [
            "0" if size else ":", "-1" if size else ":", ":", "1:", ":-1", "::2", f"{size // 2}:",
            "1::2", "None, :", ":0",
        ]))  # fmt: skip
    if rng.random() < 0.2:
        keys.insert(pick(rng, [0, len(keys)]), pick(rng, ["None", "..."]))
        if keys[0] == "...":
            keys = ["...", *keys[1:]]
    return f"[{', '.join(keys)}]"


def view(rng: Rng, x: Any) -> str:
    """What makes another view of x, as the text that follows its name."""
    shape, n = tuple(x.shape), x.ndim
    if n == 0:
        return str(pick(rng, [
            ".view(1)", "[None]", ".unsqueeze(0)", ".expand(3)", ".reshape(1, 1)", "[()]", "[...]", ".view(())",
        ]))  # fmt: skip
    d = int(rng.integers(-n, n))
    size = shape[d]
    options: list[Callable[[], str]] = [
        lambda: _index(rng, shape), lambda: _index(rng, shape),
        lambda: f".select({d}, {int(rng.integers(-size, size)) if size else 0})",
        lambda: f".narrow({d}, {min(1, size)}, {max(size - 1, 0)})",
        lambda: f".transpose({d}, {int(rng.integers(n))})",
        lambda: f".permute({', '.join(map(str, rng.permutation(n)))})",
        lambda: f".unsqueeze({d})", lambda: f".squeeze({d})", lambda: ".squeeze()",
        lambda: pick(rng, [".flatten()", ".view(-1)", ".reshape(-1)", ".ravel()"]),
        lambda: f".{pick(rng, ['view', 'reshape'])}({', '.join(map(str, _regrouped(rng, shape)))})",
        lambda: f".{pick(rng, ['view', 'reshape'])}({', '.join(map(str, _regrouped(rng, shape)))})",
        lambda: f".expand(2, {', '.join(['-1'] * n)})",
        lambda: f".unfold({d}, {min(2, size)}, {pick(rng, [1, 2])})",
        lambda: f".{pick(rng, ['chunk', 'tensor_split'])}(2, {d})[{pick(rng, [0, -1])}]",
        lambda: f".split({pick(rng, [1, 2])}, {d})[{pick(rng, [0, -1])}]",
        lambda: f".unbind({d})[-1]", lambda: f".flip({d})", lambda: f".movedim({d}, 0)",
        lambda: ".view_as(" + f"lib.zeros({shape}))", lambda: ".detach()", lambda: ".contiguous()", lambda: "[:]",
        lambda: f".unflatten({d}, (1, {size}))",
        lambda: ".as_strided(({},), ({},))".format(*pick(rng, [(2, 1), (2, 2), (1, 3)])),
        lambda: f".expand_as(lib.zeros({(2, *shape)}))",
    ]  # fmt: skip
    if n >= 2:
        options += [
            lambda: ".mT", lambda: ".transpose(0, 1)", lambda: f".diagonal({pick(rng, [0, 1, -1])}, 0, -1)",
            lambda: ".swapaxes(0, -1)", lambda: ".t()" if n == 2 else ".transpose(-1, -2)",
            lambda: f".flatten({pick(rng, [0, 0, -2])}, -1)", lambda: ".T" if n == 2 else ".mT",
        ]  # fmt: skip
    return str(pick(rng, options)())


def _regrouped(rng: Rng, shape: Sequence[int]) -> list[int]:
    """A shape of as many entries."""
    sizes = list(shape)
    k = int(rng.integers(len(sizes)))
    match int(rng.integers(4)):
        case 0 if len(sizes) > 1:
            k = max(k, 1)
            return [*sizes[: k - 1], sizes[k - 1] * sizes[k], *sizes[k + 1 :]]
        case 1 if sizes[k] % 2 == 0 and sizes[k]:
            return [*sizes[:k], 2, sizes[k] // 2, *sizes[k + 1 :]]
        case 2 if 0 not in sizes:
            return [*sizes[:k], -1, *sizes[k + 1 :]]
        case _:
            return sizes[::-1]


def broadcasts(x: Any, y: Any) -> bool:
    """Whether y can be broadcast to the shape of x."""
    a, b = tuple(x.shape), tuple(y.shape)
    return len(b) <= len(a) and all(m in (1, k) for k, m in zip(a[::-1], b[::-1], strict=False))


def write(rng: Rng, target: str, x: Any, fitting: Sequence[str]) -> str:
    """A statement that writes into ``target``, of which x is the value; ``fitting`` can be broadcast to it."""
    value = pick(rng, fitting) if fitting and rng.random() < 0.6 else pick(rng, ["2.0", "0.5", "-1", "3"])
    key = _index(rng, tuple(x.shape)) if x.ndim else "[...]"
    options = [
        f"{target}.{pick(rng, ['add_', 'mul_', 'sub_', 'add_', 'mul_'])}({value})",
        f"{target}.{pick(rng, ['copy_', 'div_'])}({value})" if value[0].isalpha() else f"{target}.mul_({value})",
        f"{target}.zero_()", f"{target}.fill_({pick(rng, ['1.5', '0.0'])})",
        f"{target}{key} = {pick(rng, ['2.0', '0.0', '-1.5', *fitting[:1]])}",
        f"{target}[{target} > 0] = {pick(rng, ['2.0', '0.0'])}",
        f"{target}.masked_fill_({target} > 0.2, 0.5)", f"{target} {pick(rng, ['+=', '*=', '-='])} {value}",
        f"{target}.clamp_(-0.5, 1.0)", f"{target}{key} {pick(rng, ['+=', '*=', '-='])} 2.0",
        f"{target}.{pick(rng, ['exp_', 'neg_', 'sigmoid_', 'tanh_', 'relu_', 'sin_', 'square_', 'abs_'])}()",
        f"lib.nn.functional.{pick(rng, ['relu', 'leaky_relu', 'elu', 'hardtanh'])}({target}, inplace=True)",
        f"{target}.addcmul_({target}, {target}, value=0.5)",
    ]  # fmt: skip
    return str(pick(rng, options))


def cut(rng: Rng, name: str, new: str) -> str:
    """A statement that ends or begins recording, copies, or asks for a gradient."""
    other = pick(rng, ["lib.float64", "lib.float32"])
    return str(pick(rng, [
        f"{new} = {name}.detach()", f"with lib.no_grad(): {new} = {name} * 2", f"{new} = {name}.clone()",
        f"with lib.no_grad(): {new} = {name}{pick(rng, ['[...]', '.view(-1)', '.detach()'])}",
        f"{new} = {name}.to({other})",
        f"{new} = {name}.detach().clone().requires_grad_()", f"with lib.no_grad(): {name}.mul_(0.5)",
        f"{name}.detach_()", f"{new} = {name}.data", f"{name}.retain_grad()", f"{new} = {name}.detach().mul_(2)",
    ]))  # fmt: skip


def pair(rng: Rng, a: str, b: str) -> str:
    """An expression of two variables that broadcast against each other."""
    return str(pick(rng, [
        f"{a} + {b}", f"{a} * {b}", f"{a} - {b}", f"{a} * {b}", f"{a} / ({b}.abs() + 1)", f"lib.maximum({a}, {b})",
        f"lib.where({a} > {b}, {a}, {b})", f"lib.where({a} > 0, {b}.exp(), 0.0)",
        f"lib.where({a} > 0.1, {b}, {b}.sin())",
        f"{a} > {b}", f"({a} - {b}) ** 2", f"{a} @ {b}", f"lib.atan2({a}, {b})", f"lib.stack([{a}, {b}])",
        f"lib.cat([{a}, {b}])", f"{a}.sin() * {b}.sigmoid()", f"lib.hypot({a}, {b})", f"{a} + {b}.sum()",
        f"{a} * {b}.mean()", f"{a}.abs() ** {b}",
        f"lib.where({b} > 0, {b}.log(), {a})", f"lib.where({b} > 0, {b}.sqrt(), {a})", f"{a}.masked_fill({b} > 0, 1.0)",
        f"lib.einsum('...i,...i->...', {a}, {b})", f"lib.addcmul({a}, {b}, {b})", f"{a}.lerp({b}, 0.3)",
        f"lib.dot({a}.ravel(), {b}.ravel())",
    ]))  # fmt: skip
