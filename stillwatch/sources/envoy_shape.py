"""Envoy's lines, many at once; what they mean: `envoy.py`.

An operator sets which keys a line has, so all lines of a file have the same ones: they are learnt
from its first lines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from stillwatch.sources import envoy
from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import said
from stillwatch.sources.shapes import UNFIT, Columns, Shape, Source, Used, by_field
from stillwatch.sources.times import times_us

_MOST_KEYS = 500
_LINE = msgspec.json.Decoder(dict[str, str | int | None])

Known = Mapping[str, Sequence[Any]]
"""The values of all lines by key, null where they aren't known."""


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
        made = [
            (name, str | int | None, msgspec.field(default=None, name=key))
            for key, name in self._keys.items()
        ]
        line = msgspec.defstruct("Line", made, gc=False, forbid_unknown_fields=True)
        self.decoder = msgspec.json.Decoder(line)
        self._calls = [self._keys[name] for name in envoy.TOOL_CALLS if name in self._keys]
        self._models = [self._keys[name] for name in envoy.MODELS if name in self._keys]
        self._method = self._keys.get("method")

    def _opened(self, line: Any) -> Any:
        """What is no exchange isn't usual."""
        if any(getattr(line, name) not in (None, "", "-") for name in self._calls):
            return None
        if self._method and getattr(line, self._method) == "GET":
            if all(getattr(line, name) in (None, "", "-") for name in self._models):
                return None
        return line

    def _columns(self, lines: list[Any]) -> Columns:
        held = by_field(lines)
        known = {
            key: [None if value == "-" else value for value in held[name]]
            if "-" in held[name]
            else held[name]
            for key, name in self._keys.items()
        }

        def any_of(*names: str) -> list[Any]:
            found = [known[name] for name in names if name in known]
            return said(*found) if found else [None] * len(lines)

        starts = any_of("start_time", "timestamp", "time")
        micros = times_us(starts)
        return Columns(
            {
                "exchange_id": _ids(any_of("x-request-id", "request_id"), starts, micros),
                "ts": starts if micros is None or micros.null_count else micros,
                "account_id": any_of(*self._accounts),
                "conversation_id": any_of(*envoy.SESSIONS),
                "surface": ["api"] * len(lines),
                "model": any_of(*envoy.MODELS),
                "prompt": [""] * len(lines),
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
                **_client(
                    known,
                    any_of("downstream_remote_address", "client_ip"),
                    {*envoy.OWN, *self._accounts},
                ),
            },
            len(lines),
        )


def _ids(found: list[Any], starts: list[Any], micros: pa.Array | None) -> Values:
    if micros is None or micros.null_count or set(map(type, found)) != {str}:
        return list(map(envoy.exchange_id, found, starts))
    return [f"{one}@{start}" for one, start in zip(found, micros.to_pylist(), strict=True)]


def _client(known: Known, seen: list[Any], own: Collection[str]) -> dict[str, Values]:
    names = [name for name in known if envoy.is_header(name, own)]
    rows = [
        {name: value for name, value in zip(names, values, strict=True) if type(value) is str}
        for values in zip(*(known[name] for name in names), strict=True)
    ] or [{}] * len(seen)
    addresses = [envoy.without_port(one) if type(one) is str else None for one in seen]
    if (listed := known.get(FORWARDED)) is not None:
        for row, one in enumerate(listed):
            if type(one) is str and (addresses[row] is None or envoy.is_private(addresses[row])):
                addresses[row] = nearest_address(one)
                rows[row] = rows[row] | {MARK: FORWARDED}
    return {"ip": addresses, "headers": [row or None for row in rows]}
