"""Random numbers: PyTorch's Generator over NumPy's, and the default one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import RLock, get_ident
from typing import Any

import numpy as np

from autodiff.errors import DtypeError, OptionError
from autodiff.forks import hold_over_forks
from autodiff.kinds import described

__all__ = [
    "Generator", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state",
]  # fmt: skip

_making = RLock()


class Generator:
    """A stream of random numbers, the same for the same seed.

    >>> g = Generator().manual_seed(0)
    >>> first = g.numpy.random()
    >>> g.manual_seed(0).numpy.random() == first
    True
    """

    device: Any  # the CPU, as ``tensors.devices`` says, which stands above

    def __init__(self, device: Any = "cpu") -> None:
        self._seed = _unknown_seed()

    @cached_property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator, made when it is first used: numpy.random is slow to import."""
        with _making:  # or two threads would each draw the first numbers
            if "numpy" not in self.__dict__:
                self.__dict__["numpy"] = np.random.Generator(np.random.PCG64(self._seed % 2**64))
            made: np.random.Generator = self.__dict__["numpy"]
            return made

    def manual_seed(self, seed: int) -> Generator:
        """Start again from ``seed``; raises OptionError for what is no whole number."""
        try:
            self._seed = int(seed)
        except (OverflowError, TypeError, ValueError):
            raise OptionError(f"a seed is a whole number, not {described(seed)}") from None
        self.__dict__.pop("numpy", None)
        return self

    def seed(self) -> int:
        """Start again from a seed of the operating system, and return it."""
        return self.manual_seed(_unknown_seed())._seed

    def initial_seed(self) -> int:
        """The seed it started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """The position in its stream, for ``set_state``."""
        return {"seed": self._seed, **self.numpy.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> Generator:
        """Go on from a state that ``get_state`` gave; raises OptionError for anything else, which changes nothing."""
        bits = self.numpy.bit_generator
        before = bits.state
        try:
            seed = int(state["seed"])
            bits.state = {k: v for k, v in state.items() if k != "seed"}
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError):
            bits.state, given = before, described(state)
            raise OptionError(f"the state of a generator is a dict that get_state() gave, not {given}") from None
        self._seed = seed
        return self


def _unknown_seed() -> int:
    return int.from_bytes(os.urandom(8), "little") >> 1


default_generator = Generator()


def _drawing() -> Any:
    """The lock that is held while numbers are drawn from the default generator; None before the first."""
    made = default_generator.__dict__.get("numpy")
    return None if made is None else made.bit_generator.lock


hold_over_forks(lambda: _making)
hold_over_forks(_drawing)


def manual_seed(seed: int) -> Generator:
    """Start the default generator again from ``seed``; raises OptionError for what is no whole number."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator from a seed that nobody knows, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """The position of the default generator in its stream, for ``set_rng_state``."""
    return default_generator.get_state()


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Let the default generator go on from a state that ``get_rng_state`` gave."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **options: Any) -> Iterator[None]:
    """A block after which the default generator goes on as if nothing had been drawn in it; not unless ``enabled``.

    >>> _ = manual_seed(0)
    >>> with fork_rng():
    ...     first = default_generator.numpy.random()
    >>> first == default_generator.numpy.random()
    True
    """
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)


noting: dict[int, Callable[[Generator], Any]] = {}  # of a thread that compiles a step, what notes its draws


def numpy_generator(generator: Generator | None) -> np.random.Generator:
    """NumPy's generator of ``generator``, or of the default one; raises DtypeError for anything else."""
    own = default_generator if generator is None else generator
    if generator is not None and not isinstance(own, Generator):
        raise DtypeError(f"a generator is an autodiff.Generator, not {described(own)}")
    if noting and get_ident() in noting:
        noted: np.random.Generator = noting[get_ident()](own)
        return noted
    return own.numpy
