"""Killed at any moment and run again, an ingest ends with the lake of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from stillwatch.lake import Lake, is_lake
from tests.lake.absorbing import rows_of
from tests.sources.logs import make_accounts, make_exchanges, to_lines, write_log

REPOSITORY = Path(__file__).parents[2]
KILLS = 10
"""For each way to read, at least: so many that several states are seen, in some of `TURNS`."""

TURNS = 60

NURSERY = """
import os, sys
from functools import partial
import pyarrow as pa
from stillwatch.lake import Lake, hashing, segment
from stillwatch.sources import (
    contract_parquet, find_log, read_accounts, read_exchanges, sections, streams
)
import stillwatch.lake.reader_process as helpers
import stillwatch.lake.ingest as ingest
import stillwatch.sources.records as records
segment.SEGMENT_ROWS, segment.GROUP_ROWS = 700, 300
ingest.MIN_TASK_BYTES = 1 << 16
sections.SECTION_BYTES = 300_000
contract_parquet.BATCH_ROWS = 256
records.pieces = partial(streams.pieces, piece_bytes=1 << 16)
hashing.hash_rows(pa.RecordBatch.from_pydict({"a": ["compiled", None], "b": [["before"], []]}))
while line := sys.stdin.readline():
    lake, log, threads, a_helper = line.split()
    helpers.BYTES_A_HELPER = int(a_helper)
    child = os.fork()
    if child == 0:
        found = find_log([log])
        Lake.create_or_open(lake).ingest(
            found.exchanges, read_exchanges, accounts=found.accounts, read_accounts=read_accounts,
            threads=int(threads), sections_of=sections.sections_of,
        )
        os._exit(0)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Imports once, forks an ingest for each line it is sent, says its pid and, asked, how it ended."""


class Readers(NamedTuple):
    """So many, as threads or, helped, as processes."""

    threads: int
    helped: bool = False


class Nursery:
    """A process that ingests in children of its own, so that they can be killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _line(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def start(self, lake: Path, log: Path, readers: Readers) -> int:
        """Begin an ingest; its process id."""
        self._say(f"{lake} {log} {readers.threads} {1 if readers.helped else 1 << 40}")
        return self._line()

    def wait(self) -> int:
        """How the ingest that was started last ended: 0, or minus the signal."""
        self._say("how?")
        return self._line()

    def run(self, lake: Path, log: Path, readers: Readers) -> None:
        """An ingest that nobody disturbs."""
        self.start(lake, log, readers)
        assert self.wait() == 0

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests here."""
    made = Nursery()
    yield made
    made.close()


def make_log(folder: Path) -> Path:
    """Some thousand exchanges in several forms, with copies and with damaged rows."""
    log = make_exchanges(6000)
    late = log.slice(100, 50)
    early = late.set_column(1, late.schema.field(1), log["ts"].slice(0, 50))
    parts = pa.concat_tables([log, early, log.slice(3000, 300)])
    for place, name in enumerate(
        ("a.parquet", "b.jsonl", "c.jsonl.gz", "d.parquet", "e.jsonl.zst")
    ):
        write_log(parts.slice(place * 1270, 1270), folder / "exchanges" / name)
    lines = to_lines(make_exchanges(300, 9, 50_000)).splitlines(keepends=True)
    for place in range(0, 300, 7):
        lines[place] = lines[place][:40] + b"\n"
    (folder / "exchanges" / "f.jsonl").write_bytes(b"".join(lines))
    write_log(make_accounts(60), folder / "accounts.jsonl")
    return folder


def all_of(lake: Lake) -> tuple[pa.Table, pa.Table, list[tuple[object, ...]], dict[str, object]]:
    """Everything that a lake says."""
    quarantine = sorted(tuple(row.values()) for row in lake.quarantine().to_pylist())
    return rows_of(lake), lake.accounts(), quarantine, lake.counts()


@pytest.mark.parametrize("readers", [Readers(1), Readers(2), Readers(2, helped=True)])
def test_killed_at_random_moments(tmp_path: Path, nursery: Nursery, readers: Readers) -> None:
    """SIGKILL, ten times a way to read; what a reader sees in between is consistent."""
    log = make_log(tmp_path / "log")
    nursery.run(tmp_path / "warm", log, readers)
    began = time.monotonic()
    nursery.run(tmp_path / "whole", log, readers)
    took_s = time.monotonic() - began
    expected = all_of(Lake.open(tmp_path / "whole"))
    assert expected[3]["read"] == 6650
    assert expected[3]["quarantined"] == {"not_json": 43, "duplicate": 350}
    rng = random.Random(readers.threads)
    states = set()
    kills, turn = 0, 0
    while kills < KILLS or len(states) < (3 if readers.helped else 5):
        turn += 1
        assert turn < TURNS
        lake = tmp_path / f"lake{turn}"
        for _ in range(rng.randint(1, 4)):
            child = nursery.start(lake, log, readers)
            time.sleep(rng.uniform(0, took_s))
            os.kill(child, signal.SIGKILL)
            kills += nursery.wait() == -signal.SIGKILL
            if is_lake(lake):
                seen = Lake.open(lake)
                counts = seen.counts()
                assert counts["read"] == counts["kept"] + sum(counts["quarantined"].values())
                assert rows_of(seen).num_rows == counts["kept"]
                states.add(counts["read"])
        nursery.run(lake, log, readers)
        assert all_of(Lake.open(lake)) == expected
        held = json.loads((lake / "lake.json").read_text())["segments"]
        assert {s["name"] for s in held.values()} == {p.name for p in lake.glob("segments/*")}
