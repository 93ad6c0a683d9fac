"""Rows of LiteLLM's table, many at once; what they mean: `litellm_spend.py`.

They become payloads of the log callback, as they do one by one.
"""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from typing import Any

import msgspec

from stillwatch.sources import litellm_shape
from stillwatch.sources.body_shapes import (
    NO_RESPONSE,
    Messages,
    Parameters,
    Response,
    Usage,
    either,
    said,
)
from stillwatch.sources.header_shapes import Headers, lowered
from stillwatch.sources.litellm_shape import Error, Kept, Payloads
from stillwatch.sources.litellm_spend import CUT, GAP, TEXTS
from stillwatch.sources.shapes import ByField, Columns, Shape, Used, field, objects


class About(Used):
    """A request's metadata, among which the client's headers are."""

    user_id: str | None = None
    headers: Headers | None = None


class Asked(Parameters):
    """The request, as the client sent it."""

    metadata: About | None = None
    litellm_metadata: About | None = None
    messages: Messages = None
    input: Messages = None
    prompt: Messages = None


class Known(Used):
    """The column `metadata`."""

    status: str | None = None
    user_agent: str | None = None
    requester_ip_address: str | None = None
    usage_object: Usage | None = None
    additional_usage_values: Usage | None = None
    error_information: Error | None = None
    spend_logs_metadata: Kept | None = None


class Row(Used):
    """One row, its JSON columns as text or as objects."""

    request_id: str | None = None
    api_key: str | None = None
    session_id: str | None = None
    startTime: str | float | None = None
    endTime: str | float | None = None
    model: str | None = None
    model_group: str | None = None
    user: str | None = None
    team_id: str | None = None
    organization_id: str | None = None
    end_user: str | None = None
    requester_ip_address: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    status: str | None = None
    error_str: str | None = None
    status_fields: None = None
    messages: str | dict[str, Any] | None = None
    proxy_server_request: Asked | str | None = None
    response: Response | str | None = None
    metadata: Known | str | None = None


_asked, _told = msgspec.json.Decoder(Asked), msgspec.json.Decoder(Response)
_known = msgspec.json.Decoder(Known)
_NOTHING = ("{}", None, "", {})
_NOT_ASKED, _NOT_KNOWN = Asked(), Known()

Opened = tuple[Row, Asked, Response, Known]


def _opened(rows: list[Row]) -> list[Opened | None]:
    """Rows with their JSON columns."""
    found = zip(
        rows,
        objects(_asked, field("proxy_server_request", rows), _NOT_ASKED),
        objects(_told, field("response", rows), NO_RESPONSE),
        objects(_known, field("metadata", rows), _NOT_KNOWN),
        strict=True,
    )
    return [one if all(one) and one[0].messages in _NOTHING else None for one in found]


def _columns(opened: list[Opened]) -> Columns:
    """What the log callback would have had, and what it makes of it."""
    rows, asked, told, about = zip(*opened, strict=True)
    held, known = ByField(rows), ByField(about)
    others = field("litellm_metadata", asked)
    sent = [one and one.headers for one in field("metadata", asked)]
    if any(others):
        sent = [mine or (other and other.headers) for mine, other in zip(sent, others, strict=True)]
    made = litellm_shape.columns(
        Payloads(
            {
                **held,
                "litellm_call_id": held["request_id"],
                "id": held["request_id"],
                "startTime": said(held["startTime"]),
                "endTime": said(held["endTime"]),
                "user_agent": known["user_agent"],
                "messages": [one.messages or one.input or one.prompt or None for one in asked],
                "status": said(held["status"], known["status"]),
                "error_information": known["error_information"],
            },
            {
                "user_api_key_user_id": held["user"],
                "user_api_key_hash": held["api_key"],
                "user_api_key_team_id": held["team_id"],
                "user_api_key_org_id": held["organization_id"],
                "user_api_key_end_user_id": [None] * len(rows),
                "requester_ip_address": known["requester_ip_address"],
                "user_agent": [None] * len(rows),
                "usage_object": either(known["usage_object"], known["additional_usage_values"]),
                "spend_logs_metadata": known["spend_logs_metadata"],
            },
            asked,
            told,
            lowered(sent),
        )
    )
    values: dict[str, Any] = dict(made.values)
    for name in TEXTS:
        # One character is found much faster than many.
        values[name] = [
            GAP.sub("…", text) if text and "_" in text and CUT in text else text
            for text in values[name]
        ]
    return made._replace(values=values)


SHAPE = Shape(Row, _columns, _opened)
"""Rows with the request as the client sent it; what realtime calls leave is not usual."""
