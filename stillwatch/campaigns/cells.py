"""Content cells: a small codebook of what exchanges are about (spherical k-means)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.statistics.sums import sums_by_account

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 256
ROUNDS = 6
BATCH = 8192


def codebook(content: NDArray[np.int8], cells: int = CELLS) -> NDArray[np.float32]:
    """Unit centroids (cells, d) of embeddings int8 (n, d), n at least 1.

    Starts from evenly spaced rows, so whoever fixes the order of rows fixes the answer.
    """
    start = np.linspace(0, len(content) - 1, num=min(cells, len(content))).astype(np.int64)
    centroids = _unit(content[start].astype(np.float32))
    place = np.arange(len(content))
    for _ in range(ROUNDS):
        nearest = assign(content, centroids)
        total, _, _ = sums_by_account(
            nearest, content, place, np.arange(len(centroids)), len(centroids)
        )
        sums = total.astype(np.float32)
        centroids = np.where((sums != 0).any(1, keepdims=True), _unit(sums), centroids)
    return centroids


def assign(content: NDArray[np.int8], centroids: NDArray[np.float32]) -> NDArray[np.integer]:
    """The nearest centroid of each row by cosine, (n,)."""
    out = np.empty(len(content), np.int64)
    for begin in range(0, len(content), BATCH):
        part = content[begin : begin + BATCH].astype(np.float32)
        out[begin : begin + len(part)] = np.argmax(part @ centroids.T, axis=1)
    return out


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(norm, 1e-9)).astype(np.float32)
