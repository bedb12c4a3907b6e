"""``torch.utils.data._utils``: how samples become batches."""

from autodiff.data import collate as collate
