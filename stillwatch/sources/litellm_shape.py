"""LiteLLM's payloads as its own code writes them, many at once; what they mean: `litellm.py`."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import (
    NO_PARAMETERS,
    NO_RESPONSE,
    Content,
    Messages,
    Parameters,
    Response,
    Usage,
    field,
    messages_columns,
    parameters_columns,
    response_text,
    said,
    stop_reason,
    text_of,
    usage_columns,
    users_told,
)
from stillwatch.sources.header_shapes import Headers, lowered, without
from stillwatch.sources.litellm import CALL_ID_HEADER, NO_USER, exchange_id, status_of
from stillwatch.sources.shapes import Columns, Shape, Used
from stillwatch.sources.times import gaps_ms, moments


class Requester(Used):
    """What the client sent beside its body."""

    headers: Headers | None = None


class Kept(Used):
    """What our hook keeps."""

    stillwatch_system: Content = None


class Metadata(Used):
    """What LiteLLM knows of a key, and of the request."""

    user_api_key_user_id: str | None = None
    user_api_key_hash: str | None = None
    user_api_key_team_id: str | None = None
    user_api_key_org_id: str | None = None
    user_api_key_end_user_id: str | None = None
    requester_ip_address: str | None = None
    user_agent: str | None = None
    requester_metadata: Requester | None = None
    requester_custom_headers: Headers | None = None
    usage_object: Usage | None = None
    spend_logs_metadata: Kept | None = None


class Error(Used):
    """Why a call failed."""

    error_code: str | int | None = None
    normalized_error: str | None = None


class Flags(Used):
    """What a guardrail did."""

    guardrail_status: str | None = None


class Payload(Used):
    """One payload."""

    id: str | None = None
    litellm_call_id: str | None = None
    session_id: str | None = None
    startTime: float | str | None = None
    endTime: float | str | None = None
    model: str | None = None
    model_group: str | None = None
    end_user: str | None = None
    requester_ip_address: str | None = None
    user_agent: str | None = None
    messages: Messages = None
    model_parameters: Parameters | None = None
    response: Response | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    status: str | None = None
    error_information: Error | None = None
    error_str: str | None = None
    status_fields: Flags | None = None
    metadata: Metadata | None = None


_NO_METADATA, _NO_ERROR, _NO_FLAGS = Metadata(), Error(), Flags()


def columns(payloads: list[Payload]) -> Columns:
    """Payloads as columns."""
    parameters = [p.model_parameters or NO_PARAMETERS for p in payloads]
    metadata = [p.metadata or _NO_METADATA for p in payloads]
    responses = [p.response or NO_RESPONSE for p in payloads]
    messages = field("messages", payloads)
    headers = lowered(list(map(_headers, metadata)))
    began = moments(field("startTime", payloads))
    made: dict[str, Values] = {
        **messages_columns(
            messages, field("system", parameters), field("instructions", parameters)
        ),
        **parameters_columns(parameters),
        **_tokens(payloads, metadata, responses),
        **_who(metadata),
        **_client(payloads, metadata, headers),
        "exchange_id": [
            exchange_id(p.litellm_call_id or p.id, p.startTime, CALL_ID_HEADER in held)
            for p, held in zip(payloads, headers, strict=True)
        ],
        "ts": began,
        "conversation_id": [p.session_id or None for p in payloads],
        "end_user": said(
            field("end_user", payloads),
            field("user_api_key_end_user_id", metadata),
            field("user", parameters),
            users_told(parameters),
        ),
        "surface": ["api"] * len(payloads),
        "model": [p.model_group or p.model for p in payloads],
        "response": list(map(response_text, responses)),
        "stop_reason": list(map(stop_reason, responses)),
        "status": list(map(_status, payloads)),
        "latency_ms": gaps_ms(began, field("endTime", payloads)),
    }
    made["system"] = [
        system or (about.spend_logs_metadata and _kept_system(about)) or None
        for system, about in zip(made["system"], metadata, strict=True)
    ]
    return Columns(made, len(payloads))


def _kept_system(metadata: Metadata) -> str | None:
    kept = metadata.spend_logs_metadata
    return None if kept is None else text_of(kept.stillwatch_system) or None


def _headers(metadata: Metadata) -> Headers:
    sent = metadata.requester_metadata
    first = sent.headers if sent else None
    more = metadata.requester_custom_headers
    return {**first, **more} if first and more else first or more or {}


def _who(metadata: Sequence[Metadata]) -> dict[str, Values]:
    users = said(field("user_api_key_user_id", metadata))
    keys = said(field("user_api_key_hash", metadata))
    teams = said(field("user_api_key_team_id", metadata))
    orgs = said(field("user_api_key_org_id", metadata))
    return {
        "account_id": [
            user if user is not None and user not in NO_USER else key or team or org or user
            for user, key, team, org in zip(users, keys, teams, orgs, strict=True)
        ],
        "org_id": [org or team for org, team in zip(orgs, teams, strict=True)],
        "key_id": keys,
    }


def _client(
    payloads: Sequence[Payload], metadata: Sequence[Metadata], headers: Sequence[Headers]
) -> dict[str, Values]:
    given = [
        payload.requester_ip_address or about.requester_ip_address or None
        for payload, about in zip(payloads, metadata, strict=True)
    ]
    kept = without(headers, frozenset({"user-agent", MARK}))
    for row, (address, held) in enumerate(zip(given, headers, strict=True)):
        if address is not None and held.get(FORWARDED) == address:
            kept[row] = {**(kept[row] or {}), MARK: FORWARDED}
    return {
        "ip": [address and nearest_address(address) for address in given],
        "user_agent": [
            payload.user_agent or about.user_agent or held.get("user-agent")
            for payload, about, held in zip(payloads, metadata, headers, strict=True)
        ],
        "headers": kept,
    }


def _tokens(
    payloads: Sequence[Payload], metadata: Sequence[Metadata], responses: Sequence[Response]
) -> dict[str, Values]:
    told = usage_columns(field("usage_object", metadata), field("usage", responses))
    for column, name in (
        ("input_tokens", "prompt_tokens"),
        ("output_tokens", "completion_tokens"),
    ):
        given = field(name, payloads)
        told[column] = [
            mine or other or mine for mine, other in zip(given, told[column], strict=True)
        ]
    return told


def _status(payload: Payload) -> int | None:
    if payload.status == "success":
        return 200
    error, flags = payload.error_information or _NO_ERROR, payload.status_fields or _NO_FLAGS
    told = error.error_code, error.normalized_error, payload.error_str
    return status_of(payload.status, told, flags.guardrail_status)


SHAPE = Shape(Payload, columns)
"""Payloads of the types that LiteLLM's `StandardLoggingPayload` declares."""
