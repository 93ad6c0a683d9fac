"""A request as a judgement would have it, as far as a gateway can see: before its thread goes on.

How far a thread goes isn't known at its first request, and how many accounts sent a frame is known
of the families in the table only. What is learnt of hits is learnt through the same eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.ground import (
    CAPABILITY,
    FEATURES,
    MAX_TOKENS_FROM,
    REPEATS,
    TURNS,
    TURNS_FROM,
    fold_signs,
)
from stillwatch.signals.capability import classes
from stillwatch.signals.extract import Texts
from stillwatch.statistics.cells import Codebook

if TYPE_CHECKING:
    from stillwatch.gateway.request import Request

CELL, SIGNS, THINKING, MAX_TOKENS = (
    FEATURES.index(name) for name in ("cell", "signs", "thinking", "max_tokens")
)

FIRST_TURN = 2
"""Messages of a request, a system prompt among them or not, up to which it begins a thread; one
that doesn't say begins one."""

MANY = 2
"""The code of a frame family that several accounts are known to send."""


@dataclass(frozen=True)
class View:
    """n requests: `codes` (n, features) by `ground.FEATURES`, the `keys` (n, 2) of how each begins
    and ends, its MinHash `bands` (n, 8), and its `content` (n, components)."""

    codes: NDArray[np.uint8]
    keys: NDArray[np.uint64]
    bands: NDArray[np.uint64]
    content: NDArray[np.int8]


def begins_thread(turns: int | None) -> bool:
    """Whether a request of so many messages begins a thread."""
    return turns is None or turns <= FIRST_TURN


def view_of(request: Request, book: Codebook, families: NDArray[np.uint64]) -> View:
    """The view of one request, whose prompt is there; `families` are sorted bands in the table."""
    texts = Texts.of_one(request.prompt or "")
    tools = bool(request.tools or request.tools_digest)
    thinking = np.array([-1 if request.thinking is None else request.thinking], np.int8)
    return _view(
        texts.content,
        classes(texts.scores, np.array([tools]), thinking),
        texts.signs,
        np.array([-1 if request.turns is None else request.turns], np.int32),
        np.array([-1 if request.max_tokens is None else request.max_tokens], np.int64),
        thinking,
        texts.framed.opening,
        texts.framed.closing,
        texts.framed.bands,
        book,
        families,
    )


def view_of_signals(
    signals: dict[str, NDArray], book: Codebook, families: NDArray[np.uint64]
) -> View:
    """The view of n exchanges by columns of `tables.SIGNALS`."""
    return _view(
        signals["content"],
        signals["capability"],
        signals["signs"],
        signals["turns"],
        signals["max_tokens"],
        signals["thinking"],
        signals["opening"],
        signals["closing"],
        signals["bands"],
        book,
        families,
    )


def _view(
    content: NDArray[np.int8],
    capability: NDArray[np.int8],
    signs: NDArray[np.uint16],
    turns: NDArray[np.integer],
    max_tokens: NDArray[np.integer],
    thinking: NDArray[np.int8],
    opening: NDArray[np.uint64],
    closing: NDArray[np.uint64],
    bands: NDArray[np.uint64],
    book: Codebook,
    families: NDArray[np.uint64],
) -> View:
    codes = np.zeros((len(content), len(FEATURES)), np.uint8)
    keys = np.empty((len(content), 2), np.uint64)
    keys[:, 0], keys[:, 1] = opening, closing
    _nearest_cells(content, book.wide, book.parts, codes)
    _facts(capability, fold_signs(signs), turns, max_tokens, thinking, bands, families, codes)
    return View(codes, keys, bands, content)


@nb.njit(nogil=True, cache=True)
def _facts(capability, signs, turns, max_tokens, thinking, bands, families, codes):
    for i in range(len(codes)):
        codes[i, CAPABILITY] = capability[i]
        codes[i, SIGNS] = signs[i]
        codes[i, TURNS] = _step(turns[i], TURNS_FROM)
        codes[i, MAX_TOKENS] = _step(max_tokens[i], MAX_TOKENS_FROM)
        codes[i, THINKING] = thinking[i] + 1
        codes[i, REPEATS] = MANY * _is_of_families(bands[i], families)


@nb.njit(nogil=True, cache=True)
def _step(value, edges):
    """How many of the edges, in order, a value has reached."""
    step = 0
    while step < len(edges) and value >= edges[step]:
        step += 1
    return step


@nb.njit(nogil=True, cache=True)
def _is_of_families(bands, families):
    """Whether a sketch (bands,) has one of the sorted bands `families`."""
    for band in bands:
        at = np.searchsorted(families, band) if band != 0 else len(families)
        if at < len(families) and families[at] == band:
            return True
    return False


@nb.njit(nogil=True, cache=True)
def _nearest_cells(content, wide, parts, codes):
    """As `cells.assign`, row by row."""
    for i in range(len(content)):
        home = _greatest(content[i], wide)
        codes[i, CELL] = len(parts[home]) * home + _greatest(content[i], parts[home])


@nb.njit(nogil=True, cache=True, fastmath=True)
def _greatest(row, centroids):
    best, most = 0, np.float32(-np.inf)
    for c in range(len(centroids)):
        product = np.float32(0)
        for d in range(len(row)):
            product += np.float32(row[d]) * centroids[c, d]
        if product > most:
            best, most = c, product
    return best
