"""Content embedding: a random-feature map of a prompt's words, small enough to keep and to add.

Each token adds its weight, with random signs, to two of 256 components; the sum is scaled to unit
length. Inner products then estimate the cosine of the weighted bags of words (a count sketch:
Charikar et al. 2002, Weinberger et al. 2009), which is a kernel, so the mean over an account's
exchanges is its kernel mean embedding. Tokens are weighted by a / (a + p(token)) (Arora et al.
2017) from a shipped table, so that function words do not drown the subject.

Of a few words, single components exceed what int8 holds (0.397) and are cut off: one word embeds
to length 0.56. Short prompts so count for less in a mean, and all that is said of means holds.

Components are stored as int8, and sums of them are integers: the result of any aggregation is
the same whatever the order of rows, the number of threads, or the engine.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.keys import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.signals.tokens import Tokens

COMPONENTS = 256
SCALE = 320.0
"""A component of 1.0 is stored as this; a unit vector's typical component is 1/16, so 20."""

BUCKETS = 1 << 16
WEIGHTS = "token_weights.npy"
_LEVELS = np.arange(256, dtype=np.float32) / np.float32(255.0)
_SIGNED = np.concatenate([-_LEVELS, _LEVELS])
"""What a token of a level adds where its bit above the component's place is 0, and where 1."""

AT_ONCE = 8
"""Prompts whose norms are summed side by side."""

_MIXED = 128
"""Tokens that are mixed at a time."""


def content(tokens: Tokens, out: NDArray[np.int8] | None = None) -> NDArray[np.int8]:
    """Embeddings int8 (n, COMPONENTS) of n prompts; a prompt without tokens is all zero.

    They are written to `out`, and made where it is not given.
    """
    out = np.empty((len(tokens), COMPONENTS), np.int8) if out is None else out
    _embed(tokens.offsets, tokens.hashes, _token_levels(), out)
    return out


def token_weights() -> NDArray[np.float32]:
    """The shipped weight of each token bucket, float32 (BUCKETS,), in (0, 1]."""
    return _LEVELS[_token_levels()]


@cache
def _token_levels() -> NDArray[np.uint8]:
    """Places of the weights in `_LEVELS`, (BUCKETS,): they lie nearer than the weights would."""
    with resources.files(f"{__package__}.weights").joinpath(WEIGHTS).open("rb") as file:
        return np.load(file)


@nb.njit(nogil=True, cache=True)
def _embed(offsets, hashes, levels, out):
    totals = np.zeros((AT_ONCE, COMPONENTS), np.float32)
    mixed = np.empty(_MIXED, np.uint64)
    for first in range(0, len(out), AT_ONCE):
        some = min(AT_ONCE, len(out) - first)
        for i in range(some):
            begin, end = offsets[first + i], offsets[first + i + 1]
            totals[i] = 0
            for p in range(begin, end, _MIXED):
                _add_up(hashes, p, min(end - p, _MIXED), levels, mixed, totals[i])
        norms = _norms(totals)
        for i in range(some):
            if norms[i] > 0:
                _store(totals[i], np.float32(SCALE) / np.sqrt(norms[i]), out[first + i])
            else:
                out[first + i] = 0


# Places are unsigned, which spares the check for one counted from the end.
@nb.njit(nogil=True, cache=True)
def _add_up(hashes, begin, count, levels, mixed, total):
    for k in range(count):
        token = np.uint64(hashes[np.uintp(begin + k)])
        mixed[np.uintp(k)] = mix(token + np.uint64(0x9E3779B97F4A7C15))
    for k in range(count):
        bucket = hashes[np.uintp(begin + k)] & np.uint32(BUCKETS - 1)
        level = np.uint64(levels[np.uintp(bucket)])
        bits = mixed[np.uintp(k)]
        for _ in range(2):
            place = np.uintp(bits & np.uint64(COMPONENTS - 1))
            total[place] += _SIGNED[np.uintp(level | (bits & np.uint64(COMPONENTS)))]
            bits >>= np.uint64(32)


@nb.njit(nogil=True, cache=True)
def _norms(totals):
    """Squared norms of eight rows: each is summed in order, one addition waiting for another."""
    a = b = c = d = e = f = g = h = np.float32(0)
    for k in range(COMPONENTS):
        a += totals[0, k] * totals[0, k]
        b += totals[1, k] * totals[1, k]
        c += totals[2, k] * totals[2, k]
        d += totals[3, k] * totals[3, k]
        e += totals[4, k] * totals[4, k]
        f += totals[5, k] * totals[5, k]
        g += totals[6, k] * totals[6, k]
        h += totals[7, k] * totals[7, k]
    return a, b, c, d, e, f, g, h


@nb.njit(nogil=True, cache=True)
def _store(total, factor, row):
    most = np.float32(127)
    for d in range(COMPONENTS):
        row[d] = np.int8(min(most, max(-most, np.rint(total[d] * factor))))
