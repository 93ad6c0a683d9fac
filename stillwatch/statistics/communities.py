"""Communities of a graph of accounts: Leiden (Traag et al. 2019), by graspologic-native (MIT)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import graspologic_native
import numpy as np
from scipy.sparse import coo_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20260223


def communities(
    a: NDArray[np.integer], b: NDArray[np.integer], weight: NDArray[np.float64], least: int
) -> list[NDArray[np.integer]]:
    """Communities of at least `least` places, each sorted; largest first.

    `a`, `b` (e,) are places and `weight` (e,) is above 0. Edges are put in order first, so the
    answer doesn't depend on theirs.
    """
    apart = a != b
    a, b, weight = a[apart], b[apart], weight[apart]
    if not len(a):
        return []
    order = np.lexsort((weight, b, a))
    nodes, node = _by_first(np.stack([a[order], b[order]], axis=1).ravel())
    first, second, heavy = node[::2], node[1::2], np.asarray(weight[order], float)
    graph = coo_array(
        (np.tile(heavy, 2), (np.append(first, second), np.append(second, first))),
        shape=(len(nodes), len(nodes)),
    ).tocsr()
    # The module is compiled and ships no types.
    _, partition = graspologic_native.leiden_csr(  # pyright: ignore[reportAttributeAccessIssue]
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data,
        len(nodes),
        resolution=1.0,
        randomness=0.001,
        iterations=2,
        use_modularity=True,
        seed=SEED,
        trials=1,
    )
    label = np.empty(len(nodes), np.int64)
    label[list(partition.keys())] = list(partition.values())
    order = np.lexsort((nodes, label))
    parts = np.split(nodes[order], np.flatnonzero(np.diff(label[order])) + 1)
    return sorted((part for part in parts if len(part) >= least), key=_largest_first)


def _by_first(places: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Distinct places in the order in which they first come, and the number of each of `places`."""
    known, first, number = np.unique(places, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(known), np.int64)
    rank[order] = np.arange(len(known))
    return known[order], rank[number]


def _largest_first(part: NDArray[np.integer]) -> tuple[int, int]:
    return -len(part), int(part[0])
