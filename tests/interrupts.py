"""Ctrl-C at each place where it may come, one after another."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType
from typing import Any


@cache
def _places(code: CodeType) -> dict[int, tuple[str, Any]]:
    """Of each instruction the name, and the handler of its exceptions."""
    blocks = list(dis.Bytecode(code).exception_entries)
    return {
        each.offset: (each.opname, [block.target for block in blocks if block.start <= each.offset < block.end])
        for each in dis.get_instructions(code)
    }


def interrupts(run: Callable[[], Any], *inside: Any, everywhere: bool = False) -> Iterator[int]:
    """Run it again and again, interrupted at the next place inside of some functions; yield the number of each place.

    Python looks for signals where a function begins, after a call, and where a loop turns. Those after a call that ends
    a ``try`` are left out: here they would come behind it. ``everywhere`` is before each instruction.
    """
    codes, at = {function.__code__ for function in inside}, 1
    while _interrupted(run, codes, at, everywhere):
        yield at
        at += 1


def _interrupted(run: Callable[[], Any], codes: set[CodeType], at: int, everywhere: bool) -> bool:
    places, before = 0, {}  # type: int, dict[Any, tuple[str, Any]]

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal places
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        here = _places(frame.f_code).get(frame.f_lasti, ("", [])) if event == "opcode" else ("", [])
        name, handler = before.get(frame, here)
        before[frame] = here
        looks = everywhere or (name.startswith(("CALL", "JUMP_BACKWARD")) and handler == here[1])
        if event == "call" or (event == "opcode" and looks):
            places += 1
            if places == at:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(outer)
        before.clear()  # whose frames would keep what ends as garbage
    return False
