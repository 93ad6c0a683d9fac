"""What a table holds of live campaigns' work: models, and how often they say yes to whom.

Learnt from a judgement and the signals that it was made of, through the gateway's eyes: the first
threads of each account, as they would have been seen one by one.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.gateway.state import CAMPAIGNS
from stillwatch.gateway.works.evidence import MOST_THREADS, log_ratio
from stillwatch.gateway.works.told import models_of, told
from stillwatch.gateway.works.view import FIRST_TURN, view_of_signals
from stillwatch.signals.keys import string_keys
from stillwatch.tables import CONTENT_COMPONENTS

if TYPE_CHECKING:
    from stillwatch.campaigns.precedent import Judgement, Precedent
    from stillwatch.columns import Column
    from stillwatch.findings import Findings
    from stillwatch.statistics.cells import Codebook

FIRST_THREADS = 16
"""Threads of an account that are learnt from."""

MOST_HONEST = 200_000
MOST_MEMBERS = 5_000
"""Accounts that are learnt from, honest ones and those of a campaign; of more, evenly spaced ones.
"""

BLOCK = 1 << 18
"""Exchanges that are looked at at a time."""

ORIGINS = ("network", "device")
"""Kinds of shared objects that speak for a campaign: those that come with software don't."""

RARE = 0.01
"""Share of honest accounts that may have an object that speaks for a campaign."""

SEEN = ("content", "capability", "signs", "turns", "max_tokens", "thinking", "opening", "closing")
"""Columns of `tables.SIGNALS` that a view is made of, beside `bands`."""


@dataclass(frozen=True)
class Works:
    """k campaigns by what they do: their names, whether most members' parts can be compared, and
    arrays for a table. `honest` is how many honest accounts it was learnt from."""

    names: tuple[str, ...]
    large: tuple[bool, ...]
    honest: int
    arrays: Mapping[str, NDArray]

    def says(self) -> dict[str, Any]:
        """What a table says of it."""
        return {"names": list(self.names), "large": list(self.large), "honest": self.honest}


def no_works() -> Works:
    """Where there is nothing to tell by."""
    return Works((), (), 0, {})


def learn(
    judgement: Judgement, columns: Mapping[str, Column], rows: int, names: Sequence[str]
) -> Works:
    """The works of the campaigns called `names`, `CAMPAIGNS` at most, of those that can be told.

    `columns` are signals, of which the first `rows` were judged.
    """
    findings, grounds = judgement.findings, judgement.grounds
    known = {p.name: p for p in grounds.precedents}
    live = [known[name] for name in names if name in known][:CAMPAIGNS]
    families = _families(findings, live)
    models = models_of(live)
    home = _homes(findings, [p.name for p in live])
    hits, threads = _hits(home, columns, rows, models, grounds.book, families)
    honest = home.campaign < 0
    seen = honest & (threads > 0)
    ratio = np.zeros((len(live), MOST_THREADS + 1, MOST_THREADS + 1), np.float32)
    for i in range(len(live)):
        mine = (home.campaign == i) & (threads > 0)
        ratio[i] = log_ratio(
            (hits[mine, i], threads[mine]),
            (hits[seen, i], threads[seen]),
        )
    arrays = {
        **models,
        "ratio10": ratio,
        "families": families,
        "wide": grounds.book.wide,
        "parts": grounds.book.parts,
        **_compared(live),
        **_objects(findings, live, int(seen.sum())),
    }
    return Works(
        tuple(p.name for p in live),
        tuple(p.large for p in live),
        int(seen.sum()),
        {f"works.{name}": array for name, array in arrays.items()},
    )


@dataclass(frozen=True)
class _Homes:
    """a accounts by sorted `key`: the place of the campaign of each, -1 for none, -2 for one that
    isn't asked for."""

    key: NDArray[np.uint64]
    campaign: NDArray[np.int64]


def _homes(findings: Findings, names: list[str]) -> _Homes:
    """The accounts to learn from: everybody but members of campaigns that aren't `names`."""
    kinds = findings.campaigns.filter(pc.field("kind") == "distillation")["campaign_id"]
    members = findings.members.filter(pc.is_in(findings.members["campaign_id"], value_set=kinds))
    account = string_keys(members["account_id"].combine_chunks())
    place = pc.index_in(members["campaign_id"], pa.array(names, pa.string()))
    place = pc.fill_null(place, -2).to_numpy()
    others = string_keys(findings.accounts["account_id"].combine_chunks())
    others = np.setdiff1d(others, account)
    chosen = [(_evenly(others, MOST_HONEST), -1)]
    chosen += [(_evenly(account[place == i], MOST_MEMBERS), i) for i in range(len(names))]
    key = np.concatenate([accounts for accounts, _ in chosen])
    campaign = np.repeat([i for _, i in chosen], [len(accounts) for accounts, _ in chosen])
    key, first = np.unique(key, return_index=True)
    return _Homes(key, campaign[first])


def _evenly(keys: NDArray[np.uint64], most: int) -> NDArray[np.uint64]:
    keys = np.unique(keys)
    return keys[np.linspace(0, len(keys) - 1, min(most, len(keys))).astype(np.int64)]


def _hits(
    home: _Homes,
    columns: Mapping[str, Column],
    rows: int,
    models: Mapping[str, NDArray],
    book: Codebook,
    families: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hits (a, k) among the first `threads` (a,) of each account, by campaign."""
    k = len(models["logit"])
    hits = np.zeros((len(home.key), k), np.int64)
    threads = np.zeros(len(home.key), np.int64)
    for begin in range(0, rows if len(home.key) else 0, BLOCK):
        block = slice(begin, min(rows, begin + BLOCK))
        account = columns["account"][block]
        place = np.minimum(np.searchsorted(home.key, account), len(home.key) - 1)
        asked = np.flatnonzero(
            (home.key[place] == account)
            & (columns["turns"][block] <= FIRST_TURN)
            & (threads[place] < FIRST_THREADS)
        )
        asked = asked[np.lexsort((columns["ts"][block][asked], place[asked]))]
        mine = place[asked]
        first = np.flatnonzero(np.diff(mine, prepend=-1))
        rank = np.arange(len(mine)) - np.repeat(first, np.diff(first, append=len(mine)))
        few = rank + threads[mine] < FIRST_THREADS
        asked, mine = asked[few], mine[few]
        if not len(asked):
            continue
        seen = {name: columns[name][begin + asked] for name in (*SEEN, "bands")}
        view = view_of_signals(seen, book, families)
        yes = told(view.codes, view.keys, models) >= ATTRIBUTED
        threads += np.bincount(mine, minlength=len(threads))
        for i in range(k):
            hits[:, i] += np.bincount(mine[yes[:, i]], minlength=len(threads))
    return hits, threads


def _families(findings: Findings, live: Sequence[Precedent]) -> NDArray[np.uint64]:
    """Sorted MinHash bands of the live campaigns' frame families."""
    names = pa.array([p.name for p in live], pa.string())
    mine = findings.frames.filter(pc.is_in(findings.frames["campaign_id"], value_set=names))
    bands = pc.list_flatten(mine["sketch"]).to_numpy()
    return np.unique(bands[bands != 0]).astype(np.uint64)


def _compared(live: Sequence[Precedent]) -> dict[str, NDArray]:
    """Members' parts, as `mmd.Samples` of all campaigns in a row, and where each one's begin."""
    ends = np.cumsum([0, *(len(p.parts.size) for p in live)])
    total = [np.zeros((0, CONTENT_COMPONENTS)), *(p.parts.total for p in live)]
    return {
        "compared": ends.astype(np.int64),
        "size": np.concatenate([np.zeros(0), *(p.parts.size for p in live)]),
        "total": np.concatenate(total).astype(np.float32),
        "squares": np.concatenate([np.zeros(0), *(p.parts.squares for p in live)]),
    }


def _objects(findings: Findings, live: Sequence[Precedent], honest: int) -> dict[str, NDArray]:
    """Ways of access that members share and hardly anybody else: keys in order, and by how much
    having each raises the odds for each campaign, (objects, k): a fair bet against honest accounts.
    """
    names = [p.name for p in live]
    rows = [
        (int(row["object_id"], 16), names.index(row["campaign_id"]), row["accounts"], row["others"])
        for row in findings.objects.to_pylist()
        if row["kind"] in ORIGINS and row["campaign_id"] in names
    ]
    rows = [row for row in rows if row[3] <= RARE * honest]
    key, campaign, accounts, others = np.array(rows, np.uint64).reshape(-1, 4).T
    staked = np.bincount(campaign.astype(np.int64), accounts, len(names))
    found, place = np.unique(key, return_inverse=True)
    raises = np.zeros((len(found), len(names)))
    for at, k, mine, rest in zip(place, campaign, accounts, others, strict=True):
        raises[at, k] += mine / staked[k] * (honest + 1) / (rest + 1)
    return {"object": found, "raises": raises}
