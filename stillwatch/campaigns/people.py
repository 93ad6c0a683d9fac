"""People: the accounts of a judgement and those that came since, side by side."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.precedent import sought_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.precedent import Judgement
    from stillwatch.traffic import Accounts, Exchanges

_NEVER = np.iinfo(np.int64)


@dataclass(frozen=True)
class People:
    """N accounts: the `known` of a judgement in its order, then the new ones.

    `ids` (N,) strings, `precedent` (N,) the place of the one whose member an account is, or -1;
    `excused` (N,) those whom an owner, a class or a benchmark explains; `load`, `hits` and `sought`
    as in `Grounds`. Of what arrived: `place` (a,) is of each account that it names, and `sent`,
    `first`, `last` (N,) are exchanges and times.
    """

    known: int
    ids: pa.Array
    orgs: list[str | None]
    precedent: NDArray[np.integer]
    excused: NDArray[np.bool_]
    load: NDArray[np.integer]
    hits: NDArray[np.integer]
    sought: NDArray[np.integer]
    place: NDArray[np.integer]
    sent: NDArray[np.integer]
    first: NDArray[np.integer]
    last: NDArray[np.integer]

    @classmethod
    def of(
        cls,
        judgement: Judgement,
        excuses: list[str],
        exchanges: Exchanges,
        accounts: Accounts,
        old: int,
    ) -> People:
        """Those of `judgement`, and of `exchanges` after the first `old`, sent by `accounts`.

        Standing by one of the verdicts `excuses` excuses an account.
        """
        standing, grounds = judgement.findings.accounts, judgement.grounds
        ids, named = standing["account_id"].combine_chunks(), pa.array(accounts.ids, pa.string())
        place = places(ids, named)
        fresh = place < 0
        known, more = len(ids), int(fresh.sum())
        place[fresh] = known + np.arange(more)
        names = pa.array([p.name for p in grounds.precedents], pa.string())
        home = places(names, standing["group_id"])
        everyone = known + more
        account, ts = place[exchanges.account[old:]], exchanges["ts"][old:]
        first, last = np.full(everyone, _NEVER.max), np.full(everyone, _NEVER.min)
        np.minimum.at(first, account, ts)
        np.maximum.at(last, account, ts)
        sought = _more(grounds.sought, more)
        sought[place] += sought_by(exchanges, len(accounts), old)
        excused = pc.is_in(standing["verdict"], value_set=pa.array(excuses)).to_numpy()
        return cls(
            known=known,
            ids=pa.concat_arrays([ids, named.filter(pa.array(fresh))]),
            orgs=[accounts.orgs.get(int(key)) for key in accounts.org[fresh]],
            precedent=_more(home, more, -1),
            excused=_more(excused, more),
            load=_more(grounds.load, more),
            hits=_more(grounds.hits, more),
            sought=sought,
            place=place,
            sent=np.bincount(account, minlength=everyone),
            first=first,
            last=last,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def never(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """First and last times (N,) of nothing at all."""
        return np.full(len(self), _NEVER.max), np.full(len(self), _NEVER.min)

    def with_threads(self, load: NDArray[np.integer], hits: NDArray[np.integer]) -> People:
        """The same, with so many more threads (N,), and so many of them attributed (N,)."""
        return replace(self, load=self.load + load, hits=self.hits + hits)


def _more(values: NDArray, rows: int, fill: int = 0) -> NDArray:
    return np.concatenate([values, np.full((rows, *values.shape[1:]), fill, values.dtype)])


def places(known: pa.Array, names: pa.Array | pa.ChunkedArray) -> NDArray[np.integer]:
    """The place of each name among those `known`, -1 where it isn't (m,)."""
    return pc.fill_null(pc.index_in(names, value_set=known), -1).to_numpy().astype(np.int64)
