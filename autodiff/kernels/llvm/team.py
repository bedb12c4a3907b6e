"""A kernel's work, shared among threads without Python in between.

The caller posts a job, and whoever is there takes one part of it after another: the caller, and the helper threads that
wait for jobs in a loop of machine code for some time before they sleep. The caller never waits for one who sleeps.
"""

from __future__ import annotations

import ctypes
import os
import threading
from queue import SimpleQueue
from typing import Any

import numpy as np

from autodiff.kernels.threads import lend_helpers, wake_helpers

PATIENCE = 2000  # looks for the next job, with a call of the system between, before a helper goes to sleep
APART = 16  # words from one that several threads write to the next, for lines of the cache of their own
OPEN, NEXT, INSIDE, NAMES, CALLS, AWAKE, JOB = (APART * k for k in range(7))
WORDS = APART * 8
FIELDS = ("kernel", "arrays", "start", "stop", "parts", "most")  # of a job; at ``most`` so many threads take part
AT = {"open": OPEN, "next": NEXT, "inside": INSIDE, "names": NAMES, "calls": CALLS, "awake": AWAKE}
AT |= {name: JOB + k for k, name in enumerate(FIELDS)}
PLACES = "\n".join(f"%{name}.at = getelementptr i64, ptr %team, i64 {at}" for name, at in AT.items())


def _load(name: str, at: str) -> str:
    return f"%{name} = load atomic i64, ptr %{at}.at seq_cst, align 8"


def _count(what: str, at: str) -> str:
    return f"atomicrmw {what} ptr %{at}.at, i64 1 seq_cst"


# ``run`` is for the caller of a kernel, ``serve`` for a helper. A helper enters before it looks whether the job is open
# still, and the caller closes it before it waits for those inside; so nobody works on a job whose caller has returned.
TEXT = f"""
declare i32 @sched_yield()
define internal void @share(ptr %team, i64 %who) {{
{PLACES}
{chr(10).join(_load(name, name) for name in FIELDS)}
%code = inttoptr i64 %kernel to ptr
br label %turn
turn:
%part = {_count("add", "next")}
%some = icmp slt i64 %part, %parts
br i1 %some, label %work, label %done
work:
%more = add i64 %part, 1
%count = sub i64 %stop, %start
%low = mul i64 %part, %count
%high = mul i64 %more, %count
%begun = udiv i64 %low, %parts
%ended = udiv i64 %high, %parts
%first = add i64 %start, %begun
%last = add i64 %start, %ended
call void %code(i64 %arrays, i64 %first, i64 %last, i64 %who, i64 %part)
br label %turn
done:
ret void
}}
define void @run(ptr %team, i64 %number, {", ".join(f"i64 %{name}" for name in FIELDS)}) {{
{PLACES}
{chr(10).join(f"store i64 %{name}, ptr %{name}.at" for name in FIELDS)}
store i64 0, ptr %next.at
store i64 1, ptr %names.at
store atomic i64 %number, ptr %open.at seq_cst, align 8
call void @share(ptr %team, i64 0)
store atomic i64 0, ptr %open.at seq_cst, align 8
br label %wait
wait:
{_load("left", "inside")}
%alone = icmp eq i64 %left, 0
br i1 %alone, label %done, label %pause
pause:
call i32 @sched_yield()
br label %wait
done:
ret void
}}
define void @serve(ptr %team, i64 %seen, i64 %patience) {{
begin:
{PLACES}
{_count("add", "awake")}
br label %wait
wait:
%looks = phi i64 [%patience, %begin], [%fewer, %pause], [%patience, %leave]
%last = phi i64 [0, %begin], [%last, %pause], [%job, %leave]
{_load("job", "open")}
%there = icmp ne i64 %job, 0
%other = icmp ne i64 %job, %last
%new = and i1 %there, %other
br i1 %new, label %enter, label %pause
pause:
call i32 @sched_yield()
{_load("now", "calls")}
%fewer = sub i64 %looks, 1
%patient = icmp sgt i64 %fewer, 0
%uncalled = icmp eq i64 %now, %seen
%stay = and i1 %patient, %uncalled
br i1 %stay, label %wait, label %done
enter:
{_count("add", "inside")}
{_load("still", "open")}
%same = icmp eq i64 %still, %job
br i1 %same, label %come, label %leave
come:
%who = {_count("add", "names")}
{_load("most", "most")}
%wanted = icmp slt i64 %who, %most
br i1 %wanted, label %work, label %leave
work:
call void @share(ptr %team, i64 %who)
br label %leave
leave:
{_count("sub", "inside")}
br label %wait
done:
{_count("sub", "awake")}
ret void
}}"""


class Team:
    """The threads of this process.

    Args:
        run, serve: the addresses of the machine code.
        code: what holds it in memory.
    """

    def __init__(self, run: int, serve: int, code: object) -> None:
        self._code = code
        word = ctypes.c_int64
        self._run = ctypes.CFUNCTYPE(None, *[word] * (2 + len(FIELDS)))(run)  # ctypes gives up the GIL meanwhile
        self._serve = ctypes.CFUNCTYPE(None, word, word, word)(serve)
        self._begin()
        lend_helpers(self._wait, self._call)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._free, self._words, self._number = threading.Lock(), np.zeros(WORDS, np.int64), 0

    def run(self, kernel: int, arrays: int, start: int, stop: int, parts: int, most: int) -> None:
        """Run a kernel over ``range(start, stop)`` in so many parts, with at most so many threads."""
        job = kernel, arrays, start, stop, parts, most
        if most > 1 and self._free.acquire(blocking=False):
            try:
                wake_helpers(most - 1 - int(self._words[AWAKE]), most - 1)
                self._number += 1
                self._run(self._words.ctypes.data, self._number, *job)
            finally:
                self._free.release()
        else:  # nobody helps, or all help another thread
            alone: Any = np.zeros(WORDS, np.int64)
            self._run(alone.ctypes.data, 1, *job)

    def _wait(self, jobs: SimpleQueue[Any]) -> None:
        """What a helper does before it sleeps: it takes part in kernels until it is called."""
        words = self._words
        seen = int(words[CALLS])
        if jobs.empty():
            self._serve(words.ctypes.data, seen, PATIENCE)

    def _call(self) -> None:
        """Have the helpers look for another job than a kernel's."""
        self._words[CALLS] += 1
