"""The embedded MNIST subset and the reader of its files."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autodiff.data import DataLoader, mnist, mnist_files
from autodiff.data.idx import DTYPES, EMBEDDED, FILES, DataError, load_mnist, read_idx, write_idx
from autodiff.data.mnist_files import SHA256, download
from examples import download as fetching
from examples import make_subset

FULL = Path(os.environ.get("MNIST_DIR") or Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist")
needs_full_mnist = pytest.mark.skipif(
    not (FULL / f"{FILES[0]}.gz").exists(), reason="the full MNIST files are not here; set MNIST_DIR to their directory"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small sound MNIST of 20 + 20 images, as plain files."""
    images = np.zeros((20, 28, 28), np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    for name, array in zip(FILES, (images, labels, images, labels), strict=True):
        write_idx(tmp_path / name, array)
    return tmp_path


def test_the_subset_is_real_and_balanced() -> None:
    """6,000 images with ink on paper, as many of each digit, none of them twice."""
    data = load_mnist(EMBEDDED)
    assert data.train_images.shape == (5000, 28, 28)
    assert data.test_images.shape == (1000, 28, 28)
    assert np.bincount(data.train_labels).tolist() == [500] * 10
    assert np.bincount(data.test_labels).tolist() == [100] * 10
    images = np.concatenate([data.train_images, data.test_images])
    assert len(np.unique(images.reshape(6000, -1), axis=0)) == 6000
    assert images.dtype == np.uint8
    assert 0.12 < images.mean() / 255 < 0.14


def test_the_subset_is_about_a_megabyte() -> None:
    """The four packed files stay small enough to be in the repository."""
    assert sum((EMBEDDED / f"{name}.gz").stat().st_size for name in FILES) < 1_050_000


@needs_full_mnist
def test_the_subset_can_be_made_again(tmp_path: Path) -> None:
    """The same seed gives the same files; another seed gives others."""
    make_subset.make_subset(FULL, tmp_path)
    for name in FILES:
        again, embedded = (tmp_path / f"{name}.gz").read_bytes(), (EMBEDDED / f"{name}.gz").read_bytes()
        assert gzip.decompress(again) == gzip.decompress(embedded)
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng packs the same bytes in another way
            assert again == embedded
    assert make_subset.main(["--data", str(FULL), "--out", str(tmp_path), "--seed", "1"]) == 0
    assert not np.array_equal(load_mnist(tmp_path).test_images, load_mnist(EMBEDDED).test_images)


@needs_full_mnist
def test_the_full_data_are_read_and_the_subset_is_drawn_from_them() -> None:
    """60,000 and 10,000 images; each test image of the subset is one of the full test set, with its label."""
    full, subset = load_mnist(FULL), load_mnist(EMBEDDED)
    assert full.train_images.shape == (60000, 28, 28)
    assert full.test_images.shape == (10000, 28, 28)
    known = {(image.tobytes(), label) for image, label in zip(full.test_images, full.test_labels, strict=True)}
    assert all((i.tobytes(), n) in known for i, n in zip(subset.test_images, subset.test_labels, strict=True))


def test_where_the_data_come_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named directory wins over MNIST_DIR, and that over the embedded files; packed, plain and dotted names serve."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    assert len(load_mnist().train_images) == 5000
    monkeypatch.setenv("MNIST_DIR", str(folder))
    assert len(load_mnist().train_images) == 20
    assert len(load_mnist(EMBEDDED).train_images) == 5000
    (folder / FILES[0]).rename(folder / FILES[0].replace("-idx", ".idx"))
    assert load_mnist().train_labels.dtype == np.int64


@given(
    array=st.sampled_from(list(DTYPES.values())).flatmap(
        lambda code: hnp.arrays(np.dtype(code).newbyteorder("="), hnp.array_shapes(min_dims=0, min_side=0))
    )
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_round_trip(tmp_path_factory: pytest.TempPathFactory, suffix: str, array: np.ndarray[Any, Any]) -> None:
    """Every dtype of the format, in any shape, comes back bit for bit, in the machine's byte order."""
    path = tmp_path_factory.getbasetemp() / f"array{suffix}"
    write_idx(path, array)
    again = read_idx(path)
    assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert again.dtype.isnative
    assert again.flags.writeable


def test_packed_files_hold_no_clock(folder: Path) -> None:
    """Equal arrays make equal files: no time, no name, no operating system in the gzip header."""
    write_idx(folder / "a.gz", np.arange(9, dtype=np.uint8))
    assert (folder / "a.gz").read_bytes()[:10] == b"\x1f\x8b\x08\x00\0\0\0\0\x02\xff"


Damage = Callable[[Path], object]


def rewritten(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def replaced_by_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGED: dict[str, tuple[int, Damage, str]] = {
    "missing": (0, Path.unlink, "no such file"),
    "empty": (1, rewritten(lambda b: b""), "the first bytes are missing"),
    "a web page": (1, rewritten(lambda b: b"<html>"), "the first bytes are 3c 68 74 6d"),
    "unknown type": (1, rewritten(lambda b: b[:2] + b"\x0a" + b[3:]), "the type code is 0x0a, expected one of 0x08"),
    "cut in the header": (0, rewritten(lambda b: b[:7]), "ends after 7 bytes, expected a header of 16"),
    "cut": (0, rewritten(lambda b: b[:-1]), r"15695 bytes \(unpacked\), expected 15696 for shape \(20, 28, 28\)"),
    "too long": (0, rewritten(lambda b: b + b"\0"), "15697 bytes"),
    "huge": (0, rewritten(lambda b: b[:4] + b"\xff" * 12 + b[16:]), "expected 79228162458924105385300197391 for"),
    "cut gzip": (0, rewritten(lambda b: gzip.compress(b)[:-9]), "damaged gzip data"),
    "bad checksum": (0, rewritten(lambda b: gzip.compress(b)[:-8] + bytes(8)), "damaged gzip data"),
    "garbage gzip": (0, rewritten(lambda b: gzip.compress(b)[:10] + b"\xff" * 40), "damaged gzip data"),
    "images of another size": (0, lambda p: write_idx(p, np.zeros((20, 9, 9), np.uint8)), r"shape \(20, 9, 9\) of"),
    "images of another type": (0, lambda p: write_idx(p, np.zeros((20, 28, 28))), "float64, expected"),
    "no images": (0, lambda p: write_idx(p, np.zeros((0, 28, 28), np.uint8)), r"shape \(0, 28, 28\)"),
    "labels with two axes": (1, lambda p: write_idx(p, np.zeros((20, 1), np.uint8)), r"expected shape \(N,\)"),
    "labels missing": (1, lambda p: write_idx(p, np.zeros(19, np.uint8)), "19 labels, expected 20, one for each"),
    "no digit": (3, lambda p: write_idx(p, np.full(20, 10, np.uint8)), "a label 10, expected digits"),
    "a directory": (2, replaced_by_a_directory, "cannot be read"),
}


@pytest.mark.parametrize(("number", "damage", "said"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_named(number: int, damage: Damage, said: str, folder: Path) -> None:
    """One line says which file, what was found, what was expected, and what to do."""
    load_mnist(folder)
    damage(folder / FILES[number])
    with pytest.raises(DataError, match=said) as caught:
        load_mnist(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert FILES[number] in message
    assert ", expected " in message
    assert "; " in message


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A dtype that the format does not have is an error, and no file is made."""
    with pytest.raises(DataError, match="an array of int64, expected one of uint8"):
        write_idx(tmp_path / "a", np.arange(3, dtype=np.int64))
    assert list(tmp_path.iterdir()) == []


def test_the_subset_program_fails_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad data: exit code 2, one line, nothing written."""
    out = folder / "out"
    faults = {folder / "none": "no such directory", folder: "2 images of one digit, expected at least 500"}
    for data, said in faults.items():
        assert make_subset.main(["--data", str(data), "--out", str(out)]) == 2
        assert re.fullmatch(rf"python -m examples.make_subset: .*{said}.*\n", capsys.readouterr().err)
    assert not out.exists()


def test_a_download_is_checked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A mirror that sends something else is refused, and nothing is kept. (The mirror here is a folder.)"""
    mirror = folder.as_uri() + "/"
    (folder / f"{FILES[0]}.gz").write_bytes(gzip.compress(b"not MNIST"))
    cache = tmp_path_factory.mktemp("cache")
    with pytest.raises(DataError, match=f"expected SHA-256 {SHA256[0]}"):
        download(cache, mirror)
    assert list(cache.iterdir()) == []


def test_a_mirror_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    """The error says where the files can be put by hand."""
    with pytest.raises(OSError, match=f"put the four files of MNIST into {re.escape(str(tmp_path / 'cache'))}"):
        download(tmp_path / "cache", (tmp_path / "nowhere").as_uri() + "/")


def test_the_help_of_the_download_downloads_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It says what would be fetched and where to; a mistake is one line."""
    with pytest.raises(SystemExit) as left:
        fetching.main(["--help"])
    assert left.value.code == 0
    assert "MNIST" in capsys.readouterr().out
    assert fetching.main(["--out", str(tmp_path), "--mirror", tmp_path.as_uri() + "/none/"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_mnist_as_datasets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that comes with the library, a folder, and all of it from where MNIST_DIR says; loaders take them."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    train, test = mnist()
    assert (len(train), len(test)) == (5000, 1000)
    (images, labels) = next(iter(DataLoader(train, batch_size=7)))
    data = load_mnist(EMBEDDED)
    np.testing.assert_array_equal(images, data.train_images[:7, None] / np.float32(255))
    assert labels.tolist() == data.train_labels[:7].tolist()
    assert len(mnist(folder=folder)[0]) == 20
    monkeypatch.setenv("MNIST_DIR", str(folder))
    assert (len(mnist()[0]), len(mnist(full=True)[0])) == (5000, 20)


@needs_full_mnist
def test_all_of_mnist_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into the cache folder; after that nothing is fetched."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("TAPEGRAD_CACHE", str(tmp_path))
    monkeypatch.setattr(mnist_files.download, "__defaults__", (None, FULL.resolve().as_uri() + "/"))
    assert len(mnist(full=True)[1]) == 10000
    monkeypatch.setattr(mnist_files.download, "__defaults__", (None, "file:///nowhere/"))
    assert len(mnist(full=True)[0]) == 60000


@needs_full_mnist
def test_a_download_gives_what_load_mnist_reads(tmp_path: Path) -> None:
    """The checksums are those of the real files."""
    assert download(tmp_path, FULL.resolve().as_uri() + "/") == tmp_path
    assert len(load_mnist(tmp_path).train_labels) == 60000
