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

_FILTER_BITS = 14
_GROUP = re.compile(r"\(([^()]*)\)")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Automaton:
    """Deterministic automaton in one open-addressing table; state 0 is the start.

    `keys[s]` is (state << 32 | token) and `children[s]` the state it leads to, 0 where the slot is
    free; `marks[state]` are the bits (uint32) of the patterns that end there; `first` is a filter
    over the low bits of first tokens, which sends most positions of a text away with one probe.
    """

    keys: NDArray[np.uint64]
    children: NDArray[np.int32]
    marks: NDArray[np.uint32]
    first: NDArray[np.bool_]


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
        np.zeros(size, np.uint64),
        np.zeros(size, np.int32),
        np.array(marks, np.uint32),
        np.zeros(1 << _FILTER_BITS, np.bool_),
    )
    _fill(
        np.array(keys, np.uint64),
        np.array(children, np.int32),
        automaton.keys,
        automaton.children,
        automaton.first,
    )
    return automaton


@nb.njit(nogil=True, cache=True, inline="always")
def _slot(key):
    return np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32))


@nb.njit(nogil=True, cache=True)
def _fill(edge_keys, edge_children, keys, children, first):
    mask = len(keys) - 1
    for e in range(len(edge_keys)):
        key = edge_keys[e]
        s = _slot(key) & mask
        while children[s] != 0:
            s = (s + 1) & mask
        keys[s], children[s] = key, edge_children[e]
        if key >> np.uint64(32) == 0:
            first[np.int64(key) & (len(first) - 1)] = True


@nb.njit(nogil=True, cache=True)
def match(offsets, hashes, keys, children, marks, first):
    """Bits of all patterns found in each text: uint32 of shape (n,)."""
    n = len(offsets) - 1
    found = np.zeros(n, np.uint32)
    mask = len(keys) - 1
    low = len(first) - 1
    for i in range(n):
        end = offsets[i + 1]
        bits = np.uint32(0)
        for p in range(offsets[i], end):
            if not first[np.int64(hashes[p]) & low]:
                continue
            state = np.uint64(0)
            q = p
            while q < end:
                key = state << np.uint64(32) | np.uint64(hashes[q])
                s = _slot(key) & mask
                while children[s] != 0 and keys[s] != key:
                    s = (s + 1) & mask
                if children[s] == 0:
                    break
                state = np.uint64(children[s])
                bits |= marks[children[s]]
                q += 1
        found[i] = bits
    return found
