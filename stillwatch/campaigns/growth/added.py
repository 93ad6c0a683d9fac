"""What is added to findings: exchanges, and accounts that became members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from stillwatch.campaigns.people import People

    Work = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]


@dataclass(frozen=True)
class Newcomers:
    """Accounts that became members, in order of places: whose (places of precedents), with what
    doubt, and by how many threads."""

    account: NDArray[np.integer]
    precedent: NDArray[np.integer]
    doubt: NDArray[np.float64]
    threads: NDArray[np.integer]


@dataclass(frozen=True)
class Added:
    """m exchanges that are attributed now, by column. `work` by precedent: sums of embeddings
    (p, d), of their squared norms (p,), and counts (p,), in integers."""

    account: NDArray[np.integer]
    precedent: NDArray[np.integer]
    ids: pa.Array
    ts: NDArray[np.integer]
    model: pa.Array
    capability: NDArray[np.integer]
    posterior: NDArray[np.float64]
    work: Work


@dataclass(frozen=True)
class Tallies:
    """Of each account (N,): attributed exchanges that were added, and their first and last time."""

    count: NDArray[np.integer]
    first: NDArray[np.integer]
    last: NDArray[np.integer]

    @classmethod
    def of(cls, people: People, added: list[Added]) -> Tallies:
        """Of all that was added."""
        count, (first, last) = np.zeros(len(people), np.int64), people.never()
        for one in added:
            count += np.bincount(one.account, minlength=len(people))
            np.minimum.at(first, one.account, one.ts)
            np.maximum.at(last, one.account, one.ts)
        return cls(count, first, last)
