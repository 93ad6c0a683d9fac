"""Phrase patterns compiled to one automaton over token hashes.

A pattern is words with groups: `(a|b|)` is one of these, an empty choice makes it optional;
`{name}` is a group kept under a name. Groups with a space between them are tried independently,
so "{show} {det} {trace}" costs the sum of its groups and not their product: patterns become an
automaton without choices by subset construction, a few thousand states in all. Matching is one
table look-up a token, whatever the text: there is nothing to backtrack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
import pyarrow as pa

from stillwatch.signals.tokens import tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from stillwatch.signals.tokens import Tokens

_FILTER_BITS = 18
"""The filter over pairs of tokens has 2 to this bits: 32 kB, what lies next to the processor."""
_ALONE_BITS = 16
"""That over single tokens: for some fifty of them."""
_BLOCK = 256
"""Pairs that are hashed at a time."""
_GROUP = re.compile(r"\(([^()]*)\)")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Automaton:
    """Deterministic automaton in one open-addressing table; state 0 is the start.

    `edges[s]` is (state << 32 | token, the state it leads to), 0 where the slot is free;
    `marks[state]` are the bits (uint32) of the patterns that end there. `starts` is a Bloom filter,
    two bits of one word each, over the first two tokens of phrases; `alone` has one bit for each
    token that is a phrase. Of a text's positions three in ten begin some phrase with one token,
    three in a hundred with two.
    """

    edges: NDArray[np.uint64]
    marks: NDArray[np.uint32]
    starts: NDArray[np.uint64]
    alone: NDArray[np.uint64]


def expand(pattern: str, words: Mapping[str, str]) -> list[str]:
    """All phrases that a pattern stands for, spaces made single.

    >>> expand("show (me|) {it}", {"it": "(this|that)"})
    ['show me this', 'show me that', 'show this', 'show that']
    """
    done, open_ = [], [_NAME.sub(lambda m: words[m.group(1)], pattern)]
    while open_:
        text = open_.pop()
        group = _GROUP.search(text)
        if group is None:
            done.append(" ".join(text.split()))
            continue
        choices = group.group(1).split("|")
        open_ += [text[: group.start()] + c + text[group.end() :] for c in reversed(choices)]
    return done


def compile_patterns(patterns: Sequence[tuple[str, int]], words: Mapping[str, str]) -> Automaton:
    """The automaton of (pattern, bit) pairs; bits run from 0 to 31.

    Raises `ValueError` naming a pattern that matches no token at all.
    """
    parts = [
        [expand(s, words) for s in _segments(_NAME.sub(lambda m: words[m.group(1)], p))]
        for p, _ in patterns
    ]
    spelled = _spellings({phrase for part in parts for choices in part for phrase in choices})
    edges: list[dict[int, set[int]]] = []
    skips: list[set[int]] = []
    ends: list[int] = []

    def node() -> int:
        edges.append({})
        skips.append(set())
        ends.append(0)
        return len(edges) - 1

    starts = []
    for (_, bit), part in zip(patterns, parts, strict=True):
        here = node()
        starts.append(here)
        for choices in part:
            there = node()
            for phrase in choices:
                for tokens in spelled[phrase]:
                    at = here
                    for token in tokens[:-1]:
                        step = node()
                        edges[at].setdefault(token, set()).add(step)
                        at = step
                    if tokens:
                        edges[at].setdefault(tokens[-1], set()).add(there)
                    else:
                        skips[at].add(there)
            here = there
        ends[here] |= 1 << bit
    for (pattern, _), start in zip(patterns, starts, strict=True):
        if any(ends[n] for n in _reach({start}, skips)):
            raise ValueError(f"pattern {pattern!r} matches the empty text; add a word to it")
    return _determinise(starts, edges, skips, ends)


def _segments(pattern: str) -> list[str]:
    """`pattern` parted at the spaces outside of groups."""
    parts, depth, begin = [], 0, 0
    for i, c in enumerate(pattern):
        depth += (c == "(") - (c == ")")
        if c == " " and depth == 0:
            parts.append(pattern[begin:i])
            begin = i + 1
    return [p for p in [*parts, pattern[begin:]] if p]


def _spellings(phrases: set[str]) -> dict[str, list[list[int]]]:
    """Token rows by phrase.

    Tokens lower ASCII only, so a phrase that begins with another letter also has a row with a
    capital; a straight apostrophe parts a word where a curly one doesn't, so it has both.
    """
    rows = sorted(
        (phrase, variant)
        for phrase in phrases
        for quoted in {phrase, phrase.replace("'", "’")}
        for variant in {quoted, quoted[:1].upper() + quoted[1:]}
    )
    tokens = tokenise(pa.array([variant for _, variant in rows], pa.string()))
    spelled: dict[str, list[list[int]]] = {phrase: [] for phrase in phrases}
    for i, (phrase, _) in enumerate(rows):
        row = tokens.hashes[tokens.offsets[i] : tokens.offsets[i + 1]].tolist()
        if row not in spelled[phrase]:
            spelled[phrase].append(row)
    return spelled


def _reach(nodes: set[int], skips: list[set[int]]) -> frozenset[int]:
    seen, open_ = set(nodes), list(nodes)
    while open_:
        for n in skips[open_.pop()] - seen:
            seen.add(n)
            open_.append(n)
    return frozenset(seen)


def _determinise(
    starts: list[int], edges: list[dict[int, set[int]]], skips: list[set[int]], ends: list[int]
) -> Automaton:
    root = _reach(set(starts), skips)
    number = {root: 0}
    marks: list[int] = [0]
    keys: list[int] = []
    children: list[int] = []
    open_ = [root]
    while open_:
        state = open_.pop()
        moves: dict[int, set[int]] = {}
        for n in state:
            for token, targets in edges[n].items():
                moves.setdefault(token, set()).update(targets)
        for token in sorted(moves):
            target = _reach(moves[token], skips)
            if target not in number:
                number[target] = len(marks)
                bits = 0
                for n in target:
                    bits |= ends[n]
                marks.append(bits)
                open_.append(target)
            keys.append(number[state] << 32 | token)
            children.append(number[target])
    size = 1 << (2 * len(keys)).bit_length()
    automaton = Automaton(
        np.zeros((size, 2), np.uint64),
        np.array(marks, np.uint32),
        np.zeros(1 << _FILTER_BITS - 6, np.uint64),
        np.zeros(1 << _ALONE_BITS - 6, np.uint64),
    )
    _fill(np.array(keys, np.uint64), np.array(children, np.uint64), automaton.edges)
    begun: dict[int, list[int]] = {}
    for key, state in zip(keys, children, strict=True):
        if key >> 32 == 0:
            begun.setdefault(state, []).append(key)
    pairs = [(token, key & 0xFFFFFFFF) for key in keys for token in begun.get(key >> 32, ())]
    _mark(np.array(pairs, np.uint32).reshape(-1, 2), automaton.starts)
    alone = [token for state in begun if marks[state] for token in begun[state]]
    _mark_alone(np.array(alone, np.uint32), automaton.alone)
    return automaton


@nb.njit(nogil=True, cache=True, inline="always")
def _slot(key):
    return np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32))


@nb.njit(nogil=True, cache=True)
def _fill(keys, children, edges):
    mask = len(edges) - 1
    for e in range(len(keys)):
        s = _slot(keys[e]) & mask
        while edges[s, 1] != 0:
            s = (s + 1) & mask
        edges[s, 0], edges[s, 1] = keys[e], children[e]


# Numbers of places are unsigned below, which spares the check for one counted from the end.
@nb.njit(nogil=True, cache=True, inline="always")
def _pair_hash(token, then):
    mixed = np.uint32(np.uint32(token * np.uint32(0x9E3779B1)) ^ then)
    return np.uint32(mixed * np.uint32(0x85EBCA6B))


@nb.njit(nogil=True, cache=True, inline="always")
def _pair_place(h):
    """Where a pair of tokens of hash `h` stands in the filter: its word, and its two bits there."""
    one, other = h >> np.uint32(8) & np.uint32(63), h >> np.uint32(14) & np.uint32(63)
    return np.uintp(h >> np.uint32(38 - _FILTER_BITS)), np.uint64(one), np.uint64(other)


@nb.njit(nogil=True, cache=True, inline="always")
def _alone_place(token):
    """Where a token stands in the filter of those that are phrases: its word, and its bit there."""
    return np.uintp(token >> np.uint32(38 - _ALONE_BITS)), np.uint64(token & np.uint32(63))


@nb.njit(nogil=True, cache=True)
def _mark(pairs, starts):
    for i in range(len(pairs)):
        word, one, other = _pair_place(_pair_hash(pairs[i, 0], pairs[i, 1]))
        starts[word] |= (np.uint64(1) << one) | (np.uint64(1) << other)


@nb.njit(nogil=True, cache=True)
def _mark_alone(tokens, alone):
    for i in range(len(tokens)):
        word, bit = _alone_place(tokens[i])
        alone[word] |= np.uint64(1) << bit


def match(tokens: Tokens, automaton: Automaton) -> NDArray[np.uint32]:
    """Bits of all patterns found in each of n texts: uint32 of shape (n,)."""
    a = automaton
    places = _begun(tokens.hashes, a.starts, a.alone)
    return _match(tokens.offsets, tokens.hashes, places, a.edges, a.marks)


@nb.njit(nogil=True, cache=True)
def _begun(hashes, starts, alone):
    """Places where a phrase may begin, in order: whatever the texts, whose ends come later."""
    places = np.empty(len(hashes) + 1, np.int64)
    pairs = np.empty(_BLOCK, np.uint32)
    found = 0
    for begin in range(0, len(hashes), _BLOCK):
        size = min(_BLOCK, len(hashes) - begin)
        inside = min(_BLOCK, len(hashes) - begin - 1)
        for k in range(inside):
            p = np.uintp(begin + k)
            pairs[np.uintp(k)] = _pair_hash(hashes[p], hashes[p + np.uintp(1)])
        pairs[inside:] = 0
        for k in range(size):
            word, one, other = _pair_place(pairs[np.uintp(k)])
            both = (starts[word] >> one) & (starts[word] >> other)
            word, bit = _alone_place(hashes[np.uintp(begin + k)])
            places[np.uintp(found)] = begin + k
            found += np.int64((both | (alone[word] >> bit)) & np.uint64(1))
    return places[:found]


@nb.njit(nogil=True, cache=True)
def _match(offsets, hashes, places, edges, marks):
    """Follow the phrases that begin at `places`, which are overwritten, all by one token at a time:
    looking one up needn't wait for another."""
    found = np.zeros(len(offsets) - 1, np.uint32)
    texts = np.empty(len(places), np.int64)
    states = np.zeros(len(places), np.uint64)
    text = 0
    for k in range(len(places)):
        while offsets[np.uintp(text + 1)] <= places[k]:
            text += 1
        texts[k] = text
    mask, open_ = np.int64(len(edges) - 1), len(places)
    while open_ > 0:
        going = 0
        for k in range(open_):
            p, text = places[np.uintp(k)], np.uintp(texts[np.uintp(k)])
            if p == offsets[text + np.uintp(1)]:
                continue
            key = states[np.uintp(k)] << np.uint64(32) | np.uint64(hashes[np.uintp(p)])
            s = np.uintp(_slot(key) & mask)
            while edges[s, 0] != key and edges[s, 1] != 0:
                s = np.uintp((np.int64(s) + 1) & mask)
            state = edges[s, 1]
            found[text] |= marks[np.uintp(state)]
            places[np.uintp(going)], texts[np.uintp(going)] = p + 1, text
            states[np.uintp(going)] = state
            going += state != 0
        open_ = going
    return found
