"""Server-sent events of a model's stream, changed one by one."""

from __future__ import annotations

from typing import Any

import msgspec

from stillwatch.countermeasures.converse import Body
from stillwatch.countermeasures.measure import Pieces


class Events:
    """One stream of events, wherever it is cut."""

    def __init__(self, stream: Pieces) -> None:
        self._stream = stream
        self._held = bytearray()

    @property
    def held(self) -> int:
        """Bytes of an event that isn't whole yet."""
        return len(self._held)

    def bytes(self, more: bytes, *, last: bool = False) -> bytes:
        """What is sent on of the events that are whole by now."""
        self._held += more
        told = bytearray()
        while (end := _event_end(self._held)) is not None:
            event, self._held = bytes(self._held[: end[0]]), self._held[end[1] :]
            told += _event(self._stream, event)
        if last and self._held.strip():
            told += _event(self._stream, bytes(self._held))
            self._held.clear()
        return bytes(told)


def json_of(raw: bytes) -> Any:
    """What JSON says; None where it is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _event_end(held: bytearray) -> tuple[int, int] | None:
    """Where the first event ends, and where the next one begins."""
    found = [
        (at, at + len(mark))
        for mark in (b"\n\n", b"\r\n\r\n", b"\r\r")
        if (at := held.find(mark)) >= 0
    ]
    return min(found) if found else None


def _event(stream: Pieces, event: bytes) -> bytes:
    """The events that are sent on for one; one without data goes on, and garbled data doesn't."""
    lines = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
    told = json_of(data)
    if not isinstance(told, dict):
        known = told is not None or data.strip() in (b"", b"[DONE]")
        return event + b"\n\n" if known else b""
    others = [line for line in lines if line and not line.startswith(b"data:")]
    return b"".join(_written(others, piece) for piece in stream.piece(told))


def _written(others: list[bytes], piece: Body) -> bytes:
    """An event with its other lines; its name is the piece's type, where events are named."""
    named = piece.get("type")
    told = [
        b"event: " + named.encode()
        if line.startswith(b"event:") and isinstance(named, str)
        else line
        for line in others
    ]
    return b"\n".join([*told, b"data: " + msgspec.json.encode(piece)]) + b"\n\n"
