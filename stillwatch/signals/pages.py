"""Texts read sixty-four bytes at a time: what each byte is as a bit of a word, and hashes by lanes.

Texts are copied to a page in lower case, with bytes of 0 behind each. `mark` finds where runs of
letters and digits begin and end, and counts the others, by words of one bit a byte (as simdjson
does: Langdale and Lemire 2019). `hash_page` hashes all runs of a page side by side.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from stillwatch.signals.alphabet import (
    BASIS,
    BLANK,
    BRACKET,
    DIGIT,
    HIGH,
    LINE,
    LOWER,
    MEMBERS,
    MIXED,
    NUMBER,
    PRIME,
    QUESTION,
    QUOTE,
    SYMBOL,
    WIDE,
    finish,
)
from stillwatch.signals.lanes import among, lowest, ones
from stillwatch.statistics.lanes import eight_bytes

PAGE_BYTES = 1 << 15
"""Bytes of texts on a page, with those between them: as much as lies next to the processor."""

_BLOCK = 64
_EDGES = 32
"""Edges that a block is taken to have at most; more are taken one by one."""

_HALF = 8
"""Bytes of a run that all are hashed by; one in two thousand has more than twice as many, and is
hashed by itself."""

_TOPS = np.uint64(0x8080808080808080)

_lines, _digits, _symbols = among(MEMBERS[LINE]), among(MEMBERS[DIGIT]), among(MEMBERS[SYMBOL])
_brackets, _quotes = among(MEMBERS[BRACKET]), among(MEMBERS[QUOTE])
_highs, _questions = among(MEMBERS[HIGH]), among(MEMBERS[QUESTION])
_blanks, _lowers, _wides = among(MEMBERS[BLANK]), among(MEMBERS[LOWER]), among(MEMBERS[WIDE])


@nb.njit(nogil=True, cache=True)
def new_page():
    """An empty page, and room for the edges of runs on it."""
    return np.zeros(PAGE_BYTES + 2 * _BLOCK, np.uint8), np.empty(PAGE_BYTES + _BLOCK, np.int32)


@nb.njit(nogil=True, cache=True)
def copy(data, begin, end, page, at):
    """Copy bytes to the page at `at`, in lower case, and at least one of 0 behind them.

    Returns how many bytes of the page they take, whole blocks, and how many were capitals.
    """
    size = end - begin
    capitals = 0
    for j in range(size):
        c = data[np.uintp(begin + j)]
        capital = np.uint8(np.uint8(c - np.uint8(65)) < np.uint8(26))
        page[np.uintp(at + j)] = c + np.uint8(capital << np.uint8(5))
        capitals += capital
    blocks = (size // _BLOCK + 1) * _BLOCK
    page[at + size : at + blocks] = 0
    return blocks, capitals


@nb.njit(nogil=True, cache=True)
def mark(page, begin, end, line_start, edges, marked, seen):
    """Append where each run of letters and digits begins and where it ends; count in `seen`.

    Returns the new fill of `edges`, or -1, with `seen` as it was, where a wide character may be.
    """
    lines = digits = symbols = brackets = quotes = highs = questions = indents = 0
    in_run, at_start = np.uint64(0), np.uint64(line_start)
    one, top = np.uint64(1), np.uint64(_BLOCK - 1)
    for at in range(begin, end, _BLOCK):
        if _wides(page, at) != 0:
            return -1
        line, digit, blank = _lines(page, at), _digits(page, at), _blanks(page, at)
        high = _highs(page, at)
        # Added to the start of a run of blanks, a bit is carried through it.
        starts = (line << one) | at_start
        indent = blank & ~(blank + (blank & starts))
        at_start = (line | indent) >> top
        run = _lowers(page, at) | high | digit
        edge = run ^ ((run << one) | in_run)
        in_run = run >> top
        found = marked + ones(edge)
        for e in range(_EDGES):
            edges[np.uintp(marked + e)] = at + lowest(edge)
            edge &= edge - one
        for e in range(marked + _EDGES, found):
            edges[np.uintp(e)] = at + lowest(edge)
            edge &= edge - one
        marked = found
        lines += ones(line)
        digits += ones(digit)
        symbols += ones(_symbols(page, at))
        brackets += ones(_brackets(page, at))
        quotes += ones(_quotes(page, at))
        highs += ones(high)
        questions += ones(_questions(page, at))
        indents += ones(indent)
    seen[LINE] += lines
    seen[DIGIT] += digits
    seen[SYMBOL] += symbols
    seen[BRACKET] += brackets
    seen[QUOTE] += quotes
    seen[HIGH] += highs
    seen[QUESTION] += questions
    seen[BLANK] += indents
    return marked


@nb.njit(nogil=True, cache=True)
def hash_page(page, edges, marked, hashes, used):
    """Write the token of each run between two edges to `hashes`; returns their new fill.

    All are hashed as if they had at most eight bytes; the few that have more, once more.
    """
    runs, more = marked // 2, 0
    sizes, low = np.empty(runs, np.int32), np.empty(runs, np.uint64)
    longer = np.empty(runs + 1, np.int32)
    for t in range(runs):
        begin = np.int64(edges[np.uintp(2 * t)])
        size = edges[np.uintp(2 * t + 1)] - begin
        sizes[t], low[t] = size, eight_bytes(page, begin)
        longer[np.uintp(more)] = t
        more += size > _HALF
    for t in range(runs):
        hashes[np.uintp(used + t)] = _short_token(low[t], sizes[t])
    tokens, high = np.empty(more, np.uint32), np.empty(more, np.uint64)
    for k in range(more):
        t = np.uintp(longer[k])
        sizes[k], low[k] = sizes[t], low[t]
        high[k] = eight_bytes(page, np.int64(edges[np.uintp(2) * t]) + _HALF)
    for k in range(more):
        tokens[k] = _token(low[k], high[k], sizes[k])
    for k in range(more):
        t = np.uintp(longer[k])
        long = sizes[k] > 2 * _HALF
        hashes[np.uintp(used) + t] = (
            _long_token(page, edges[2 * t], edges[2 * t + 1]) if long else tokens[k]
        )
    return used + runs


@nb.njit(nogil=True, cache=True, inline="always")
def _short_token(low, size):
    """The token of a run of at most 8 bytes, the first of `low`: without a branch."""
    h = BASIS
    for j in range(8):
        c = np.uint32(low >> np.uint64(8 * j)) & np.uint32(0xFF)
        h = np.uint32((h ^ c) * PRIME) if j < size else h
    letters, part = low | (low << np.uint64(1)), _first_bytes(size)
    return _masked(h, letters & part, ~letters & part)


@nb.njit(nogil=True, cache=True, inline="always")
def _token(low, high, size):
    """The token of a run of 8 to 16 bytes, the first of `low` and `high`: without a branch."""
    h = BASIS
    for j in range(8):
        h = np.uint32((h ^ (np.uint32(low >> np.uint64(8 * j)) & np.uint32(0xFF))) * PRIME)
    for j in range(8):
        c = np.uint32(high >> np.uint64(8 * j)) & np.uint32(0xFF)
        h = np.uint32((h ^ c) * PRIME) if j + 8 < size else h
    low_letters, high_letters = low | (low << np.uint64(1)), high | (high << np.uint64(1))
    part = _first_bytes(size - 8)
    letters = (low_letters & _TOPS) | (high_letters & part)
    return _masked(h, letters, (~low_letters & _TOPS) | (~high_letters & part))


@nb.njit(nogil=True, cache=True, inline="always")
def _masked(h, letters, digits):
    """The token of a run hashed to `h`, by bits that are set where it has letters, or digits.

    Of the bytes in a run, letters have one of the two highest bits, digits none.
    """
    return finish(h) if digits == 0 else (NUMBER if letters == 0 else MIXED)


@nb.njit(nogil=True, cache=True, inline="always")
def _first_bytes(size):
    """The highest bit of each of the first `size` bytes of a word."""
    bits = np.uint64(8 * min(max(size, 0), 7))
    return _TOPS if size >= 8 else _TOPS & ((np.uint64(1) << bits) - np.uint64(1))


@nb.njit(nogil=True, cache=True)
def _long_token(page, begin, end):
    """The token of a run of any length."""
    h, letters, digits = BASIS, 0, 0
    for p in range(begin, end):
        c = page[p]
        h = np.uint32((h ^ np.uint32(c)) * PRIME)
        letters += c >= 64
        digits += c < 64
    return finish(h) if digits == 0 else (NUMBER if letters == 0 else MIXED)
