"""Frames: a prompt with its variable parts masked, and what two prompts of one frame share.

`frame` is the masked prompt as a whole. A template around long variable text seldom keeps the
whole alike, but keeps its edges: `opening` and `closing` are the frame's first and last tokens.
`bands` are MinHash bands over token trigrams (Broder 1997): two frames whose trigram sets have
Jaccard similarity s share a band with probability 1 - (1 - s^ROWS)^BANDS, 0.40 at s = 0.5 and
0.985 at s = 0.8; frames joined by bands are a frame family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.keys import mix
from stillwatch.signals.lanes import least_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.signals.tokens import Tokens

BANDS = 8
ROWS = 4
EDGE_TOKENS = 6
SKETCH_TOKENS = 512

_RNG = np.random.default_rng(20260223)
_MULTIPLIERS = (_RNG.integers(0, 2**31, BANDS * ROWS) * 2 + 1).astype(np.uint32)
_OFFSETS = _RNG.integers(0, 2**32, BANDS * ROWS).astype(np.uint32)


@dataclass(frozen=True)
class Frames:
    """Keys of n prompts: `frame`, `opening`, `closing` uint64 (n,); `bands` uint64 (n, BANDS).

    A prompt without tokens has 0 everywhere; one of fewer than three tokens has no bands.
    """

    frame: NDArray[np.uint64]
    opening: NDArray[np.uint64]
    closing: NDArray[np.uint64]
    bands: NDArray[np.uint64]

    @classmethod
    def unknown(cls, n: int) -> Frames:
        """Of n prompts without tokens."""
        frame, opening, closing = (np.zeros(n, np.uint64) for _ in range(3))
        return cls(frame, opening, closing, np.zeros((n, BANDS), np.uint64))

    def __getitem__(self, rows: slice) -> Frames:
        """Those of some rows, in place."""
        return Frames(self.frame[rows], self.opening[rows], self.closing[rows], self.bands[rows])


def frames(tokens: Tokens, out: Frames | None = None) -> Frames:
    """Frames of tokenised prompts; of a prompt, the first `SKETCH_TOKENS` are sketched.

    They are written to `out`, which is unknown so far, and made where it is not given.
    """
    out = Frames.unknown(len(tokens)) if out is None else out
    _frame_rows(
        tokens.offsets,
        tokens.hashes,
        _MULTIPLIERS,
        _OFFSETS,
        out.frame,
        out.opening,
        out.closing,
        out.bands,
    )
    return out


@nb.njit(nogil=True, cache=True)
def _run_key(hashes, begin, end, seed):
    h = seed
    for p in range(begin, end):
        h = _follow(h, hashes[p])
    return mix(h)


@nb.njit(nogil=True, cache=True)
def _follow(h, token):
    h = np.uint64((h ^ np.uint64(token)) * np.uint64(0x100000001B3))
    return np.uint64(h ^ (h >> np.uint64(29)))


@nb.njit(nogil=True, cache=True)
def _frame_rows(offsets, hashes, multipliers, shifts, frame, opening, closing, bands):
    least = np.empty(BANDS * ROWS, np.uint32)
    shingles = np.empty(SKETCH_TOKENS, np.uint32)
    for i in range(len(offsets) - 1):
        begin, end = offsets[i], offsets[i + 1]
        if end == begin:
            continue
        edge = min(EDGE_TOKENS, end - begin)
        opening[i] = _run_key(hashes, begin, begin + edge, np.uint64(0x0F))
        closing[i] = _run_key(hashes, end - edge, end, np.uint64(0xC1))
        whole = np.uint64(0xF1)
        if end - begin < 3:
            frame[i] = _run_key(hashes, begin, end, whole)
            continue
        last = min(end, begin + SKETCH_TOKENS) - 2
        for p in range(begin, last):
            whole = _follow(whole, hashes[p])  # each step waits for the one before: done on the way
            shingle = np.uint32(
                hashes[p]
                ^ (hashes[p + 1] * np.uint32(0x9E3779B1))
                ^ (hashes[p + 2] * np.uint32(0x85EBCA77))
            )
            shingle = np.uint32((shingle ^ (shingle >> np.uint32(15))) * np.uint32(0x2C1B3C6D))
            shingles[p - begin] = shingle
        least_images(least, shingles, last - begin, multipliers, shifts)
        frame[i] = _run_key(hashes, last, end, whole)
        for b in range(BANDS):
            h = np.uint64(b + 1)
            for r in range(ROWS):
                h = mix(np.uint64(h ^ np.uint64(least[b * ROWS + r])))
            bands[i, b] = h
