"""The first network learns points of the plane, one at a time: ``python -m examples.points``.

Two tasks: 100 points on two sides of a line, and 21 points of a cross ("xor"). A network 2-5-3-1 of sigmoids, mean
squared error, gradient descent with learning rate 0.1, 10,000 epochs. No seed is chosen: each result has all of its own
in the figures of ``--json``. Beside the plain recipe stand a better one, other networks, and two that fail, with the
reason: one too deep for its weights, and one without activations.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import autodiff
import nn
import optim
from autodiff.errors import NonFiniteError
from examples import command, points_pictures
from examples.peer import torch_ratio
from examples.points_training import MODELS, PLAIN, RECORDS, Job, Run, dense, make_step, points, train
from examples.progress import progress
from examples.report import Options, Report, Row, argument_parser, main, picture

PROGRAM = "examples.points"
EPOCHS, QUICK_EPOCHS = 10_000, 20
TO_BEAT = {"linear": 2.6e-5, "xor": 1.2e-4, "improved": 1.2e-5, "convolution": 9.0e-5}
VARIANTS = {
    "momentum": Job(recipe="momentum"),
    "tanh": Job("tanh"),
    "relu": Job("relu"),
    "convolution": Job("convolution"),
    "steps": Job(recipe="steps"),
}
TABLE = {
    "learning rate 0.05": Job(recipe="sgd 0.05"),
    "learning rate 0.2": Job(recipe="sgd 0.2"),
    "layers (2,10)(10,5)(5,1)": Job("wide"),
    "nn.Linear's own weights": Job("unscaled"),
}
Results = dict[str, list[Run]]


def experiments(seed: int, epochs: int, quick: bool = False) -> dict[str, list[Job]]:
    """The jobs by name, each with several seeds; the longest come first, so that no worker waits for one at the end."""
    few, many = (1, 2) if quick else (3, 10)
    jobs = {
        "linear": (Job(data="linear"), few),
        "linear split": (Job(data="linear", share=0.8), few),
        "improved": (Job(recipe="adam"), many),
        "xor": (Job(), many),
        "xor split": (Job(share=0.8), few),
        "deep": (Job("deep", share=0.8), few),
        "deep repaired": (Job("deep, repaired", share=0.8), few),
        **{name: (job, few) for name, job in (VARIANTS | TABLE).items()},
    }
    return {
        name: [job._replace(seed=seed + i, epochs=epochs) for i in range(count)] for name, (job, count) in jobs.items()
    }


def train_all(jobs: dict[str, list[Job]], workers: int) -> Results:
    """All runs, by the names of their jobs, on as many processes; the numbers do not depend on how many."""
    flat = [job for group in jobs.values() for job in group]
    runs: dict[Job, Run] = {}
    notes = sum(min(RECORDS, job.epochs) for job in flat)
    print(f"{len(flat)} training runs on {workers} processes", file=sys.stderr, flush=True)
    for _ in progress(_noted(flat, workers, runs), "training runs", total=notes):
        pass
    return {name: [runs[job] for job in group] for name, group in jobs.items()}


def _noted(jobs: list[Job], workers: int, runs: dict[Job, Run]) -> Iterator[None]:
    """Put the runs into ``runs``; gives something whenever one of them has got a little further."""
    context = get_context("spawn")
    counter, seen = context.Value("q"), 0
    with ProcessPoolExecutor(workers, context, _begin, (counter,)) as pool:
        pending = {pool.submit(_train, job): job for job in jobs}
        try:
            while pending:
                for future in wait(pending, 0.2, FIRST_COMPLETED).done:
                    runs[pending.pop(future)] = future.result()
                now = counter.value
                yield from repeat(None, now - seen)
                seen = now
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_counter: Any = None  # in a worker: how often all workers have looked at their runs


def _begin(counter: Any) -> None:
    global _counter
    _counter = counter


def _train(job: Job) -> Run:
    return train(job, _count)


def _count() -> None:
    with _counter.get_lock():
        _counter.value += 1


def without_activations(seed: int) -> dict[str, Any]:
    """The network without activations diverges: which operation stopped it, where, and whether weights stay finite."""
    autodiff.manual_seed(seed)
    places, labels = points("xor")
    samples = list(zip(autodiff.tensor(places).split(1), autodiff.tensor(labels).split(1), strict=True))
    model = MODELS["no activation"]()
    step = make_step(model, optim.SGD(model.parameters(), lr=0.1), nn.MSELoss())
    steps = 0
    try:
        with autodiff.autograd.detect_anomaly():
            while steps < 1000 * len(samples):
                step(*samples[steps % len(samples)])
                steps += 1
    except NonFiniteError as error:
        intact = all(bool(np.isfinite(weights.numpy()).all()) for weights in model.state_dict().values())
        file = Path(error.file).relative_to(Path(__file__).parents[1]).as_posix()
        found = {"operation": error.operation, "file": file, "line": error.line, "message": str(error)}
        return found | {"steps": steps, "weights_finite": intact}
    raise ArithmeticError(f"a network without activations was expected to diverge, and did not in {steps} steps")


def build_step(lib: Any) -> Callable[[], object]:
    """The step of the plain recipe with ``lib``, torch or autodiff, on one XOR point after another."""
    lib.manual_seed(0)
    model = dense(lib.nn, PLAIN)
    step = make_step(model, lib.optim.SGD(model.parameters(), lr=0.1), lib.nn.MSELoss())
    if lib is autodiff:
        step = autodiff.compile(step)
    places, labels = points("xor")
    samples = list(zip(lib.tensor(places).split(1), lib.tensor(labels).split(1), strict=True))

    def epoch() -> None:
        for x, y in samples:
            step(x, y)

    return epoch


def figures(runs: Sequence[Run]) -> dict[str, Any]:
    """Loss and accuracy of the best run, and those of all."""
    best = min(runs, key=lambda run: run.loss)
    return {
        "loss": best.loss,
        "losses": [run.loss for run in runs],
        "accuracy": best.accuracy,
        "accuracies": [run.accuracy for run in runs],
    }


def report_of(results: Results) -> Report:
    """The figures and the table of all runs."""
    data: dict[str, Any] = {name: figures(results[name]) for name in ("linear", "xor", *VARIANTS)}
    same = results["xor"][: len(results["learning rate 0.2"])]  # with the seeds of its neighbours in the table
    data["table"] = {"learning rate 0.1, layers (2,5)(5,3)(3,1)": figures(same)}
    data["table"] |= {name: figures(results[name]) for name in TABLE}
    for name in ("linear", "xor"):
        splits = results[f"{name} split"]
        data[name]["split_accuracy"] = _best(splits).test_accuracy
        data[name]["split_accuracies"] = [run.test_accuracy for run in splits]
    data["xor"]["improved_losses"] = improved = [run.loss for run in results["improved"]]
    data["xor"]["improved_median"] = median(improved)
    deep, repaired = results["deep"], results["deep repaired"]
    data["deep"] = {
        "split_accuracy": _best(deep).test_accuracy,
        "split_accuracies": [run.test_accuracy for run in deep],
        "repaired_split_accuracy": _best(repaired).test_accuracy,
        "repaired_split_accuracies": [run.test_accuracy for run in repaired],
        "gradient_norms": deep[0].norms[0],
        "repaired_gradient_norms": repaired[0].norms[0],
    }
    return Report(data, _rows(data))


def _best(runs: Sequence[Run]) -> Run:
    return min(runs, key=lambda run: run.loss)


def _rows(data: dict[str, Any]) -> list[Row]:
    rows = []
    for name, least in (("linear", 0.95), ("xor", 1.0)):
        found = data[name]
        rows += [
            Row(f"{name}: loss, best of {len(found['losses'])} seeds", found["loss"], TO_BEAT[name]),
            Row(f"{name}: loss, median of them", median(found["losses"])),
            Row(f"{name}: accuracy", found["accuracy"], 1.0, ">=", ".1%"),
            Row(f"{name}: accuracy on the 20 % not learnt from", found["split_accuracy"], least, ">=", ".1%"),
        ]
    improved = data["xor"]["improved_losses"]
    rows.append(
        Row(f"xor with Adam: loss, median of {len(improved)} seeds", median(improved), TO_BEAT["improved"], "<")
    )
    for name, found in {**data["table"], **{name: data[name] for name in VARIANTS}}.items():
        rows.append(Row(f"xor, {name}: loss, best of {len(found['losses'])}", found["loss"], TO_BEAT.get(name)))
        rows.append(Row(f"xor, {name}: accuracy", found["accuracy"], 1.0 if name in TO_BEAT else None, ">=", ".1%"))
    deep = data["deep"]
    for kind in ("", "repaired_"):
        norms = deep[f"{kind}gradient_norms"]
        name = f"five layers{', repaired' if kind else ''}"
        accuracy, beat = deep[f"{kind}split_accuracy"], 1.0 if kind else None
        rows.append(Row(f"{name}: accuracy on the 20 %", accuracy, beat, ">=", ".1%"))
        rows.append(Row(f"{name}: first gradient, input layer / output layer", norms[0] / norms[-1]))
    return rows


def draw(options: Options, results: Results) -> None:
    """The four pictures, where a folder was given."""
    stuck, repaired = results["deep"][0], results["deep repaired"][0]
    curves = {
        "linear": {"gradient descent": results["linear"]},
        "xor": {"gradient descent": results["xor"], "Adam": results["improved"]},
        "xor, variants": {name: results[name][:1] for name in VARIANTS},
    }
    shown = {"linear": _best(results["linear"]), "xor": _best(results["xor"])}
    split = {f"{name}, 80 % learnt": _best(results[f"{name} split"]) for name in ("linear", "xor")}
    deep = {"five layers, nn.Linear's weights": stuck, "the same with weights four times as large": repaired}
    if path := picture(options, "points_curves.png"):
        points_pictures.learning_curves(path, curves)
    if path := picture(options, "points_predictions.png"):
        points_pictures.predictions(path, split | {"xor, five layers": stuck})
    if path := picture(options, "points_surfaces.png"):
        points_pictures.surfaces(path, shown | {"xor, five layers": stuck, "five layers, repaired": repaired})
    if path := picture(options, "points_gradients.png"):
        points_pictures.gradient_norms(path, deep)


def run(options: Options) -> Report:
    """All of it."""
    given = vars(options)  # a program that runs several of these has no options for one of them
    epochs = given.get("epochs") or (QUICK_EPOCHS if options.quick else EPOCHS)
    workers = given.get("workers") or os.cpu_count() or 1
    ratio = torch_ratio(build_step, 3 if options.quick else 150, 1 if options.quick else 5)  # before the workers start
    stopped = without_activations(options.seed)
    results = train_all(experiments(options.seed, epochs, options.quick), workers)
    draw(options, results)
    data, rows = report_of(results)
    data |= {"no_activation": stopped, "torch_ratio": ratio, "epochs": epochs}
    rows.append(Row("no activations: stopped by", f"{stopped['operation']}, {stopped['file']}:{stopped['line']}"))
    rows.append(Row("time of a step: PyTorch's / ours", ratio, 1.0, ">=", ".2f"))
    return Report(data, rows)


def parser() -> command.Parser:
    """The options that all programs have, and two more."""
    result = argument_parser(PROGRAM, __doc__, takes="a quarter of an hour on two processors, with --quick a minute")
    result.add_argument("--epochs", type=command.positive(int), help=f"of each run (default: {EPOCHS:,})")
    result.add_argument("--workers", type=command.positive(int), help="processes (default: one for each processor)")
    return result


if __name__ == "__main__":
    raise SystemExit(main(PROGRAM, __doc__, run, parser=parser()))
