"""LiteLLM's payloads as its own code writes them, many at once; what they mean: `litellm.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
from stillwatch.sources.shapes import ByField, Columns, Shape, Used, field
from stillwatch.sources.times import gaps_ms, moments
from stillwatch.sources.usage import SPOTS


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

Held = Mapping[str, Sequence[Any]]
"""Values by field's name."""


class Payloads(NamedTuple):
    """What many payloads say: `held` by the names of `Payload`, `known` by those of `Metadata`."""

    held: Held
    known: Held
    parameters: Sequence[Parameters]
    responses: Sequence[Response]
    headers: Sequence[Headers]


def _columns(payloads: list[Payload]) -> Columns:
    held = ByField(payloads)
    known = ByField([about or _NO_METADATA for about in held["metadata"]])
    given = map(_headers, known["requester_metadata"], known["requester_custom_headers"])
    return columns(
        Payloads(
            held,
            known,
            [one or NO_PARAMETERS for one in held["model_parameters"]],
            [one or NO_RESPONSE for one in held["response"]],
            lowered(list(given)),
        )
    )


def columns(payloads: Payloads) -> Columns:
    """Payloads as columns."""
    held, known, parameters, responses, headers = payloads
    rows = len(headers)
    began = moments(held["startTime"])
    made: dict[str, Any] = {
        **messages_columns(
            held["messages"], field("system", parameters), field("instructions", parameters)
        ),
        **parameters_columns(parameters),
        **_tokens(held, known, responses),
        **_who(known),
        **_client(held, known, headers),
        "exchange_id": _ids(held, headers),
        "ts": began,
        "conversation_id": said(held["session_id"]),
        "surface": ["api"] * rows,
        "model": _first_true(held["model_group"], held["model"]),
        "response": list(map(response_text, responses)),
        "stop_reason": list(map(stop_reason, responses)),
        "status": _statuses(held),
        "latency_ms": gaps_ms(began, held["endTime"]),
    }
    made["end_user"] = said(
        held["end_user"],
        known["user_api_key_end_user_id"],
        field("user", parameters),
        users_told(parameters),
    )
    kept = known["spend_logs_metadata"]
    if any(kept):
        made["system"] = [
            system or (about and text_of(about.stillwatch_system)) or None
            for system, about in zip(made["system"], kept, strict=True)
        ]
    return Columns(made, rows)


def _first_true(first: Sequence[Any], other: Sequence[Any]) -> Sequence[Any]:
    if all(first):
        return first
    return [mine or more for mine, more in zip(first, other, strict=True)]


def _ids(held: Held, headers: Sequence[Headers]) -> Sequence[Any]:
    found = _first_true(held["litellm_call_id"], held["id"])
    chosen = [CALL_ID_HEADER in sent for sent in headers]
    if not any(chosen):
        return found
    return list(map(exchange_id, found, held["startTime"], chosen))


def _headers(sent: Requester | None, more: Headers | None) -> Headers:
    first = sent.headers if sent else None
    return {**first, **more} if first and more else first or more or {}


def _who(known: Held) -> dict[str, Values]:
    users = said(known["user_api_key_user_id"])
    keys = said(known["user_api_key_hash"])
    teams = said(known["user_api_key_team_id"])
    orgs = said(known["user_api_key_org_id"])
    return {
        "account_id": [
            user if user is not None and user not in NO_USER else key or team or org or user
            for user, key, team, org in zip(users, keys, teams, orgs, strict=True)
        ],
        "org_id": said(orgs, teams),
        "key_id": keys,
    }


def _client(held: Held, known: Held, headers: Sequence[Headers]) -> dict[str, Values]:
    given = said(held["requester_ip_address"], known["requester_ip_address"])
    kept = without(headers, frozenset({"user-agent", MARK}))
    for row in [row for row, sent in enumerate(headers) if FORWARDED in sent]:
        if given[row] is not None and headers[row][FORWARDED] == given[row]:
            kept[row] = {**(kept[row] or {}), MARK: FORWARDED}
    return {
        "ip": [address and nearest_address(address) for address in given],
        "user_agent": held["user_agent"]
        if all(held["user_agent"])
        else [
            mine or other or sent.get("user-agent")
            for mine, other, sent in zip(
                held["user_agent"], known["user_agent"], headers, strict=True
            )
        ],
        "headers": kept,
    }


def _tokens(held: Held, known: Held, responses: Sequence[Response]) -> dict[str, Values]:
    given = {"input_tokens": held["prompt_tokens"], "output_tokens": held["completion_tokens"]}
    whole = {column: counts for column, counts in given.items() if all(counts)}
    usages = known["usage_object"], field("usage", responses)
    told = usage_columns(*usages, columns=SPOTS.keys() - whole.keys())
    for column in given.keys() & told.keys():
        counts = zip(given[column], told[column], strict=True)
        told[column] = [mine or other or mine for mine, other in counts]
    return told | whole


def _statuses(held: Held) -> list[int | None]:
    if set(held["status"]) == {"success"}:
        return [200] * len(held["status"])
    names = ("status", "error_information", "error_str", "status_fields")
    return list(map(_status, *(held[name] for name in names)))


def _status(status: str | None, error: Any, text: str | None, flags: Any) -> int | None:
    error, flags = error or _NO_ERROR, flags or _NO_FLAGS
    told = error.error_code, error.normalized_error, text
    return status_of(status, told, flags.guardrail_status)


SHAPE = Shape(Payload, _columns)
"""Payloads of the types that LiteLLM's `StandardLoggingPayload` declares."""
