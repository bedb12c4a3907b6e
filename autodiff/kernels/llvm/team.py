"""A kernel's work, shared among threads without Python in between.

The caller offers places in a job, and whoever is there takes one part of it after another: the caller, and the helper
threads that wait for jobs in a loop of machine code for some time before they sleep. Nobody waits for one who sleeps.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np

from autodiff.kernels.threads import lend_helpers, wake_helpers

PATIENCE = 4000  # looks for the next job, with a call of the system between, before a helper goes to sleep
APART = 16  # words from one that several threads write to the next, for lines of the cache of their own
PLACES, CALLS, NEXT, DONE, JOB, WORDS = (APART * k for k in range(6))
FIELDS = ("kernel", "given", "parts")  # of a job
AT = {"places": PLACES, "calls": CALLS, "next": NEXT, "done": DONE}
AT |= {name: JOB + k for k, name in enumerate(FIELDS)}


def _words(*names: str) -> str:
    return "\n".join(f"%{name}.at = getelementptr i64, ptr %team, i64 {AT[name]}" for name in names)


# ``run`` is for the caller of a kernel, ``serve`` for a helper. Whoever takes a place finds the job that it was offered
# for: the caller takes back the places that are left, and waits for who took the others, before there is another job.
TEXT = f"""
declare i32 @sched_yield()
define internal void @share(ptr %team, i64 %who) {{
{_words("next", *FIELDS)}
{chr(10).join(f"%{name} = load i64, ptr %{name}.at" for name in FIELDS)}
%code = inttoptr i64 %kernel to ptr
br label %turn
turn:
%part = atomicrmw add ptr %next.at, i64 1 seq_cst
%more = icmp slt i64 %part, %parts
br i1 %more, label %work, label %end
work:
call void %code(i64 %given, i64 %who, i64 %part)
br label %turn
end:
ret void
}}
define void @run(ptr %team, i64 %helpers) {{
{_words("places", "done")}
store atomic i64 %helpers, ptr %places.at seq_cst, align 8
call void @share(ptr %team, i64 0)
%left = atomicrmw xchg ptr %places.at, i64 0 seq_cst
%taken = sub i64 %helpers, %left
br label %wait
wait:
call i32 @sched_yield()
%done = load atomic i64, ptr %done.at seq_cst, align 8
%all = icmp eq i64 %done, %taken
br i1 %all, label %end, label %wait
end:
ret void
}}
define void @serve(ptr %team, i64 %seen, i64 %patience) {{
begin:
{_words("places", "calls", "done")}
br label %look
look:
%looks = phi i64 [%patience, %begin], [%fewer, %pause], [%patience, %work]
%place = load atomic i64, ptr %places.at seq_cst, align 8
%free = icmp sgt i64 %place, 0
br i1 %free, label %take, label %pause
take:
%others = sub i64 %place, 1
%both = cmpxchg ptr %places.at, i64 %place, i64 %others seq_cst seq_cst
%mine = extractvalue {{i64, i1}} %both, 1
br i1 %mine, label %work, label %pause
work:
call void @share(ptr %team, i64 %place)
atomicrmw add ptr %done.at, i64 1 seq_cst
br label %look
pause:
call i32 @sched_yield()
%calls = load atomic i64, ptr %calls.at seq_cst, align 8
%fewer = sub i64 %looks, 1
%patient = icmp sgt i64 %fewer, 0
%uncalled = icmp eq i64 %calls, %seen
%stay = and i1 %patient, %uncalled
br i1 %stay, label %look, label %end
end:
ret void
}}"""


# NumPy's binary interface has the pointer to the numbers first, after the head that all objects have. To read it takes
# an eighth of the time of ``array.ctypes``.
_HEAD, _word = object.__basicsize__, ctypes.c_int64.from_address


def _read_address(array: Any) -> int:
    return int(_word(id(array) + _HEAD).value)


_example = np.zeros((2, 3))[1:]
_is_there = sys.implementation.name == "cpython" and _read_address(_example) == _example.ctypes.data
address: Callable[[Any], int] = _read_address if _is_there else lambda array: int(array.ctypes.data)


class Team:
    """The threads of this process.

    Args:
        run, serve: the addresses of the machine code.
        engine: what holds it in memory.
    """

    def __init__(self, run: int, serve: int, engine: Any) -> None:
        self.engine, word = engine, ctypes.c_int64
        self._run = ctypes.CFUNCTYPE(None, word, word)(run)  # ctypes gives up the GIL meanwhile
        self._serve = ctypes.CFUNCTYPE(None, word, word, word)(serve)
        self._begin()
        lend_helpers(self._wait, self._call)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._callers, self._words, self._awake = list[object](), np.zeros(WORDS, np.int64), set[int]()

    def run(self, kernel: int, given: int, parts: int, helpers: int) -> None:
        """Run so many parts of a kernel, with at most so many helpers."""
        me = object()
        try:  # an interrupt may come after each call
            if helpers:
                self._callers.append(me)
            shared = self._callers[:1] == [me]  # else they help another thread
            words = self._words if shared else np.zeros(WORDS, np.int64)
            words[NEXT] = words[DONE] = 0
            words[JOB : JOB + len(FIELDS)] = kernel, given, parts
            if shared:
                wake_helpers(helpers - len(self._awake), helpers)
            self._run(address(words), helpers if shared else 0)
        finally:
            if me in self._callers:
                self._callers.remove(me)

    def _wait(self, jobs: SimpleQueue[Any]) -> None:
        """What a helper does before it sleeps: it takes part in kernels until it is called."""
        words, me = self._words, threading.get_ident()
        seen = int(words[CALLS])
        if jobs.empty():
            self._awake.add(me)
            self._serve(address(words), seen, PATIENCE)
            self._awake.discard(me)

    def _call(self) -> None:
        """Have the helpers look for another job than a kernel's."""
        self._words[CALLS] += 1
