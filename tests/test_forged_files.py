"""Files that are made to harm: each is refused in a line, and takes no more memory than its own size allows."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forged_files import ARRAY, FORGED, NAMED, deep, forge, of_array, of_root, shaped
from hypothesis import given
from hypothesis import strategies as st
from test_io import OBJECT, WHOLE, assert_same, saved

from autodiff.errors import DtypeError, FileFormatError
from autodiff.io import load, save

ROOM = 1 << (22 if sys.version_info >= (3, 14) else 21)  # what Python and NumPy take for a file of any size


def loaded(content: bytes) -> tuple[Any, int]:
    """What a file holds, or the error, and the most memory that reading it took."""
    file = io.BytesIO(content)
    tracemalloc.start()
    try:
        result: Any = load(file)
    except FileFormatError as error:
        result = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return result, peak


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused_in_a_line_and_takes_little_memory(name: str) -> None:
    """Each field that lies is found before anything is made to its measure."""
    content = FORGED[name]
    result, peak = loaded(content)
    assert isinstance(result, FileFormatError), f"{name}: loaded as {result!r:.100}"
    assert "\n" not in str(result)
    assert len(str(result)) < 400
    assert peak < ROOM + 4 * len(content)


def test_what_is_forged_well_loads() -> None:
    """The files above are refused for their faults alone: without them, such files load."""
    assert load(io.BytesIO(forge([ARRAY, NAMED]))).tolist() == [0, 1, 2]
    assert load(io.BytesIO(forge([ARRAY, NAMED], wide={}))).tolist() == [0, 1, 2]
    assert load(io.BytesIO(of_array(ARRAY.content, "tensor", ', "requires_grad": true'))).requires_grad
    assert load(io.BytesIO(of_root('{"dict": [["a", {"tuple": [1, {"float": "nan"}]}], [1, "\\ud800"]]}')))["a"][0] == 1
    assert load(io.BytesIO(of_root("[[], 0.5, -0.0, null]"))) == [[], 0.5, 0, None]
    assert load(io.BytesIO(of_root(deep(65))))
    assert load(io.BytesIO(of_array(shaped("(3,)", "'|S0'")))).tolist() == [b""] * 3
    face = "\N{GRINNING FACE}a"
    assert load(io.BytesIO(of_array(shaped("(1,)", "'<U2'", face.encode("utf-32-le"))))) == [face]


@pytest.mark.parametrize(
    ("obj", "times"),
    [
        ([np.zeros(300_000), np.zeros((600, 500), order="F")], 1.1),
        ([np.zeros(3)] * 2000, 6),
        ([[]] * 50_000, 15),
        ([{}] * 50_000, 15),
        ([1.5] * 50_000, 8),
        (["\N{SNOWMAN}" + "a" * 1_000_000], 7),
        ({str(i): (i,) for i in range(20_000)}, 15),
    ],
    ids=["arrays", "small arrays", "lists", "dicts", "floats", "text", "items"],
)
def test_what_save_wrote_takes_little_memory_too(obj: Any, times: float) -> None:
    """What is loaded, and little beside it: there is no copy of an array, and no second tree of the rest."""
    content = saved(obj)
    result, peak = loaded(content)
    assert_same(result, obj)
    assert peak < ROOM + times * len(content)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from autodiff import load
from autodiff.errors import FileFormatError
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (1 << 24),) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        load(path)
    except FileFormatError:
        continue
    sys.exit(f"{path.name} was loaded")
try:
    np.zeros(1 << 25, "u1") + 1
except MemoryError:
    print("refused")
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system does not say how much memory it gave")
def test_the_operating_system_sees_no_more(tmp_path: Path) -> None:
    """All forged files are refused in a process that may take 16 MB more."""
    for number, content in enumerate(FORGED.values()):
        (tmp_path / f"{number}").write_bytes(content)
    line = [sys.executable, "-c", LIMITED, os.fspath(tmp_path)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    root = Path(__file__).parents[1]
    done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("refused\n", "", 0)


def test_memory_and_the_system_fail_as_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room, no permission and a directory are no damage of a file."""
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    path = tmp_path / "weights"
    path.write_bytes(WHOLE)

    def full(*_: object, **__: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(MemoryError):
        load(path)

    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output") as caught:
        load(Broken(WHOLE))
    assert not isinstance(caught.value, FileFormatError)


@pytest.mark.parametrize(
    ("gives", "said"), [(lambda part: None, "None"), (bytes.hex, "'"), (lambda part: part + b"..", r"\d+ bytes")]
)
def test_a_file_that_does_not_read_as_files_do_is_named(gives: Any, said: str) -> None:
    """One that gives nothing yet, text, or more than was asked for is no damaged file."""

    class Odd(io.BytesIO):
        def read(self, count: int | None = -1, /) -> Any:
            return gives(super().read(count))

    with pytest.raises(DtypeError, match=rf"read\(\d+\) of the Odd gave {said}.*; give a path or a binary file"):
        load(Odd(WHOLE))


def test_nothing_is_saved_where_load_would_not_find_it(tmp_path: Path) -> None:
    """A file that is open for appending takes no zip, which is written with a look back."""
    path = tmp_path / "weights"
    for before in (b"", b"something"):
        path.write_bytes(before)
        with path.open("ab") as file, pytest.raises(DtypeError, match=r"appending, .*; open it with 'wb'"):
            save(1, file)
        assert path.read_bytes() == before


damages = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "remove", "repeat", "zero"]), st.floats(0, 0.999), st.integers(1, 255)),
    min_size=1,
    max_size=4,
)


@given(damages)
def test_no_damage_changes_a_value(changes: list[tuple[str, float, int]]) -> None:
    """Bytes that were changed, lost, repeated or set to 0 are found, or were in a place that carries no value."""
    content = bytearray(WHOLE)
    for kind, where, much in changes:
        place = int(where * len(content))
        part = content[place : place + much]
        match kind:
            case "flip" if part:
                content[place] ^= much
            case "cut":
                del content[place:]
            case "remove":
                del content[place : place + much]
            case "repeat":
                content[place:place] = part
            case "zero":
                content[place : place + much] = bytes(len(part))
    with tempfile.TemporaryFile() as file:
        file.write(content)
        try:
            result = load(file)
        except FileFormatError:
            return
    assert_same(result, OBJECT)
