"""What goes wrong in a module, explained: where it was raised, what was given, which names are taken."""

from __future__ import annotations

from inspect import isroutine
from typing import Any

from autodiff.errors import AttributeNameError, AutodiffError
from autodiff.kinds import described, wrong_kind


def located(module: Any, error: Exception, given: tuple[Any, ...]) -> Exception:
    """``error`` of the call of ``module`` with what was ``given``, with the path from this module to the one at fault.

    Each module that the error passes adds the name of the module it came from. An error that is not this library's
    keeps its message and gets a note; one that only says that an argument is no tensor is replaced.
    """
    known = error.__dict__.get("_in_module")
    if known is None:
        if "_hooks" not in vars(module):
            return _not_begun(module)
        if module._ours:
            error = wrong_kind(type(module).__name__, given, error) or error
        _name_forward(module, error)
        inner, path, text = module, "", brief(module)
        message = error.args[0] if len(error.args) == 1 else None
    else:
        inner, path, text, message = known
        name = next((name for name, found in module.named_modules() if found is inner), None)
        if name is None:
            return error
        path = f".{name}{path}" if name else path
    where = f"in {type(module).__name__}{path}{text}"
    if isinstance(error, AutodiffError) and isinstance(message, str):
        error.args = (f"{where}: {message}",)
    elif known is None:
        error.add_note(where)
    else:
        error.__notes__[-1] = where
    error.__dict__["_in_module"] = (module, path, text, message)
    return error


def _name_forward(module: Any, error: Exception) -> None:
    """Name the module's class in an error about the arguments of a forward() of the library, not a base."""
    base, message = getattr(module.forward, "__qualname__", ""), str(error)
    if module._ours and type(error) is TypeError and message.startswith(f"{base}()"):
        error.args = (f"{type(module).__name__}.forward{message[len(base) :]}",)


def brief(module: Any) -> str:
    """The module's text in parentheses, for errors; empty where it takes several lines."""
    text = module._brief() if hasattr(module, "_brief") else f" ({module!r})"
    return "" if "\n" in text else text


def check_begun(module: Any, fault: str = "does not call") -> None:
    """Raise AttributeNameError where the module's constructor has not called that of Module."""
    if "_hooks" not in vars(module):
        raise _not_begun(module, fault)


def _not_begun(module: Any, fault: str = "does not call") -> AttributeNameError:
    return AttributeNameError(f"{type(module).__name__}.__init__ {fault} super().__init__(); call it first")


# Methods that only a user calls, on a whole model: programs have attributes of these names, as in self.cuda = False.
_CONVERSIONS = frozenset(("bfloat16", "compile", "cpu", "cuda", "double", "float", "half", "to", "type"))


def check_name(module: Any, name: str, value: Any) -> None:
    """Raise AttributeNameError where an attribute would hide the method ``name``, which the library gave the module.

    Another function in its place is meant to replace it, as in programs that keep a frozen part from training; and a
    method that converts a whole model may be hidden in one of its modules, which no longer has it then.
    """
    if name == "forward" or name in _CONVERSIONS or isroutine(value) or hasattr(value, "func"):
        return
    raise AttributeNameError(
        f"{name!r} is a method of {type(module).__name__}, which {described(value)} would hide; "
        "give the attribute another name"
    )


def repair_of_member(given: Any) -> str:
    """How to make a module of what was given in place of one."""
    if isinstance(given, type):
        return f"; make an instance of it, {given.__name__}(...)"
    if isroutine(given):
        return "; take the layer of that name, as in nn.ReLU(), or a Module whose forward() calls the function"
    if isinstance(given, (list, tuple)) or hasattr(given, "__next__"):
        return "; give its members one by one, with a star: Sequential(*layers)"
    return "; give a layer, such as nn.ReLU()" if isinstance(given, str) else ""
