"""Files that are written whole or not at all: what a kill leaves, who may read them, and that they are on the disk."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from autodiff.io import files, load, save
from autodiff.io.files import replacing

posix = pytest.mark.skipif(sys.platform == "win32", reason="locks, modes and folders of POSIX")
DAYS = 3 * 24 * 3600


def left_behind(folder: Path, name: str = "weights", host: str | None = None) -> Path:
    """A temporary file as a killed process leaves it."""
    path = folder / f".{name}.{host or files._host()}{secrets.token_hex(5)}"
    path.write_bytes(b"half")
    return path


@posix
def test_a_kill_leaves_a_whole_file_and_the_next_save_nothing_else() -> None:
    """At twenty random moments; ``python -m tests.killed_saves 200`` tries more."""
    root = Path(__file__).parents[1]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.fspath(root)}
    line = [sys.executable, root / "tests" / "killed_saves.py", "20"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 killed")


@posix
def test_only_what_is_left_behind_is_swept(tmp_path: Path) -> None:
    """Neither a file that is being written, nor one of another name, nor what only looks like one."""
    gone = left_behind(tmp_path)
    keep = [
        left_behind(tmp_path, "weights2"),
        left_behind(tmp_path, host="zzzzzz"),
        left_behind(tmp_path, "weights.old"),
        left_behind(tmp_path, host="ffffff" if files._host() != "ffffff" else "000000"),  # of another host, and new
    ]
    (tmp_path / gone.name.replace(".weights.", "weights.")).touch()
    (tmp_path / f".weights.{'0' * 16}").mkdir()
    link = tmp_path / f".weights.{files._host()}{'1' * 10}"
    link.symlink_to(keep[0])
    with replacing(tmp_path / "weights") as file:
        writing = Path(file.name)
        save(1, tmp_path / "weights")
        assert writing.exists()
        file.write(b"a second writer")
    assert not gone.exists()
    assert (tmp_path / "weights").read_bytes() == b"a second writer"
    assert all(path.exists() for path in keep)
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == len(keep) + 4


@posix
@pytest.mark.parametrize("fault", [None, OSError(37, "No locks available")])
def test_without_a_lock_to_trust_age_decides(fault: OSError | None, tmp_path: Path, monkeypatch: Any) -> None:
    """Files of other hosts, of earlier versions, and on file systems without locks are swept when they are old."""
    old, new = (left_behind(tmp_path, host="abcdef" if fault is None else None) for _ in range(2))
    os.utime(old, (time.time() - DAYS,) * 2)

    def no_lock(*_: object) -> None:
        raise fault or AssertionError

    if fault:
        monkeypatch.setattr("fcntl.flock", no_lock)
    save(1, tmp_path / "weights")
    assert load(tmp_path / "weights") == 1
    assert (old.exists(), new.exists()) == (False, True)


@posix
def test_many_writers_of_one_path_do_not_sweep_each_other(tmp_path: Path) -> None:
    """Each of their files is whole when it takes its place, and in the end there is one."""
    path, faults = tmp_path / "weights", []

    def writer(number: int) -> None:
        try:
            for _ in range(15):
                save([number] * 100, path)
                found = load(path)
                assert found == found[:1] * 100
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert os.listdir(tmp_path) == ["weights"]


@posix
def test_a_file_that_is_swept_before_it_is_locked_is_made_again(tmp_path: Path, monkeypatch: Any) -> None:
    """Between its creation and its lock another writer may take it for one left behind."""
    import fcntl

    lock, swept = fcntl.flock, []

    def late(file: Any, how: int) -> None:
        if not swept and not how & fcntl.LOCK_NB:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    save(1, tmp_path / "weights")
    assert len(swept) == 1
    assert load(tmp_path / "weights") == 1


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_nobody_reads_what_is_written_who_may_not_read_what_was(mode: int, tmp_path: Path) -> None:
    """The temporary file has the old file's permissions from its first byte on, and is never open to more."""
    path = tmp_path / "weights"
    save(1, path)
    path.chmod(mode)
    seen, real = [], os.open

    def watched(name: Any, *args: Any, **kwargs: Any) -> int:
        handle = real(name, *args, **kwargs)
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", watched)
        with replacing(path) as file:
            patch.undo()
            assert stat.S_IMODE(os.stat(file.name).st_mode) == mode
    assert seen[0] & ~mode == 0
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_is_as_open_as_others_while_it_is_written(tmp_path: Path) -> None:
    """The mask of the process counts from the start."""
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "weights") as file:
        assert os.stat(file.name).st_mode == (tmp_path / "plain").stat().st_mode


@posix
def test_the_folder_is_synced_after_the_file_has_its_name(tmp_path: Path, monkeypatch: Any) -> None:
    """First the bytes, then the name, then the folder that has the name; a folder that cannot be synced is no fault."""
    calls, replace = [], os.replace

    def sync(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        calls.append("folder" if folder else "file")
        if folder:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", lambda *names: calls.append("name") or replace(*names))
    save(1, tmp_path / "weights")
    assert calls == ["file", "name", "folder"]
    assert load(tmp_path / "weights") == 1


@pytest.mark.parametrize(
    "name", ["a" * 255, "\N{SNOWMAN}" * 85, "\N{GRINNING FACE}" * 63, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 127]
)
def test_the_longest_names_can_be_saved_to(name: str, tmp_path: Path) -> None:
    """The system counts bytes: a name of 255 has a temporary one of no more, and what is left of it is swept."""
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    save(1, tmp_path / name)
    left_behind(tmp_path, files._shortened(name))
    save(2, tmp_path / name)
    assert load(tmp_path / name) == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]
