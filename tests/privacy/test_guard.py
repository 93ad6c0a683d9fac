"""What comes through the guard: names for everything, led back to what it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import LakeBroken
from stillwatch.lake import Lake
from stillwatch.lake.ingest import Read
from stillwatch.privacy import Guard, Vault, new_keys, read_keys, read_owner, rules_for
from stillwatch.privacy.names import COLUMNS, ONE_WAY
from stillwatch.sources import read_exchanges
from stillwatch.tables import EXCHANGES, QUARANTINE, Chunk
from tests.custody.logs import make_exchanges, write_log

words = st.one_of(st.none(), st.text(max_size=40), st.just("a" * 100_000))


def reading(batch: pa.RecordBatch) -> Read:
    """A source that hands on one batch, and a row that it refused."""
    refused = {"file": "f", "line": 1, "reason": "not_json", "rows": 1, "excerpt": "secret"}
    chunk = Chunk(batch, pa.RecordBatch.from_pylist([refused], QUARANTINE), {}, 0)
    return lambda path, rows: iter([chunk])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(words, words, words, st.dictionaries(st.text(max_size=8), words, max_size=3)),
        min_size=1,
        max_size=6,
    )
)
def test_any_identifiers_are_named_and_led_back(rows) -> None:
    """Whatever a log holds there: null and empty stay, the rest is a name of just that."""
    table = make_exchanges(days=1).slice(0, len(rows)).to_pylist()
    for row, (account, user, address, headers) in zip(table, rows, strict=True):
        row |= {"account_id": account or "x", "end_user": user, "ip": address}
        row["headers"] = list(headers.items())
    batch = pa.RecordBatch.from_pylist(table, EXCHANGES)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        keys = new_keys(place / "keys", place / "owner")
        guard = Guard(rules_for(keys, None), place, keys)
        (chunk,) = guard.over(reading(batch))(Path("log"), 0)
        guard.settle()
        named, owner = chunk.kept.to_pylist(), read_owner(place / "owner")
        assert chunk.quarantined["excerpt"].to_pylist() == [None]
        assert chunk.kept.schema == EXCHANGES
        vault = Vault(place)
        for old, new in zip(table, named, strict=True):
            for column, kind in COLUMNS.items():
                if column not in old or kind in ONE_WAY:
                    continue
                if old[column]:
                    told = vault.reveal([new[column]], owner)
                    assert told == {new[column]: old[column]}
                else:
                    assert new[column] == old[column]
            assert [name for name, _ in new["headers"]] == [name for name, _ in old["headers"]]
            assert all(
                a != b or not b
                for (_, a), (_, b) in zip(new["headers"], old["headers"], strict=True)
            )
            for column in ("exchange_id", "ts", "model", "prompt", "response", "user_agent"):
                assert new[column] == old[column]
        vault.close()
        guard.close()


def test_a_lake_says_no_name_that_the_vault_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the vault can't be written, nothing is committed; later, all of it is."""
    new_keys(tmp_path / "keys", tmp_path / "owner")
    keys, log = read_keys(tmp_path / "keys"), write_log(tmp_path / "log")
    paths = sorted((log / "exchanges").iterdir())
    lake = Lake.create_or_open(tmp_path / "lake", privacy=rules_for(keys, None))
    add = Vault.add

    def full(*_: object) -> None:
        raise LakeBroken("vault", "is full", "Make room")

    monkeypatch.setattr(Vault, "add", full)
    with pytest.raises(LakeBroken, match="is full"):
        lake.ingest(paths, read_exchanges, keys=keys)
    assert Lake.open(tmp_path / "lake").rows == 0
    monkeypatch.setattr(Vault, "add", add)
    assert lake.ingest(paths, read_exchanges, keys=keys).kept == 480
    names = {row["account_id"] for b in lake.scan(["account_id"]) for row in b.to_pylist()}
    vault = Vault(tmp_path / "lake")
    assert vault.known(sorted(names)) == names
    vault.close()
