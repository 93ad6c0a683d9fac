"""Amazon's event streams: frames of headers and a payload, as Bedrock's ConverseStream sends them.

A frame is its length, its headers' length (four bytes each, the largest first) and their CRC-32;
headers; the payload; and the CRC-32 of all before it. A header is a length and a name, a kind, a
length of two bytes and a value; kind 7 is text, and Bedrock has no other. What kind of event it is
stands in `:event-type`
(https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html describes the frame,
https://smithy.io/2.0/aws/amazon-eventstream.html the format).
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec

from stillwatch.countermeasures.measure import Pieces

KIND = "application/vnd.amazon.eventstream"
"""The media type of such a stream."""

_PRELUDE = struct.Struct(">III")
_NAME, _MESSAGE, _EVENT = ":event-type", ":message-type", "event"
_TEXT = 7


class Garbled(Exception):
    """What came is no frame, so that nothing after it can be read either."""


def frame_end(held: bytearray, largest: int) -> int | None:
    """Where the first frame ends, or None where it isn't whole; raises `Garbled`."""
    if len(held) < _PRELUDE.size:
        return None
    length, headers, crc = _PRELUDE.unpack_from(held)
    if zlib.crc32(held[:8]) != crc or not headers + 16 <= length <= largest:
        raise Garbled
    return length if len(held) >= length else None


def changed(stream: Pieces, frame: bytes) -> bytes:
    """The frames that are sent on for one; raises `Garbled`.

    What is no event, as an exception, goes on as it is.
    """
    _, length, _ = _PRELUDE.unpack_from(frame)
    if zlib.crc32(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
        raise Garbled
    headers = _headers(frame[_PRELUDE.size : _PRELUDE.size + length])
    kind = headers.get(_NAME)
    if headers.get(_MESSAGE) != _EVENT or kind is None:
        return frame
    try:
        told = msgspec.json.decode(frame[_PRELUDE.size + length : -4])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Garbled from None
    if not isinstance(told, dict):
        raise Garbled
    pieces = stream.piece({kind: told})
    return b"".join(
        framed(headers | {_NAME: name}, body) for piece in pieces for name, body in piece.items()
    )


def framed(headers: dict[str, str], payload: Any) -> bytes:
    """A frame.

    >>> frame_end(bytearray(framed({":event-type": "metadata"}, {})), 100)
    41
    """
    head = b"".join(_header(name, value) for name, value in headers.items())
    body = msgspec.json.encode(payload)
    prelude = struct.pack(">II", _PRELUDE.size + len(head) + len(body) + 4, len(head))
    whole = prelude + zlib.crc32(prelude).to_bytes(4, "big") + head + body
    return whole + zlib.crc32(whole).to_bytes(4, "big")


def _header(name: str, value: str) -> bytes:
    told, said = name.encode(), value.encode()
    return bytes([len(told)]) + told + bytes([_TEXT]) + len(said).to_bytes(2, "big") + said


def _headers(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(raw):
            name = raw[at + 1 : at + 1 + raw[at]].decode()
            at += 1 + raw[at]
            if raw[at] != _TEXT:
                raise Garbled
            size = int.from_bytes(raw[at + 1 : at + 3], "big")
            found[name] = raw[at + 3 : at + 3 + size].decode()
            at += 3 + size
    except (IndexError, UnicodeDecodeError):
        raise Garbled from None
    return found
