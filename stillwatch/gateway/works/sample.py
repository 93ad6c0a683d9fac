"""What is learnt from: accounts of both sorts, and their first threads through a gateway's eyes."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.gateway.works.told import Models, told
from stillwatch.gateway.works.view import FIRST_TURN, view_of_signals
from stillwatch.signals.content import SCALE
from stillwatch.signals.keys import string_keys
from stillwatch.statistics.mmd import Samples, samples
from stillwatch.statistics.sums import sums_by_account
from stillwatch.tables import CONTENT_COMPONENTS

if TYPE_CHECKING:
    from stillwatch.columns import Column
    from stillwatch.findings import Findings
    from stillwatch.statistics.cells import Codebook

FIRST_THREADS = 16
"""Threads of an account that are learnt from."""

MOST_HONEST = 200_000
MOST_MEMBERS = 5_000
"""Accounts whose threads are learnt from, honest ones and those of a campaign; of more, evenly
spaced ones."""

BLOCK = 1 << 18
"""Exchanges that are looked at at a time."""

SEEN = (
    "content",
    "capability",
    "signs",
    "turns",
    "max_tokens",
    "thinking",
    "opening",
    "closing",
    "bands",
)
"""Columns of `tables.SIGNALS` that a view is made of."""


NOBODYS, DOUBTED, RELEASED = -1, -2, -3
"""In the place of a campaign: of accounts of none; of those that a gate recognised or that are
decided on, who may be members that no finding holds any more; and of those that were decided on and
let go, of whom nobody can tell what they are."""

UNEXCUSED = ("alone", "network", "rival:chance")
"""Verdicts of accounts whose work no rival explains: chance is said where there is too little to
tell, and that a network's customers share access doesn't make them do the like of a campaign."""


@dataclass(frozen=True)
class Sampled:
    """a accounts by sorted `key`: the place of the `campaign` of each, or one of the above
    in its place; whether a judgement left it `unexcused` by any rival; and whether its threads
    are `looked_at`: of a large campaign only some are, and where all of it sits is known."""

    key: NDArray[np.uint64]
    campaign: NDArray[np.int64]
    unexcused: NDArray[np.bool_]
    looked_at: NDArray[np.bool_]

    def places(self, account: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The places of accounts by key, and which of them are there."""
        place = np.minimum(np.searchsorted(self.key, account), max(0, len(self.key) - 1))
        there = self.key[place] == account if len(self.key) else np.zeros(len(account), bool)
        return place, there


def sampled(
    findings: Findings,
    names: list[str],
    doubted: Collection[str] = (),
    released: Collection[str] = (),
) -> Sampled:
    """The accounts to learn from: members of the campaigns `names`, and those of none at all; the
    `doubted` and the `released` ones are kept apart."""
    kinds = findings.campaigns.filter(pc.field("kind") == "distillation")["campaign_id"]
    members = findings.members.filter(pc.is_in(findings.members["campaign_id"], value_set=kinds))
    account = string_keys(members["account_id"].combine_chunks())
    place = pc.index_in(members["campaign_id"], pa.array(names, pa.string()))
    place = pc.fill_null(place, NOBODYS).to_numpy()
    others = string_keys(findings.accounts["account_id"].combine_chunks())
    chosen, taken = [], account
    for these, kind in ((doubted, DOUBTED), (released, RELEASED)):
        apart = np.setdiff1d(string_keys(pa.array(list(these), pa.string())), taken)
        chosen.append((_evenly(apart, MOST_HONEST), kind))
        taken = np.concatenate([taken, apart])
    chosen.append((_evenly(np.setdiff1d(others, taken), MOST_HONEST), NOBODYS))
    chosen += [(np.unique(account[place == i]), i) for i in range(len(names))]
    some = [_evenly(account[place == i], MOST_MEMBERS) for i in range(len(names))]
    key = np.concatenate([accounts for accounts, _ in chosen])
    campaign = np.repeat([i for _, i in chosen], [len(accounts) for accounts, _ in chosen])
    key, first = np.unique(key, return_index=True)
    unexcused = findings.accounts.filter(pc.field("verdict").isin(UNEXCUSED))["account_id"]
    campaign = campaign[first]
    unexcused = np.isin(key, string_keys(unexcused.combine_chunks()))
    looked_at = (campaign < 0) | np.isin(key, np.concatenate(some))
    return Sampled(key, campaign, unexcused, looked_at)


def _evenly(keys: NDArray[np.uint64], most: int) -> NDArray[np.uint64]:
    keys = np.unique(keys)
    return keys[np.linspace(0, len(keys) - 1, min(most, len(keys))).astype(np.int64)]


@dataclass(frozen=True)
class Seen:
    """What was seen of a accounts' first `threads` (a,): `hits` (a, k), and those of any campaign
    (a,). Of each of n hits the `account` (n,), the `campaign` (n,) whose work it is, and the
    `content` (n, components); an account's in order of time."""

    threads: NDArray[np.int64]
    hits: NDArray[np.int64]
    any_hits: NDArray[np.int64]
    account: NDArray[np.int64]
    campaign: NDArray[np.int64]
    content: NDArray[np.int8]

    def parts(self, campaign: int, least: int, most: int) -> tuple[NDArray[np.int64], Samples]:
        """The parts that accounts' first hits of a campaign make, `most` of each: the places of
        accounts with at least `least`, and a sample of each one's."""
        mine = np.flatnonzero(self.campaign == campaign)
        account, everyone = self.account[mine], len(self.threads)
        large = np.flatnonzero(np.bincount(account, minlength=everyone) >= least)
        first = mine[_rank(account) < most]
        sums = sums_by_account(self.account, self.content, first, large, everyone)
        return large, samples(*sums, SCALE)


def first_threads(
    accounts: Sampled,
    columns: Mapping[str, Column],
    rows: int,
    models: Models,
    book: Codebook,
    families: NDArray[np.uint64],
) -> Seen:
    """Look at the accounts' first threads, among the first `rows` of `columns`, the signals."""
    k = len(models["logit"])
    hits = np.zeros((len(accounts.key), k), np.int64)
    threads, any_hits = np.zeros((2, len(accounts.key)), np.int64)
    pieces = [(np.zeros(0, np.int64), np.zeros((0, CONTENT_COMPONENTS), np.int8))]
    for begin in range(0, rows if k else 0, BLOCK):
        block = slice(begin, min(rows, begin + BLOCK))
        asked, mine = _begun(accounts, columns, block, threads)
        if not len(asked):
            continue
        signals = {name: columns[name][begin + asked] for name in SEEN}
        view = view_of_signals(signals, book, families)
        yes = told(view.codes, view.keys, models) >= ATTRIBUTED
        threads += np.bincount(mine, minlength=len(threads))
        any_hits += np.bincount(mine[yes.any(1)], minlength=len(threads))
        thread, campaign = np.nonzero(yes)
        np.add.at(hits, (mine[thread], campaign), 1)
        pieces.append((mine[thread] * k + campaign, view.content[thread]))
    account, campaign = np.divmod(np.concatenate([pair for pair, _ in pieces]), max(1, k))
    content = np.concatenate([part for _, part in pieces])
    return Seen(threads, hits, any_hits, account, campaign, content)


def _rank(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of n came before each with the same place, (n,)."""
    order = np.argsort(place, kind="stable")
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    rank = np.empty(len(place), np.int64)
    rank[order] = np.arange(len(place)) - np.repeat(first, np.diff(first, append=len(place)))
    return rank


def _begun(
    accounts: Sampled, columns: Mapping[str, Column], block: slice, threads: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of a block, counted from its beginning, that are among the first threads of accounts of
    which so many `threads` came before, and the place of each one's account."""
    place, there = accounts.places(columns["account"][block])
    there[there] = accounts.looked_at[place[there]]
    fresh = there & (columns["turns"][block] <= FIRST_TURN) & (threads[place] < FIRST_THREADS)
    asked = np.flatnonzero(fresh)
    asked = asked[np.lexsort((columns["ts"][block][asked], place[asked]))]
    mine = place[asked]
    few = _rank(mine) + threads[mine] < FIRST_THREADS
    return asked[few], mine[few]
