"""A single convolution learns MNIST in one epoch, and shows its kernels: ``python -m examples.one_conv --data DIR``.

The network is that of ``python -m examples.mnist --model one-conv``; here its time stands beside PyTorch's.
"""

from __future__ import annotations

from functools import partial

import autodiff
from autodiff.data.idx import Mnist, load_mnist
from examples import command
from examples.mnist import MODELS, build_step, train
from examples.peer import torch_ratio
from examples.pictures import images
from examples.report import Options, Report, Row, argument_parser, main, picture

RECIPE = MODELS["one-conv"]
ALL_IMAGES = 60_000
ACCURACY_TO_BEAT, LOSS_TO_BEAT = 0.97, 0.508  # the course's own accuracy was 91.53 %


def run(options: Options) -> Report:
    """One epoch, the kernels as a picture, and the time of a step beside PyTorch's."""
    data = load_mnist(options.data)
    if options.quick:
        data = Mnist(data.train_images[:1000], data.train_labels[:1000], *data[2:])
    ratio = torch_ratio(partial(build_step, RECIPE), *((2, 1) if options.quick else (60, 7)))
    autodiff.manual_seed(options.seed)
    model = RECIPE.make()
    epoch = train(model, data, 1, RECIPE.batch_size, RECIPE.lr, RECIPE)[-1]
    if path := picture(options, "kernels.png"):
        kernels = model[0].weight.detach().numpy()[:, 0]
        images(path, {f"kernel {number}": kernel for number, kernel in enumerate(kernels, 1)}, columns=8, size=1.1)

    whole = len(data.train_images) == ALL_IMAGES
    accuracy, loss = (ACCURACY_TO_BEAT, LOSS_TO_BEAT) if whole else (None, None)
    tested = f"{len(data.test_images):,} images"
    rows = [
        Row(f"one convolution: accuracy on {tested}", epoch.test_accuracy, accuracy, ">=", ".2%"),
        Row(f"one convolution: loss on {tested}", epoch.test_loss, loss, "<"),
        Row("one convolution: time of a step, PyTorch's / ours", ratio, 1.0, ">=", ".2f"),
    ]
    return Report(
        {"test_accuracy": epoch.test_accuracy, "validation_loss": epoch.test_loss, "torch_ratio": ratio}, rows
    )


def parser() -> command.Parser:
    """The common options, and where the images are."""
    return argument_parser("examples.one_conv", __doc__, data=True)


if __name__ == "__main__":
    raise SystemExit(main("examples.one_conv", __doc__, run, parser=parser()))
