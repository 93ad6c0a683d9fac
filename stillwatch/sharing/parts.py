"""Sums of content embeddings by account and capability: what centroids are made and tried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.signals.content import SCALE
from stillwatch.statistics.mmd import Samples, samples
from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS

_KINDS = len(CAPABILITIES)


@dataclass(frozen=True)
class Parts:
    """p parts of accounts, one for each capability that they sought, sorted: `account` uint64 and
    `capability` int (p,), integer sums `total` (p, 256) and `squares` (p,), and `size` (p,)."""

    account: NDArray[np.uint64]
    capability: NDArray[np.int64]
    total: NDArray[np.int64]
    squares: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def none(cls) -> Parts:
        """Nobody's."""
        few = np.zeros(0, np.int64)
        return cls(few.astype(np.uint64), few, np.zeros((0, CONTENT_COMPONENTS), int), few, few)

    @classmethod
    def summed(cls, parts: list[Parts]) -> Parts:
        """All of them, those of the same account and capability as one."""
        names = ("account", "capability", "total", "squares", "size")
        every = [cls.none(), *parts]
        return _summed(*(np.concatenate([getattr(one, n) for one in every]) for n in names))

    def __len__(self) -> int:
        return len(self.account)

    def of(self, capability: str) -> Parts:
        """The parts of one capability, or for "" everything that each account asked."""
        if not capability:
            whole = np.zeros_like(self.capability)
            return _summed(self.account, whole, self.total, self.squares, self.size)
        mine = self.capability == CAPABILITIES.index(capability)
        return Parts(
            self.account[mine],
            self.capability[mine],
            self.total[mine],
            self.squares[mine],
            self.size[mine],
        )

    def at_least(self, size: int) -> Samples:
        """The parts of so many exchanges or more, as samples that can be compared."""
        mine = self.size >= size
        return samples(self.total[mine], self.squares[mine], self.size[mine], SCALE)


def parts_of(made: pa.RecordBatch) -> Parts:
    """The parts of exchanges, by their signals; what has no text is in none."""
    flat = made.column("content").flatten().to_numpy()
    content = flat.reshape(-1, CONTENT_COMPONENTS).astype(np.int64)
    said = content.any(1)
    content = content[said]
    return _summed(
        made.column("account").to_numpy()[said],
        made.column("capability").to_numpy().astype(np.int64)[said],
        content,
        np.einsum("nd,nd->n", content, content),
        np.ones(len(content), np.int64),
    )


def _summed(
    account: NDArray, capability: NDArray, total: NDArray, squares: NDArray, size: NDArray
) -> Parts:
    if not len(account):
        return Parts.none()
    order = np.lexsort((capability, account))
    account, capability = account[order], capability[order]
    begins = np.flatnonzero(
        np.concatenate([[True], (np.diff(account) != 0) | (np.diff(capability) != 0)])
    )
    sums = (np.add.reduceat(each[order], begins) for each in (total, squares, size))
    return Parts(account[begins], capability[begins], *sums)
