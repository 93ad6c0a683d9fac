"""Logs made by hand, for tests of what reads and keeps them: all columns, text of all sorts."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from stillwatch.tables import ACCOUNTS, EXCHANGES

START_US = 1_788_000_000_000_000
TEXTS = (
    "Write a function that reverses a linked list.",
    "¿Qué tiempo hace mañana en Málaga?",
    "请解释这个定理的证明。",
    '{"task": "sum", "rows": [1, 2, 3]}',
    "",
    "line one\n\nline two\twith a tab",
    "nul \x00 and emoji \U0001f9ea",
    "x" * 3000,
)


def make_exchanges(n: int, seed: int = 0, first: int = 0) -> pa.Table:
    """`n` exchanges of the contract, ids from `first` on, in order of time."""
    rng = np.random.default_rng(seed)

    def some(values: list[Any], share: float = 0.7) -> list[Any]:
        return [
            values[i] if rng.random() < share else None for i in rng.integers(len(values), size=n)
        ]

    gaps = np.cumsum(rng.integers(1, 5_000_000, n))
    columns: dict[str, Any] = {
        "exchange_id": [f"ex-{first + i:09d}" for i in range(n)],
        "ts": [int(START_US + gap) for gap in gaps],
        "account_id": [f"acc-{i}" for i in rng.integers(50, size=n)],
        "org_id": some(["org-1", "org-2"]),
        "key_id": some(["key-1", "key-2"]),
        "conversation_id": some(["conv-1", "conv-2", "conv-3"]),
        "end_user": some(["u1", "ü2"]),
        "surface": some(["api", "app", "bedrock"], 1),
        "model": [f"model-{i}" for i in rng.integers(3, size=n)],
        "system": some(["You are terse.", "Antworte auf Deutsch."]),
        "prompt": [TEXTS[i] for i in rng.integers(len(TEXTS), size=n)],
        "turns": some(list(range(1, 30))),
        "tools": some([["search", "run"], [], ["f"]]),
        "tools_digest": some(["d1", "d2"]),
        "max_tokens": some([1, 4096, 2**31 - 1]),
        "temperature": some([0.0, 0.5, 1.0]),
        "thinking": some([True, False]),
        "response": some(list(TEXTS)),
        "stop_reason": some(["stop", "length"]),
        "input_tokens": some([1, 2, 300]),
        "output_tokens": some([0, 12, 4096]),
        "reasoning_tokens": some([0, 100]),
        "cached_tokens": some([0, 64]),
        "status": some([200, 429, 500]),
        "latency_ms": some([1, 250, 90_000]),
        "ip": some(["203.0.113.9", "2001:db8::1"]),
        "asn": some([64500, 4_200_000_000]),
        "country": some(["DE", "US"]),
        "user_agent": some(["a/1.0", "b/2.0"]),
        "ja4": some(["t13d1516h2"]),
        "device_id": some(["dev-1", "dev-2"]),
        "headers": some([[("x-a", "1"), ("x-b", "zwei")], [], [("x-c", None)]]),
    }
    arrays = [pa.array(columns[f.name], f.type) for f in EXCHANGES]
    return pa.Table.from_arrays(arrays, schema=EXCHANGES)


def make_accounts(n: int) -> pa.Table:
    """`n` accounts of the contract."""
    values: dict[str, Any] = {f.name: [None] * n for f in ACCOUNTS}
    values["account_id"] = [f"acc-{i}" for i in range(n)]
    values["created_at"] = [START_US - i * 1_000_000 for i in range(n)]
    values["plan"] = ["free" if i % 2 else "pro" for i in range(n)]
    values["signup_asn"] = list(range(n))
    arrays = [pa.array(values[f.name], f.type) for f in ACCOUNTS]
    return pa.Table.from_arrays(arrays, schema=ACCOUNTS)


def to_objects(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON would say them: times in RFC 3339, headers as an object, nulls left out."""
    rows = []
    for row in table.to_pylist():
        said = {name: value for name, value in row.items() if value is not None}
        if "headers" in said:
            said["headers"] = dict(said["headers"])
        rows.append(said)
    return rows


def to_lines(table: pa.Table) -> bytes:
    """`table` as JSON Lines."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in to_objects(table))


def write_log(table: pa.Table, path: Path) -> Path:
    """Write `table` in the form that the name of `path` asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=1000)
        return path
    lines = to_lines(table)
    if path.suffix == ".gz":
        lines = gzip.compress(lines, 1)
    elif path.suffix == ".zst":
        lines = zstandard.compress(lines, 1)
    path.write_bytes(lines)
    return path


def by_id(table: pa.Table) -> pa.Table:
    """`table` sorted by its first column, in one chunk, to compare with another."""
    return table.sort_by(table.schema.names[0]).combine_chunks()
