"""Communities of a graph of accounts: Leiden (Traag et al. 2019), by graspologic-native (MIT)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import graspologic_native
import numpy as np

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
    order = np.lexsort((weight, b, a))
    edges = [(str(int(a[i])), str(int(b[i])), float(weight[i])) for i in order if a[i] != b[i]]
    if not edges:
        return []
    # The module is compiled and ships no types.
    _, partition = graspologic_native.leiden(  # pyright: ignore[reportAttributeAccessIssue]
        edges=edges,
        starting_communities=None,
        resolution=1.0,
        randomness=0.001,
        iterations=2,
        use_modularity=True,
        seed=SEED,
        trials=1,
    )
    places = np.array([int(node) for node in partition], np.int64)
    labels = np.array(list(partition.values()), np.int64)
    order = np.argsort(places)
    places, labels = places[order], labels[order]
    found = [places[labels == label] for label in np.unique(labels)]
    return sorted((f for f in found if len(f) >= least), key=lambda f: (-len(f), int(f[0])))
