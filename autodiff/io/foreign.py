"""What a file is that `save` did not write, from its first and last bytes."""

from __future__ import annotations

import os
import re
from typing import IO

from autodiff.io.stored import LOCAL

TAIL = 1 << 16
TORCH = """a PyTorch file, which is a pickle. With PyTorch and safetensors installed, these two lines make of a state \
dict in it a file that load reads:
    import torch, safetensors.torch as st
    st.save_file({k: v.clone(memory_format=torch.contiguous_format) for k, v in torch.load(OLD).items()}, NEW)"""
KINDS = [
    (rb"\x93NUMPY", "an .npy array, which numpy.load reads"),
    (
        rb"\x80[\x02-\x05]\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19",
        TORCH,
    ),
    (
        rb"\x80[\x02-\x05]|\((?:lp|dp|tp|i)|[]}]q\x00|c[\w.]+\n\w+\n",
        "a pickle, which can run any program: load(..., weights_only=False) opens it, if you trust whoever wrote it",
    ),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file, which h5py reads"),
    (rb"\x1f\x8b|BZh[1-9]|\xfd7zXZ\x00|\x28\xb5\x2f\xfd", "compressed as a whole (gzip, bzip2, xz or zstd); unpack it"),
    (rb"\x08[\x01-\x1f][\x12\x1a\x3a\x42]", "an ONNX model, which onnx.load reads"),
    (rb"GGUF", "a GGUF file, which gguf reads"),
    (rb"(?s:.{257})ustar", "a tar archive; unpack it"),
    (rb"(?i:\s*<!doctype html|\s*<html)", "an HTML page, such as a failed download leaves; fetch the file again"),
    (rb"version https://git-lfs", "a pointer of Git LFS to the file; `git lfs pull` fetches it"),
]


def kind_of(file: IO[bytes]) -> str | None:
    """What a file is, and what reads it; None where it may have been one of `save`."""
    kind = _kind(file)
    if kind is TORCH:
        name = getattr(file, "name", None)
        old = name if isinstance(name, str) else "weights.pt"
        return kind.replace("OLD", repr(old)).replace("NEW", repr(f"{os.path.splitext(old)[0]}.safetensors"))
    return kind


def _kind(file: IO[bytes]) -> str | None:
    length = file.seek(0, 2)
    file.seek(0)
    head = file.read(TAIL)
    if not length:
        return "an empty file"
    if head.startswith(b"PK"):
        file.seek(max(0, length - TAIL))
        return _zip(head, file.read(TAIL))
    if 2 <= int.from_bytes(head[:8], "little") <= length - 8 and head[8:9] == b"{":
        return "a safetensors file, which load reads under a name that ends in .safetensors"
    return next((kind for pattern, kind in KINDS if re.match(pattern, head)), None)


def _zip(head: bytes, tail: bytes) -> str | None:
    """What a zip is, by the names of its members."""
    first = head[LOCAL.size : LOCAL.size + int.from_bytes(head[26:28], "little")]
    cut = b"PK\5\6" not in tail
    if b"skeleton.json" in tail or first == b"skeleton.json" or (cut and first.endswith(b".npy")):
        return None
    if first.endswith(b"data.pkl") or b"/data.pkl" in tail:
        return TORCH
    if first.endswith(b".npy"):
        return "an .npz of NumPy, which numpy.load reads"
    return f"another zip, whose first member is {first[:60].decode(errors='replace')!r}"
