"""The Spark engine against the embedded one: the same rows, steps and findings."""

from __future__ import annotations

import pickle
import platform
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.cli.exits import MEANINGS
from stillwatch.engine import sessions, spark, worker
from stillwatch.engine.choose import open_engine
from stillwatch.engine.duck import Duck
from stillwatch.engine.spark import Spark
from stillwatch.errors import EngineFailed, ExtraMissing
from stillwatch.lake import Lake, segment
from stillwatch.lake.fragments import Fragment
from stillwatch.pipeline import detect, ingest
from stillwatch.profiles.objects import SIGNAL_OBJECTS, incidence_sql
from stillwatch.signals.extract import READS
from stillwatch.worlds import make_world
from tests.engine.conftest import Server, started
from tests.engine.reads import SCHEMA, Gone, Meeting, Numbers, widen
from tests.pipeline.small import SCALE, differences


@pytest.fixture(scope="module")
def engine(server: Server) -> Iterator[Spark]:
    """A session on the server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        engine = open_engine(server.url, 2)
    assert isinstance(engine, Spark)
    yield engine
    engine.close()


@pytest.mark.parametrize("world", ["plain", "camouflage20_own", "no_text"])
def test_findings_are_those_of_the_embedded_engine(world: str, server: Server, tmp_path: Path):
    """Every table, row for row, of lakes of many fragments; the run says who made them."""
    make_world(world, tmp_path / "log", scale=SCALE, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment, "GROUP_ROWS", 8192)
        ingest([tmp_path / "log"], lake=tmp_path / "lake")
    assert len(Lake.open(tmp_path / "lake").fragments()) >= 6
    ours = detect(tmp_path / "lake", threads=2)
    # What one engine made, the other would take.
    shutil.rmtree(tmp_path / "lake" / "signals")
    shutil.rmtree(tmp_path / "lake" / "judged", ignore_errors=True)
    theirs = detect(tmp_path / "lake", threads=2, engine=server.url, anew=True)
    assert ours.campaigns.num_rows >= 2
    assert differences(ours, theirs) == {}
    told = {key for key in theirs.run if theirs.run[key] != ours.run.get(key)}
    assert told <= {"engine", "workers", "seconds", "peak_memory_bytes"}
    assert (ours.run["engine"], theirs.run["engine"]) == ("duckdb", "spark")
    assert theirs.run["workers"] == 2


def test_rows_come_back_in_order_and_as_they_were(
    engine: Spark, server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Over several waves, of jobs of several batches and of none; done by the server's workers."""
    monkeypatch.setattr(spark, "_WAVE_ROWS", 30_000)
    counts = [20_000, 0, 1, 9_000, 9_000, 31_000, 0]
    reads = [Numbers(100_000 * i, rows) for i, rows in enumerate(counts)]
    found = list(engine.map(reads, widen, SCHEMA))
    expected = list(Duck(2).map(reads, widen, SCHEMA))
    assert [batch.num_rows for batch in found] == counts
    assert all(a.schema == b.schema and a.equals(b) for a, b in zip(found, expected, strict=True))
    here = {f"{platform.node()}:{worker.pid}" for worker in server.pods.processes}
    assert len(engine._workers) == 2
    assert engine._workers <= here


def test_a_run_that_ended_early_goes_on_from_its_last_wave(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """However soon it ended after that wave; and what the next one finds is the same."""
    make_world("plain", tmp_path / "log", scale=SCALE, seed=3)
    monkeypatch.setattr(segment, "GROUP_ROWS", 8192)
    ingest([tmp_path / "log"], lake=tmp_path / "lake")
    monkeypatch.setattr(spark, "_WAVE_ROWS", 20_000)
    gather, waves = Spark._gather, []

    def ends(self: Spark, wave: Sequence[Fragment], *more: Any) -> pa.Table:
        waves.append([fragment.name for fragment in wave])
        if len(waves) == 3:
            raise EngineFailed("here", "ended", "Run again")
        return gather(self, wave, *more)

    monkeypatch.setattr(Spark, "_gather", ends)
    with pytest.raises(EngineFailed, match="ended"):
        detect(tmp_path / "lake", threads=2, engine=server.url)
    assert not list((tmp_path / "lake" / "signals").glob("sent-*"))
    theirs = detect(tmp_path / "lake", threads=2, engine=server.url)
    assert waves[3] == waves[2]
    names = [
        fragment.name
        for fragment in Lake.open(tmp_path / "lake").fragments(READS, which="answered")
    ]
    assert [name for wave in (*waves[:2], *waves[3:]) for name in wave] == names
    shutil.rmtree(tmp_path / "lake" / "signals")
    shutil.rmtree(tmp_path / "lake" / "judged", ignore_errors=True)
    assert differences(detect(tmp_path / "lake", threads=2), theirs) == {}


def test_two_workers_do_rows_at_once(engine: Spark, tmp_path: Path):
    """Each worker does one task at a time, so that two reads can meet only on two workers."""
    a, b = tmp_path / "a", tmp_path / "b"
    met = engine.map([Meeting(a, b), Meeting(b, a)], widen, SCHEMA)
    assert [batch.column("sign").to_pylist() for batch in met] == [[1], [1]]


@pytest.mark.parametrize("way", ["left in parts", "sent in parts", "no room"])
@pytest.mark.parametrize("kind", SIGNAL_OBJECTS[:2])
def test_steps_give_what_duckdb_gives(
    kind: str, way: str, engine: Spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Row for row, also for keys of the upper half, whichever way the table goes."""
    monkeypatch.setattr(spark, "_SENT_BYTES", 60_000)
    shared = tmp_path / "a folder"
    if way == "no room":
        shared.write_text("a file, and no folder")
    monkeypatch.setattr(engine, "_shared", None if way == "sent in parts" else shared)
    rng = np.random.default_rng(len(kind))
    keys = rng.integers(0, 400, 4_000).astype(np.uint64) * np.uint64(0xF000000000000001)
    table = pa.table({"account": rng.integers(0, 50, 4_000), kind: keys})
    sql = incidence_sql(kind)
    found = engine.run({"signals": table}, sql)
    assert found.num_rows
    assert found["object"].type == pa.uint64()
    order = [(name, "ascending") for name in ("object", "account")]
    assert found.sort_by(order).equals(Duck(2).run({"signals": table}, sql).sort_by(order))
    assert len(list(shared.glob("sent-*.parquet"))) == (way == "left in parts")
    engine._take_back("signals")


def test_a_table_without_rows_is_one(engine: Spark):
    """Its columns are there, and a later table of its name takes its place."""
    empty = pa.table({"k": pa.array([], pa.uint64())})
    full = pa.table({"k": pa.array([2**64 - 1], pa.uint64())})
    sql = "select k from t order by k"
    assert engine.run({"t": empty}, sql).equals(empty)
    assert engine.run({"t": full}, sql).equals(full)


def test_workers_that_cannot_read_the_lake(engine: Spark, tmp_path: Path):
    """The error names the cluster, the worker and the path, and says what to do."""
    with pytest.raises(EngineFailed, match="all workers see") as caught:
        list(engine.map([Numbers(0, 5), Gone(tmp_path / "lake")], widen, SCHEMA))
    assert caught.value.where.startswith("sc://127.0.0.1:")
    assert re.search(rf"{platform.node()}:\d+.*{tmp_path}/lake: isn't there", str(caught.value))


def test_workers_with_another_version(engine: Spark, monkeypatch: pytest.MonkeyPatch):
    """Another version might find other things: it is refused."""
    monkeypatch.setattr(spark, "version", lambda _: "0.0.7")
    with pytest.raises(EngineFailed, match=r"has Stillwatch .*, not 0\.0\.7"):
        list(engine.map([Numbers(0, 5)], widen, SCHEMA))


def test_lost_rows_are_noticed():
    """A report of more rows than came, or none at all, is a failure and not a smaller finding."""
    read = pickle.dumps(Numbers(0, 9))
    batches = list(worker.do_job(0, read, widen, SCHEMA, worker.version("stillwatch")))
    engine = Spark(None, "sc://here")  # pyright: ignore[reportArgumentType]
    whole = pa.Table.from_batches(batches)
    assert [b.num_rows for b in engine._in_order(whole, 1, SCHEMA)] == [9]
    for broken in (whole.slice(1), whole.slice(0, 9)):
        with pytest.raises(EngineFailed, match="rows of a fragment"):
            list(engine._in_order(broken, 1, SCHEMA))


def test_a_step_that_fails_is_one_line(engine: Spark):
    """The engine lives on."""
    with pytest.raises(EngineFailed, match="nowhere"):
        engine.run({}, "select * from nowhere")
    assert engine.run({}, "select 1 as one").to_pylist() == [{"one": 1}]


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    """Said within the patience, with what to do; without what may be secret in a URL."""
    monkeypatch.setattr(sessions, "_PATIENCE_S", 0.5)
    with pytest.raises(EngineFailed, match=r"^sc://127\.0\.0\.1:9: has no .*Start one") as caught:
        open_engine("sc://127.0.0.1:9/;use_ssl=false;x-key=hush", 2)
    assert "hush" not in str(caught.value)


def test_a_server_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It is tried again a few times, and not for Spark's ten minutes; then one line says so."""
    monkeypatch.setattr(sessions, "_RETRIES", 1)
    with started(tmp_path) as server:
        engine = open_engine(server.url, 2)
        assert engine.run({}, "select 1 as one").to_pylist() == [{"one": 1}]
        server.process.kill()
        server.process.wait()
        with pytest.raises(EngineFailed, match="Start the server again, then run again"):
            engine.run({}, "select 1 as one")
        engine.close()


@pytest.mark.parametrize(
    "name", ["", "ducks", "sc://", "http://127.0.0.1:15002", "localhost:15002"]
)
def test_names_that_are_no_engine(name: str):
    """Refused before anything is read, with the names that there are."""
    with pytest.raises(EngineFailed, match="is no engine") as caught:
        open_engine(name, 2)
    assert caught.value.exit_code in MEANINGS
    assert "sc://host:port" in caught.value.todo


def test_a_port_that_is_none():
    """What the client refuses is said in a line."""
    with pytest.raises(EngineFailed, match="can't be used as an engine"):
        open_engine("sc://127.0.0.1:99999", 2)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch):
    """What to install, for Spark Connect and for a classic master."""
    with pytest.raises(ExtraMissing, match=r"pip install 'pyspark\[connect\]"):
        open_engine("spark://127.0.0.1:7077", 2)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ExtraMissing, match=r"stillwatch\[spark\]"):
        open_engine("sc://127.0.0.1:15002", 2)
