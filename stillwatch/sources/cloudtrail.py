"""AWS CloudTrail: who called Bedrock, from where and with what client.

Files hold `{"Records": [...]}`; an exported trail has one record a line. Records of Bedrock carry
`requestID`, which is the invocation log's `requestId`; they hold no exchange of their own. Shape:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html

`sourceIPAddress` is a service's name where AWS called for itself, and then says no address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

from stillwatch.sources.beside import Companions
from stillwatch.sources.messages import dig, first
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, Refused

KEYS = frozenset({b"eventSource", b"sourceIPAddress", b"requestID", b"eventName", b"eventVersion"})
"""Of a record, or of the first one that `Records` is wrapped around."""

COLUMNS: frozenset[str] = frozenset()

_BEDROCK = "bedrock"


def records(payload: dict[str, Any]) -> list[Any]:
    """The trail's records in one object of a file."""
    held = payload.get("Records")
    return held if isinstance(held, list) else [payload]


class Reader:
    """Refuses all records: what they say is taken from here by Bedrock's logs."""

    shape = None

    def add(self, payload: dict[str, Any]) -> Sequence[Refused]:
        """One refusal for all of the payload's records."""
        return (Refused(NOT_AN_EXCHANGE, max(1, len(records(payload)))),)

    def finish(self) -> Sequence[Refused]:
        """Nothing."""
        return ()


def calls(payload: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of Bedrock's records: the request's id, and the caller's address, client and identity."""
    for record in records(payload):
        source, key = dig(record, "eventSource"), dig(record, "requestID")
        if isinstance(source, str) and source.startswith(_BEDROCK) and isinstance(key, str):
            yield (
                key,
                {
                    "ip": address(first(record, "sourceIPAddress")),
                    "user_agent": first(record, "userAgent"),
                    "arn": dig(record, "userIdentity", "arn"),
                    "access_key": dig(record, "userIdentity", "accessKeyId"),
                    "error": first(record, "errorCode"),
                },
            )


def address(text: Any) -> str | None:
    """`text` if it is an address."""
    try:
        return str(ip_address(text)) if isinstance(text, str) else None
    except ValueError:
        return None


TRAIL = Companions(
    "cloudtrail",
    told=lambda start: b'"Records"' in start[:256] or b'"eventSource"' in start[:4096],
    read=calls,
    top="awslogs",
)
"""How a trail is found beside Bedrock's logs and what of it is kept."""
