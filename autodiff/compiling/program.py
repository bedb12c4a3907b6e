"""From notes to a program: what need not be done twice, and what nobody reads."""

from __future__ import annotations

from collections import Counter
from typing import Any

from autodiff.compiling.calls import Call, Draw, Reading, mapped, parts
from autodiff.compiling.traced import Ref


def common(calls: list[Call], results: list[Ref]) -> tuple[list[Call], list[Ref]]:
    """Common subexpressions: a call with the arguments of an earlier one gives the array that is there already.

    Only arrays that are written once may stand for each other.
    """
    writes = Counter(ref.root for call in calls for ref in call.written())
    versions: Counter[Ref] = Counter()
    same: dict[Ref, Ref] = {}
    seen: dict[Any, Ref] = {}
    kept = []
    for call in calls:
        taken = call.args, call.kwargs, call.outs, call.writes
        call.args, call.kwargs, call.outs, call.writes = mapped(taken, lambda x: same.get(x, x))
        out: Any = call.outs[0] if call.outs else None
        twin = call.args[0] if _shows_all(call) else seen.setdefault(_key(call, writes, versions), out)
        if twin is not out:
            same[out] = twin
            continue
        kept.append(call)
        versions.update(ref.root for ref in call.written())
    for ref in {ref for call in kept for ref in call.refs()} | set(results):
        while ref.root in same:
            ref.root = same[ref.root].root
    return kept, [same.get(r, r) for r in results]


def _shows_all(call: Call) -> bool:
    """Whether a call gives all of an array as it is."""
    if not call.is_view or call.are_listed or not isinstance(call.args[0], Ref):
        return False
    return bool(call.args[0].array.__array_interface__ == call.outs[0].array.__array_interface__)  # type: ignore[union-attr]


def _key(call: Call, writes: Counter[Ref], versions: Counter[Ref]) -> Any:
    """What two calls have in common that give the same; the call itself where there is no such thing."""
    if len(call.outs) != 1 or call.outs[0] is None or call.writes or isinstance(call.function, Draw):
        return call
    if not call.is_view and (writes[call.outs[0].root] != 1 or call.outs[0].root.kind != "temporary"):
        return call
    return call.function, frozen((call.args, call.kwargs), {} if call.is_view else versions)


def frozen(x: Any, versions: Any = None) -> Any:
    """What can be compared and hashed in place of ``x``: equal for the same values, and versions of arrays."""
    if isinstance(x, Ref):
        return x, versions.get(x.root, 0) if versions else 0
    if isinstance(x, (tuple, list)):
        return type(x), *(frozen(each, versions) for each in x)
    if isinstance(x, dict):
        return tuple((name, frozen(each, versions)) for name, each in x.items())
    if isinstance(x, slice):
        return slice, x.start, x.stop, x.step
    return type(x), x.hex() if isinstance(x, float) else x if x.__hash__ else id(x)  # 0.0 equals -0.0


def needed(calls: list[Call], results: list[Ref]) -> list[Call]:
    """The calls without those whose results nobody reads."""
    wanted, kept = {r.root for r in results}, []
    for call in reversed(calls):
        changes = {ref.root for ref in (call.outs if call.is_view else call.written()) if ref is not None}
        lasts = any(root.kind == "lasting" for root in changes) and not call.is_view
        if lasts or isinstance(call.function, (Reading, Draw)) or changes & wanted:
            kept.append(call)
            wanted.update(ref.root for ref in parts((call.args, call.kwargs, call.writes)))
    return kept[::-1]
