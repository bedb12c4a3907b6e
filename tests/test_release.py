"""What is released says the same everywhere: versions, systems, files, and how something goes away."""

from __future__ import annotations

import re
import subprocess
import tomllib
import warnings
from pathlib import Path

import pytest
from architecture import ROOT

from autodiff import version
from autodiff.deprecation import deprecated, warn_deprecated

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_the_same_in_all_files() -> None:
    """In the package, the citation and the changelog, whose sections are versions in falling order."""
    assert f"\nversion: {version.__version__}\n" in read("CITATION.cff")
    sections = re.findall(r"^## \[(\d+)\.(\d+)\.(\d+)\] - (unreleased|\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.M)
    versions = [tuple(map(int, section[:3])) for section in sections]
    assert versions == sorted(versions, reverse=True)
    assert ".".join(map(str, versions[0])) == version.__version__
    assert len(sections) == len(re.findall("^## ", read("CHANGELOG.md"), re.M))


def test_the_workflow_runs_every_python_that_the_metadata_name() -> None:
    """From the oldest that is required to the newest, on three systems, with the program that contributors run."""
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.M)
    assert PROJECT["requires-python"] == f">={named[0]}"
    workflow = read(".github/workflows/check.yml")
    rows = [re.findall(r'"(3\.\d+)"', row) for row in re.findall(r"python: \[(.*)\]", workflow)]
    assert rows == [named, named]
    for word in ("ubuntu-latest", "macos-latest", "windows-latest", "run: .ci/run"):
        assert word in workflow
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    assert set(yaml.safe_load(workflow)["jobs"]) == {"whole", "windows", "free-threaded"}


def test_the_forms_for_faults_ask_for_the_report() -> None:
    """A form for what is wrong, and for what is slow."""
    for form in ("bug", "slow"):
        assert "`python -m autodiff` prints" in read(f".github/ISSUE_TEMPLATE/{form}.yml")


def test_the_source_distribution_has_every_file() -> None:
    """Each that is under version control is taken by a line of MANIFEST.in."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout")
    words = [line.split() for line in read("MANIFEST.in").splitlines()]
    grafted = {words[1] for words in words if words[:1] == ["graft"]}
    patterns = [pattern for words in words if words[:1] == ["include"] for pattern in words[1:]]
    for name in map(Path, listed.stdout.splitlines()):
        whole = name.parts[0] in grafted if len(name.parts) > 1 else any(name.match(pattern) for pattern in patterns)
        assert whole or name.name == "MANIFEST.in", name


def test_extras_name_what_they_are_for() -> None:
    """The changelog says which feature needs which."""
    for extra in ("weights", "onnx", "mpi"):
        assert extra in PROJECT["optional-dependencies"]
        assert f"extra `{extra}`" in read("CHANGELOG.md")


@deprecated(since="0.2", until="0.4", instead="new()")
def old() -> int:
    return 3


def with_option(value: int | None = None) -> None:
    if value is not None:
        warn_deprecated("with_option(value=...)", since="0.2", until="0.4", instead="with_option()")


def test_what_goes_away_warns_at_the_line_that_uses_it() -> None:
    """In the same words, for functions and options."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert old() == 3
        with_option(1)
        with_option()
    assert [Path(warning.filename).name for warning in caught] == ["test_release.py"] * 2
    assert all(warning.category is DeprecationWarning for warning in caught)
    assert [str(warning.message).partition(" is deprecated since version 0.2")[0] for warning in caught] == [
        "old", "with_option(value=...)",
    ]  # fmt: skip
