"""Warehouses into a lake: real tables and databases, object storage on loopback; all read twice."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

import stillwatch as sw
from stillwatch.errors import WarehouseFailed
from stillwatch.lake import Lake
from stillwatch.tables import EXCHANGES
from tests.cases.postgres import find_binaries, running
from tests.sources.cloud_writers import write_azure, write_bedrock
from tests.sources.logs import by_id, make_accounts, make_exchanges, to_lines, write_log
from tests.warehouses.servers import clickhouse_of, s3_of, serving

SAMPLES = Path(__file__).parents[1] / "sources" / "samples"


def held(lake: Path) -> pa.Table:
    """All exchanges of a lake, by id."""
    return by_id(pa.Table.from_batches(Lake.open(lake).scan(), EXCHANGES))


def all_text(folder: Path) -> bytes:
    """Every byte that a folder holds."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A bucket's folder, the options that lead to it, and the keys that were got from it."""
    bucket = tmp_path / "objects" / "logs"
    bucket.mkdir(parents=True)
    asked: list[str] = []
    with serving(s3_of(bucket.parent, asked)) as port:
        options = (
            f"?scheme=http&endpoint_override=127.0.0.1:{port}&region=us-east-1"
            "&access_key=AKIAHIDDEN&secret_key=very-hidden"
        )
        yield bucket, options, asked


def test_objects_of_a_contract_log(storage: tuple[Path, str, list[str]], tmp_path: Path) -> None:
    """A whole log under a prefix; the second time only what is new is got."""
    bucket, options, asked = storage
    table = make_exchanges(500)
    write_log(table.slice(0, 200), bucket / "log" / "exchanges" / "a.parquet")
    write_log(table.slice(200, 200), bucket / "log" / "exchanges" / "b.jsonl.gz")
    (bucket / "log" / "notes.md").write_text("not a log")
    write_log(make_accounts(5), bucket / "log" / "accounts.parquet")
    lake = tmp_path / "lake"
    report = sw.ingest([f"s3://logs/log/{options}"], lake=lake)
    assert (report.files, report.kept, report.accounts) == (2, 400, 5)
    assert "log/notes.md" not in asked
    asked.clear()
    write_log(table.slice(400, 100), bucket / "log" / "exchanges" / "c.parquet")
    report = sw.ingest([f"s3://logs/log{options}"], lake=lake)
    assert report.kept == 100
    assert set(asked) == {"log/exchanges/c.parquet"}
    assert held(lake).equals(by_id(table))
    assert sw.ingest([f"s3://logs/log{options}"], lake=lake).read == 0
    assert b"hidden" not in all_text(lake).lower()


def test_one_object(storage: tuple[Path, str, list[str]], tmp_path: Path) -> None:
    """A single key is read by itself, and what it quarantines is told by the key."""
    bucket, options, _ = storage
    lines = to_lines(make_exchanges(20)) + b"{broken\n"
    (bucket / "one.jsonl").write_bytes(lines)
    lake = tmp_path / "lake"
    report = sw.ingest([f"s3://logs/one.jsonl{options}"], lake=lake)
    assert (report.kept, report.quarantined) == (20, {"not_json": 1})
    (file,) = set(Lake.open(lake).quarantine()["file"].to_pylist())
    assert file == "s3://logs/one.jsonl"


def test_clouds_logs_in_object_storage(
    storage: tuple[Path, str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bedrock and Azure as they lie in buckets: trails and spilled bodies are found however the
    objects are parted."""
    monkeypatch.setattr("stillwatch.warehouses.objects.PART_FILES", 1)
    bucket, options, _ = storage
    rows = make_exchanges(60, seed=3).to_pylist()
    write_bedrock(rows[:30], bucket / "aws", spill_chars=20)
    write_azure(rows[30:], bucket / "azure")
    lake = tmp_path / "lake"
    report = sw.ingest([f"s3://logs/{options}"], lake=lake)
    assert report.kept == 60
    assert "input_body" not in report.repaired
    back = {row["exchange_id"]: row for row in held(lake).to_pylist()}
    for row in rows:
        assert back[row["exchange_id"]]["prompt"] == row["prompt"]
        assert back[row["exchange_id"]]["ip"] == row["ip"]


def test_a_kill_between_parts_loses_nothing(
    storage: tuple[Path, str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed and not remembered is read again, and is the same exchanges."""
    bucket, options, _ = storage
    monkeypatch.setattr("stillwatch.warehouses.objects.PART_FILES", 1)
    table = make_exchanges(300)
    for place in range(3):
        write_log(table.slice(place * 100, 100), bucket / f"{place}" / "x.parquet")
    lake = tmp_path / "lake"

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("stillwatch.arriving.save_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            sw.ingest([f"s3://logs/{options}"], lake=lake)
    assert held(lake).num_rows == 100
    sw.ingest([f"s3://logs/{options}"], lake=lake)
    assert held(lake).equals(by_id(table))


@pytest.mark.parametrize("where", ["s3://logs/nothing/", "s3://nobucket/x/"])
def test_what_is_not_there(
    where: str, storage: tuple[Path, str, list[str]], tmp_path: Path
) -> None:
    """One line that says where and what to do, without the keys."""
    _, options, _ = storage
    with pytest.raises(WarehouseFailed) as fault:
        sw.ingest([where + options], lake=tmp_path / "lake")
    assert "hidden" not in str(fault.value).lower()
    assert where.rstrip("/") in str(fault.value)


def test_https_file_is_read_once(tmp_path: Path) -> None:
    """One file by its address (here from loopback); its signature is nowhere in the lake."""
    (tmp_path / "web" / "pub").mkdir(parents=True)
    write_log(make_exchanges(50), tmp_path / "web" / "pub" / "log.parquet")
    asked: list[str] = []
    lake = tmp_path / "lake"
    with serving(s3_of(tmp_path / "web", asked)) as port:
        url = f"http://127.0.0.1:{port}/pub/log.parquet?X-Sig=very-hidden"
        assert sw.ingest([url], lake=lake).kept == 50
        assert sw.ingest([url], lake=lake).read == 0
    assert b"very-hidden" not in all_text(lake)


@pytest.mark.parametrize("remote", [False, True])
def test_delta_table(remote: bool, storage: tuple[Path, str, list[str]], tmp_path: Path) -> None:
    """A real table, grown, its first file taken out: only what is new and still there is read."""
    deltalake = pytest.importorskip("deltalake")
    bucket, options, asked = storage
    place = bucket / "table"
    table = make_exchanges(300)
    deltalake.write_deltalake(str(place), table.slice(0, 100))
    address = f"s3://logs/table{options}" if remote else str(place)
    lake = tmp_path / "lake"
    assert sw.ingest([address], lake=lake).kept == 100
    deltalake.write_deltalake(str(place), table.slice(100, 100), mode="append")
    asked.clear()
    report = sw.ingest([address], lake=lake)
    assert (report.read, report.kept) == (100, 100)
    if remote:
        assert len({key for key in asked if key.endswith(".parquet")}) == 1
    deltalake.write_deltalake(str(place), table.slice(200, 100), mode="overwrite")
    fresh = tmp_path / "fresh"
    assert sw.ingest([address], lake=fresh).kept == 100
    assert held(fresh).equals(by_id(table.slice(200, 100)))
    sw.ingest([address], lake=lake)
    assert held(lake).equals(by_id(table))
    deltalake.DeltaTable(str(place)).optimize.compact()
    assert sw.ingest([address], lake=lake).kept == 0


def test_delta_table_in_partitions(tmp_path: Path) -> None:
    """Columns that only folders name are there."""
    deltalake = pytest.importorskip("deltalake")
    table = make_exchanges(100)
    deltalake.write_deltalake(str(tmp_path / "t"), table, partition_by=["model"])
    sw.ingest([f"delta+file://{tmp_path / 't'}"], lake=tmp_path / "lake")
    assert held(tmp_path / "lake").equals(by_id(table))


def test_a_broken_delta_table(tmp_path: Path) -> None:
    """A log that can't be read is told as such."""
    pytest.importorskip("deltalake")
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    (tmp_path / "t" / "_delta_log" / f"{0:020}.json").write_text("{")
    with pytest.raises(WarehouseFailed, match="Delta table"):
        sw.ingest([tmp_path / "t"], lake=tmp_path / "lake")


@pytest.fixture
def catalogue(tmp_path: Path) -> Any:
    """A real catalogue in a file, with tables in a folder."""
    sql = pytest.importorskip("pyiceberg.catalog.sql")
    made = sql.SqlCatalog(
        "local", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/wh"
    )
    made.create_namespace("n")
    return made


def iceberg_rows(n: int) -> pa.Table:
    """Exchanges without headers, which Iceberg's writer has in another order."""
    return make_exchanges(n).drop_columns(["headers"])


def test_iceberg_table(catalogue: Any, tmp_path: Path) -> None:
    """A real table through its snapshots: appended rows are read once, deleted ones not at all."""
    table = iceberg_rows(300)
    made = catalogue.create_table("n.logs", schema=table.schema)
    made.append(table.slice(0, 100))
    address = str(tmp_path / "wh" / "n" / "logs")
    lake = tmp_path / "lake"
    assert sw.ingest([address], lake=lake).kept == 100
    made.append(table.slice(100, 200))
    report = sw.ingest([f"iceberg+file://{address}"], lake=lake)
    assert (report.read, report.kept) == (200, 200)
    got = held(lake).drop_columns(["headers"])
    assert got.equals(by_id(table))
    made.delete("exchange_id < 'ex-000000050'")
    fresh = tmp_path / "fresh"
    assert sw.ingest([address], lake=fresh).kept == 250


def test_iceberg_by_catalogue(
    catalogue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue that the environment names says where the newest snapshot is."""
    table = iceberg_rows(50)
    catalogue.create_table("n.logs", schema=table.schema).append(table)
    monkeypatch.setenv("PYICEBERG_CATALOG__LOCAL__TYPE", "sql")
    monkeypatch.setenv("PYICEBERG_CATALOG__LOCAL__URI", f"sqlite:///{tmp_path}/c.db")
    config = pytest.importorskip("pyiceberg.utils.config")
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", config.Config())
    assert sw.ingest(["iceberg://local/n.logs"], lake=tmp_path / "lake").kept == 50
    with pytest.raises(WarehouseFailed, match="Iceberg"):
        sw.ingest(["iceberg://local/n.nothing"], lake=tmp_path / "lake")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The options that lead to a real PostgreSQL."""
    pytest.importorskip("psycopg")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine")
    with running(binaries) as folder:
        yield f"host={folder}&user=postgres"


def test_postgresql(postgres: str, tmp_path: Path) -> None:
    """LiteLLM's own table: read by its time, then only what is new; a query file as well."""
    import psycopg

    options = f"postgresql:///postgres?{postgres}"
    start = datetime(2026, 11, 1, tzinfo=UTC)
    with psycopg.connect(options, autocommit=True) as connection:
        connection.execute('drop table if exists "LiteLLM_SpendLogs"')
        connection.execute(
            'create table "LiteLLM_SpendLogs" (request_id text primary key, call_type text,'
            ' api_key text, spend float8, "startTime" timestamp, "endTime" timestamp,'
            ' model text, model_group text, "user" text, messages jsonb, response jsonb,'
            " status text, prompt_tokens int, completion_tokens int,"
            " requester_ip_address text, session_id text, metadata jsonb, team_id text)"
        )

        def add(first: int, n: int) -> None:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into \"LiteLLM_SpendLogs\" values (%s, 'acompletion', %s, 0.5, %s, %s,"
                    " 'openai/m', 'm', %s, %s, %s, 'success', 3, 4, '203.0.113.9', 's', '{}',"
                    " 'team')",
                    [
                        (
                            f"r-{i}",
                            f"key-{i % 3}",
                            (start + timedelta(hours=i)).replace(tzinfo=None),
                            (start + timedelta(hours=i, seconds=1)).replace(tzinfo=None),
                            f"user-{i % 3}",
                            f'[{{"role": "user", "content": "ask {i}"}}]',
                            '{"choices": [{"message": {"content": "answer"}}]}',
                        )
                        for i in range(first, first + n)
                    ],
                )

        add(0, 200)
        address = f"{options}&table=LiteLLM_SpendLogs&cursor=startTime&password=very-hidden"
        lake = tmp_path / "lake"
        report = sw.ingest([address], lake=lake)
        assert (report.read, report.kept) == (200, 200)
        row = held(lake).to_pylist()[0]
        assert row["prompt"].startswith("ask ")
        assert row["response"] == "answer"
        add(200, 30)
        report = sw.ingest([address], lake=lake)
        assert (report.kept, report.duplicates) == (30, 1)
    asked = tmp_path / "asked.sql"
    asked.write_text(
        'select request_id as exchange_id, "startTime" as ts, "user" as account_id, model,\n'
        "  'asked' as prompt from \"LiteLLM_SpendLogs\" where prompt_tokens > 0;\n"
    )
    other = tmp_path / "other"
    assert sw.ingest([f"{options}&query={asked}"], lake=other).kept == 230
    assert sw.ingest([f"{options}&query={asked}"], lake=other).duplicates == 0
    assert b"very-hidden" not in all_text(lake)
    assert b"very-hidden" not in all_text(other)


def test_what_postgresql_refuses(postgres: str, tmp_path: Path) -> None:
    """No table, no right, no server: told in one line; a query can't write."""
    lake = tmp_path / "lake"
    options = f"postgresql:///postgres?{postgres}"
    with pytest.raises(WarehouseFailed, match="does not exist"):
        sw.ingest([f"{options}&table=nothing"], lake=lake)
    with pytest.raises(WarehouseFailed, match="must name a table or a query"):
        sw.ingest([options], lake=lake)
    writes = tmp_path / "writes.sql"
    writes.write_text("with x as (insert into nothing values (1) returning 1) select 1")
    with pytest.raises(WarehouseFailed):
        sw.ingest([f"{options}&query={writes}"], lake=lake)
    with pytest.raises(WarehouseFailed) as fault:
        sw.ingest(["postgresql://ann:very-hidden@127.0.0.1:9/x?table=t"], lake=lake)
    assert "very-hidden" not in str(fault.value)


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[tuple[int, Any, list[str]]]:
    """A server's port, the session behind it, and what it was asked."""
    pytest.importorskip("clickhouse_connect")
    session = pytest.importorskip("chdb.session").Session()
    asked: list[str] = []
    with serving(clickhouse_of(session, asked)) as port:
        yield port, session, asked
    session.close()


def test_clickhouse(clickhouse: tuple[int, Any, list[str]], tmp_path: Path) -> None:
    """ClickHouse's own engine behind its HTTP interface: a table by its time, then what is new."""
    port, session, asked = clickhouse
    session.query("create database if not exists logs engine = Atomic")
    session.query(
        "create table logs.exchanges (exchange_id String, ts DateTime64(6, 'UTC'),"
        " account_id String, model LowCardinality(String), prompt String, tools Array(String),"
        " temperature Nullable(Float32)) engine = MergeTree order by ts"
    )

    def add(first: int, n: int) -> None:
        session.query(
            "insert into logs.exchanges select concat('e-', toString(number)),"
            " toDateTime64('2026-11-01 00:00:00', 6, 'UTC') + toIntervalHour(number),"
            f" 'acc', 'm', 'it''s', ['a', 'b'], 0.5 from numbers({first}, {n})"
        )

    add(0, 120)
    address = f"clickhouse://ann:very-hidden@127.0.0.1:{port}/logs?table=exchanges&cursor=ts"
    lake = tmp_path / "lake"
    assert sw.ingest([address], lake=lake).kept == 120
    row = held(lake).to_pylist()[0]
    assert (row["prompt"], row["tools"], row["temperature"]) == ("it's", ["a", "b"], 0.5)
    assert row["ts"] == datetime(2026, 11, 1, tzinfo=UTC)
    add(120, 20)
    asked.clear()
    report = sw.ingest([address], lake=lake)
    assert (report.kept, report.duplicates) == (20, 1)
    assert any(">=" in statement for statement in asked)
    assert b"very-hidden" not in all_text(lake)


def test_what_clickhouse_refuses(clickhouse: tuple[int, Any, list[str]], tmp_path: Path) -> None:
    """Told in one line, without the password; what the client logs beside it is nowhere."""
    port, _, _ = clickhouse
    with pytest.raises(WarehouseFailed):
        sw.ingest([f"clickhouse://127.0.0.1:{port}/default?table=nothing"], lake=tmp_path / "lake")
    with pytest.raises(WarehouseFailed) as fault:
        sw.ingest(
            [f"clickhouse://ann:wrong-pass@127.0.0.1:{port}/default?table=x"],
            lake=tmp_path / "lake",
        )
    assert "wrong-pass" not in str(fault.value)
    with pytest.raises(WarehouseFailed):
        sw.ingest(["clickhouse://127.0.0.1:9/default?table=x"], lake=tmp_path / "lake")
    handlers = logging.getLogger("clickhouse_connect").handlers
    assert [type(handler) for handler in handlers] == [logging.NullHandler]


def test_samples_through_storage(storage: tuple[Path, str, list[str]], tmp_path: Path) -> None:
    """Every cloud's samples in one bucket, formats mixed, each told by itself."""
    bucket, options, _ = storage
    for name in ("bedrock", "vertex", "azure_apim"):
        shutil.copytree(SAMPLES / name, bucket / "all" / name)
    report = sw.ingest([f"s3://logs/all/{options}"], lake=tmp_path / "lake")
    assert report.quarantined == {"not_an_exchange": 7, "unjoined": 1}
    assert report.kept == 11 + 4 + 3
    assert os.listdir(tmp_path / "lake" / "warehouses")
    saved = next((tmp_path / "lake" / "warehouses").iterdir())
    assert msgspec.json.decode(saved.read_bytes())["address"].startswith("s3://logs/all")
