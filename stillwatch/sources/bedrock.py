"""Amazon Bedrock's model invocation logs (schemaVersion 1.0), as S3 and CloudWatch keep them.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. What its fields
turn out to mean:

- A record is one invocation: Converse, ConverseStream, InvokeModel with the model's own body, or
  InvokeModelWithResponseStream, whose response is an array of chunks.
- Who can be acted on is the caller, `identity.arn`. The session of an assumed role is chosen by the
  caller, so the account is the role; but of a role of AWS SSO the session is the person, and is
  kept. All callers of one AWS account (`accountId`) have one owner, so that is the organisation.
- Where a gateway of the user's own calls for its customers, all records have the same caller, and
  `account` says where the customer is named (`requestMetadata.customer`); nothing then says who
  owns whom.
- Bodies beyond 100 KB stand in objects of their own (`inputBodyS3Path`), under `data/` beside the
  log. They are looked for by the path's tail; where one isn't there, the exchange is kept with an
  empty prompt and counts as repaired `input_body` (or `output_body`).
- Address and client are only in CloudTrail, and are joined by `requestId` where a trail lies beside
  the log (`cloudtrail.py`).
- `inputTokenCount` counts what was not cached.
- CloudWatch wraps a record as text: `{"message": ...}`, in arrays `events` and `logEvents`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stillwatch.sources.bedrock_bodies import METRICS, plain_request, plain_response
from stillwatch.sources.beside import beside
from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.cloudtrail import TRAIL
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.messages import dig, first
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, Mended, Refused
from stillwatch.sources.shapes import Shape
from stillwatch.sources.spilled import find_spilled, read_spilled

KEYS = frozenset(
    {b"schemaType", b"schemaVersion", b"modelId", b"inferenceRegion", b"requestMetadata"}
    | {b"identity", b"events", b"searchedLogStreams", b"logEvents", b"logGroup", b"logStream"}
    | {b"logStreamName", b"ingestionTime", b"messageType"}
)
"""A record's own keys, and those of CloudWatch's wrappers."""

COLUMNS = (
    REQUEST_COLUMNS
    | RESPONSE_COLUMNS
    | {
        "exchange_id",
        "ts",
        "account_id",
        "org_id",
        "key_id",
        "conversation_id",
        "surface",
        "status",
        "latency_ms",
        "ip",
        "user_agent",
    }
)

_SCHEMA = "ModelInvocationLog"
_WRAPPED = ("logEvents", "events")
SESSIONS = ("session_id", "sessionId", "conversation_id", "conversationId")
_ASSUMED = re.compile(r"(arn:[\w-]+:sts::\d+:assumed-role/)([^/]+)/.*", re.DOTALL)
_SSO = "AWSReservedSSO_"
_STATUS = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}
"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html#errors"""


class Reader:
    """Records of the log `path` -> rows; `account` is the path in a record that names the account.

    >>> Reader().add({"schemaType": "ModelInvocationLog", "requestId": "r"})[0]["exchange_id"]
    'r'
    """

    def __init__(self, path: Path | None = None, account: str | None = None) -> None:
        self._path = path if path and path.name else None
        self._account = account
        self._trail = None if self._path is None else beside(self._path, TRAIL)

    @property
    def shape(self) -> Shape | None:
        """None: all are added."""
        return None

    def add(self, payload: dict[str, Any]) -> Sequence[dict[str, Any] | Refused | Mended]:
        """One row a record; a wrapper's records each stand for themselves."""
        return [made for record in unwrapped(payload) for made in self._rows(record)]

    def finish(self) -> Sequence[dict[str, Any]]:
        """Nothing: no record waits for another."""
        return ()

    def _rows(
        self, record: dict[str, Any] | Refused
    ) -> Iterator[dict[str, Any] | Refused | Mended]:
        if isinstance(record, Refused):
            yield record
            return
        for side in ("input", "output"):
            if (spilled := dig(record, side, f"{side}BodyS3Path")) is None:
                continue
            if dig(record, side, f"{side}BodyJson") is not None:
                continue
            body = self._spilled(spilled)
            if body is None:
                yield Mended(f"{side}_body")
            else:
                held = record[side]
                record = {**record, side: {**held, f"{side}BodyJson": body}}
        key = record.get("requestId")
        trail = None
        if self._trail is not None and isinstance(key, str):
            trail = self._trail.said_of(key)
        try:
            yield payload_to_row(record, self._account, trail)
        except Refused as fault:
            yield fault

    def said_of_each(self, keys: Sequence[str | None]) -> list[dict[str, Any] | None]:
        """What CloudTrail says of the calls of these ids."""
        return [None] * len(keys) if self._trail is None else self._trail.said_of_each(keys)

    def _spilled(self, address: Any) -> dict[str, Any] | list[Any] | None:
        if self._path is None or not isinstance(address, str):
            return None
        found = find_spilled(self._path, address)
        return None if found is None else read_spilled(found)


def unwrapped(payload: dict[str, Any]) -> list[dict[str, Any] | Refused]:
    """The records in one object: itself, or what CloudWatch put around them."""
    if payload.get("messageType") == "CONTROL_MESSAGE":
        return [Refused(NOT_AN_EXCHANGE)]
    for name in _WRAPPED:
        if isinstance(held := payload.get(name), list):
            return [_record(event) for event in held] or [Refused(NOT_AN_EXCHANGE)]
    return [_record(payload)]


def _record(event: Any) -> dict[str, Any] | Refused:
    message = dig(event, "message")
    if isinstance(message, str):
        try:
            event = decode_object(message.encode("utf-8", "surrogatepass"))[0]
        except Refused as fault:
            return fault
    elif isinstance(message, dict):
        event = message
    if not isinstance(event, dict):
        return Refused("not_an_object")
    told = event.get("schemaType", _SCHEMA)
    return event if told == _SCHEMA else Refused(NOT_AN_EXCHANGE)


def payload_to_row(
    payload: dict[str, Any], account: str | None = None, trail: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One record as values by contract column, not yet checked against the columns' types.

    `account` is a path such as `requestMetadata.customer`; `trail` is what CloudTrail says of the
    call. Raises `Refused` where the messages are neither text nor a list.
    """
    given = dig(payload, "output", "outputBodyJson")
    response = plain_response(given)
    row = request_columns(plain_request(dig(payload, "input", "inputBodyJson")))
    row |= response_columns(response)
    arn = dig(payload, "identity", "arn") or dig(trail, "arn")
    who = dig(payload, *account.split(".")) if account else account_of(arn)
    counted = {
        "input_tokens": dig(payload, "input", "inputTokenCount"),
        "output_tokens": dig(payload, "output", "outputTokenCount"),
        "cached_tokens": dig(payload, "input", "cacheReadInputTokenCount"),
    }
    return (
        row
        | {name: value for name, value in counted.items() if value is not None}
        | {
            "exchange_id": payload.get("requestId"),
            "ts": payload.get("timestamp"),
            "account_id": who or payload.get("accountId"),
            "org_id": None if account else payload.get("accountId"),
            "key_id": arn,
            "conversation_id": first(payload.get("requestMetadata"), *SESSIONS),
            "surface": "bedrock",
            "model": model_of(payload.get("modelId"), response),
            "status": _status(payload, trail),
            "latency_ms": _latency_ms(given),
            "ip": dig(trail, "ip"),
            "user_agent": dig(trail, "user_agent"),
        }
    )


def account_of(arn: Any) -> Any:
    """Who can be acted on, of a caller's ARN.

    >>> account_of("arn:aws:sts::111122223333:assumed-role/Batch/i-0abc")
    'arn:aws:sts::111122223333:assumed-role/Batch'
    """
    found = _ASSUMED.fullmatch(arn) if isinstance(arn, str) else None
    if found is None or found[2].startswith(_SSO):
        return arn
    return found[1] + found[2]


def model_of(model: Any, response: Any = None) -> Any:
    """The model's id out of an ARN of a model or a profile; a user's own profile says none.

    >>> model_of("arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0")
    'us.amazon.nova-lite-v1:0'
    """
    if not isinstance(model, str) or "/" not in model:
        return model
    if ":application-inference-profile/" in model and (told := first(response, "model")):
        return told
    return model.rsplit("/", 1)[1] or model


def _status(payload: dict[str, Any], trail: dict[str, Any] | None) -> Any:
    return status_of(first(payload, "errorCode") or dig(trail, "error"), payload.get("status"))


def status_of(error: Any, told: Any) -> int:
    """The HTTP status of an error by its name; without one what is `told`."""
    if isinstance(error, str):
        return _STATUS.get(error, 500)
    return told if isinstance(told, int) else 200


def _latency_ms(body: Any) -> Any:
    events = body if isinstance(body, list) else [body]
    for event in reversed(events):
        for spot in (("metrics", "latencyMs"), ("metadata", "metrics", "latencyMs")):
            if (found := dig(event, *spot)) is not None:
                return found
        if (found := dig(event, METRICS, "invocationLatency")) is not None:
            return found
    return None
