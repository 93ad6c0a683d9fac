"""What is learnt from: accounts of both sorts, and their first threads through a gateway's eyes."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.membership import ATTRIBUTED, COMPARED
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

CUTS = (ATTRIBUTED, 0.95, 0.99, 0.995)
"""Posteriors from which a thread may count as a campaign's work: where honest accounts do much the
same, only what is surest tells."""

FIRST_THREADS = 16
"""Threads of an account that are learnt from."""

MOST_HONEST = 200_000
MOST_MEMBERS = 5_000
"""Accounts that are learnt from, honest ones and those of a campaign; of more, evenly spaced ones.
"""

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


@dataclass(frozen=True)
class Sampled:
    """a accounts by sorted `key`: the place of the `campaign` of each, or one of the above
    in its place; and whether a judgement left it `alone`: no rival excuses it."""

    key: NDArray[np.uint64]
    campaign: NDArray[np.int64]
    alone: NDArray[np.bool_]

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
    chosen += [(_evenly(account[place == i], MOST_MEMBERS), i) for i in range(len(names))]
    key = np.concatenate([accounts for accounts, _ in chosen])
    campaign = np.repeat([i for _, i in chosen], [len(accounts) for accounts, _ in chosen])
    key, first = np.unique(key, return_index=True)
    alone = findings.accounts.filter(pc.field("verdict") == "alone")["account_id"]
    return Sampled(key, campaign[first], np.isin(key, string_keys(alone.combine_chunks())))


def _evenly(keys: NDArray[np.uint64], most: int) -> NDArray[np.uint64]:
    keys = np.unique(keys)
    return keys[np.linspace(0, len(keys) - 1, min(most, len(keys))).astype(np.int64)]


@dataclass(frozen=True)
class Told:
    """What the models say of a accounts' first `threads` (a,): of those t that any campaign's model
    takes for its work, whose each is, `account` (t,), how many of `CUTS` it reaches, `level`
    (t, k), and its `content` (t, components)."""

    threads: NDArray[np.int64]
    account: NDArray[np.int64]
    level: NDArray[np.uint8]
    content: NDArray[np.int8]

    def hits(self, campaign: int, cut: int) -> NDArray[np.int64]:
        """Of each account's first threads, how many reach a cut (its place in `CUTS`), (a,)."""
        mine = self.account[self.level[:, campaign] > cut]
        return np.bincount(mine, minlength=len(self.threads))


@dataclass(frozen=True)
class Seen:
    """What was seen of a accounts' first `threads` (a,): `hits` (a, k), those of any campaign (a,),
    and the parts that hits make, where there are enough to be compared: of which `account` and
    `campaign` each is."""

    threads: NDArray[np.int64]
    hits: NDArray[np.int64]
    any_hits: NDArray[np.int64]
    account: NDArray[np.int64]
    campaign: NDArray[np.int64]
    parts: Samples


def first_threads(
    accounts: Sampled,
    columns: Mapping[str, Column],
    rows: int,
    models: Models,
    book: Codebook,
    families: NDArray[np.uint64],
) -> Told:
    """Look at the accounts' first threads, among the first `rows` of `columns`, the signals."""
    k, threads = len(models["logit"]), np.zeros(len(accounts.key), np.int64)
    whose, levels = [np.zeros(0, np.int64)], [np.zeros((0, k), np.uint8)]
    contents = [np.zeros((0, CONTENT_COMPONENTS), np.int8)]
    for begin in range(0, rows if k else 0, BLOCK):
        block = slice(begin, min(rows, begin + BLOCK))
        asked, mine = _begun(accounts, columns, block, threads)
        if not len(asked):
            continue
        signals = {name: columns[name][begin + asked] for name in SEEN}
        view = view_of_signals(signals, book, families)
        threads += np.bincount(mine, minlength=len(threads))
        probability = told(view.codes, view.keys, models)
        level = np.zeros(probability.shape, np.uint8)
        for cut in CUTS:
            level += probability >= cut
        some = level.any(1)
        whose.append(mine[some])
        levels.append(level[some])
        contents.append(view.content[some])
    return Told(threads, *(np.concatenate(parts) for parts in (whose, levels, contents)))


def seen_at(first: Told, cuts: Sequence[int]) -> Seen:
    """What was seen where a thread is a campaign's from the cut of each campaign (k,) on."""
    accounts, k = len(first.threads), len(cuts)
    yes = first.level > np.array(cuts, np.uint8)
    hits = np.stack([first.hits(i, cut) for i, cut in enumerate(cuts)], axis=1)
    any_hits = np.bincount(first.account[yes.any(1)], minlength=accounts)
    thread, campaign = np.nonzero(yes)
    pair = first.account[thread] * k + campaign
    named, place, count = np.unique(pair, return_inverse=True, return_counts=True)
    large = np.flatnonzero(count >= COMPARED)
    content, rows = first.content[thread], np.arange(len(place))
    total, squares, size = sums_by_account(place, content, rows, large, len(named))
    account, campaign = np.divmod(named[large], k)
    parts = samples(total, squares, size, SCALE)
    return Seen(first.threads, hits, any_hits, account, campaign, parts)


def _begun(
    accounts: Sampled, columns: Mapping[str, Column], block: slice, threads: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of a block, counted from its beginning, that are among the first threads of accounts of
    which so many `threads` came before, and the place of each one's account."""
    place, there = accounts.places(columns["account"][block])
    fresh = there & (columns["turns"][block] <= FIRST_TURN) & (threads[place] < FIRST_THREADS)
    asked = np.flatnonzero(fresh)
    asked = asked[np.lexsort((columns["ts"][block][asked], place[asked]))]
    mine = place[asked]
    first = np.flatnonzero(np.diff(mine, prepend=-1))
    rank = np.arange(len(mine)) - np.repeat(first, np.diff(first, append=len(mine)))
    few = rank + threads[mine] < FIRST_THREADS
    return asked[few], mine[few]
