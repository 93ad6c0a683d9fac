"""Extraction: one batch in, one of signals out, row by row, whatever columns there are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.signals.extract import READS, signals
from stillwatch.signals.keys import string_keys
from stillwatch.tables import CAPABILITIES, EXCHANGES, SIGNALS
from tests.sources.logs import make_exchanges

REQUIRED = [field.name for field in EXCHANGES if not field.nullable]
KEYS_OF = {
    "org": ["org_id"],
    "conversation": ["conversation_id"],
    "surface": ["surface"],
    "system": ["system"],
    "toolset": ["tools", "tools_digest"],
    "network": ["ip"],
    "client": ["user_agent", "ja4"],
    "device": ["device_id"],
}
COUNTS = ["turns", "max_tokens", "output_tokens", "thinking"]


@pytest.fixture(scope="module")
def batch() -> pa.RecordBatch:
    """Exchanges with all columns, some of each null, texts of all sorts."""
    return make_exchanges(400, seed=4).combine_chunks().to_batches()[0]


def without(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    """The batch without some columns."""
    return batch.select([n for n in batch.schema.names if n not in names])


def test_schema_is_the_stages_seam(batch: pa.RecordBatch):
    """Columns, types and order are those of `tables.SIGNALS`, and nothing is null."""
    out = signals(batch)
    assert out.schema == SIGNALS
    assert out.num_rows == batch.num_rows
    assert all(column.null_count == 0 for column in out.columns)
    out.validate(full=True)


def test_required_columns_are_enough(batch: pa.RecordBatch):
    """With nothing but the required columns, the rest is unknown and what they say is the same."""
    out, full = signals(batch.select(REQUIRED)), signals(batch)
    for name in KEYS_OF:
        assert not np.any(out[name].to_numpy()), name
    for name in COUNTS:
        assert (out[name].to_numpy() == -1).all(), name
    for name in ("exchange", "account", "ts", "model", "frame", "bands", "signs", "content"):
        assert out[name].equals(full[name]), name


@pytest.mark.parametrize("name", KEYS_OF)
def test_each_key_comes_from_its_own_columns_alone(batch: pa.RecordBatch, name: str):
    """Taking a column away makes its key unknown and leaves every other key as it was."""
    out, full = signals(without(batch, KEYS_OF[name])), signals(batch)
    assert np.any(full[name].to_numpy())
    assert not np.any(out[name].to_numpy())
    for other in KEYS_OF:
        if other != name:
            assert out[other].equals(full[other]), other


def test_only_what_is_named_is_read(batch: pa.RecordBatch):
    """`READS` is all that signals look at: what else a log holds changes nothing."""
    assert signals(batch.select(list(READS))).equals(signals(batch))
    assert set(REQUIRED) <= set(READS) <= set(EXCHANGES.names)
    shuffled = batch.select(list(reversed(READS)))
    assert signals(shuffled).equals(signals(batch))


def test_rows_do_not_see_each_other(batch: pa.RecordBatch):
    """Row by row, in slices, and in another order, the answer is the same."""
    full = pa.table(signals(batch))
    single = pa.concat_tables([pa.table(signals(batch.slice(i, 1))) for i in range(60)])
    assert single.combine_chunks().equals(full.slice(0, 60).combine_chunks())
    order = np.random.default_rng(1).permutation(batch.num_rows)
    assert pa.table(signals(batch.take(pa.array(order)))).equals(full.take(pa.array(order)))


def test_dictionary_columns_and_empty_batches(batch: pa.RecordBatch):
    """Columns as a reader may encode them give the same keys; no rows give no rows."""
    encoded = [
        batch[n].dictionary_encode() if n in ("account_id", "model", "system", "ip") else batch[n]
        for n in batch.schema.names
    ]
    again = pa.record_batch(encoded, batch.schema.names)
    assert signals(again).equals(signals(batch))
    assert signals(batch.slice(0, 0)).schema == SIGNALS
    assert signals(batch.slice(0, 0)).num_rows == 0


def test_a_digest_of_tools_comes_before_their_names(batch: pa.RecordBatch):
    """The tool set is the digest where there is one, else the names in their order."""
    out = signals(batch)["toolset"].to_numpy()
    digest = string_keys(batch["tools_digest"])
    names = batch["tools"].to_pylist()
    assert (out[digest != 0] == digest[digest != 0]).all()
    listed = {tuple(names[i]): out[i] for i in np.flatnonzero(digest == 0) if names[i]}
    assert len(set(listed.values())) == len(listed) >= 2
    assert all(out[i] == 0 for i in np.flatnonzero(digest == 0) if not names[i])


def test_counts_and_times_are_kept_as_they_are(batch: pa.RecordBatch):
    """Numbers pass through, -1 where unknown; time is microseconds since the epoch."""
    out = signals(batch)
    for name in ("turns", "max_tokens", "output_tokens"):
        assert out[name].to_pylist() == [-1 if v is None else v for v in batch[name].to_pylist()]
    asked = {None: -1, False: 0, True: 1}
    assert out["thinking"].to_pylist() == [asked[v] for v in batch["thinking"].to_pylist()]
    assert out["ts"].to_pylist() == batch["ts"].cast(pa.int64()).to_pylist()
    codes = out["capability"].to_numpy()
    assert codes.min() >= 0
    assert codes.max() < len(CAPABILITIES)


def test_no_row_is_left_to_chance_where_text_is_missing(batch: pa.RecordBatch):
    """A prompt without words has no frame, no bands, no signs, no content, and seeks `other`."""
    empty = pa.array([""] * batch.num_rows)
    place = batch.schema.get_field_index("prompt")
    out = signals(batch.set_column(place, EXCHANGES.field("prompt"), empty))
    for name in ("frame", "opening", "closing", "signs"):
        assert not np.any(out[name].to_numpy()), name
    for name in ("bands", "content"):
        assert not np.any(out[name].flatten().to_numpy()), name
    assert set(out["capability"].to_pylist()) == {CAPABILITIES.index("other")}
