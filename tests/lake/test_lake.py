"""A lake gives back what was read, once, in one fixed order, and counts add up."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import LakeBroken, LakeBusy, OutputExists
from stillwatch.lake import Lake, is_lake, ledger, segment
from stillwatch.lake import absorb as absorbing
from stillwatch.lake.fragments import Which
from stillwatch.lake.ledger import Ledger
from stillwatch.sources import read_exchanges, streams
from stillwatch.tables import ACCOUNTS, EXCHANGES
from tests.lake.absorbing import absorb, make_lake, rows_of
from tests.sources.logs import make_accounts, make_exchanges, to_lines, write_log

WHICH: tuple[Which, ...] = ("all", "answered", "refused")


def test_rows_come_back(tmp_path: Path) -> None:
    """Every column of every row, from a folder of mixed forms."""
    log = make_exchanges(4000)
    for place, name in enumerate(("a.parquet", "b.jsonl", "c.jsonl.gz", "d.jsonl.zst")):
        write_log(log.slice(place * 1000, 1000), tmp_path / "log" / "exchanges" / name)
    write_log(make_accounts(60), tmp_path / "log" / "accounts.jsonl")
    lake = make_lake(tmp_path / "lake", tmp_path / "log")
    assert rows_of(lake).equals(log)
    assert lake.rows == 4000
    assert lake.accounts().num_rows == 60
    assert lake.counts()["read"] == lake.counts()["kept"] == 4000
    assert rows_of(Lake.open(tmp_path / "lake")).equals(log)


def test_encoded_fragments_say_the_same(tmp_path: Path) -> None:
    """Strings that repeat come as dictionaries of themselves, of a part of the rows too."""
    log = make_exchanges(3000, 2)
    lake = make_lake(tmp_path / "lake", write_log(log, tmp_path / "a.parquet"))
    for until in (None, sorted(log["ts"].to_pylist())[1000]):
        pairs = zip(
            lake.fragments(until=until), lake.fragments(until=until, encoded=True), strict=True
        )
        for plain, encoded in pairs:
            rows = encoded()
            assert plain.name == encoded.name
            assert pa.types.is_dictionary(rows.schema.field("system").type)
            assert rows.to_pylist() == plain().to_pylist()


def test_requests_that_were_refused_can_be_left_out_or_asked_for_alone(tmp_path: Path) -> None:
    """By their status, which need not be asked for; what has none was answered."""
    log = make_exchanges(3000, 3)
    status = [(200, None, 401, 403, 429, 500)[i % 6] for i in range(log.num_rows)]
    at = log.schema.get_field_index("status")
    log = log.set_column(at, EXCHANGES.field("status"), pa.array(status, pa.int16()))
    lake = make_lake(tmp_path / "lake", write_log(log, tmp_path / "a.parquet"))
    until = sorted(log["ts"].to_pylist())[2000]
    for which, theirs in (("refused", {401, 403}), ("answered", {200, None, 429, 500})):
        rows = pa.Table.from_batches(lake.scan(which=which))
        assert rows.equals(log.filter(pa.array([each in theirs for each in status])))
        ids = pa.Table.from_batches(lake.scan(["exchange_id"], until, which=which))
        early = [ts <= until for ts in rows["ts"].to_pylist()]
        assert ids["exchange_id"].equals(rows["exchange_id"].filter(pa.array(early)))
    names = {part.name for which in WHICH for part in lake.fragments(which=which)}
    assert len(names) == 3 * len(lake.fragments())


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_forms_give_equal_lakes(tmp_path: Path, name: str) -> None:
    """The same log gives the same rows in the same order from each form."""
    log = make_exchanges(3000)
    lake = make_lake(tmp_path / "lake", write_log(log, tmp_path / name))
    assert pa.Table.from_batches(lake.scan()).combine_chunks().equals(log)


def test_counts_add_up(tmp_path: Path) -> None:
    """read = kept + quarantined by reason, duplicates among them; the quarantine lists each."""
    log = make_exchanges(1000)
    lines = to_lines(log).splitlines(keepends=True)
    lines[10] = b"{broken\n"
    lines[20] = b'{"exchange_id": "x"}\n'
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(lines + lines[:5]))
    lake = Lake.create_or_open(tmp_path / "lake")
    report = absorb(lake, path)
    assert (report.read, report.kept, report.duplicates) == (1005, 998, 5)
    assert report.quarantined == {"missing:ts": 1, "not_json": 1}
    counts = lake.counts()
    assert counts["quarantined"] == {"missing:ts": 1, "not_json": 1, "duplicate": 5}
    assert counts["read"] == counts["kept"] + sum(counts["quarantined"].values())
    entries = lake.quarantine().to_pylist()
    assert [(e["line"], e["reason"]) for e in entries] == [(11, "not_json"), (21, "missing:ts")]
    assert entries[0]["file"] == str(path)
    assert entries[0]["excerpt"] == "{broken"


def test_ingesting_again_changes_nothing(tmp_path: Path) -> None:
    """The same file, its copy, another form of it, and a grown version of it."""
    log = make_exchanges(2000)
    one = write_log(log.slice(0, 1500), tmp_path / "one.jsonl")
    lake = make_lake(tmp_path / "lake", one)
    before = lake.counts()
    assert absorb(lake, one).skipped == 1
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(one.read_bytes())
    assert absorb(lake, copy).skipped == 1
    assert lake.counts() == before
    report = absorb(lake, write_log(log.slice(0, 1500), tmp_path / "one.parquet"))
    assert (report.read, report.kept, report.duplicates) == (1500, 0, 1500)
    report = absorb(lake, write_log(log, tmp_path / "grown.jsonl"))
    assert (report.read, report.kept, report.duplicates) == (2000, 500, 1500)
    assert rows_of(lake).equals(log)
    counts = lake.counts()
    assert counts["read"] == counts["kept"] + sum(counts["quarantined"].values())


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_segments_change_nothing(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small segments on several threads: the same rows, in the same order."""
    monkeypatch.setattr(segment, "SEGMENT_ROWS", 700)
    monkeypatch.setattr(segment, "GROUP_ROWS", 300)
    monkeypatch.setattr("stillwatch.lake.ingest.MIN_TASK_BYTES", 1)
    log = make_exchanges(6000)
    paths = [
        write_log(log.slice(i * 2000, 2000), tmp_path / "log" / f"{i}.parquet") for i in range(3)
    ]
    lake = make_lake(tmp_path / "lake", *paths, threads=threads)
    assert len(list((tmp_path / "lake" / "segments").iterdir())) == 6
    assert pa.Table.from_batches(lake.scan()).combine_chunks().equals(log)


def test_a_file_that_was_read_in_other_pieces_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half-read file of another version: rows are counted by pieces, and none may be lost."""
    log = make_exchanges(3000)
    path = write_log(log, tmp_path / "log" / "a.jsonl")
    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    whole, commits = Ledger.commit, []

    def killed_after_one(its: Ledger, *given: Any) -> None:
        if commits:
            raise KeyboardInterrupt
        commits.append(whole(its, *given))

    def in_pieces_of(size: int) -> None:
        monkeypatch.setattr(streams.pieces, "__defaults__", (size,))
        for module in (absorbing, ledger):
            monkeypatch.setattr(module, "PIECE_BYTES", size)

    monkeypatch.setattr(segment, "SEGMENT_ROWS", 500)
    in_pieces_of(100_000)
    monkeypatch.setattr(Ledger, "commit", killed_after_one)
    with pytest.raises(KeyboardInterrupt):
        absorb(lake, path, threads=1)
    monkeypatch.setattr(Ledger, "commit", whole)
    kept = lake.rows
    assert 500 <= kept < 3000
    in_pieces_of(330_000)
    report = absorb(lake, path, threads=1)
    assert (report.read, report.kept, report.duplicates) == (3000, 3000 - kept, kept)
    assert absorb(lake, path, threads=1).read == 0


@pytest.mark.parametrize("threads", [1, 3])
def test_a_full_disk_ends_an_ingest_that_can_be_repeated(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row group that can't be written, on whichever thread, is told; nothing of it is kept."""
    monkeypatch.setattr(segment, "GROUP_ROWS", 300)
    monkeypatch.setattr("stillwatch.lake.ingest.MIN_TASK_BYTES", 1)
    log = make_exchanges(3000)
    paths = [
        write_log(log.slice(i * 1000, 1000), tmp_path / "log" / f"{i}.parquet") for i in range(3)
    ]

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    lake = Lake.create_or_open(tmp_path / "lake", durable=False)
    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", refuse)
        with pytest.raises(LakeBroken, match="no space left"):
            absorb(lake, *paths, threads=threads)
    assert lake.rows == 0
    absorb(lake, *paths, threads=threads)
    assert pa.Table.from_batches(lake.scan()).combine_chunks().equals(log)


def test_fragments_are_the_scan_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read on several threads and put together in their order, they are the scan."""
    monkeypatch.setattr(segment, "GROUP_ROWS", 250)
    log = make_exchanges(3000)
    lake = make_lake(tmp_path / "lake", write_log(log, tmp_path / "a.parquet"))
    columns = ["prompt", "exchange_id"]
    fragments = lake.fragments(columns)
    assert len(fragments) > 3
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda fragment: fragment(), fragments))
    assert pa.Table.from_batches(parts).combine_chunks().equals(log.select(columns))
    assert [part.num_rows for part in parts] == [fragment.rows for fragment in fragments]
    small = list(lake.scan(columns, batch_rows=100))
    assert max(batch.num_rows for batch in small) <= 100
    assert pa.Table.from_batches(small).combine_chunks().equals(log.select(columns))


def test_until_reads_nothing_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows up to and including the moment; row groups that start later aren't even opened."""
    monkeypatch.setattr(segment, "GROUP_ROWS", 250)
    log = make_exchanges(3000)
    lake = make_lake(tmp_path / "lake", write_log(log, tmp_path / "a.parquet"))
    until = log["ts"][999].as_py()
    got = pa.Table.from_batches(lake.scan(["exchange_id"], until))
    assert got["exchange_id"].to_pylist() == log["exchange_id"][:1000].to_pylist()
    naive = pa.Table.from_batches(lake.scan(["exchange_id"], until.replace(tzinfo=None)))
    assert naive.equals(got)
    assert len(lake.fragments(["exchange_id"], until)) < len(lake.fragments(["exchange_id"]))
    long_ago = datetime(1980, 1, 1, tzinfo=UTC)
    assert list(lake.scan(["exchange_id"], long_ago)) == []
    assert lake.fragments(None, until + timedelta(days=9999))


def test_a_lake_of_nothing(tmp_path: Path) -> None:
    """No file, empty files, files of nothing usable: no rows, right schemas, no fault."""
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "b.jsonl").write_text("nothing\n")
    lake = make_lake(tmp_path / "lake", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (lake.rows, lake.fragments()) == (0, [])
    assert lake.quarantine().num_rows == 1
    assert lake.accounts().schema.equals(ACCOUNTS)


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    """Asking for a column that the contract hasn't is an error that says which."""
    lake = Lake.create_or_open(tmp_path / "lake")
    with pytest.raises(ValueError, match="colour"):
        lake.fragments(["prompt", "colour"])


def test_places_that_are_no_lake(tmp_path: Path) -> None:
    """Other people's folders aren't touched, and a missing or damaged manifest is named."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputExists):
        Lake.create_or_open(tmp_path)
    with pytest.raises(LakeBroken, match=r"no lake\.json"):
        Lake.open(tmp_path / "nowhere")
    lake = tmp_path / "lake"
    Lake.create_or_open(lake)
    assert is_lake(lake)
    assert not is_lake(tmp_path)
    (lake / "lake.json").write_text("{}")
    with pytest.raises(LakeBroken, match=r"lake\.json"):
        Lake.open(lake)


def test_a_newer_lake_is_refused(tmp_path: Path) -> None:
    """A manifest of another version isn't guessed at."""
    Lake.create_or_open(tmp_path / "lake")
    path = tmp_path / "lake" / "lake.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(LakeBroken, match="version 99"):
        Lake.open(tmp_path / "lake")


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    """A lake whose files were taken away says which one is gone."""
    lake = make_lake(tmp_path / "lake", write_log(make_exchanges(10), tmp_path / "a.parquet"))
    gone = next((tmp_path / "lake" / "segments").iterdir())
    gone.unlink()
    with pytest.raises(LakeBroken, match=gone.name):
        list(Lake.open(lake.path).scan())


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """While another process writes, a second writer is told who has the lake; readers go on."""
    path = write_log(make_exchanges(10), tmp_path / "a.parquet")
    lake = make_lake(tmp_path / "lake", path)
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from stillwatch.lake.lock import writing\n"
            "with writing(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()",
            str(tmp_path / "lake"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    assert held.stdin
    assert held.stdout
    assert held.stdout.readline() == b"held\n"
    with pytest.raises(LakeBusy, match=f"process {held.pid}"):
        lake.ingest([path], read_exchanges)
    assert Lake.open(tmp_path / "lake").rows == 10
    held.stdin.close()
    assert held.wait() == 0
    held.stdout.close()
    assert lake.ingest([path], read_exchanges).skipped == 1


def test_uncompressed_lakes_hold_the_same(tmp_path: Path) -> None:
    """A throwaway lake trades space for time, not rows."""
    log = make_exchanges(500)
    lake = Lake.create_or_open(tmp_path / "lake", durable=False, compress=False)
    absorb(lake, write_log(log, tmp_path / "a.parquet"))
    assert rows_of(lake).equals(log)
    held = pq.read_metadata(next((tmp_path / "lake" / "segments").iterdir()))
    assert held.row_group(0).column(0).compression == "UNCOMPRESSED"


def test_segments_are_the_contract(tmp_path: Path) -> None:
    """Column order and types on disk are those of the contract."""
    make_lake(tmp_path / "lake", write_log(make_exchanges(10), tmp_path / "a.jsonl"))
    held = next((tmp_path / "lake" / "segments").iterdir())
    assert pq.read_schema(held).equals(EXCHANGES)


def test_progress_is_told_of_every_byte(tmp_path: Path) -> None:
    """Bytes announced are bytes done, over files read, skipped and damaged."""
    paths = [
        write_log(make_exchanges(3000, i, i * 3000), tmp_path / f"{i}.jsonl.gz") for i in (0, 1)
    ]
    paths.append(write_log(make_exchanges(100), tmp_path / "c.parquet"))
    paths[-1].write_bytes(paths[-1].read_bytes()[:-50])

    class Told:
        stages: list[tuple[str, int | None, str]] = []  # noqa: RUF012
        done = 0
        finished = 0

        def start(self, stage: str, total: int | None, unit: str) -> None:
            self.stages.append((stage, total, unit))

        def advance(self, n: int) -> None:
            self.done += n

        def finish(self) -> None:
            self.finished += 1

    told = Told()
    lake = make_lake(tmp_path / "lake", paths[0])
    lake.ingest(paths, read_exchanges, progress=told)
    total = sum(path.stat().st_size for path in paths)
    assert told.stages == [("ingest", total, "bytes")]
    assert (told.done, told.finished) == (total, 1)
