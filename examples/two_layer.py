"""A two-layer classifier whose gradients are checked number by number: ``python -m examples.two_layer``.

Scores = relu(X W1 + b1) W2 + b2, mean softmax loss + reg * (sum W1^2 + sum W2^2), on a toy problem of 5 inputs with 4
features in 3 classes. It is checked in float64 against numeric gradients, then learned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff
import optim
from autodiff import Tensor
from autodiff.testing.numeric import refined
from examples.pictures import curves
from examples.progress import progress
from examples.report import Options, Report, Row, main, picture
from nn import functional as F

INPUTS, FEATURES, HIDDEN, CLASSES = 5, 4, 10, 3
LOSS_TO_BEAT = 1e-6  # the distance of six digits; with numeric gradients of one step size their errors were 1e-6
Parameters = dict[str, Tensor]


class Problem(NamedTuple):
    """Inputs (N, features) and labels (N,), to train on, and noisy copies of them to validate on."""

    inputs: Tensor
    labels: Tensor
    noisy_inputs: Tensor
    noisy_labels: Tensor


class History(NamedTuple):
    """What every step of training came to."""

    losses: list[float]
    accuracies: list[float]
    validation_losses: list[float]
    validation_accuracies: list[float]


def make_parameters(scale: float = 1e-4) -> Parameters:
    """Weights of the order of ``scale``, and biases that are zero, all float64."""
    parameters = {
        "W1": scale * autodiff.randn(FEATURES, HIDDEN, dtype=autodiff.float64),
        "b1": autodiff.zeros(HIDDEN, dtype=autodiff.float64),
        "W2": scale * autodiff.randn(HIDDEN, CLASSES, dtype=autodiff.float64),
        "b2": autodiff.zeros(CLASSES, dtype=autodiff.float64),
    }
    return {name: parameter.requires_grad_() for name, parameter in parameters.items()}


def toy_problem(copies: int = 20, noise: float = 2.0) -> Problem:
    """Five inputs of the order of 10 with labels, and ``copies`` of them with ``noise`` added."""
    inputs = 10 * autodiff.randn(INPUTS, FEATURES, dtype=autodiff.float64)
    labels = autodiff.tensor([0, 1, 2, 2, 1])
    noisy = autodiff.cat([inputs] * copies) + noise * autodiff.randn(copies * INPUTS, FEATURES, dtype=autodiff.float64)
    return Problem(inputs, labels, noisy, autodiff.cat([labels] * copies))


def scores(parameters: Parameters, inputs: Tensor) -> Tensor:
    """(N, features) -> (N, classes)."""
    hidden = F.relu(inputs @ parameters["W1"] + parameters["b1"])
    return hidden @ parameters["W2"] + parameters["b2"]


def loss(parameters: Parameters, inputs: Tensor, labels: Tensor, reg: float) -> Tensor:
    """The mean softmax loss and the penalty on the weights."""
    return F.cross_entropy(scores(parameters, inputs), labels) + reg * penalty(parameters)


def penalty(parameters: Parameters) -> Tensor:
    """The sum of all squared weights."""
    return parameters["W1"].square().sum() + parameters["W2"].square().sum()


def accuracy(parameters: Parameters, inputs: Tensor, labels: Tensor) -> float:
    """The share of inputs whose highest score is the right class."""
    return float((scores(parameters, inputs).argmax(1) == labels).double().mean().item())


def loss_above_uniform(parameters: Parameters, inputs: Tensor, labels: Tensor, reg: float) -> Tensor:
    """``loss`` less the ln 3 of a guess, as log1p(mean(expm1(s))) - s[label], which keeps the digits of small scores s.

    Only the numeric gradients use it: a difference of two losses near 1.0986 would be rounded to 1e-16, and steps as
    short as the distance to the next kink of the relu, some 1e-6, would leave few digits of it.
    """
    s = scores(parameters, inputs)
    right = s[autodiff.arange(len(labels)), labels]
    return (autodiff.log1p(autodiff.expm1(s).mean(1)) - right).mean() + reg * penalty(parameters)


def gradient_errors(parameters: Parameters, inputs: Tensor, labels: Tensor, reg: float) -> dict[str, float]:
    """For each parameter the largest of |analytic - numeric| / (|analytic| + |numeric|)."""
    gradients = autodiff.grad(loss(parameters, inputs, labels, reg), list(parameters.values()))
    errors = {}
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        analytic = gradient.numpy()
        numeric = slopes(lambda: loss_above_uniform(parameters, inputs, labels, reg), parameter.detach().numpy())
        errors[name] = float(np.max(np.abs(analytic - numeric) / np.maximum(np.abs(analytic) + np.abs(numeric), 1e-8)))
    return errors


@autodiff.no_grad()
def slopes(objective: Callable[[], Tensor], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The slope of ``objective`` along every entry of ``values``, by central differences extrapolated to step 0."""
    found = np.empty_like(values)
    for index in np.ndindex(values.shape):
        found[index] = refined(partial(_moved, objective, values, index), smallest=1e-8, step=2.0**-14).value[0]
    return found


def _moved(
    objective: Callable[[], Tensor], values: NDArray[np.float64], index: tuple[int, ...], distance: float
) -> NDArray[np.float64]:
    """The objective where one entry has moved by ``distance``; the entry is put back."""
    before = values[index]
    values[index] += distance
    moved = objective().numpy().reshape(1)
    values[index] = before
    return moved


def train(parameters: Parameters, problem: Problem, steps: int, lr: float = 0.1, reg: float = 1e-6) -> History:
    """Gradient descent on all inputs at once; losses and accuracies, in training and validation, after every step."""
    optimizer = optim.SGD(parameters.values(), lr=lr)
    history = History([], [], [], [])
    for _ in progress(range(steps), "training"):
        optimizer.zero_grad()
        loss(parameters, problem.inputs, problem.labels, reg).backward()
        optimizer.step()
        with autodiff.no_grad():
            for losses, accuracies, x, y in (
                (history.losses, history.accuracies, problem.inputs, problem.labels),
                (history.validation_losses, history.validation_accuracies, problem.noisy_inputs, problem.noisy_labels),
            ):
                losses.append(loss(parameters, x, y, reg).item())
                accuracies.append(accuracy(parameters, x, y))
    return history


def run(options: Options) -> Report:
    """The loss and its gradients before training, then training; it takes seconds, so --quick changes nothing."""
    autodiff.manual_seed(options.seed)
    problem, parameters = toy_problem(), make_parameters()
    toy = (problem.inputs, problem.labels, 0.05)
    first_loss, errors = loss(parameters, *toy).item(), gradient_errors(parameters, *toy)
    history = train(parameters, problem, steps=200)
    data = {
        "loss": first_loss,
        "gradient_error": errors,
        "train_accuracy": history.accuracies[-1],
        "validation_accuracy": history.validation_accuracies[-1],
        "losses": history.losses,
        "validation_losses": history.validation_losses,
    }
    if path := picture(options, "two_layer.png"):
        losses = {"training": history.losses, "validation": history.validation_losses}
        accuracies = {"training": history.accuracies, "validation": history.validation_accuracies}
        curves(path, {"softmax loss": losses, "accuracy": accuracies}, "step")
    rows = [Row("two layers: |loss - ln 3|", abs(first_loss - math.log(CLASSES)), LOSS_TO_BEAT, "<=", ".1e")]
    rows += [Row(f"two layers: gradient error of {name}", error, 1e-7, "<", ".1e") for name, error in errors.items()]
    rows.append(Row("two layers: training accuracy", history.accuracies[-1], 1.0, ">=", ".0%"))
    rows.append(Row("two layers: validation accuracy", history.validation_accuracies[-1], None, ">=", ".0%"))
    return Report(data, rows)


if __name__ == "__main__":
    raise SystemExit(main("examples.two_layer", __doc__, run))
