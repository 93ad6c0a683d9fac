"""What the row-shaped stage hands on: signals, and the texts behind a few of their keys."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.signals.extract import READS, signals
from stillwatch.signals.keys import string_keys
from stillwatch.signals.packed import NAMED, PACKED, packed, unpacked
from tests.sources.logs import make_exchanges


def some() -> pa.RecordBatch:
    """Three hundred exchanges."""
    return make_exchanges(300, seed=2).combine_chunks().to_batches()[0]


def names(batch: pa.RecordBatch) -> dict[str, dict[int, str]]:
    """What keys of a batch are called, by column."""
    found = unpacked(packed(batch))[1]
    return {
        column: dict(zip(keys.tolist(), texts.to_pylist(), strict=True))
        for column, (keys, texts) in found.items()
    }


def test_names_stand_behind_the_keys_of_signals():
    """Every account, model and organisation of a batch can be named by its key."""
    batch = some()
    found = names(batch)
    assert unpacked(packed(batch))[0].equals(signals(batch))
    assert set(found) == set(NAMED)
    for column in NAMED:
        keys, values = string_keys(batch[column]).tolist(), batch[column].to_pylist()
        assert found[column] == {k: v for k, v in zip(keys, values, strict=True) if v}


def test_a_text_stands_once():
    """At the first row of its key; a column that lacks has none."""
    batch = some().select([name for name in READS if name != "org_id"])
    rows = packed(batch)
    assert rows.schema == PACKED
    told = rows.column("text_account_id").drop_null().to_pylist()
    assert sorted(told) == sorted(set(batch["account_id"].to_pylist()))
    assert rows.column("text_org_id").null_count == 300


def test_encoded_columns_say_the_same():
    """Dictionaries, as a lake gives them."""
    batch = some()
    arrays = [
        batch[name].dictionary_encode() if name in NAMED else batch[name]
        for name in batch.schema.names
    ]
    encoded = pa.record_batch(arrays, batch.schema.names)
    assert names(encoded) == names(batch)
