"""The same id again is the same exchange, and only the copies decide which of them stays."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.lake import Lake, segment
from stillwatch.lake.duplicates import SeenIds
from tests.lake.absorbing import absorb, make_lake, rows_of
from tests.sources.logs import make_exchanges


def with_copies(seed: int) -> pa.Table:
    """1,500 exchanges, some of them up to five times: alike, changed, at another time, or both."""
    rng = random.Random(seed)
    log = make_exchanges(1500, seed)
    rows = log.to_pylist()
    for row in rng.sample(rows, 300):
        for _ in range(rng.randint(1, 4)):
            copy = dict(row)
            if rng.random() < 0.5:
                copy["prompt"] = rng.choice(["edited", "again", "third"])
            if rng.random() < 0.3:
                copy["headers"] = [("x-retry", str(rng.randint(0, 1)))]
            if rng.random() < 0.4:
                copy["ts"] = rows[rng.randrange(len(rows))]["ts"]
            rows.append(copy)
    return pa.Table.from_pylist(rows, schema=log.schema)


def split_up(table: pa.Table, folder: Path, seed: int) -> list[Path]:
    """The rows shuffled into a few files."""
    rng = np.random.default_rng(seed)
    shuffled = table.take(pa.array(rng.permutation(table.num_rows)))
    cuts = [0, *sorted(rng.integers(0, table.num_rows, 4).tolist()), table.num_rows]
    folder.mkdir()
    paths = []
    for place in rng.permutation(5).tolist():
        part = shuffled.slice(cuts[place], cuts[place + 1] - cuts[place])
        paths.append(folder / f"{rng.integers(10**9)}.parquet")
        pq.write_table(part, paths[-1])
    return paths


def test_the_earliest_copy_stays(tmp_path: Path) -> None:
    """Of copies with different starts it is the first to start, wherever it stands."""
    log = make_exchanges(10)
    late = log.slice(9, 1).set_column(0, log.schema.field(0), [["ex-000000000"]])
    for place, tables in enumerate(([log, late], [late, log])):
        path = tmp_path / f"{place}.parquet"
        pq.write_table(pa.concat_tables(tables), path)
        lake = make_lake(tmp_path / f"lake{place}", path)
        assert rows_of(lake).equals(log)
        assert lake.counts()["quarantined"] == {"duplicate": 1}


@pytest.mark.parametrize("seed", [1, 2])
def test_order_of_files_rows_and_threads_decides_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However copies are spread over files, ingests, segments and threads, the rows are one set."""
    log = with_copies(seed)
    expected = rows_of(make_lake(tmp_path / "whole", *split_up(log, tmp_path / "w", 0)))
    ids = log["exchange_id"].to_pylist()
    assert expected["exchange_id"].to_pylist() == sorted(set(ids))
    earliest = log.group_by("exchange_id").aggregate([("ts", "min")]).sort_by("exchange_id")
    assert expected["ts"].to_pylist() == earliest["ts_min"].to_pylist()
    monkeypatch.setattr(segment, "SEGMENT_ROWS", 200)
    monkeypatch.setattr(segment, "GROUP_ROWS", 90)
    monkeypatch.setattr("stillwatch.sources.contract_parquet.BATCH_ROWS", 64)
    monkeypatch.setattr("stillwatch.lake.ingest.MIN_TASK_BYTES", 1)
    for turn in range(4):
        paths = split_up(log, tmp_path / f"t{turn}", turn + 1)
        lake = Lake.create_or_open(tmp_path / f"lake{turn}", durable=False)
        for path in paths[:2]:
            absorb(lake, path)
        absorb(lake, *paths[2:], threads=1 + turn % 3)
        assert rows_of(lake).equals(expected)
        counts = lake.counts()
        assert counts["read"] == len(ids)
        assert counts["quarantined"]["duplicate"] == len(ids) - len(set(ids))
        assert rows_of(Lake.open(lake.path)).equals(expected)


def test_a_reader_keeps_its_state(tmp_path: Path) -> None:
    """A lake opened before copies replaced its rows still reads the old rows."""
    log = make_exchanges(100)
    pq.write_table(log.slice(50), tmp_path / "a.parquet")
    micros = log["ts"].cast(pa.int64()).to_numpy() - 3_600_000_000
    hour_before = pa.array(micros).cast(log.schema.field(1).type)
    early = log.set_column(1, log.schema.field(1), hour_before)
    pq.write_table(early, tmp_path / "b.parquet")
    make_lake(tmp_path / "lake", tmp_path / "a.parquet")
    reader = Lake.open(tmp_path / "lake")
    fragments = reader.fragments(["exchange_id", "ts"])
    absorb(Lake.open(tmp_path / "lake"), tmp_path / "b.parquet")
    absorb(Lake.open(tmp_path / "lake"), tmp_path / "b.parquet")
    old = pa.Table.from_batches([fragment() for fragment in fragments])
    assert old["ts"].to_pylist() == log["ts"].to_pylist()[50:]
    assert rows_of(reader).equals(log.slice(50).combine_chunks())
    reader.refresh()
    assert rows_of(reader).equals(early)


def test_seen_ids_against_a_set() -> None:
    """Sorted runs answer as a set of everything added would."""
    rng = np.random.default_rng(0)
    seen, told = SeenIds(), set()
    for size in (1, 1000, 10, 500, 500, 3, 2000, 0, 64):
        ids = np.sort(rng.integers(0, 5000, size).astype(np.uint64))
        assert seen.seen(ids).tolist() == [int(i) in told for i in ids]
        seen.add(ids)
        told |= set(ids.tolist())
