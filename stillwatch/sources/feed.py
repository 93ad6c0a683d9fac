"""LiteLLM's log callback, one body after another -> lines of the contract.

The generic callback posts a JSON array, one payload a line, or a single payload; which it is, is
seen from the body.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from stillwatch.sources import reasons
from stillwatch.sources.coerce import Plan
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.litellm import payload_to_row
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import MAX_RECORD_BYTES
from stillwatch.tables import EXCHANGES

_START = datetime(1970, 1, 1, tzinfo=UTC)
_pieces = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()
_plan = Plan(EXCHANGES)


class FeedLines(NamedTuple):
    """What a body holds: `lines` of the contract, each ended by a line break, and what was refused.

    `refused` has the reason and the payload's own bytes.
    """

    lines: bytes
    rows: int
    refused: list[tuple[str, bytes]]


def litellm_to_lines(body: bytes) -> FeedLines:
    r"""`body` as rows of the contract; no payload is lost, whatever it holds.

    >>> litellm_to_lines(b'[{"model": "m"}]').refused
    [('missing:exchange_id', b'{"model": "m"}')]
    """
    lines, refused = [], []
    for raw in _payloads(body):
        try:
            if len(raw) > MAX_RECORD_BYTES:
                raise Refused(reasons.TOO_LONG)
            lines.append(_line(decode_object(raw)[0]))
        except Refused as fault:
            refused.append((fault.reason, raw))
        except RecursionError:
            refused.append((reasons.TOO_DEEP, raw))
    return FeedLines(b"".join(lines), len(lines), refused)


def _payloads(body: bytes) -> list[bytes]:
    text = body.strip()
    if text.startswith(b"["):
        try:
            return [bytes(piece) for piece in _pieces.decode(text)]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return [body]
    lines = [line for line in text.split(b"\n") if line.strip()]
    if len(lines) > 1 and not all(line.rstrip().endswith(b"}") for line in lines):
        return [body]  # one payload, laid out over several lines
    return lines or [body]


def _line(payload: dict[str, Any]) -> bytes:
    values = _plan.values(payload_to_row(payload))
    row = {
        field.name: _plain(field, value)
        for field, value in zip(EXCHANGES, values, strict=True)
        if value is not None
    }
    return _encoder.encode(row) + b"\n"


def _plain(field: pa.Field, value: Any) -> Any:
    if pa.types.is_timestamp(field.type):
        return _START + timedelta(microseconds=value)
    return dict(value) if pa.types.is_map(field.type) else value
