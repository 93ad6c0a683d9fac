"""Exit codes are documented, and every refusal is one line that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stillwatch import errors
from stillwatch.cli.exits import MEANINGS
from tests.cli.conftest import Ran
from tests.reference import all_commands

Run = Callable[..., Ran]


def test_every_error_has_a_code_of_its_own_with_a_meaning() -> None:
    """No two classes share a code, and none is left out of the help."""
    kinds = errors.StillwatchError.__subclasses__()
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(MEANINGS)


@pytest.mark.parametrize("kind", errors.StillwatchError.__subclasses__())
def test_errors_are_one_line(
    kind: type[errors.StillwatchError], run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where, what and what to do on standard error, no traceback, the class's exit code."""

    def refuse(_: object) -> None:
        raise kind("here\x1b[2J", "it is\nbroken", "Mend it")

    monkeypatch.setattr("stillwatch.findings.read_findings", refuse)
    ran = run("show", folder)
    assert ran.code == kind.exit_code
    assert ran.err == "stillwatch: here\\x1b[2J: it is\\nbroken. Mend it\n"
    assert ran.out == ""


def test_missing_findings(run: Run, tmp_path: Path) -> None:
    """A folder that isn't there is 3; one without findings is 6."""
    assert run("show", tmp_path / "nothing").code == errors.InputNotFound.exit_code
    ran = run("show", tmp_path)
    assert ran.code == errors.FindingsBroken.exit_code
    assert "campaigns.parquet" in ran.err


def test_the_system_refusing(run: Run, folder: Path, tmp_path: Path) -> None:
    """A path that can't be written is one line too."""
    (tmp_path / "file").write_text("")
    ran = run("page", folder, "--out", tmp_path / "file" / "page.html")
    assert ran.code == 74
    assert len(ran.err.splitlines()) == 1
    assert "file" in ran.err


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "show",
        "show x --nonsense",
        "detect x --out y --until z",
        "detect x --out y --threads 0",
        "world plain --out y --scale -1",
    ],
)
def test_wrong_command_lines(line: str, run: Run) -> None:
    """Usage errors leave with 2."""
    assert run(*line.split()).code == 2


def test_interruption(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves with 130, without a traceback."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stillwatch.findings.read_findings", interrupt)
    ran = run("show", folder)
    assert ran.code == 130
    assert "Traceback" not in ran.err


def test_a_reader_that_stops_is_no_failure(folder: Path) -> None:
    """`stillwatch show FINDINGS | head -1` prints a line and no complaint."""
    line = f"{sys.executable} -m stillwatch show {folder} --json | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False
    )
    assert done.stdout == "{\n"
    assert "Traceback" not in done.stderr


def test_help_and_version_are_quick() -> None:
    """Neither loads a library that help has no use for."""
    check = (
        "import sys; from stillwatch.cli import app; import stillwatch; stillwatch.__version__; "
        "heavy = {'numba', 'pyarrow', 'duckdb', 'numpy', 'scipy', 'sklearn', 'jinja2', "
        "'sqlalchemy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_version(run: Run) -> None:
    """`--version` prints it and leaves with 0."""
    ran = run("--version")
    assert ran.code == 0
    assert ran.out.startswith("stillwatch 0.")


def test_every_command_teaches_by_example(run: Run) -> None:
    """Each command's help has an example with the command in it; the main help, the exit codes."""
    for name in all_commands():
        ran = run(*name.split(), "--help")
        assert ran.code == 0
        assert f"stillwatch {name}" in ran.out.split("Examples:")[1]
        assert "--json" in ran.out
    words = run("--help").out
    assert all(f"{code}: " in words for code in MEANINGS)
