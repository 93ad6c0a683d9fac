"""Where JSON objects start and end in a stream, found by counting braces outside strings."""

from __future__ import annotations

import numpy as np
from numba import njit

from stillwatch.sources import reasons

_DEPTH, _IN_STRING, _ESCAPED, _LINE, _START_LINE = range(5)
_FOUND_AT_ONCE = 4096


@njit(cache=True, nogil=True)
def _ends(data, state, found):  # noqa: PLR0912  # pragma: no cover - compiled
    """Scan `data` from `state`; fill `found` with (start, end, line) of top-level objects.

    Depth counts braces and brackets inside an object only: brackets outside are the arrays that
    hold the objects. Returns how many were found, where an unfinished one starts (-1: none), and
    how many bytes were scanned: fewer than given where `found` is full.
    """
    depth, in_string, escaped, line = state[0], state[1], state[2], state[3]
    start_line = state[4]
    start = 0 if depth else -1
    n, used = 0, data.size
    for i in range(data.size):
        c = data[i]
        if c == 10:
            line += 1
        if depth == 0:
            if c == 123:
                depth, start, start_line = 1, i, line
        elif in_string:
            if escaped:
                escaped = 0
            elif c == 92:
                escaped = 1
            elif c == 34:
                in_string = 0
        elif c == 34:
            in_string = 1
        elif c == 123 or c == 91:  # noqa: PLR1714 - a membership test compiles to a slow call
            depth += 1
        elif c == 125 or c == 93:  # noqa: PLR1714
            depth -= 1
            if depth == 0:
                found[n, 0], found[n, 1], found[n, 2] = start, i + 1, start_line
                n += 1
                start = -1
                if n == found.shape[0]:
                    used = i + 1
                    break
    state[0], state[1], state[2], state[3], state[4] = depth, in_string, escaped, line, start_line
    return n, start, used


class Splitter:
    """Fed a stream piece by piece, hands back its whole objects with the lines they start at.

    An object longer than `max_bytes` is let go of and reported once.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._state = np.array([0, 0, 0, 1, 1], dtype=np.int64)
        self._found = np.empty((_FOUND_AT_ONCE, 3), dtype=np.int64)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._stray: bytes | None = b""

    def feed(self, piece: bytes) -> tuple[list[int], list[bytes], list[tuple[int, str, bytes]]]:
        """Lines and bytes of the objects that end in `piece`; faults as (line, reason, start)."""
        lines: list[int] = []
        raw: list[bytes] = []
        faults: list[tuple[int, str, bytes]] = []
        if self._stray is not None:
            self._stray = (self._stray + piece)[: reasons.EXCERPT_CHARS]
        while piece:
            n, start, used = _ends(np.frombuffer(piece, np.uint8), self._state, self._found)
            for begin, end, line in self._found[:n].tolist():
                size = self._held_bytes + end - begin
                body = b"".join([*self._held, piece[begin:end]])
                self._held, self._held_bytes, self._stray = [], 0, None
                if size > self._max_bytes:
                    faults.append((line, reasons.TOO_LONG, body[: reasons.EXCERPT_CHARS]))
                else:
                    lines.append(line)
                    raw.append(body)
            if start >= 0:
                self._hold(piece[start:used])
            piece = piece[used:]
        return lines, raw, faults

    def _hold(self, rest: bytes) -> None:
        if self._held_bytes <= self._max_bytes:
            self._held.append(rest)
        self._held_bytes += len(rest)
        if self._held_bytes > self._max_bytes and len(self._held) > 1:
            self._held = [self._held[0][: reasons.EXCERPT_CHARS]]

    def finish(self, fault: str | None) -> list[tuple[int, str, bytes]]:
        """What is wrong at the end of the stream: broken off, an object cut short, or no object."""
        start = b"".join(self._held)[: reasons.EXCERPT_CHARS]
        if self._held_bytes > self._max_bytes:
            return [(int(self._state[_START_LINE]), reasons.TOO_LONG, start)]
        if self._held:
            return [(int(self._state[_START_LINE]), fault or reasons.TRUNCATED, start)]
        if fault:
            return [(int(self._state[_LINE]), fault, b"")]
        if self._stray is not None and self._stray.strip(b" \t\r\n[],"):
            return [(1, reasons.NOT_JSON, self._stray)]
        return []
