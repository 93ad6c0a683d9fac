"""Manner embedding: how a request was made, for logs that don't tell what was asked.

Where a log has no text at all, each exchange gets the same kind of embedding as its words would
give it (`content`), made of what is left: the settings, the tools, the model, the way in, how long
request and answer were, how far the conversation had come, and the time of day. Each known one is
a token; its key adds, with random signs, to two of 256 components, and the sum is scaled to unit
length. Inner products then count how many of these two exchanges have in common (a count sketch:
Charikar et al. 2002), so means over accounts are kernel mean embeddings, and whatever is said of
twins and MMD holds. What shows where a request came from (network, device, client) is left out:
that is another kind of evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.content import COMPONENTS, SCALE
from stillwatch.signals.keys import mix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from stillwatch.columns import Column

BLOCK = 1 << 17
"""Exchanges that are embedded at a time."""

KEYS = ("settings", "toolset", "model", "surface")
"""Keys that are tokens as they are; 0 is no token, but for tools, of which none is a choice too."""

LENGTHS = ("input_tokens", "output_tokens")
TURNS = (0, 1, 2, 3, 5, 9, 17, 33)
HOURS = 4
HOUR_US = 3_600_000_000

LEAST_TEXT = 0.01
"""Share of a log's exchanges with text below which it is taken for one without: a few stray
prompts tell nothing of the accounts."""


def has_text(signals: Mapping[str, Column]) -> bool:
    """Whether the exchanges of `tables.SIGNALS` can be told by what they ask."""
    return bool((signals["frame"][:] != 0).mean() >= LEAST_TEXT)


def manners(signals: Mapping[str, Column]) -> Iterator[NDArray[np.int8]]:
    """The embedding of each exchange's manner, to take the place of its content, in blocks."""
    names = (*KEYS, *LENGTHS, "turns", "ts")
    for begin in range(0, len(signals["ts"]), BLOCK):
        yield manner({name: signals[name][begin : begin + BLOCK] for name in names})


def manner(columns: dict[str, NDArray]) -> NDArray[np.int8]:
    """Embeddings int8 (n, COMPONENTS) of n exchanges, by columns of `tables.SIGNALS`."""
    known = columns["settings"] != 0
    tokens = []
    for name in KEYS:
        tokens.append(columns[name].astype(np.uint64))
    # Powers of two to the half: finer than habits differ, coarser than chance does.
    for name in LENGTHS:
        length = columns[name].astype(np.int64)
        known = known | (length >= 0)
        bucket = np.floor(2 * np.log2(np.maximum(length, 0) + 1.0)).astype(np.uint64)
        tokens.append(np.where(length >= 0, bucket + np.uint64(1), np.uint64(0)))
    turns = columns["turns"]
    tokens.append(np.where(turns >= 0, np.digitize(turns, TURNS), 0).astype(np.uint64))
    tokens.append(
        (columns["ts"] // (HOURS * HOUR_US) % (24 // HOURS)).astype(np.uint64) + np.uint64(1)
    )
    out = np.zeros((len(known), COMPONENTS), np.int8)
    # That no tools are offered says something, where others' requests have some.
    tokens[1] = tokens[1] + np.uint64(1)
    _embed(np.stack(tokens, 1), known, out)
    return out


@nb.njit(nogil=True, cache=True)
def _embed(tokens, known, out):
    total = np.empty(COMPONENTS, np.float32)
    for i in range(len(tokens)):
        if not known[i]:
            continue
        total[:] = 0
        for f in range(tokens.shape[1]):
            if tokens[i, f] == 0:
                continue
            bits = mix(np.uint64(tokens[i, f] ^ (np.uint64(f + 1) * np.uint64(0x9E3779B97F4A7C15))))
            for _ in range(2):
                place = np.int64(bits & np.uint64(COMPONENTS - 1))
                if bits & np.uint64(COMPONENTS):
                    total[place] += 1
                else:
                    total[place] -= 1
                bits >>= np.uint64(32)
        norm = np.float32(0)
        for d in range(COMPONENTS):
            norm += total[d] * total[d]
        if norm <= 0:
            continue
        factor = np.float32(SCALE) / np.sqrt(norm)
        for d in range(COMPONENTS):
            value = np.rint(total[d] * factor)
            out[i, d] = np.int8(min(127.0, max(-127.0, value)))
