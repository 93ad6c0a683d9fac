"""OTLP's JSON: spans and log records with their attributes as plain values.

It is proto3 JSON with ids in hex (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding):
64-bit integers are strings, and a value names its type. Writers that go through a protobuf library
put ids in base64 and may keep names in snake case; both are read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from stillwatch.sources.messages import first

_ID_BYTES = (8, 16)


def scoped(payload: dict[str, Any], kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each span (`kind` `spans`) or log record (`log_records`) with its resource's attributes."""
    outer, middle = {
        "spans": ("resource_spans", "scope_spans"),
        "log_records": ("resource_logs", "scope_logs"),
    }[kind]
    for resource in _objects(payload, outer):
        about = attributes(field(resource, "resource"))
        for scope in _objects(resource, middle):
            for item in _objects(scope, kind):
                yield about, item


def field(holder: Any, name: str) -> Any:
    """A field under its JSON name, or under its name in the schema.

    >>> field({"spanId": "00f0"}, "span_id")
    '00f0'
    """
    head, *rest = name.split("_")
    return first(holder, head + "".join(part.capitalize() for part in rest), name)


def _objects(holder: Any, name: str) -> Iterator[dict[str, Any]]:
    held = field(holder, name)
    for item in held if isinstance(held, list) else ():
        if isinstance(item, dict):
            yield item


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of a resource, a span, an event or a log record, by name."""
    return {
        item["key"]: plain(item.get("value"))
        for item in _objects(holder, "attributes")
        if isinstance(item.get("key"), str)
    }


def plain(value: Any) -> Any:
    """An `AnyValue` as what it says; nested ones too.

    >>> plain({"arrayValue": {"values": [{"intValue": "7"}, {"stringValue": "x"}]}})
    [7, 'x']
    """
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, held),) = value.items()
    kind = kind.replace("_", "").lower()
    if kind == "arrayvalue":
        return [plain(item) for item in _objects(held, "values")]
    if kind == "kvlistvalue":
        return {
            item["key"]: plain(item.get("value"))
            for item in _objects(held, "values")
            if isinstance(item.get("key"), str)
        }
    return whole(held) if kind == "intvalue" else held


def whole(value: Any) -> Any:
    """A 64-bit integer, which JSON has as text; anything else as it stands."""
    if isinstance(value, str) and len(value) < 21 and value.lstrip("-").isdecimal():
        return int(value)
    return value


def hex_id(value: Any) -> str | None:
    """A trace's or span's id in lower-case hex, from hex or base64; `None` where there is none."""
    if not isinstance(value, str) or not value:
        return None
    if value.endswith("="):
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value
        return raw.hex() if len(raw) in _ID_BYTES else value
    return value.lower()
