"""Signals made by hand, for tests of what adds them up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyarrow as pa

from stillwatch.engine.duck import Duck
from stillwatch.engine.threads import map_ordered
from stillwatch.profiles.gather import gather
from stillwatch.tables import CONTENT_COMPONENTS, FRAME_BANDS, SIGNALS
from stillwatch.traffic import Traffic

SCALE = 320.0


def some_signals(n: int, accounts: int, seed: int = 0, values: int = 12) -> pa.Table:
    """`n` rows of `tables.SIGNALS` of `accounts` accounts; keys of few values, one of them 0."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    for field in SIGNALS:
        if field.type == pa.uint64():
            drawn = rng.integers(0, values, n).astype(np.uint64)
            columns[field.name] = pa.array(drawn * np.uint64(0x9E3779B97F4A7C15))
    columns["exchange"] = pa.array(
        rng.permutation(np.arange(1, n + 1)).astype(np.uint64) << np.uint64(16)
    )
    columns["account"] = pa.array(rng.integers(1, accounts + 1, n).astype(np.uint64))
    columns["ts"] = pa.array(rng.integers(0, 40 * 3_600_000_000, n))
    frame = np.asarray(columns["frame"])
    bands = np.stack([frame % np.uint64(5 + b) for b in range(FRAME_BANDS)], 1)
    columns["bands"] = _lists(np.where(frame[:, None] == 0, np.uint64(0), bands))
    columns["capability"] = pa.array(rng.integers(0, 10, n).astype(np.int8))
    columns["signs"] = pa.array(rng.integers(0, 2**16, n).astype(np.uint16))
    columns["turns"] = pa.array(rng.integers(-1, 7, n).astype(np.int32))
    columns["max_tokens"] = pa.array(rng.integers(-1, 5000, n).astype(np.int32))
    columns["input_tokens"] = pa.array(rng.integers(-1, 5000, n).astype(np.int32))
    columns["output_tokens"] = pa.array(rng.integers(-1, 5000, n).astype(np.int32))
    columns["thinking"] = pa.array(rng.integers(-1, 2, n).astype(np.int8))
    content = rng.integers(-40, 41, (n, CONTENT_COMPONENTS)).astype(np.int8)
    content[rng.random(n) < 0.1] = 0
    columns["content"] = _lists(content)
    return pa.table([columns[name] for name in SIGNALS.names], schema=SIGNALS)


def some_registrations(accounts: int, seed: int = 0) -> pa.Table:
    """Registrations of four in five of `accounts` accounts, and of some that never called."""
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(rng.random(accounts + 10) < 0.8) + 1
    columns = {"account": known.astype(np.uint64)}
    for name in ("org", "payment", "email_domain", "program", "signup_network", "cohort"):
        columns[name] = rng.integers(0, 8, len(known)).astype(np.uint64)
    return pa.table(columns)


def columns_of(signals: pa.Table) -> dict[str, np.ndarray]:
    """The columns of a table of signals as arrays, lists as matrices."""
    columns = {}
    for name, column in zip(signals.schema.names, signals.columns, strict=True):
        values = column.combine_chunks()
        if pa.types.is_fixed_size_list(column.type):
            columns[name] = values.flatten().to_numpy().reshape(-1, column.type.list_size)
        else:
            columns[name] = values.to_numpy()
    return columns


def names_of(signals: pa.Table) -> dict[str, dict[int, str]]:
    """Names of the accounts, not in the order of their keys, and of the models."""
    accounts = np.unique(signals["account"].to_numpy()).tolist()
    models = np.unique(signals["model"].to_numpy()).tolist()
    return {
        "account_id": {key: f"acc-{(key * 7919) % 1009:04d}" for key in accounts},
        "model": {key: f"model-{key}" for key in models},
    }


def gathered(
    signals: pa.Table,
    registrations: pa.Table | None = None,
    names: Mapping[str, Mapping[int, str]] | None = None,
    threads: int = 1,
    content: np.ndarray | None = None,
) -> Traffic:
    """The traffic of signals, with ids made of the exchange keys; other `content` if given."""
    ids = pa.chunked_array([[f"ex-{key}" for key in signals["exchange"].to_pylist()]], pa.string())
    duck = Duck(threads)
    try:
        columns = columns_of(signals) | ({} if content is None else {"content": content})
        spread = partial(map_ordered, threads=threads)
        told = names or names_of(signals)
        return gather(columns, ids, told, registrations, duck.run, SCALE, spread=spread)
    finally:
        duck.close()


def _lists(matrix: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
