"""What Azure's gateway says of calls, kept as columns until their messages are there.

A call is kept in its run of records; of one correlation the last counts. The oldest runs make room,
for where the log is a file its calls are in the index on disk.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.sources.azure_apim import CALLS_BYTES, Record
from stillwatch.sources.azure_apim_logged import Logged, Whole
from stillwatch.sources.header_columns import header_columns
from stillwatch.sources.joining import Waiting
from stillwatch.sources.shapes import UNFIT, Used


class Call(Used):
    """What the gateway says, as `azure_apim.calls` has it."""

    subscription: str | None = None
    user: str | None = None
    ts: str | None = None
    ip: str | None = None
    status: Whole | None = None
    latency_ms: Whole | None = None
    headers: dict[str, str] | None = None
    body: str | None = None


_TYPES = {
    "subscription": pa.string(),
    "user": pa.string(),
    "ts": pa.string(),
    "ip": pa.string(),
    "status": pa.int64(),
    "latency_ms": pa.int64(),
    "body": pa.binary(),
}
Said = Mapping[str, Sequence[Any]]
"""What calls say, by the names of `Call`."""


def said_of(records: Sequence[Logged]) -> Said:
    """What the gateway's records say, as `azure_apim.calls` has it of each."""
    parts = [one.properties for one in records]
    return {
        "subscription": [one.apimSubscriptionId or one.subscriptionId or None for one in parts],
        "user": [one.userId or None for one in parts],
        "ts": [part.time or one.time or None for part, one in zip(parts, records, strict=True)],
        "ip": [one.callerIpAddress or None for one in records],
        "status": [one.responseCode for one in parts],
        "latency_ms": [
            part.totalTime or one.durationMs for part, one in zip(parts, records, strict=True)
        ],
        "headers": [one.requestHeaders for one in parts],
        "body": [one.requestBody or one.backendRequestBody or None for one in parts],
    }


def fields_of(calls: Sequence[Call]) -> Said:
    """What calls say."""
    return {name: [getattr(call, name) for call in calls] for name in Call.__struct_fields__}


def as_columns(said: Said) -> pa.RecordBatch:
    """Calls as columns: as they are, but headers as the contract has them."""
    agents, headers = header_columns(said["headers"], "user-agent")
    made = {name: pa.array(said[name], kind) for name, kind in _TYPES.items()}
    return pa.RecordBatch.from_pydict(made | {"user_agent": agents, "headers": headers})


def typed(call: Record | None) -> Call | None:
    """A call that was found in general, as a `Call` where it can be one."""
    try:
        return None if call is None else msgspec.convert(call, Call)
    except UNFIT:
        return None


def plain(calls: pa.RecordBatch, row: int) -> Record:
    """One of many calls, as `azure_apim.calls` has it but for headers that nobody looks at."""
    (held,) = calls.slice(row, 1).to_pylist()
    agent, headers, body = held.pop("user_agent"), held["headers"], held["body"]
    known = dict(headers or ()) | ({} if agent is None else {"user-agent": agent})
    return held | {"headers": known or None, "body": None if body is None else body.decode()}


_BESIDE_BYTES = 250
"""What a call takes beside its columns and its key's letters: the key, its place and its row."""


class Calls(Waiting[Record]):
    """Calls by correlation; those that come one by one are kept as they are."""

    def __init__(self, limit_bytes: int = CALLS_BYTES) -> None:
        super().__init__(limit_bytes)
        self._room = limit_bytes
        self._runs: deque[tuple[list[str], pa.RecordBatch, int]] = deque()
        self._rows: dict[Hashable, int] = {}
        self._starts: deque[int] = deque()
        self._next, self._size = 0, 0

    def add(self, keys: list[str], said: Said) -> None:
        """Keep many."""
        made = as_columns(said)
        size = made.nbytes + len("".join(keys)) + _BESIDE_BYTES * len(keys)
        self._runs.append((keys, made, size))
        self._starts.append(self._next)
        self._rows.update(zip(keys, range(self._next, self._next + len(keys)), strict=True))
        self._next += len(keys)
        self._size += size
        if self:
            for key in filter(self.__contains__, keys):
                self.take(key)
        while self._size > self._room:
            old, _, size = self._runs.popleft()
            end = self._starts.popleft() + len(old)
            self._size -= size
            for key in old:
                if self._rows.get(key, end) < end:
                    del self._rows[key]

    def put(self, key: Hashable, part: Record, size: int = 0) -> Sequence[Record]:
        """Keep one."""
        self._rows.pop(key, None)
        return super().put(key, part, size)

    def get(self, key: Hashable) -> Record | None:
        """One call, if there is one."""
        row = self._rows.get(key)
        return super().get(key) if row is None else plain(self.at([row]), 0)

    def rows(self, keys: Sequence[str]) -> list[int]:
        """Where the calls of `keys` are among those that were added many at a time, else -1."""
        return list(map(self._rows.get, keys, repeat(-1)))

    def at(self, rows: Sequence[int]) -> pa.RecordBatch:
        """Calls at `rows`; quick where they are close to each other."""
        places = np.array(rows, np.int64)
        low, high = int(places.min()), int(places.max())
        near: list[pa.RecordBatch] = []
        for run in range(self._of(low), self._of(high) + 1):
            start, (_, made, _) = self._starts[run], self._runs[run]
            near.append(made.slice(max(0, low - start), high + 1 - max(low, start)))
        found = near[0] if len(near) == 1 else pa.concat_batches(near)
        in_order = high - low + 1 == len(rows) and bool((np.diff(places) == 1).all())
        return found if in_order else found.take(pa.array(places - low))

    def _of(self, row: int) -> int:
        return bisect_right(self._starts, row) - 1
