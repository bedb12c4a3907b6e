"""Datasets, samplers and the loader that makes batches of them, by ``torch.utils.data``'s names.

>>> import autodiff
>>> pairs = TensorDataset(autodiff.arange(5), autodiff.arange(5) ** 2)
>>> for numbers, squares in DataLoader(pairs, batch_size=2):
...     print(numbers, squares)
tensor([0, 1]) tensor([0, 1])
tensor([2, 3]) tensor([4, 9])
tensor([4]) tensor([16])
"""

from __future__ import annotations

from autodiff.data.collate import *
from autodiff.data.dataset import *
from autodiff.data.distributed import *
from autodiff.data.loader import *
from autodiff.data.mnist_files import *
from autodiff.data.sampler import *
from autodiff.data.worker_info import WorkerInfo as WorkerInfo
from autodiff.data.worker_info import get_worker_info as get_worker_info
