"""Boosted trees over small codes, taught by probabilities instead of labels.

Gradient boosting of the logistic loss (Friedman 2001) with trees grown best leaf first over
histograms (LightGBM: Ke et al. 2017). A row may belong to a class in part, so that it needs not be
given twice; features are codes below 256, so that nothing is ever sorted, and rows that are alike
count together. One thread, no chance: the same rows teach the same trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.statistics.lanes import FOUR, add_four
from stillwatch.statistics.order import runs_in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREES = 40
LEAVES = 24
"""Leaves of a tree; at most 32, since each is a bit of a word."""

RATE = 0.2
RIDGE = 1.0
"""L2 penalty on the value of a leaf."""

LEAST_ROWS = 20
"""Rows of a leaf."""

CODES = 256

_BIT = np.zeros(32, np.uint8)
"""The place of a single bit by the upper five bits of its product with a de Bruijn sequence."""
_BIT[(np.uint32(0x077CB531) << np.arange(32, dtype=np.uint32)) >> np.uint32(27)] = np.arange(32)


@dataclass(frozen=True)
class Boosted:
    """Trees by node, (trees, nodes): a node that asks sends codes of `feature` up to `cut` to its
    `left` node and others to the one after; a leaf's `feature` is -1 and `value` what it adds to
    the log odds, which start from `base`."""

    base: float
    feature: NDArray[np.int8]
    cut: NDArray[np.uint8]
    left: NDArray[np.int16]
    value: NDArray[np.float64]

    def __call__(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The probability of each of n rows, (n,), by its codes (n, features)."""
        out = np.full(len(codes), self.base)
        kept, value = self.leaves
        add_leaves(np.ascontiguousarray(codes), kept, value, out)
        return 1 / (1 + np.exp(-out))

    @cached_property
    def leaves(self) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
        """Which leaves of each tree a code leaves, bit by bit from the left, (features, codes,
        trees), and what each leaf adds, (trees, leaves): of the leaves that all of a row's codes
        leave, the first is where it comes to lie (QuickScorer: Lucchese et al. 2015)."""
        width = int(self.feature.max(initial=0)) + 1
        kept = np.full((width, CODES, len(self.feature)), 2**32 - 1, np.uint32)
        value = np.zeros((len(self.feature), LEAVES))
        _leave(self.feature, self.cut, self.left, self.value, kept, value)
        return kept, value


def boost(
    codes: NDArray[np.uint8], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> Boosted:
    """Trees that tell `target` (n,), probabilities, from `codes` (n, features).

    `weight` (n,) is how much each row counts, more than nothing.
    """
    mean = float(np.clip(np.average(target, weights=weight), 1e-6, 1 - 1e-6))
    base = float(np.log(mean / (1 - mean)))
    rows, target, weight, count = _alike(np.ascontiguousarray(codes), target, weight)
    nodes = 2 * LEAVES - 1
    feature = np.full((TREES, nodes), -1, np.int8)
    cut = np.zeros((TREES, nodes), np.uint8)
    left = np.zeros((TREES, nodes), np.int16)
    value = np.zeros((TREES, nodes))
    _boost(rows, target, weight, count, base, feature, cut, left, value)
    return Boosted(base, feature, cut, left, value)


def _alike(
    codes: NDArray[np.uint8], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Each different row of codes, its mean target, its weight, and how many rows are like it."""
    order, fresh = runs_in_order(_keys(codes))
    fresh[1:] |= (codes[order[1:]] != codes[order[:-1]]).any(1)
    begins = np.flatnonzero(fresh)
    summed = np.add.reduceat(weight[order], begins)
    positive = np.add.reduceat((weight * target)[order], begins)
    count = np.diff(begins, append=len(order)).astype(float)
    return codes[order[begins]], positive / summed, summed, count


@nb.njit(nogil=True, cache=True)
def _keys(codes):
    """A number for each row that hardly another has unless it is like it."""
    keys = np.empty(len(codes), np.uint64)
    for i in range(len(codes)):
        key = np.uint64(0)
        for f in range(codes.shape[1]):
            key = (key ^ np.uint64(codes[i, f])) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
        keys[i] = key
    return keys


@nb.njit(nogil=True, cache=True)
def _boost(codes, target, weight, count, base, feature, cut, left, value):
    n = len(codes)
    odds = np.full(n, np.exp(-base))  # against: a leaf's rows change alike, by a factor
    # Of each row its gradient, its curvature, how many rows are like it, and nothing.
    summand = np.zeros((n, FOUR))
    summand[:, 2] = count
    order, spare = np.empty(n, np.int64), np.empty(n, np.int64)
    nodes = feature.shape[1]
    bins = _bins(codes)
    histogram = np.empty((nodes, bins[-1], FOUR))
    begin, end = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    gain, best_feature, best_cut = (
        np.zeros(nodes),
        np.zeros(nodes, np.int64),
        np.zeros(nodes, np.int64),
    )
    for tree in range(feature.shape[0]):
        for i in range(n):
            told = 1 / (1 + odds[i])
            summand[i, 0] = weight[i] * (told - target[i])
            summand[i, 1] = weight[i] * told * (1 - told)
            order[i] = i
        begin[0], end[0] = 0, n
        _count(codes, summand, order[:n], bins, histogram[0])
        gain[0], best_feature[0], best_cut[0] = _best(histogram[0], bins)
        used = 1
        while used + 2 <= nodes:
            node = np.argmax(gain[:used])
            if gain[node] <= 0:
                break
            gain[node] = 0
            f, c = best_feature[node], best_cut[node]
            middle, kept = begin[node], 0
            for p in range(begin[node], end[node]):
                i = order[p]
                if codes[i, f] <= c:
                    order[middle] = i
                    middle += 1
                else:
                    spare[kept] = i
                    kept += 1
            order[middle : end[node]] = spare[:kept]
            a, b = used, used + 1
            begin[a], end[a], begin[b], end[b] = begin[node], middle, middle, end[node]
            small, large = (a, b) if middle - begin[node] <= kept else (b, a)
            _count(codes, summand, order[begin[small] : end[small]], bins, histogram[small])
            _subtract(histogram[node], histogram[small], histogram[large])
            for child in (a, b):
                gain[child], best_feature[child], best_cut[child] = _best(histogram[child], bins)
            feature[tree, node], cut[tree, node], left[tree, node] = f, c, a
            used += 2
        for node in range(used):
            if feature[tree, node] >= 0:
                continue
            g = h = 0.0
            for p in range(begin[node], end[node]):
                g += summand[order[p], 0]
                h += summand[order[p], 1]
            value[tree, node] = -RATE * g / (h + RIDGE)
            factor = np.exp(-value[tree, node])
            for p in range(begin[node], end[node]):
                odds[order[p]] *= factor


@nb.njit(nogil=True, cache=True)
def _bins(codes):
    """Where the codes of each feature begin in a histogram of all, and where the last end."""
    bins = np.zeros(codes.shape[1] + 1, np.int64)
    for f in range(codes.shape[1]):
        bins[f + 1] = bins[f] + 1 + codes[:, f].max()
    return bins


@nb.njit(nogil=True, cache=True)
def _count(codes, summand, rows, bins, histogram):
    histogram[:] = 0
    for i in rows:
        for f in range(codes.shape[1]):
            add_four(histogram, bins[f] + np.int64(codes[i, f]), summand, i)


@nb.njit(nogil=True, cache=True)
def _subtract(whole, part, rest):
    for c in range(len(whole)):
        for k in range(3):
            rest[c, k] = whole[c, k] - part[c, k]


@nb.njit(nogil=True, cache=True)
def _best(histogram, bins):
    """Gain, feature and code of the best cut; a gain of 0 where there is none."""
    g_all, h_all, n_all = 0.0, 0.0, 0.0
    for c in range(bins[1]):
        g_all += histogram[c, 0]
        h_all += histogram[c, 1]
        n_all += histogram[c, 2]
    if n_all < 2 * LEAST_ROWS:
        return 0.0, 0, 0
    whole = g_all * g_all / (h_all + RIDGE)
    best, feature, cut = 0.0, 0, 0
    for f in range(len(bins) - 1):
        g = h = n = 0.0
        for c in range(bins[f], bins[f + 1] - 1):
            if histogram[c, 2] == 0:
                continue
            g += histogram[c, 0]
            h += histogram[c, 1]
            n += histogram[c, 2]
            if n_all - n < LEAST_ROWS:
                break
            if n < LEAST_ROWS:
                continue
            rest = g_all - g
            gain = g * g / (h + RIDGE) + rest * rest / (h_all - h + RIDGE) - whole
            if gain > best + 1e-9:
                best, feature, cut = gain, f, c - bins[f]
    return best, feature, cut


@nb.njit(nogil=True, cache=True)
def _leave(feature, cut, left, value, kept, leaf_value):
    """Fill `kept` and `leaf_value` tree by tree: codes above a node's cut leave its left out."""
    stack, begun = np.empty(feature.shape[1], np.int64), np.zeros(feature.shape[1], np.int64)
    open_from = np.empty(feature.shape[1], np.int64)
    for tree in range(feature.shape[0]):
        leaves, depth = 0, 1
        stack[0], begun[0] = 0, 0
        while depth:
            node = stack[depth - 1]
            if feature[tree, node] < 0:
                leaf_value[tree, leaves] = value[tree, node]
                leaves += 1
                depth -= 1
            elif begun[depth - 1] == 0:
                begun[depth - 1], open_from[depth - 1] = 1, leaves
                stack[depth], begun[depth] = left[tree, node], 0
                depth += 1
            elif begun[depth - 1] == 1:
                lost = np.uint32(0)
                for leaf in range(open_from[depth - 1], leaves):
                    lost |= np.uint32(1) << np.uint32(leaf)
                for code in range(np.int64(cut[tree, node]) + 1, kept.shape[1]):
                    kept[feature[tree, node], code, tree] &= ~lost
                begun[depth - 1] = 2
                stack[depth], begun[depth] = left[tree, node] + 1, 0
                depth += 1
            else:
                depth -= 1


@nb.njit(nogil=True, cache=True)
def add_leaves(codes, kept, value, out):
    """Add to `out` (n,) what the leaves of n rows of codes add to their log odds."""
    trees = kept.shape[2]
    left = np.empty(trees, np.uint32)
    for i in range(len(codes)):
        left[:] = np.uint32(0xFFFFFFFF)
        for f in range(kept.shape[0]):
            row = kept[f, codes[i, f]]
            for tree in range(trees):
                left[tree] &= row[tree]
        for tree in range(trees):
            lowest = left[tree] & (~left[tree] + np.uint32(1))
            leaf = _BIT[np.uint32(lowest * np.uint32(0x077CB531)) >> np.uint32(27)]
            out[i] += value[tree, leaf]
