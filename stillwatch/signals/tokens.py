"""Text to tokens: one scan of the UTF-8 bytes of an Arrow string array.

Every later text kernel (frame, sketch, content embedding, capability, elicitation) reads these
hashed tokens and never the text again. A token is a lower-cased run of letters, or one CJK or
kana character; a run with a digit in it is masked to one of two constants, so that two prompts
that differ only in numbers, dates or identifiers have the same tokens. Bytes are read as they
are: no decoding, no locale, no failure on damaged UTF-8.

A text's cost is bounded: of a longer one, the first `HEAD_BYTES` and the last `TAIL_BYTES` count.

Texts are read by pages, sixty-four bytes at a time (`pages`); those with characters that are
tokens of their own, byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
import pyarrow as pa

from stillwatch.signals.alphabet import (
    BASIS,
    BLANK,
    DIGIT,
    HIGH,
    KINDS,
    LINE,
    LOWER,
    MIXED,
    NUMBER,
    PRIME,
    UPPER,
    WIDE,
    finish,
)
from stillwatch.signals.pages import PAGE_BYTES, copy, hash_page, mark, new_page

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAD_BYTES = 12_288
TAIL_BYTES = 4_096

STRUCTURE = (
    "bytes",
    "lines",
    "digits",
    "symbols",
    "brackets",
    "quotes",
    "non_ascii",
    "questions",
    "indents",
    "upper",
)
"""Names of the structure counts, in the order of `Tokens.structure`'s columns."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of n texts in compressed rows.

    `hashes[offsets[i]:offsets[i + 1]]` are text i's tokens (uint32) in order; `structure` is
    int32 of shape (n, len(STRUCTURE)): counts of bytes by class, as `STRUCTURE` names them
    (`bytes` is the whole length, the others are counted in the part that was read).
    """

    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint32]
    structure: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def tokenise(texts: pa.Array, skip: NDArray[np.bool_] | None = None) -> Tokens:
    """Tokens of a `string` or `large_string` array; null, empty and skipped texts have none.

    >>> t = tokenise(pa.array(["Order 66 shipped", "order 7 shipped", None]))
    >>> np.diff(t.offsets).tolist(), bool((t.hashes[:3] == t.hashes[3:6]).all())
    ([3, 3, 0], True)
    """
    skip = np.zeros(len(texts), np.bool_) if skip is None else skip
    return Tokens(*_tokenise(*text_buffers(texts), skip))


def tokenise_one(text: str) -> Tokens:
    """As `tokenise`, of one text, which may have halves of characters in it: those are as `?`."""
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    return Tokens(*_tokenise(np.array([0, len(data)]), data, np.zeros(1, np.bool_)))


def text_buffers(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Byte offsets (int64, n + 1) and bytes of a string array; a null text has no bytes."""
    if texts.null_count:
        texts = texts.fill_null("")
    wide = pa.types.is_large_string(texts.type)
    _, offset_buffer, data_buffer = texts.buffers()
    if offset_buffer is None or len(texts) == 0:
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    item = np.dtype(np.int64 if wide else np.int32)
    raw = np.frombuffer(
        offset_buffer, item, count=len(texts) + 1, offset=texts.offset * item.itemsize
    )
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
    return raw.astype(np.int64), data


def hash_words(phrase: str) -> NDArray[np.uint32]:
    """The token hashes of one phrase, to look for it among `Tokens.hashes`."""
    return tokenise(pa.array([phrase])).hashes.copy()


@nb.njit(nogil=True, cache=True)
def _capacity(starts: NDArray[np.int64]) -> int:
    total = 0
    for i in range(len(starts) - 1):
        size = starts[i + 1] - starts[i]
        total += min(size, HEAD_BYTES + TAIL_BYTES) // 2 + 2
    return total


@nb.njit(nogil=True, cache=True)
def _tokenise(starts, data, skip):
    """What `Tokens` are made of."""
    hashes = np.empty(_capacity(starts), np.uint32)
    offsets = np.zeros(len(starts), np.int64)
    structure = np.zeros((len(starts) - 1, len(STRUCTURE)), np.int32)
    used = _scan(starts, data, skip, hashes, offsets, structure)
    return offsets, hashes[:used], structure


@nb.njit(nogil=True, cache=True)
def _scan(starts, data, skip, hashes, offsets, structure):
    """Fill `hashes`, `offsets`, `structure`; returns how many hashes were written."""
    page, edges = new_page()
    used = filled = marked = 0  # hashes written; bytes of the page, and edges, not yet hashed
    seen = np.empty(WIDE + 1, np.int32)
    for i in range(len(starts) - 1):
        begin, end = starts[i], starts[i + 1] if not skip[i] else starts[i]
        whole = end - begin <= HEAD_BYTES + TAIL_BYTES
        seen[:] = 0
        for piece in range(1 if whole else 2):
            if whole:
                first, last = begin, end
            elif piece == 0:
                first, last = begin, begin + HEAD_BYTES
            else:
                first, last = end - TAIL_BYTES, end
            if filled + last - first > PAGE_BYTES:
                used = hash_page(page, edges, marked, hashes, used)
                filled = marked = 0
            copied, capitals = copy(data, first, last, page, filled)
            more = mark(page, filled, filled + copied, piece == 0, edges, marked, seen)
            if more >= 0:
                filled, marked = filled + copied, more
                seen[UPPER] += capitals
            else:
                used = hash_page(page, edges, marked, hashes, used)
                used = _read(data, first, last, hashes, used, seen, piece == 0)
                filled = marked = 0
        offsets[i + 1] = used + marked // 2
        structure[i] = seen[: len(STRUCTURE)]
        structure[i, 0] = min(end - begin, 2147483647)
    return hash_page(page, edges, marked, hashes, used)


@nb.njit(nogil=True, cache=True)
def _read(data, begin, end, hashes, used, seen, line_start):
    """Append the tokens of the bytes from `begin` to `end`, and never look beyond them.

    Places are read as unsigned, which spares the check for a place counted from the end.
    """
    h, letters, digits = BASIS, 0, 0
    p = begin
    while p < end:
        c = data[np.uintp(p)]
        kind = KINDS[c]
        if kind == LOWER:  # most bytes: a run of them is taken in a loop of its own
            run = p
            while kind == LOWER:
                h = np.uint32((h ^ np.uint32(c)) * PRIME)
                p += 1
                if p == end:
                    break
                c = data[np.uintp(p)]
                kind = KINDS[c]
            letters += p - run
            seen[LOWER] += p - run
            line_start = False
            if kind == BLANK:
                hashes[used] = _close(h, letters, digits)
                used += 1
                h, letters, digits = BASIS, 0, 0
                p += 1
            continue
        p += 1
        if kind == WIDE and p + 2 > end:
            kind = HIGH
        seen[kind] += kind != BLANK or line_start
        line_start = kind == LINE or (kind == BLANK and line_start)
        if kind in (HIGH, UPPER, LOWER):
            h = np.uint32((h ^ np.uint8(c + 32 if kind == UPPER else c)) * PRIME)
            letters += 1
        elif kind == DIGIT:
            digits += 1
        else:
            if letters or digits:
                hashes[used] = _close(h, letters, digits)
                used += 1
                h, letters, digits = BASIS, 0, 0
            if kind == WIDE:
                wide = np.uint32((BASIS ^ c) * PRIME)
                wide = np.uint32((wide ^ data[p]) * PRIME)
                hashes[used] = finish(np.uint32((wide ^ data[p + 1]) * PRIME))
                used += 1
                p += 2
                seen[HIGH] += 3
    if letters or digits:
        hashes[used] = _close(h, letters, digits)
        used += 1
    return used


@nb.njit(nogil=True, cache=True)
def _close(h, letters, digits):
    if digits == 0:
        return finish(h)
    return NUMBER if letters == 0 else MIXED
