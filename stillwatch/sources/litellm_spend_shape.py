"""Rows of LiteLLM's table, many at once; what they mean: `litellm_spend.py`.

They become payloads of the log callback, as they do one by one.
"""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from typing import Any

import msgspec

from stillwatch.sources import litellm_shape
from stillwatch.sources.body_shapes import Messages, Parameters, Response, Usage
from stillwatch.sources.header_shapes import Headers
from stillwatch.sources.litellm_shape import Error, Kept, Metadata, Payload, Requester
from stillwatch.sources.litellm_spend import CUT, GAP, TEXTS
from stillwatch.sources.shapes import UNFIT, Columns, Shape, Used


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
_NOTHING = ("", "{}")
_NOT_ASKED, _NOT_KNOWN, _NOT_TOLD = Asked(), Known(), Response()


def _opened(rows: list[Row]) -> list[Payload | None]:
    return list(map(_payload, rows))


def _payload(row: Row) -> Payload | None:
    """The row as the log callback would have had it."""
    asked, told, known = row.proxy_server_request, row.response, row.metadata
    if row.messages and row.messages not in _NOTHING:
        return None
    try:
        if isinstance(asked, str):
            asked = _decoded(asked, _asked)
        if isinstance(told, str):
            told = _decoded(told, _told)
        if isinstance(known, str):
            known = _decoded(known, _known)
    except UNFIT:
        return None
    asked, known = asked or _NOT_ASKED, known or _NOT_KNOWN
    about = asked.metadata
    headers = about.headers if about else None
    if not headers and asked.litellm_metadata:
        headers = asked.litellm_metadata.headers
    return Payload(
        id=row.request_id,
        session_id=row.session_id,
        startTime=row.startTime or None,
        endTime=row.endTime or None,
        model=row.model,
        model_group=row.model_group,
        end_user=row.end_user,
        requester_ip_address=row.requester_ip_address,
        user_agent=known.user_agent,
        messages=asked.messages or asked.input or asked.prompt or None,
        model_parameters=asked,
        response=told,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        status=row.status or known.status,
        error_information=known.error_information,
        error_str=row.error_str,
        metadata=Metadata(
            user_api_key_user_id=row.user,
            user_api_key_hash=row.api_key,
            user_api_key_team_id=row.team_id,
            user_api_key_org_id=row.organization_id,
            requester_ip_address=known.requester_ip_address,
            requester_metadata=Requester(headers) if headers else None,
            usage_object=known.usage_object or known.additional_usage_values,
            spend_logs_metadata=known.spend_logs_metadata,
        ),
    )


def _decoded(text: str, decoder: msgspec.json.Decoder) -> Any:
    if text in _NOTHING:
        return None
    if text[0] != "{":
        raise ValueError("no object")
    return decoder.decode(text)


def _columns(payloads: list[Payload]) -> Columns:
    made = litellm_shape.columns(payloads)
    values: dict[str, Any] = dict(made.values)
    for name in TEXTS:
        values[name] = [
            GAP.sub("…", text) if text and CUT in text else text for text in values[name]
        ]
    return made._replace(values=values)


SHAPE = Shape(Row, _columns, _opened)
"""Rows with the request as the client sent it; what realtime calls leave is not usual."""
