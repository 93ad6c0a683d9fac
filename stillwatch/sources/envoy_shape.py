"""Envoy's lines, many at once; what they mean: `envoy.py`.

An operator sets which keys a line has, so all lines of a file have the same ones: they are learnt
from its first lines.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources import envoy
from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import field
from stillwatch.sources.shapes import UNFIT, ByField, Columns, Shape, Source, Unusual, Used
from stillwatch.sources.times import times_us

_MOST_KEYS = 500
_LINE = msgspec.json.Decoder(dict[str, str | int | None])

_UNKNOWN = (None, "", "-")
_EMPTY = pa.array(["", "-"])


@lru_cache(64)
def _line_of(keys: tuple[tuple[str, str], ...]) -> type[msgspec.Struct]:
    """A line of `keys`, each with its field's name. A type is let go by a search for cycles only,
    so that files with the same keys share one."""
    made = [(name, str | int | None, msgspec.field(default=None, name=key)) for key, name in keys]
    return msgspec.defstruct("Line", made, gc=False, forbid_unknown_fields=True)


class LinesOfOneKind(Shape):
    """Lines whose keys are among those of a file's first lines; `account` as of `envoy.py`."""

    def __init__(self, account: str | None) -> None:
        super().__init__(Used, self._columns, self._opened)
        self._accounts = (account,) if account else envoy.ACCOUNT
        self._keys: dict[str, str] = {}
        self._calls: list[str] = []
        self._models: list[str] = []
        self._method: str | None = None

    def begin(self, source: Source) -> None:
        """Learn the keys, once."""
        if self._keys:
            return
        for line in source.first:
            try:
                held = _LINE.decode(line)
            except UNFIT:
                continue
            for key in held:
                if len(self._keys) < _MOST_KEYS:
                    self._keys.setdefault(key, f"key_{len(self._keys)}")
        self.decoder = msgspec.json.Decoder(_line_of(tuple(self._keys.items())))
        self._calls = [self._keys[name] for name in envoy.TOOL_CALLS if name in self._keys]
        self._models = [self._keys[name] for name in envoy.MODELS if name in self._keys]
        self._method = self._keys.get("method")

    def _opened(self, lines: list[Any]) -> list[Any]:
        """What is no exchange isn't usual."""
        methods = field(self._method, lines) if self._method else ()
        if "GET" not in methods and not self._calls:
            return lines
        return [line if self._is_exchange(line) else None for line in lines]

    def _is_exchange(self, line: Any) -> bool:
        if any(getattr(line, name) not in _UNKNOWN for name in self._calls):
            return False
        known = any(getattr(line, name) not in _UNKNOWN for name in self._models)
        return known or not self._method or getattr(line, self._method) != "GET"

    def _columns(self, lines: list[Any]) -> Columns:
        held = ByField(lines)
        values = {key: held[name] for key, name in self._keys.items()}

        def any_of(*names: str) -> pa.Array:
            found = [_known(values[name]) for name in names if name in values]
            if len(found) > 1:
                return pc.coalesce(*found)
            return found[0] if found else pa.nulls(len(lines))

        micros = times_us(any_of("start_time", "timestamp", "time"))
        if micros is None:
            raise Unusual("a time needs a look")
        seen = any_of("downstream_remote_address", "client_ip")
        return Columns(
            {
                "exchange_id": _ids(any_of("x-request-id", "request_id"), micros),
                "ts": micros,
                "account_id": any_of(*self._accounts),
                "conversation_id": any_of(*envoy.SESSIONS),
                "surface": pa.repeat("api", len(lines)),
                "model": any_of(*envoy.MODELS),
                "prompt": pa.repeat("", len(lines)),
                "input_tokens": any_of(*envoy.tokens("input")),
                "output_tokens": any_of(*envoy.tokens("output")),
                "reasoning_tokens": any_of(*envoy.tokens("reasoning")),
                "cached_tokens": any_of(
                    *envoy.tokens("cached_input"), *envoy.tokens("cache_read.input")
                ),
                "status": any_of("response_code"),
                "latency_ms": any_of("duration", "duration_ms"),
                "user_agent": any_of(*envoy.AGENTS),
                "ja4": any_of(*envoy.JA4),
                **_client(values, seen.to_pylist(), {*envoy.OWN, *self._accounts}),
            },
            len(lines),
        )


def _known(values: Sequence[Any]) -> pa.Array:
    """Values of one type, null where a line says nothing; raises where they are of several."""
    try:
        found = pa.array(values, pa.string())
    except pa.ArrowTypeError:
        found = _numbers(values)
    if not pa.types.is_string(found.type):
        return found
    empty = pc.is_in(found, _EMPTY)
    return pc.if_else(empty, None, found) if pc.any(empty).as_py() else found


def _numbers(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except (pa.ArrowException, OverflowError):
        raise Unusual("numbers and text under one key") from None


def _ids(found: pa.Array, micros: pa.Array) -> pa.Array:
    if not pa.types.is_string(found.type):
        return found
    return pc.coalesce(pc.binary_join_element_wise(found, micros.cast(pa.string()), "@"), found)


def _client(
    values: Mapping[str, Sequence[Any]], seen: list[Any], own: Collection[str]
) -> dict[str, Values]:
    held = {name: _known(values[name]) for name in values if envoy.is_header(name, own)}
    texts = {name: known for name, known in held.items() if pa.types.is_string(known.type)}
    addresses = [envoy.without_port(one) if isinstance(one, str) else None for one in seen]
    headers: Values = _headers(texts, len(seen))
    if (listed := texts.get(FORWARDED)) is not None:
        rows = [dict(row or ()) for row in headers.to_pylist()]
        for row, one in enumerate(listed.to_pylist()):
            seen_as = addresses[row]
            if one is not None and (seen_as is None or envoy.is_private(seen_as)):
                addresses[row] = nearest_address(one)
                rows[row] |= {MARK: FORWARDED}
        headers = [row or None for row in rows]
    return {"ip": addresses, "headers": headers}


def _headers(texts: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """One map a row of what it has under each name; null where it has nothing."""
    kind = pa.map_(pa.string(), pa.string())
    if not texts:
        return pa.nulls(rows, kind)
    row_by_row = np.arange(rows * len(texts)).reshape(len(texts), rows).T.ravel()
    items = pa.concat_arrays(list(texts.values())).take(pa.array(row_by_row))
    keys = pa.array(list(texts)).take(pa.array(row_by_row // rows))
    held = items.is_valid()
    counts = held.to_numpy(zero_copy_only=False).reshape(rows, len(texts)).sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.MapArray.from_arrays(
        pa.array(offsets), keys.filter(held), items.filter(held), mask=pa.array(counts == 0)
    )
