"""Helicone's requests with bodies as objects, many at once; what they mean: `helicone.py`."""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from stillwatch.sources.body_shapes import (
    NO_RESPONSE,
    Request,
    Response,
    request_columns,
    response_columns,
    said,
)
from stillwatch.sources.helicone import SESSION
from stillwatch.sources.shapes import ByField, Columns, Shape, Used


class Body(Request):
    """A request's body that is no other event's."""

    kind: None = msgspec.field(default=None, name="_type")


class Exchange(Used):
    """One request."""

    request_body: Body
    response_body: Response | None = None
    llmSchema: Raw = Raw()
    properties: dict[str, str | None] | None = None
    request_properties: dict[str, str | None] | None = None
    request_id: str | None = None
    response_id: str | None = None
    request_created_at: str | None = None
    request_user_id: str | None = None
    helicone_user: str | None = None
    key_name: str | None = None
    request_model: str | None = None
    model_override: str | None = None
    model: str | None = None
    response_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_cache_read_tokens: int | None = None
    response_status: int | None = None
    delay_ms: int | None = None
    country_code: str | None = None


_NO_BODY = Body()


def _opened(records: list[Exchange]) -> list[Exchange | None]:
    return list(map(_usual, records))


def _usual(record: Exchange) -> Exchange | None:
    """Where a body is missing Helicone's own reading of it is asked, which is not usual."""
    if record.response_body and record.request_body != _NO_BODY:
        return record
    return None if bytes(record.llmSchema) else record


def _columns(account: str | None, records: list[Exchange]) -> Columns:
    held = ByField(records)
    properties = [
        mine or other or {}
        for mine, other in zip(held["properties"], held["request_properties"], strict=True)
    ]
    made = request_columns(held["request_body"])
    made |= response_columns([body or NO_RESPONSE for body in held["response_body"]])
    key = said(held["key_name"])
    if account:
        who = said([known.get(account) for known in properties])
    else:
        who = said(held["request_user_id"], held["helicone_user"], key)
    return Columns(
        made
        | {
            "exchange_id": said(held["request_id"], held["response_id"]),
            "ts": held["request_created_at"],
            "account_id": who,
            "key_id": key,
            "conversation_id": said([known.get(SESSION) for known in properties]),
            "surface": ["api"] * len(records),
            "model": said(
                held["request_model"],
                held["model_override"],
                made["model"],
                held["model"],
                held["response_model"],
            ),
            "input_tokens": _known(held["prompt_tokens"], made["input_tokens"]),
            "output_tokens": _known(held["completion_tokens"], made["output_tokens"]),
            "cached_tokens": _known(held["prompt_cache_read_tokens"], made["cached_tokens"]),
            "status": [
                None if status is None or status < 100 else status
                for status in held["response_status"]
            ],
            "latency_ms": held["delay_ms"],
            "country": said(held["country_code"]),
        },
        len(records),
    )


def _known(told: Sequence[Any], counted: Sequence[Any]) -> Sequence[Any]:
    if counted.count(None) == len(counted):
        return told
    return [
        mine or (mine if other is None else other)
        for mine, other in zip(told, counted, strict=True)
    ]


def helicone_shape(account: str | None) -> Shape:
    """Requests of the types that Helicone declares; `account` names a property."""
    return Shape(Exchange, partial(_columns, account), _opened)
