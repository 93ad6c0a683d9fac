"""Maximum mean discrepancy between samples that are known by their sums.

The unbiased MMD between two samples (Gretton et al. 2012, eq. 3) comes from their sums alone:
with u(A) = (|S_A|^2 - sum |x|^2) / (n_A (n_A - 1)), it is u(A) + u(B) - 2 S_A.S_B / (n_A n_B).
Its error for samples of one distribution is proportional to 1/n_A + 1/n_B; the constant is
measured on the traffic itself, on split halves of each account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Embedded(Protocol):
    """s samples that can be compared: `Samples`, or `Means` where nobody asks for their sums."""

    @property
    def mean(self) -> NDArray[np.floating]:
        """Kernel mean embeddings, (s, d)."""
        ...

    @property
    def own(self) -> NDArray[np.float64]:
        """u(A): the unbiased estimate of |mu_A|^2, (s,)."""
        ...

    def at(self, places: NDArray[np.integer], /) -> Embedded:
        """The samples at `places`."""
        ...


@dataclass(frozen=True)
class Samples:
    """s samples by their sums: `size` (s,), `total` (s, d), `squares` (s,), all float64.

    `scale` is the length of a unit embedding (`total` / `scale` sums unit vectors).
    """

    size: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Kernel mean embeddings, (s, d)."""
        return self.total / self.size[:, None]

    @property
    def own(self) -> NDArray[np.float64]:
        """u(A): the unbiased estimate of |mu_A|^2, (s,)."""
        n = self.size
        return (np.einsum("sd,sd->s", self.total, self.total) - self.squares) / (n * (n - 1))

    def at(self, places: NDArray[np.integer] | NDArray[np.bool_]) -> Samples:
        """The samples at `places`, or where a mask (s,) holds."""
        return Samples(self.size[places], self.total[places], self.squares[places])

    def pooled(self) -> Samples:
        """All of them as one sample."""
        return Samples(
            self.size.sum(keepdims=True),
            self.total.sum(0, keepdims=True),
            self.squares.sum(keepdims=True),
        )


@dataclass(frozen=True)
class Means:
    """s samples by what comparing them takes, in a quarter of the memory: `size` and `own` float64
    (s,), `mean` float32 (s, d)."""

    size: NDArray[np.float64]
    mean: NDArray[np.float32]
    own: NDArray[np.float64]

    def at(self, places: NDArray[np.integer]) -> Means:
        """The samples at `places`."""
        return Means(self.size[places], self.mean[places], self.own[places])


def samples(total: NDArray, squares: NDArray, size: NDArray, scale: float) -> Samples:
    """Samples from integer sums of embeddings stored at `scale`."""
    return Samples(size.astype(float), total / scale, squares / scale**2)


def means(total: NDArray, squares: NDArray, size: NDArray, scale: float) -> Means:
    """The same, where nobody asks for their sums."""
    mean, own = np.empty(total.shape, np.float32), np.empty(len(total))
    _compare_within(total, squares / scale**2, size.astype(float), scale, mean, own)
    return Means(size.astype(float), mean, own)


@nb.njit(nogil=True, cache=True)
def _compare_within(total, squares, size, scale, mean, own):
    for s in range(len(total)):
        square = 0.0
        for d in range(total.shape[1]):
            summed = total[s, d] / scale
            square += summed * summed
            mean[s, d] = summed / size[s]
        own[s] = (square - squares[s]) / (size[s] * (size[s] - 1))


def squared_mmd(a: Embedded, b: Embedded) -> NDArray[np.float64]:
    """Unbiased squared MMD of each sample of `a` to each of `b`, (len(a), len(b))."""
    return a.own[:, None] + b.own[None, :] - 2 * a.mean @ b.mean.T


def squared_mmd_paired(a: Samples, b: Samples) -> NDArray[np.float64]:
    """The same, sample i of `a` to sample i of `b`, (len(a),)."""
    return a.own + b.own - 2 * (a.mean * b.mean).sum(1)


NULL_SPREAD = float(np.sqrt(2.0) / 16)
"""Standard deviation of MMD^2 / (1/n + 1/m) for content that fills 256 components evenly."""

WITHIN_ERROR = 3.0
CEILING = 0.012
"""Largest MMD^2 plus one standard error that still counts as twins: strangers of a few interests
lie at 0.03 to 0.2, of broad interests above 0.01 (real chats, 100 exchanges each)."""


def twin_links(n: NDArray, m: NDArray, mmd2: NDArray, spread: float) -> NDArray[np.bool_]:
    """Whether pairs at `mmd2`, of samples of sizes `n` and `m`, count as twins (all one shape).

    The MMD must be within sampling error of zero, and the error small enough that strangers would
    have shown.
    """
    error = spread * (1 / n + 1 / m)
    return (mmd2 <= WITHIN_ERROR * error) & (mmd2 + error <= CEILING)


def null_spread(first: Samples, second: Samples, least: int = 8) -> float:
    """Standard deviation of MMD^2 / (1/n + 1/m) under one distribution, from split halves.

    Robust (from the median absolute value), since a person's halves differ a little more than
    chance where conversations straddle them. Falls back to `NULL_SPREAD` where fewer than 30
    accounts can be split.
    """
    usable = (first.size >= least) & (second.size >= least)
    if usable.sum() < 30:
        return NULL_SPREAD
    a, b = first.at(usable), second.at(usable)
    unit = squared_mmd_paired(a, b) / (1 / a.size + 1 / b.size)
    return float(max(NULL_SPREAD, 1.4826 * np.median(np.abs(unit))))
