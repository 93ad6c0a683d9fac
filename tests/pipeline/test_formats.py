"""A world written out in every gateway's format and read back: the same traffic, the same findings.

Findings are a function of the tables alone, so it is the tables that are compared, each with what
its format can carry of the world; one format goes through detection as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from stillwatch.pipeline import detect
from stillwatch.sources import read_exchanges
from stillwatch.sources.formats import format_named
from stillwatch.tables import EXCHANGES
from tests.pipeline.small import Small, flagged, write
from tests.sources.reading import gather
from tests.sources.writers import WRITERS

RENAMED = {"exchange_id", "tools_digest"}
"""Told apart as before, but under other names: ids with their time, digests of what is logged."""

UNTRUE = {"surface", "headers"}
"""The gateway is the surface, and headers have those added that the gateway's log brings along."""


def exported(name: str, exchanges: pa.Table, folder: Path) -> Path:
    """The world's exchanges in format `name`, in a folder of their own."""
    folder.mkdir(parents=True)
    with (folder / "log.jsonl").open("wb") as out:
        for payload in WRITERS[name](_rows(exchanges)):
            out.write(msgspec.json.encode(payload) + b"\n")
    return folder


def _rows(exchanges: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in exchanges.to_batches(max_chunksize=5000):
        yield from batch.to_pylist()


def _carried(exchanges: pa.Table, names: list[str]) -> pa.Table:
    """Only these columns, with no tools where there is an empty list of them."""
    table = exchanges.select(names)
    if "tools" in names:
        tools = [held or None for held in table["tools"].to_pylist()]
        place = table.schema.get_field_index("tools")
        table = table.set_column(place, "tools", pa.array(tools, pa.list_(pa.string())))
    return table.combine_chunks()


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_traffic_comes_back(small: Small, tmp_path: Path, name: str) -> None:
    """Row for row, in every column that the format can carry; nothing quarantined or mended."""
    world = small.exchanges.slice(0, 6000)
    got = gather(read_exchanges(exported(name, world, tmp_path / name) / "log.jsonl"))
    assert (got.reasons, got.repaired) == ({}, {})
    assert got.kept.num_rows == world.num_rows
    columns = format_named(name).columns - RENAMED - UNTRUE
    names = [name for name in EXCHANGES.names if name in columns]
    expected, came = _carried(world, names), _carried(got.kept, names)
    assert [n for n in names if not came[n].equals(expected[n])] == []
    for column in RENAMED & format_named(name).columns:
        pairs = set(zip(world[column].to_pylist(), got.kept[column].to_pylist(), strict=True))
        known = {pair for pair in pairs if None not in pair}
        assert len(known) == len({was for was, _ in known}) == len({came for _, came in known})


def test_the_same_findings_come_back(small: Small, tmp_path: Path) -> None:
    """Bodies of the APIs with who and when beside them: the world's campaigns, and nobody else."""
    columns = format_named("native").columns
    known = [n if n in columns else None for n in EXCHANGES.names]
    arrays = [
        small.exchanges[field.name] if name else pa.nulls(small.exchanges.num_rows, field.type)
        for name, field in zip(known, EXCHANGES, strict=True)
    ]
    carried = pa.Table.from_arrays(arrays, schema=EXCHANGES)
    expected = detect(write(tmp_path / "contract", carried), threads=1)
    came = detect(exported("native", small.exchanges, tmp_path / "native"), threads=1)
    assert flagged(came) == flagged(expected)
    assert len(flagged(came)) >= 0.7 * len(small.guilty)
    assert came.members.num_rows == expected.members.num_rows
