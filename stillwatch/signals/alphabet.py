"""What bytes are to a reader of texts, and the hash of a run of letters: finished FNV-1a.

Both readers, byte by byte (`tokens`) and by pages (`pages`), follow these.
"""

from __future__ import annotations

import numba as nb
import numpy as np

NUMBER = np.uint32(0x4E554D01)
MIXED = np.uint32(0x4D495802)
"""What runs with digits are masked to: of digits alone, and of digits and letters."""

BASIS = np.uint32(2166136261)
PRIME = np.uint32(16777619)

# Kinds of bytes: those that are counted are places in `tokens.STRUCTURE`.
LINE, DIGIT, SYMBOL, BRACKET, QUOTE = 1, 2, 3, 4, 5
HIGH, QUESTION, BLANK, UPPER, LOWER, WIDE = 6, 7, 8, 9, 10, 11
MEMBERS = {
    LINE: b"\n",
    DIGIT: b"0123456789",
    SYMBOL: b"#$%&*+/;<=>@\\^|~",
    BRACKET: b"()[]{}",
    QUOTE: b"\"'`",
    HIGH: bytes(range(0x80, 0x100)),
    QUESTION: b"?",
    BLANK: b" \t",
    UPPER: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    LOWER: b"abcdefghijklmnopqrstuvwxyz_",
    WIDE: bytes(range(0xE3, 0xEE)),
}
"""`WIDE` leads a three-byte character of CJK, kana or Hangul: a token of its own."""

KINDS = np.zeros(256, np.uint8)
for _kind, _bytes in MEMBERS.items():
    KINDS[list(_bytes)] = _kind


@nb.njit(nogil=True, cache=True)
def finish(h: np.uint32) -> np.uint32:
    """The token of a run of letters that was hashed to `h`."""
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))
