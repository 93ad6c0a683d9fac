"""Texts come from the lake, of the exchanges that were asked for and no other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stillwatch as sw
from stillwatch.errors import LakeBroken
from stillwatch.lake.fragments import Fragment
from stillwatch.reports import read_samples
from stillwatch.tables import EXCHANGES
from tests import fabricated


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of two files, an exchange of the first one told again by the second."""
    folder = tmp_path / "log" / "exchanges"
    folder.mkdir(parents=True)
    for part in range(2):
        rows = [
            {
                "exchange_id": f"ex-{part}-{at}",
                "ts": fabricated.START,
                "account_id": "acc",
                "model": "still-1",
                "prompt": f"prompt {part} {at}\x1b\u202e",
                "system": None if at % 2 else "be kind",
                "response": "yes",
                "ip": "203.0.113.7",
                "asn": 64500,
            }
            for at in range(20)
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=EXCHANGES), folder / f"{part}.parquet")
    sw.ingest([tmp_path / "log"], lake=tmp_path / "lake")
    return tmp_path / "lake"


def test_only_what_was_asked_for(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that aren't there are left out; texts are read only where an exchange is."""
    texts = []
    read = Fragment.__call__

    def spying(self: Fragment) -> pa.RecordBatch:
        if "prompt" in self.columns:
            texts.append(self.name)
        return read(self)

    monkeypatch.setattr(Fragment, "__call__", spying)
    found = read_samples(lake, ["ex-1-3", "ex-1-4", "no such", ""])
    assert set(found) == {"ex-1-3", "ex-1-4"}
    assert found["ex-1-3"].prompt == "prompt 1 3\x1b\u202e"
    assert found["ex-1-3"].system is None
    assert found["ex-1-4"].system == "be kind"
    assert found["ex-1-4"].response == "yes"
    values = {"model": "still-1", "ip": "203.0.113.7", "asn": "64500"}
    assert found["ex-1-4"].values == values
    assert len(set(texts)) == 1
    assert read_samples(lake, []) == {}


def test_no_lake(tmp_path: Path) -> None:
    """A folder that is none is said to be none."""
    with pytest.raises(LakeBroken, match="is no lake"):
        read_samples(tmp_path, ["ex-1"])
