"""Where JSON objects start and end in a stream, found by counting braces outside strings."""

from __future__ import annotations

import re

import numpy as np
from numba import njit

from stillwatch.sources import reasons

_DEPTH, _IN_STRING, _ESCAPED, _LINE = range(4)


@njit(cache=True, nogil=True)
def _ends(data, state, found, limit):  # noqa: PLR0912  # pragma: no cover - compiled
    """Scan `data` from `state`; fill `found` with (start, end, line) of top-level objects.

    Depth counts braces and brackets inside an object only: brackets outside are the arrays that
    hold the objects. Returns how many were found and where an unfinished one starts (-1: none).
    """
    depth, in_string, escaped, line = state[0], state[1], state[2], state[3]
    n = 0
    start = -1 if depth == 0 else 0
    start_line = state[4] if depth else line
    for i in range(data.size):
        c = data[i]
        if c == 10:
            line += 1
        if depth == 0:
            if c == 123:
                depth, start, start_line = 1, i, line
            continue
        if in_string:
            if escaped:
                escaped = 0
            elif c == 92:
                escaped = 1
            elif c == 34:
                in_string = 0
        elif c == 34:
            in_string = 1
        elif c in (123, 91):
            depth += 1
        elif c in (125, 93):
            depth -= 1
            if depth == 0:
                found[n, 0], found[n, 1], found[n, 2] = start, i + 1, start_line
                n += 1
                start = -1
                if n == limit:
                    data = data[: i + 1]
                    break
    state[0], state[1], state[2], state[3], state[4] = depth, in_string, escaped, line, start_line
    return n, start, data.size


class Splitter:
    """Fed a stream piece by piece, hands back its whole objects with the lines they start at."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._state = np.array([0, 0, 0, 1, 1], dtype=np.int64)
        self._held = b""
        self._dropping: bytes | None = None

    def feed(self, piece: bytes) -> tuple[list[int], list[bytes], list[tuple[int, str, bytes]]]:
        """Lines, bytes of whole objects, and faults as (line, reason, start)."""
        lines: list[int] = []
        raw: list[bytes] = []
        faults: list[tuple[int, str, bytes]] = []
        while piece:
            found = np.empty((4096, 3), dtype=np.int64)
            n, start, used = _ends(np.frombuffer(piece, np.uint8), self._state, found, len(found))
            for begin, end, line in found[:n].tolist():
                body = piece[begin:end]
                if self._held:
                    body, self._held = self._held + body, b""
                if self._dropping is not None:
                    faults.append((line, reasons.TOO_LONG, self._dropping))
                    self._dropping = None
                elif len(body) > self._max_bytes:
                    faults.append((line, reasons.TOO_LONG, body[: reasons.EXCERPT_CHARS]))
                else:
                    lines.append(line)
                    raw.append(body)
            if start >= 0:
                self._hold(piece[start:used])
            piece = piece[used:]
        return lines, raw, faults

    def _hold(self, rest: bytes) -> None:
        if self._dropping is not None:
            return
        self._held += rest
        if len(self._held) > self._max_bytes:
            self._dropping, self._held = self._held[: reasons.EXCERPT_CHARS], b""

    def finish(
        self, fault: str | None
    ) -> tuple[list[int], list[bytes], list[tuple[int, str, bytes]]]:
        """What is left when the stream ends: an object cut short, its later siblings salvaged."""
        line = int(self._state[4])
        if self._dropping is not None:
            return [], [], [(line, reasons.TOO_LONG, self._dropping)]
        if not self._held:
            return [], [], [] if fault is None else [(int(self._state[3]), fault, b"")]
        whole, self._held = self._held, b""
        bad = (line, fault or reasons.TRUNCATED, whole[: reasons.EXCERPT_CHARS])
        sibling = _sibling(whole)
        if sibling is None:
            return [], [], [bad]
        line += whole.count(b"\n", 0, sibling)
        self._state[:] = (0, 0, 0, line, line)
        lines, raw, faults = self.feed(whole[sibling:])
        more = self.finish(None)
        return lines + more[0], raw + more[1], [bad, *faults, *more[2]]


def _sibling(whole: bytes) -> int | None:
    """Where in `whole`, an object that never ended, one with the same first key seems to start."""
    first = re.match(rb'\{\s*"[^"\\]{1,80}"\s*:', whole)
    if first is None:
        return None
    at = whole.find(first.group(), first.end())
    return at if at >= 0 else None
