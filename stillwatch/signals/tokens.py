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

BASIS = np.uint32(2166136261)
PRIME = np.uint32(16777619)

# Kinds of bytes: those that are counted are places in STRUCTURE.
_LINE, _DIGIT, _SYMBOL, _BRACKET, _QUOTE = 1, 2, 3, 4, 5
_HIGH, _QUESTION, _BLANK, _UPPER, _LOWER, _WIDE = 6, 7, 8, 9, 10, 11
_MEMBERS = {
    _LINE: b"\n",
    _DIGIT: b"0123456789",
    _SYMBOL: b"#$%&*+/;<=>@\\^|~",
    _BRACKET: b"()[]{}",
    _QUOTE: b"\"'`",
    _HIGH: bytes(range(0x80, 0x100)),
    _QUESTION: b"?",
    _BLANK: b" \t",
    _UPPER: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    _LOWER: b"abcdefghijklmnopqrstuvwxyz_",
    _WIDE: bytes(range(0xE3, 0xEE)),
}
"""`_WIDE` leads a three-byte character of CJK, kana or Hangul: a token of its own."""

_KINDS = np.zeros(256, np.uint8)
for _kind, _bytes in _MEMBERS.items():
    _KINDS[list(_bytes)] = _kind


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
    seen = np.empty(_WIDE + 1, np.int32)
    for i in range(len(starts) - 1):
        begin, end = starts[i], starts[i + 1]
        seen[:] = 0
        if end - begin <= HEAD_BYTES + TAIL_BYTES:
            used = _read(data, begin, end, hashes, used, seen, True)
        else:
            used = _read(data, begin, begin + HEAD_BYTES, hashes, used, seen, True)
            used = _read(data, end - TAIL_BYTES, end, hashes, used, seen, False)
        offsets[i + 1] = used
        structure[i] = seen[: len(STRUCTURE)]
        structure[i, 0] = min(end - begin, 2147483647)
    return used


@nb.njit(nogil=True, cache=True)
def _read(data, begin, end, hashes, used, seen, line_start):
    """Append the tokens of the bytes from `begin` to `end`, and never look beyond them.

    Places are read as unsigned, which spares the check for a place counted from the end.
    """
    h, letters, digits = BASIS, 0, 0
    p = begin
    while p < end:
        c = data[np.uintp(p)]
        kind = _KINDS[c]
        if kind == _LOWER:  # most bytes: a run of them is taken in a loop of its own
            run = p
            while kind == _LOWER:
                h = np.uint32((h ^ np.uint32(c)) * PRIME)
                p += 1
                if p == end:
                    break
                c = data[np.uintp(p)]
                kind = _KINDS[c]
            letters += p - run
            seen[_LOWER] += p - run
            line_start = False
            if kind == _BLANK:
                hashes[used] = _close(h, letters, digits)
                used += 1
                h, letters, digits = BASIS, 0, 0
                p += 1
            continue
        p += 1
        if kind == _WIDE and p + 2 > end:
            kind = _HIGH
        seen[kind] += kind != _BLANK or line_start
        line_start = kind == _LINE or (kind == _BLANK and line_start)
        if kind in (_HIGH, _UPPER, _LOWER):
            h = np.uint32((h ^ np.uint8(c + 32 if kind == _UPPER else c)) * PRIME)
            letters += 1
        elif kind == _DIGIT:
            digits += 1
        else:
            if letters or digits:
                hashes[used] = _close(h, letters, digits)
                used += 1
                h, letters, digits = BASIS, 0, 0
            if kind == _WIDE:
                wide = np.uint32((BASIS ^ c) * PRIME)
                wide = np.uint32((wide ^ data[p]) * PRIME)
                hashes[used] = _finish(np.uint32((wide ^ data[p + 1]) * PRIME))
                used += 1
                p += 2
                seen[_HIGH] += 3
    if letters or digits:
        hashes[used] = _close(h, letters, digits)
        used += 1
    return used


@nb.njit(nogil=True, cache=True)
def _close(h, letters, digits):
    if digits == 0:
        return _finish(h)
    return NUMBER if letters == 0 else MIXED
