"""Philox4x32-10, the counter-based generator of vLLM's watermarks (doi 10.1145/2063384.2063405).

Words are kept in `uint64` arrays, each below 2**32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

MASK = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_HALF = np.uint64(32)


def philox(
    counter: tuple[Words, Words, Words, Words], key: tuple[Words, Words]
) -> tuple[Words, Words, Words, Words]:
    """Ten rounds over arrays of counters and keys that broadcast against each other."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (
            (second >> _HALF) ^ c1 ^ k0,
            second & MASK,
            (first >> _HALF) ^ c3 ^ k1,
            first & MASK,
        )
        k0, k1 = (k0 + _W0) & MASK, (k1 + _W1) & MASK
    return c0, c1, c2, c3


def chosen(outputs: tuple[Words, Words, Words, Words], tokens: Words) -> Words:
    """The word of four that a token takes: its id modulo four."""
    return np.choose((tokens & np.uint64(3)).astype(np.intp), outputs)
