"""What can be wrong with a gradient: one exception class for each fault, so that a test shrinks only that fault."""

from __future__ import annotations

from autodiff.errors import AutodiffError


class GradcheckError(AutodiffError, AssertionError, RuntimeError):
    """A gradient that did not pass; the message says which entry, by how much, and what pattern it follows."""


class WrongGradient(GradcheckError):
    """The gradient is not the slope of the function."""


class NotDifferentiable(GradcheckError):
    """The function has no slope at this point, so that no gradient can be called right or wrong there."""


class ValueMismatch(GradcheckError):
    """The value differs from that of the reference."""


class RecordingMismatch(GradcheckError):
    """The value with recording differs from the value without."""


class ShapeMismatch(GradcheckError):
    """A gradient does not have the shape of its input."""


class DtypeMismatch(GradcheckError):
    """A value or a gradient does not have the dtype of the inputs."""


class LinearityError(GradcheckError):
    """The gradient for a sum of cotangents is not the sum of the gradients."""


class UnusedError(GradcheckError):
    """The gradient of one input changes with whether another one wants a gradient, or with an output nobody used."""


class SharingError(GradcheckError):
    """A tensor used twice does not get twice the gradient."""


class AccumulationError(GradcheckError):
    """A second backward pass did not add to ``.grad``."""


class MutationError(GradcheckError):
    """An input or the cotangent was changed."""


class AliasingError(GradcheckError):
    """A gradient shares memory with another gradient, with the cotangent or with an input."""


class NonDeterminismError(GradcheckError):
    """The same call gave two results."""


class BroadcastingError(GradcheckError):
    """The gradient of a broadcast input is not the sum over the places it was broadcast to."""


class LayoutError(GradcheckError):
    """The result depends on how the same numbers lie in memory."""


class EmptyInputError(GradcheckError):
    """An input without entries, or without axes, fails where it need not."""


class LowPrecisionError(GradcheckError):
    """The gradient in low precision is further from the one in float64 than its digits explain."""


class NonFiniteGradient(GradcheckError):
    """The value is finite and the gradient is not."""


class SecondOrderError(GradcheckError):
    """The gradient of the gradient is not the slope of the gradient."""
