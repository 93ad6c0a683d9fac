"""Ingests that further processes help with: the same lake, and faults that are told."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stillwatch import errors
from stillwatch.errors import HelperLost, InputNotFound, LakeBroken, StillwatchError
from stillwatch.lake import Lake
from stillwatch.lake.ledger import Ledger, Part
from stillwatch.lake.reader_process import Helper, Task
from stillwatch.lake.segment import Written
from stillwatch.sources import read_exchanges
from stillwatch.tables import Chunk, Section
from tests.lake.absorbing import absorb, make_lake
from tests.sources.logs import make_exchanges, to_lines, write_log


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every ingest has helpers, and a task a file; the files that helpers were sent."""
    monkeypatch.setattr("stillwatch.lake.reader_process.BYTES_A_HELPER", 1)
    monkeypatch.setattr("stillwatch.lake.ingest.MIN_TASK_BYTES", 1)
    run, sent = Helper.run, []

    def noted(self: Helper, task: Any, answers: Any) -> None:
        sent.extend(section.path for section in task.sections)
        run(self, task, answers)

    monkeypatch.setattr(Helper, "run", noted)
    return sent


def make_log(folder: Path) -> list[Path]:
    """Twelve files of 200 exchanges, with 17 copies and a damaged line each."""
    log = make_exchanges(2400)
    for n in range(12):
        path = folder / f"{n:02}.jsonl"
        part = log.slice(200 * n, 200)
        write_log(pa.concat_tables([part, part.slice(50, 17)]), path)
        path.write_bytes(path.read_bytes() + b'{"broken\n')
    return sorted(folder.iterdir())


def as_it_is(lake: Lake) -> tuple[pa.Table, list[Any], dict[str, Any]]:
    """Rows in the lake's order, its quarantine and its counts."""
    rows = pa.Table.from_batches(lake.scan())
    return rows, sorted(map(str, lake.quarantine().to_pylist())), lake.counts()


def slowly(path: Path, start: int = 0) -> Iterator[Chunk]:
    """As `read_exchanges`, slow enough for all readers to get some."""
    time.sleep(0.3)
    return read_exchanges(path, start)


def failing(path: Path, start: int = 0) -> Iterator[Chunk]:
    """As `slowly`, but one file can't be read."""
    if path.name == "05.jsonl":
        raise InputNotFound(path, "is gone", "Look for it")
    return slowly(path, start)


def test_the_lake_is_the_same(tmp_path: Path, helped: list[Path]) -> None:
    """Rows, their order, quarantine and counts: whoever read which file."""
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    alone = as_it_is(make_lake(tmp_path / "alone", *log))
    assert not helped
    lake = Lake.create_or_open(tmp_path / "lake")
    report = lake.ingest(log, slowly, threads=3)
    assert 2 <= len(helped) < len(log)
    assert (report.files, report.kept, report.duplicates) == (12, 2400, 204)
    assert report.quarantined == {"not_json": 12}
    assert report.bytes == sum(path.stat().st_size for path in log)
    made = as_it_is(Lake.open(tmp_path / "lake"))
    assert made[0].equals(alone[0])
    assert made[1:] == alone[1:]
    assert lake.ingest(log, slowly, threads=3).skipped == 12
    assert as_it_is(lake)[0].equals(alone[0])


def test_what_stops_a_helper_stops_all(tmp_path: Path, helped: list[Path]) -> None:
    """The fault comes out as it is; what was committed stays, and the rest comes later."""
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    with pytest.raises(InputNotFound, match=r"is gone\. Look for it") as told:
        lake.ingest(log, failing, threads=3)
    assert told.value.where == str(log[5])
    absorb(lake, *log)
    assert lake.rows == 2400
    assert lake.counts()["quarantined"] == {"not_json": 12, "duplicate": 204}
    assert len(list((tmp_path / "lake" / "segments").iterdir())) == len(lake.fragments())


def test_a_helper_that_ends_is_told(
    tmp_path: Path, helped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with its files half read: an error with its number, and nothing is lost after it."""
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    noted = Helper.run

    def killed(self: Helper, task: Any, answers: dict[str, Any]) -> None:
        def kill(size: int) -> bool:
            self._process.kill()
            return answers["advance"](size)

        noted(self, task, answers | {"advance": kill})

    monkeypatch.setattr(Helper, "run", killed)
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    with pytest.raises(HelperLost, match=r"ended \(-9\).*what is committed stays"):
        lake.ingest(log, slowly, threads=2)
    absorb(lake, *log)
    assert lake.rows == 2400
    assert lake.counts()["quarantined"] == {"not_json": 12, "duplicate": 204}


def test_what_only_this_process_has(
    tmp_path: Path, helped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way to read that can't be sent, or isn't known there, is used here."""
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    lake = Lake.create_or_open(tmp_path / "one", durable=False)

    def inside(path: Path, start: int = 0) -> Iterator[Chunk]:
        return slowly(path, start)

    assert lake.ingest(log, inside, threads=3).kept == 2400

    def only_here(path: Path, start: int = 0) -> Iterator[Chunk]:
        return slowly(path, start)

    only_here.__module__, only_here.__qualname__ = "__main__", "only_here"
    monkeypatch.setattr(sys.modules["__main__"], "only_here", only_here, raising=False)
    lake = Lake.create_or_open(tmp_path / "other", durable=False)
    assert lake.ingest(log, only_here, threads=3).kept == 2400
    assert not helped


class Odd(Exception):
    """What can't be made again from its message alone."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def odd(path: Path, start: int = 0) -> Iterator[Chunk]:
    """As `slowly`, but one file meets a fault of ours."""
    if path.name == "05.jsonl":
        raise Odd("this", "that")
    return slowly(path, start)


def test_a_fault_that_cant_be_sent(tmp_path: Path, helped: list[Path]) -> None:
    """Comes as what it says, with where it was."""
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    with pytest.raises((Odd, RuntimeError), match="this and that"):
        lake.ingest(log, odd, threads=3)


def test_a_commit_that_fails_ends_the_helper_that_asked(
    tmp_path: Path, helped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-way in its files it is sent no others; read again, nothing is missing."""
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    commit, failed = Ledger.commit, []

    def full(self: Ledger, part: Part, written: Written) -> None:
        if "-" in written.path.name and not failed:
            failed.append(written)
            raise OSError(errno.ENOSPC, "No space left on device")
        commit(self, part, written)

    monkeypatch.setattr(Ledger, "commit", full)
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    with pytest.raises(LakeBroken, match="No space left"):
        lake.ingest(log, slowly, threads=3)
    assert failed
    absorb(lake, *log)
    assert lake.rows == 2400
    assert lake.counts()["quarantined"] == {"not_json": 12, "duplicate": 204}


def test_a_helper_that_ends_in_the_middle_of_a_word() -> None:
    """What it has sent of a message is no fault of the lake's."""
    helper = Helper.__new__(Helper)
    helper._connection, there = Pipe()
    helper._process = subprocess.Popen(["true"])
    os.write(there.fileno(), b"\0\0\1\0half")
    ending = threading.Timer(0.2, there.close)
    ending.start()
    with pytest.raises(HelperLost, match=r"read a or what is after it, ended \(0\)"):
        helper.run(Task((1, 0), [Section(Path("a"))]), {})
    ending.join()


@pytest.mark.parametrize("executable", ["/nowhere/python", "/bin/cat", ""])
def test_where_no_helper_can_be_started(
    tmp_path: Path, helped: list[Path], monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    """All is read here."""
    monkeypatch.setattr(sys, "executable", executable)
    (tmp_path / "log").mkdir()
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    assert lake.ingest(make_log(tmp_path / "log"), slowly, threads=2).kept == 2400
    assert not helped


def test_places_to_import_from_that_cant_be_told(
    tmp_path: Path, helped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Are left out."""
    odd = [tmp_path, "/with:colon", b"/bytes", ""]
    monkeypatch.setattr(sys, "path", [*sys.path, *odd])
    (tmp_path / "log").mkdir()
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    assert lake.ingest(make_log(tmp_path / "log"), slowly, threads=2).kept == 2400
    assert helped


def test_a_folder_of_logs_isnt_where_helpers_import_from(
    tmp_path: Path, helped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file named like a module, where the command is run, is data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyarrow.py").write_text("raise SystemExit")
    (tmp_path / "log").mkdir()
    log = make_log(tmp_path / "log")
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    assert lake.ingest(log, slowly, threads=2).kept == 2400
    assert helped


def test_little_is_read_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for some megabytes."""
    monkeypatch.setattr(Helper, "__init__", lambda *_: pytest.fail("started"))
    path = tmp_path / "a.jsonl"
    path.write_bytes(to_lines(make_exchanges(200)))
    assert absorb(Lake.create_or_open(tmp_path / "lake"), path, threads=os.cpu_count() or 2).kept


KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, StillwatchError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_come_whole_from_another_process(kind: type[StillwatchError]) -> None:
    """With all that they say, whatever they are made with."""
    more: dict[str, Any] = {}
    if kind is errors.SignInLimited:
        more = {"retry_after": 2.5}
    elif kind in (errors.PolicyInvalid, errors.MappingInvalid, errors.MeasureRefused):
        more = {"faults": ["one", "two"]}
    fault = kind("there", "is wrong", "Mend it", **more)
    again = pickle.loads(pickle.dumps(fault))
    assert type(again) is kind
    assert str(again) == str(fault) == "there: is wrong. Mend it"
    assert vars(again) == vars(fault)
