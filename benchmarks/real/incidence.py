"""An event stream (account, object) as the traffic that the sharing search and its test take."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.component import Component, Outsiders
from stillwatch.groups.sharing import WORK_KINDS
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Samples
from stillwatch.traffic import Accounts, Cells, Exchanges, Incidence, Slices, Threads, Traffic

Places = NDArray[np.int64]


def as_traffic(account: Places, obj: Places) -> Traffic:
    """Traffic of one exchange an event, with nothing known but who (n,) touched what (n,).

    Objects count as frame families, and only those of two accounts and more are kept, as
    `profiles` keeps them. Accounts are places 0 to the highest.
    """
    n = int(account.max()) + 1
    uses, count = np.unique(np.column_stack([account, obj]), axis=0, return_counts=True)
    popular = np.bincount(uses[:, 1])
    keep = popular[uses[:, 1]] >= 2
    uses, count = uses[keep], count[keep]
    kept, place = np.unique(uses[:, 1], return_inverse=True)
    nothing = np.zeros(0, np.int64)
    sums = np.zeros((0, 1), np.int32)
    none = np.zeros((0, 1), np.float32)
    return Traffic(
        accounts=Accounts(
            ids=[str(i) for i in range(n)],
            exchanges=np.bincount(account, minlength=n),
            first=np.zeros(n, np.int64),
            last=np.zeros(n, np.int64),
            org=np.zeros(n, np.uint64),
            orgs={},
            registration={},
        ),
        exchanges=Exchanges(
            account,
            {},
            np.zeros((len(account), 1), np.int8),
            pa.chunked_array([[""]]),
            _alone(account, n),
        ),
        cells=Cells(np.zeros(0, np.uint8), Codebook(none, none)),
        slices=Slices(
            account=nothing,
            capability=nothing.astype(np.int8),
            exchanges=nothing,
            total=sums,
            squares=nothing,
            split=nothing,
            odd_exchanges=nothing,
            odd_total=sums,
            odd_squares=nothing,
        ),
        incidence=Incidence(
            starts=np.searchsorted(uses[:, 0], np.arange(n + 1)),
            account=uses[:, 0],
            obj=place,
            exchanges=count,
            obj_kind=np.full(len(kept), WORK_KINDS.index("family"), np.int8),
            obj_key=np.arange(len(kept), dtype=np.uint64),
            obj_accounts=popular[kept],
            kinds=WORK_KINDS,
        ),
        models={},
        scale=1.0,
    )


def _alone(account: Places, accounts: int) -> Threads:
    """Each event as a thread by itself."""
    order = np.argsort(account, kind="stable")
    starts = np.searchsorted(account[order], np.arange(accounts + 1))
    return Threads(order, np.arange(len(order) + 1), starts)


def as_component(accounts: Places, outsiders: Places) -> Component:
    """A group and its outsiders, for a test that asks for no more than who they are."""
    none, zeros = np.zeros(0, np.int64), np.zeros(len(outsiders))
    pool = Samples(np.zeros(1), np.zeros((1, 1)), np.zeros(1))
    return Component(
        rows=none,
        all_rows=none,
        rest=none,
        accounts=accounts,
        outsiders=Outsiders(
            accounts=outsiders,
            all_signs=np.zeros(0, bool),
            signs=zeros,
            load=zeros,
            pace=zeros,
            origin=zeros,
            systems=np.zeros(0, np.uint64),
            pool=pool,
            strangeness=0.0,
        ),
    )


def rewire(
    account: Places, obj: Places, rng: np.random.Generator, rounds: int = 20
) -> tuple[Places, Places]:
    """The same bipartite graph with its edges swapped: every account and object keeps its degree.

    Random double edge swaps, `rounds` for each edge, none of which makes an edge twice.
    """
    account, obj = account.copy(), obj.copy()
    held = set(zip(account.tolist(), obj.tolist(), strict=True))
    n = len(account)
    for _ in range(rounds):
        order = rng.permutation(n)
        for i, j in zip(order[: n // 2].tolist(), order[n // 2 : n // 2 * 2].tolist(), strict=True):
            first = (int(account[i]), int(obj[j]))
            second = (int(account[j]), int(obj[i]))
            if first in held or second in held:
                continue
            held -= {(int(account[i]), int(obj[i])), (int(account[j]), int(obj[j]))}
            held |= {first, second}
            obj[i], obj[j] = obj[j], obj[i]
    return account, obj
