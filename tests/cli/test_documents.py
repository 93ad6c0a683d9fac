"""`stillwatch report` and `stillwatch appeal`: files in three formats, and clear refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stillwatch.cases import Store, case_accounts, open_cases
from stillwatch.cli import exits
from stillwatch.findings import Findings
from tests.cli.conftest import Ran
from tests.reports.conftest import full_findings


@pytest.fixture
def found() -> Findings:
    """Findings that reports can be made of."""
    return full_findings()


@pytest.fixture
def where(found: Findings, tmp_path: Path) -> tuple[str, ...]:
    """The options that name findings and a store."""
    folder, address = found.save(tmp_path / "full"), tmp_path / "cases.db"
    store = Store.open(address, create=True)
    open_cases(store, found, "setup")
    store.close()
    return ("--findings", str(folder), "--store", str(address))


def test_a_report_in_all_formats(
    run: Callable[..., Ran], where: tuple[str, ...], tmp_path: Path
) -> None:
    """Three files of one case, and where they are."""
    ran = run("report", 1, *where, "--all", tmp_path / "new" / "folder", "--json")
    assert ran.code == 0
    paths = [Path(path) for path in json.loads(ran.out)["documents"]]
    assert [path.suffix for path in paths] == [".md", ".html", ".pdf"]
    starts = [path.read_bytes()[:15] for path in paths]
    assert starts == [b"# A distillatio", b"<!doctype html>", starts[2]]
    assert starts[2].startswith(b"%PDF-")
    assert not list(paths[0].parent.glob(".*"))


def test_an_appeal_pack(run: Callable[..., Ran], where: tuple[str, ...], tmp_path: Path) -> None:
    """For an account of the case; the file that was there is replaced."""
    store = Store.open(where[3])
    account, other = case_accounts(store, 1)[0], case_accounts(store, 2)[0]
    store.close()
    out = tmp_path / "pack.md"
    out.write_text("old")
    assert run("appeal", 1, account, *where, "--out", out).code == 0
    assert account in out.read_text()
    ran = run("appeal", 1, other, *where, "--out", out)
    assert ran.code == 8
    assert "no account of it is called" in ran.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("report", 1, "--out", "r.doc"), exits.USAGE),
        (("report", 1), exits.USAGE),
        (("report", 1, "--out", "r.md", "--all", "x"), exits.USAGE),
        (("report", 99, "--out", "r.md"), 8),
        (("report", 1, "--out", "r.md", "--log", "nowhere"), 5),
        (("appeal", 1, "acc", "--out", "r.txt"), exits.USAGE),
    ],
)
def test_refusals(
    run: Callable[..., Ran],
    where: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[object, ...],
    code: int,
) -> None:
    """One line, the right code, and nothing written."""
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    ran = run(*words, *where)
    assert ran.code == code
    assert "Traceback" not in ran.err
    after = {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()}
    assert sorted(after) == before
