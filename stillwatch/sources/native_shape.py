"""Pairs of bodies as objects, many at once; what they mean: `native.py`."""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Raw

from stillwatch.sources import native
from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import (
    NOT_SENT,
    Request,
    Response,
    request_columns,
    response_columns,
    said,
)
from stillwatch.sources.header_shapes import Headers, lowered, without
from stillwatch.sources.shapes import ByField, Columns, Shape, Used, field, with_field
from stillwatch.sources.times import gaps_ms

Moment = str | int | float | None


class Asked(Request):
    """A request's body, or what is around one."""

    conversation: Any = None
    body: Raw = NOT_SENT
    content: Raw = NOT_SENT
    json: Raw = NOT_SENT


class Told(Response):
    """A response's body, or what is around one."""

    id: str | None = None
    type: Any = None
    model: str | None = None
    created: Moment = None
    created_at: Moment = None
    error: Any = None
    status_code: Any = None
    body: Raw = NOT_SENT
    json: Raw = NOT_SENT


class Pair(Used):
    """One record; `native.py` says which of the names stand for what."""

    request: Asked | None = None
    request_body: Asked | None = None
    requestBody: Asked | None = None
    response: Told | None = None
    response_body: Told | None = None
    responseBody: Told | None = None
    headers: Headers | None = None
    request_headers: Headers | None = None
    response_headers: Headers | None = None
    exchange_id: str | None = None
    request_id: str | None = None
    requestId: str | None = None
    id: str | None = None
    ts: Moment = None
    timestamp: Moment = None
    time: Moment = None
    start_time: Moment = None
    startTime: Moment = None
    request_time: Moment = None
    created_at: Moment = None
    end_time: Moment = None
    endTime: Moment = None
    response_time: Moment = None
    account_id: str | None = None
    account: str | None = None
    customer_id: str | None = None
    customer: str | None = None
    tenant_id: str | None = None
    tenant: str | None = None
    user_id: str | None = None
    user: str | None = None
    org_id: str | None = None
    organization_id: str | None = None
    organization: str | None = None
    workspace_id: str | None = None
    key_id: str | None = None
    api_key_id: str | None = None
    apiKeyId: str | None = None
    conversation_id: str | None = None
    session_id: str | None = None
    surface: str | None = None
    model: str | None = None
    status: int | None = None
    status_code: int | None = None
    response_status: int | None = None
    latency_ms: int | None = None
    duration_ms: int | None = None
    ip: str | None = None
    client_ip: str | None = None
    ip_address: str | None = None
    remote_addr: str | None = None
    source_ip: str | None = None
    country: str | None = None
    country_code: str | None = None
    user_agent: str | None = None
    userAgent: str | None = None
    device_id: str | None = None


_NOTHING_ASKED, _NOTHING_TOLD = Asked(), Told()


def _opened(records: list[Pair]) -> list[Pair | None]:
    return list(map(_usual, records))


def _usual(record: Pair) -> Pair | None:
    """Bodies inside something else aren't usual, nor is a bare one."""
    request = record.request or record.request_body or record.requestBody
    response = record.response or record.response_body or record.responseBody
    if request is None and response is None:
        return None
    if request is not None and not (request.body is request.content is request.json is NOT_SENT):
        return None
    if response is not None and not (response.body is response.json is NOT_SENT):
        return None
    return record


def _columns(who: str | None, records: list[Pair]) -> Columns:
    held = ByField(records)

    def any_of(names: Sequence[str]) -> list[Any]:
        return said(*(held[name] for name in names if name in held))

    requests = [r.request or r.request_body or r.requestBody or _NOTHING_ASKED for r in records]
    given = [r.response or r.response_body or r.responseBody for r in records]
    responses = [body or _NOTHING_TOLD for body in given]
    headers = lowered(_either(held["headers"], held["request_headers"]))
    told = lowered(held["response_headers"])
    made = request_columns(requests) | response_columns(responses)
    orgs = said(any_of(native.ORGS), *_header(told, native.ORG_HEADERS))
    keys = any_of(native.API_KEYS)
    times = any_of(native.TIMES)
    known = [moment or None for moment in times]
    return Columns(
        made
        | {
            "exchange_id": said(
                any_of(("exchange_id", *native.IDS)),
                *_header(told, ("request-id", "x-request-id")),
                field("id", responses),
            ),
            "ts": said(known, field("created", responses), field("created_at", responses)),
            "account_id": said(held[who] if who else any_of(native.ACCOUNTS), orgs, keys),
            "org_id": orgs,
            "key_id": keys,
            "conversation_id": said(
                any_of(("conversation_id", "session_id")),
                list(map(native.conversation_of, field("conversation", requests))),
            ),
            "surface": [surface or "api" for surface in held["surface"]],
            "model": said(made["model"], held["model"], field("model", responses)),
            "status": _statuses(held, given),
            "latency_ms": _latencies(
                any_of(("latency_ms", "duration_ms")), times, any_of(native.ENDS)
            ),
            "country": any_of(("country", "country_code")),
            "user_agent": said(
                any_of(("user_agent", "userAgent")), [h.get("user-agent") for h in headers]
            ),
            "device_id": said(held["device_id"]),
            **_client(any_of(native.ADDRESSES), headers),
        },
        len(records),
    )


def _either(
    first: Sequence[Headers | None], other: Sequence[Headers | None]
) -> list[Headers | None]:
    return [mine or more for mine, more in zip(first, other, strict=True)]


def _header(headers: Sequence[Headers], names: Sequence[str]) -> list[list[str | None]]:
    return [[held.get(name) for held in headers] for name in names] if any(headers) else []


def _statuses(held: Mapping[str, Sequence[Any]], responses: Sequence[Told | None]) -> Sequence[Any]:
    if None not in held["status"]:
        return held["status"]
    beside = zip(held["status"], held["status_code"], held["response_status"], strict=True)
    return list(map(_status, beside, held["response"], responses))


def _status(beside: Sequence[int | None], named: Told | None, response: Told | None) -> Any:
    """`named` is what stands under the one name of a response that may hold its status."""
    inside = (named.status, named.status_code) if named else ()
    for found in (*beside, *inside):
        if isinstance(found, int) or (isinstance(found, str) and found.isdecimal()):
            return found
    if response is None:
        return None
    return 500 if response.type == "error" or isinstance(response.error, dict) else 200


def _latencies(told: list[Any], times: list[Any], ends: list[Any]) -> Values:
    if None not in told or not any(ends):
        return told
    gaps = gaps_ms(times, ends)
    return said(told, gaps if isinstance(gaps, list) else gaps.to_pylist())


def _client(addresses: list[Any], headers: Sequence[Headers]) -> dict[str, Values]:
    kept = without(headers, frozenset({"user-agent", MARK}))
    for row in [row for row, held in enumerate(headers) if FORWARDED in held]:
        if addresses[row] is None and (listed := headers[row][FORWARDED]) is not None:
            addresses[row] = nearest_address(listed)
            kept[row] = {**(kept[row] or {}), MARK: FORWARDED}
    return {"ip": addresses, "headers": kept}


def native_shape(account: str | None) -> Shape:
    """Pairs of the documented types; `account` names the key that says who called."""
    record, who = with_field(Pair, account) if account else (Pair, None)
    return Shape(record, partial(_columns, who), _opened)
