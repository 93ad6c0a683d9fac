"""What an exchange or a registration carries that could be told, as keys, and their texts beside.

Keys find what is shared; texts are looked at only of what many accounts of a campaign share.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.sharing.indicators import HEADERS_TOLD, Kind
from stillwatch.signals.keys import network_keys, string_keys
from stillwatch.tables import FRAME_BANDS

READ = ("asn", "headers", "tools", "ip", "user_agent", "ja4", "device_id", "system")
"""Columns that values are of."""


@dataclass(frozen=True)
class Values:
    """Values of one kind: `keys`, `accounts` uint64 (n,), and `ts` int64 (n,), -1 where it has no
    time. Key 0 is no value. `texts` (n,) are null for bands, which have none."""

    keys: NDArray[np.uint64]
    accounts: NDArray[np.uint64]
    ts: NDArray[np.int64]
    texts: pa.Array | None


def exchanged(batch: pa.RecordBatch, made: pa.RecordBatch) -> Mapping[Kind, Values]:
    """Values of exchanges with the columns `READ`, and the signals that were made of them."""
    accounts, ts = (made.column(name).to_numpy() for name in ("account", "ts"))
    asn, headers = batch.column("asn"), headers_told(batch.column("headers"))
    tools = pc.binary_join(batch.column("tools").cast(pa.list_(pa.string())), "\n")
    bands = made.column("bands").flatten().to_numpy()
    found = {
        Kind.PREFIX: (network_keys(batch.column("ip")), batch.column("ip")),
        Kind.ASN: (pc.fill_null(asn, 0).to_numpy().astype(np.uint64), asn.cast(pa.string())),
        Kind.HEADERS: (string_keys(headers), headers),
        Kind.TOOLS: (string_keys(tools), tools),
    }
    for kind, name in (
        (Kind.USER_AGENT, "user_agent"),
        (Kind.JA4, "ja4"),
        (Kind.DEVICE, "device_id"),
        (Kind.SYSTEM, "system"),
    ):
        found[kind] = string_keys(batch.column(name)), batch.column(name)
    told = {kind: Values(keys, accounts, ts, texts) for kind, (keys, texts) in found.items()}
    senders, times = np.repeat(accounts, FRAME_BANDS), np.repeat(ts, FRAME_BANDS)
    return {**told, Kind.SKETCH: Values(bands, senders, times, None)}


def registered(accounts: pa.Table) -> Mapping[Kind, Values]:
    """Values of registrations (`tables.ACCOUNTS`)."""
    whole = accounts.combine_chunks()
    names = {
        Kind.PAYMENT: "payment_id",
        Kind.EMAIL_DOMAIN: "email_domain",
    }
    if not len(whole):
        return {}
    who = string_keys(whole["account_id"].chunk(0))
    never = np.full(len(who), -1, np.int64)
    columns = {kind: whole[name].chunk(0) for kind, name in names.items()}
    return {
        kind: Values(string_keys(column), who, never, column) for kind, column in columns.items()
    }


def headers_told(headers: pa.MapArray) -> pa.Array:
    """Of each row's headers those that may be told, as one text; null where it has none of them.

    >>> kind = pa.map_(pa.string(), pa.string())
    >>> rows = [[("x-stainless-lang", "js"), ("cookie", "s"), ("anthropic-version", "2")], None]
    >>> headers_told(pa.array(rows, kind)).to_pylist()
    ['anthropic-version=2; x-stainless-lang=js', None]
    """
    offsets = np.asarray(headers.offsets)
    spans = np.diff(offsets)
    flat = slice(int(offsets[0]), int(offsets[-1]))
    row = np.repeat(np.arange(len(headers)), spans)
    names, values = headers.keys[flat], pc.fill_null(headers.items[flat], "")
    # a null row may still span headers: the format allows it
    there = pc.and_(
        pc.is_in(names, value_set=pa.array(HEADERS_TOLD)),
        pa.array(np.repeat(headers.is_valid().to_numpy(zero_copy_only=False), spans)),
    )
    pairs = pc.binary_join_element_wise(names, values, "=")
    kept = pa.table({"row": row, "pair": pairs}).filter(there)
    kept = kept.sort_by([("row", "ascending"), ("pair", "ascending")]).combine_chunks()
    counts = np.bincount(kept["row"].to_numpy(), minlength=len(headers))
    begins = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    sorted_pairs = kept["pair"].chunk(0) if len(kept) else pa.array([], pa.string())
    texts = pc.binary_join(pa.ListArray.from_arrays(begins, sorted_pairs), "; ")
    return pc.if_else(pa.array(counts > 0), texts, pa.scalar(None, pa.string()))
