"""Which frame family a text is of, and under which keys a value may be known: without any log."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from stillwatch.signals.extract import signals
from stillwatch.signals.keys import network_keys, string_keys

LONGEST = 1 << 20
"""Characters of a text that are looked at."""


class Matcher:
    """Finds the families of `tables.FRAMES` that a text shares a MinHash band with."""

    def __init__(self, frames: pa.Table) -> None:
        self._rows = frames.to_pylist()
        self._of_band: dict[int, list[int]] = {}
        for i, row in enumerate(self._rows):
            for band in row["sketch"]:
                self._of_band.setdefault(band, []).append(i)

    def __call__(self, text: str) -> list[dict[str, Any]]:
        """Rows of `tables.FRAMES` that the text is of, those with most bands in common first."""
        shared: dict[int, int] = {}
        for band in bands_of(text):
            for i in self._of_band.get(band, []):
                shared[i] = shared.get(i, 0) + 1
        ranked = sorted(shared, key=lambda i: (-shared[i], -self._rows[i]["exchanges"]))
        return [self._rows[i] for i in ranked]


def bands_of(text: str) -> set[int]:
    """The MinHash bands of a prompt; empty where it says too little to have any."""
    row = {
        "exchange_id": ["e"],
        "ts": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)],
        "account_id": ["a"],
        "model": ["m"],
        "prompt": [text[:LONGEST].encode("utf-8", "replace").decode()],
    }
    made = signals(pa.RecordBatch.from_pydict(row))
    return set(made.column("bands")[0].as_py()) - {0}


def keys_of(value: str) -> dict[str, str]:
    """The keys that a value has if it is an object, and what it would be: an address or a name."""
    value = value.encode("utf-8", "replace").decode()
    network, plain = network_keys(pa.array([value])), string_keys(pa.array([value]))
    found = {f"{int(network[0]):016x}": f"the network of {value}"} if _address(value) else {}
    found[f"{int(plain[0]):016x}"] = value
    if len(value) == 16 and all(c in "0123456789abcdef" for c in value):
        found[value] = f"key {value}"
    return found


def _address(value: str) -> bool:
    return value.count(".") == 3 or value.count(":") >= 2
