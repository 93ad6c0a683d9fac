"""Text to tokens: one scan of the UTF-8 bytes of an Arrow string array.

Every later text kernel (frame, sketch, content embedding, capability, elicitation) reads these
hashed tokens and never the text again. A token is a lower-cased run of letters, or one CJK or
kana character; a run with a digit in it is masked to one of two constants, so that two prompts
that differ only in numbers, dates or identifiers have the same tokens. Bytes are read as they
are: no decoding, no locale, no failure on damaged UTF-8.

A text's cost is bounded: of a longer one, the first `HEAD_BYTES` and the last `TAIL_BYTES` count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAD_BYTES = 12_288
TAIL_BYTES = 4_096

NUMBER = np.uint32(0x4E554D01)
MIXED = np.uint32(0x4D495802)

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


def tokenise(texts: pa.Array) -> Tokens:
    """Tokens of a `string` or `large_string` array; null and empty texts have none.

    >>> t = tokenise(pa.array(["Order 66 shipped", "order 7 shipped", None]))
    >>> np.diff(t.offsets).tolist(), bool((t.hashes[:3] == t.hashes[3:6]).all())
    ([3, 3, 0], True)
    """
    starts, data = text_buffers(texts)
    n = len(texts)
    capacity = _capacity(starts)
    hashes = np.empty(capacity, np.uint32)
    offsets = np.zeros(n + 1, np.int64)
    structure = np.zeros((n, len(STRUCTURE)), np.int32)
    used = _scan(starts, data, hashes, offsets, structure)
    return Tokens(offsets, hashes[:used], structure)


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
def _finish(h: np.uint32) -> np.uint32:
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@nb.njit(nogil=True, cache=True)
def _scan(starts, data, hashes, offsets, structure):
    """Fill `hashes`, `offsets`, `structure`; returns how many hashes were written."""
    used = 0
    basis = np.uint32(2166136261)
    prime = np.uint32(16777619)
    for i in range(len(starts) - 1):
        begin, end = starts[i], starts[i + 1]
        size = end - begin
        counts = structure[i]
        counts[0] = min(size, 2147483647)
        jump_at, jump_to = end, end
        if size > HEAD_BYTES + TAIL_BYTES:
            jump_at, jump_to = begin + HEAD_BYTES, end - TAIL_BYTES
        h = basis
        letters = digits = 0
        line_start = True
        p = begin
        while p <= end:
            if p == jump_at and jump_to < end:
                p = jump_to
                jump_at = end + 1
                c = np.uint8(32)
            elif p == end:
                c = np.uint8(32)
                p += 1
            else:
                c = data[p]
                p += 1
            if 65 <= c <= 90:
                c = np.uint8(c + 32)
                counts[9] += 1
            is_letter = 97 <= c <= 122 or c == 95 or c >= 128
            if c >= 0xE3 and c <= 0xED and p + 1 < end:
                # A three-byte character of CJK, kana or Hangul: a token of its own.
                if letters or digits:
                    hashes[used] = _close(h, letters, digits)
                    used += 1
                    letters = digits = 0
                h = np.uint32((basis ^ c) * prime)
                h = np.uint32((h ^ data[p]) * prime)
                h = np.uint32((h ^ data[p + 1]) * prime)
                hashes[used] = _finish(h)
                used += 1
                h = basis
                p += 2
                counts[6] += 3
                line_start = False
                continue
            if is_letter:
                h = np.uint32((h ^ c) * prime)
                letters += 1
                if c >= 128:
                    counts[6] += 1
                line_start = False
                continue
            if 48 <= c <= 57:
                digits += 1
                counts[2] += 1
                line_start = False
                continue
            if letters or digits:
                hashes[used] = _close(h, letters, digits)
                used += 1
                letters = digits = 0
                h = basis
            if c == 10:
                counts[1] += 1
                line_start = True
                continue
            if c == 32 or c == 9:
                if line_start:
                    counts[8] += 1
                continue
            line_start = False
            if c == 63:
                counts[7] += 1
            elif c == 34 or c == 39 or c == 96:
                counts[5] += 1
            elif c in (40, 41, 91, 93, 123, 125):
                counts[4] += 1
            elif c in (35, 36, 37, 38, 42, 43, 47, 59, 60, 61, 62, 92, 94, 124, 126, 64):
                counts[3] += 1
        offsets[i + 1] = used
    return used


@nb.njit(nogil=True, cache=True)
def _close(h, letters, digits):
    if digits == 0:
        return _finish(h)
    return NUMBER if letters == 0 else MIXED
