"""What a test is given (a group's common work, and the outsiders) and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.statistics.mmd import Means, Samples
    from stillwatch.traffic import Traffic


@dataclass(frozen=True)
class Outsiders:
    """a outsiders: their places, sorted, and what each test needs of them, made once a pass.

    `all_signs` (n,) says which of the run's exchanges are harvest signs; `signs` (a,) are the
    outsiders' rates of these, `load` (a,) their exchanges, `pace` (a,) how their busy days agree
    with the others', `origin` (a,) the weight of the ways of access that they share with one
    another. `systems` are the system prompts that they use and another account does too; `pool` is
    all of their content as one sample, and `strangeness` the squared MMD at which a typical one of
    them lies from it. `asking` remembers samples of what they ask of certain capabilities.
    """

    accounts: NDArray[np.integer]
    all_signs: NDArray[np.bool_]
    signs: NDArray[np.float64]
    load: NDArray[np.float64]
    pace: NDArray[np.float64]
    origin: NDArray[np.float64]
    systems: NDArray[np.uint64]
    pool: Samples
    strangeness: float
    asking: dict[tuple[int, ...], Means] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.accounts)

    def of_excerpt(self, rows: NDArray[np.integer]) -> Outsiders:
        """The same beside an excerpt of the run, of which `rows` (m,) are looked at."""
        return replace(self, all_signs=self.all_signs[rows])

    def without(self, accounts: NDArray[np.integer]) -> Outsiders:
        """The same less some accounts; their figures are kept as they were."""
        keep = ~np.isin(self.accounts, accounts)
        return replace(
            self,
            accounts=self.accounts[keep],
            signs=self.signs[keep],
            load=self.load[keep],
            pace=self.pace[keep],
            origin=self.origin[keep],
            asking={},
        )


@dataclass(frozen=True)
class Component:
    """`rows` (m,) exchanges attributed to common work, by thread; `accounts` (a,) members.

    `all_rows` are all exchanges of the members by thread, attributed or not, and `rest` those that
    are not; `surest` (s,) those of `rows` that are attributed with least doubt, where known. Of a
    large group a part of the accounts is looked at: each member stands for `stands_for`.
    """

    rows: NDArray[np.integer]
    all_rows: NDArray[np.integer]
    accounts: NDArray[np.integer]
    outsiders: Outsiders
    rest: NDArray[np.integer]
    surest: NDArray[np.integer] | None = None
    stands_for: float = 1.0


@dataclass(frozen=True)
class Test:
    """One reason: `weight` in log10, `says` in a sentence, `figures` to recompute it by.

    `sample` holds rows of exchanges that show it.
    """

    kind: str
    weight: float
    says: str
    figures: Mapping[str, float | int | str]
    sample: NDArray[np.integer]


def rate_by_account(
    traffic: Traffic, rows: NDArray[np.integer], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of `value` (m,) over each account's `rows` (m,), (N,); NaN where it has none."""
    account = traffic.exchanges.account[rows]
    n = np.bincount(account, minlength=len(traffic.accounts))
    total = np.bincount(account, weights=value, minlength=len(traffic.accounts))
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)


DRAWS = 9_999


def mean_p(inside: NDArray[np.float64], outside: NDArray[np.float64], *, most: int = 64) -> float:
    """p of a mean as high as that of `inside` (a,) among as many accounts drawn from `outside`.

    Drawn `DRAWS` times with replacement, at most `most` accounts a draw.
    """
    size = min(len(inside), most)
    rng = np.random.default_rng(20260223)
    means = rng.choice(np.sort(outside), (DRAWS, size)).mean(1)
    return float((1 + (means >= inside.mean()).sum()) / (1 + DRAWS))
