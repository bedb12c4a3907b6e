"""Files of other programs: the error says what the file is and what reads it, and nothing in it is run."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.harness import peer
from test_io import WHOLE, Reckless

from autodiff.errors import FileFormatError
from autodiff.io import load, save


def written(write: Callable[[io.BytesIO], Any]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def tar(file: io.BytesIO) -> None:
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights"))


def other_zip(file: io.BytesIO) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")


HEADER = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
FOREIGN = {
    "an empty file": b"",
    "an .npy array, which numpy.load reads": written(lambda file: np.save(file, np.ones(3))),
    "an .npz of NumPy, which numpy.load reads": written(lambda file: np.savez(file, a=np.ones(3))),
    "a pickle, which can run": pickle.dumps(Reckless()),
    "a safetensors file": len(HEADER).to_bytes(8, "little") + HEADER + bytes(4),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "an ONNX model": b"\x08\x08\x12\x07pytorch" + bytes(100),
    "a GGUF file": b"GGUF\3\0\0\0" + bytes(100),
    "compressed as a whole": gzip.compress(WHOLE),
    "compressed as a whole ": bz2.compress(WHOLE),
    "compressed as a whole  ": lzma.compress(WHOLE),
    "a tar archive": written(tar),
    "another zip, whose first member is 'word/document.xml'": written(other_zip),
    "an HTML page": b"<!DOCTYPE html><html><title>404</title></html>",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
}


def refusal(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=re.escape(str(path))) as caught:
        load(path)
    assert "\n" not in str(caught.value) or "a PyTorch file" in str(caught.value)  # which has two lines of repair
    return str(caught.value)


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_another_kind_is_named(kind: str, tmp_path: Path) -> None:
    """One line says what it is."""
    assert f"not a file of autodiff.save but {kind.strip()}" in refusal(FOREIGN[kind], tmp_path / "weights")


@pytest.mark.parametrize("obj", [Reckless(), [1, 2], {"a": 1.5}, np.ones(2)], ids=["object", "list", "dict", "array"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_every_protocol_is_named(obj: object, protocol: int, tmp_path: Path) -> None:
    """The old ones are text, and are told from it."""
    assert "a pickle, which can run" in refusal(pickle.dumps(obj, protocol), tmp_path / "weights")


@pytest.mark.parametrize("new", [True, False])
def test_a_pytorch_file_is_named(new: bool, tmp_path: Path) -> None:
    """Both kinds that torch.save writes."""
    torch = peer()
    content = written(lambda file: torch.save({"a": torch.ones(2)}, file, _use_new_zipfile_serialization=new))
    assert "but a PyTorch file" in refusal(content, tmp_path / "weights")


@pytest.mark.parametrize("damage", [slice(None, -1), slice(None, 200), slice(1, None), slice(0)])
def test_a_damaged_file_is_called_damaged(damage: slice, tmp_path: Path) -> None:
    """What `save` wrote, and then lost bytes, is not taken for a file of another kind."""
    path = tmp_path / "weights"
    save("x" * 100_000, path)
    for content in (WHOLE, path.read_bytes()):
        found = refusal(content[damage], path)
        assert "but an empty file" in found if damage == slice(0) else "not a whole file of autodiff.save" in found
