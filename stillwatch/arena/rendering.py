"""Rows of a scene as requests that a gateway decides on, and as the log's exchanges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stillwatch.gateway.request import Request
from stillwatch.worlds.scene import Scene
from stillwatch.worlds.writing import Books, render

_ASKED = (
    "account_id",
    "key_id",
    "org_id",
    "end_user",
    "surface",
    "model",
    "system",
    "prompt",
    "turns",
    "tools_digest",
    "max_tokens",
    "temperature",
    "thinking",
    "ip",
    "user_agent",
    "ja4",
    "device_id",
)
"""Columns of exchanges that a request has too, under the same names."""


@dataclass(frozen=True)
class Sheet:
    """Exchanges as they would be, were all let through: a row each in all attributes.

    `table` is of `tables.EXCHANGES`; `status` what the model's side answers, faults included;
    `account` and `serial` are the scene's number of the account and the exchange's own.
    """

    table: pa.Table
    requests: list[Request]
    status: list[int]
    account: list[int]
    serial: np.ndarray
    harvested: np.ndarray


def sheet_of(scene: Scene, rows: np.ndarray, serial: np.ndarray) -> Sheet:
    """Render `rows` of `spool.BLOCK`, numbered `serial`."""
    table = render(scene, rows, serial, Books(scene)).combine_chunks()
    return Sheet(
        table,
        _requests(table),
        table["status"].to_pylist(),
        rows["account"].tolist(),
        serial,
        rows["campaign"] >= 0,
    )


def _requests(table: pa.Table) -> list[Request]:
    columns = [table[name].to_pylist() for name in _ASKED]
    ts = table["ts"].cast(pa.int64()).to_pylist()
    calls = table["exchange_id"].to_pylist()
    tools = table["tools"].to_pylist()
    headers = table["headers"].to_pylist(maps_as_pydicts="strict")
    return [
        Request(
            ts=ts[i],
            call_id=calls[i],
            tools=None if tools[i] is None else tuple(tools[i]),
            headers=headers[i] or {},
            **dict(zip(_ASKED, values, strict=True)),
        )
        for i, values in enumerate(zip(*columns, strict=True))
    ]
