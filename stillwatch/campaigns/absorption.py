"""Absorption: a later day's exchanges told by what a judgement knows, without judging anew.

What members send is the campaign's where its model says so. What others send is looked at with
each campaign's model, as `extension` does after each pass: who does a campaign's work, by the
rules of membership, becomes a member. Nothing that was decided is taken back, and no campaign
comes to be: that is for the next judgement in full.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.attribution import SHRINK, Asked, asked, carried, told_of
from stillwatch.campaigns.extension import EXCUSED
from stillwatch.campaigns.ground import REPEATS, repeats, senders_among, thread_codes
from stillwatch.campaigns.growth.added import Added, Newcomers
from stillwatch.campaigns.growth.days import counted
from stillwatch.campaigns.growth.grown import grown
from stillwatch.campaigns.membership import (
    ATTRIBUTED,
    COMPARED,
    LEAST_ATTRIBUTED,
    MEMBER_P,
    PART_OF_TYPICAL,
    something_else,
)
from stillwatch.campaigns.people import People, places
from stillwatch.campaigns.precedent import PENDING, Grounds, Judgement, Precedent
from stillwatch.statistics.cells import assign_threads
from stillwatch.statistics.mmd import Samples, samples, squared_mmd
from stillwatch.statistics.pairs import distinct_by
from stillwatch.statistics.sums import sums_by_account
from stillwatch.statistics.tails import at_least
from stillwatch.tables import CONTENT_COMPONENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.growth.added import Work
    from stillwatch.columns import Column
    from stillwatch.traffic import Accounts, Exchanges

EXCUSES = [f"rival:{name}" for name in EXCUSED]


@dataclass(frozen=True)
class Arrived:
    """What came since, in the lake's order, after the `old` exchanges that lie just before it.

    The old ones have been judged: they are there for threads that go on. `models` are names by key
    and `scale` is the length of a unit embedding.
    """

    exchanges: Exchanges
    accounts: Accounts
    models: dict[int, str]
    old: int
    scale: float

    def model_names(self, rows: NDArray[np.integer]) -> pa.Array:
        """The models that were asked, by name."""
        key, place = np.unique(self.exchanges["model"][rows], return_inverse=True)
        names = pa.array([self.models.get(int(k), "") for k in key], pa.string())
        return names.take(pa.array(place))


def absorb(arrived: Arrived, judgement: Judgement, run: dict[str, Any]) -> Judgement:
    """The judgement with what `arrived`; its findings are those of the run with record `run`."""
    grounds = judgement.grounds
    people = People.of(judgement, EXCUSES, arrived.exchanges, arrived.accounts, arrived.old)
    look = _Look.of(arrived, grounds, people)
    fates, posterior = _members_work(look)
    people = people.with_threads(look.threads(look.begun), look.threads(look.begun & (fates > 0)))
    pending = pa.concat_tables([grounds.pending, *_strays(look)]).combine_chunks()
    newcomers = _newcomers(grounds.precedents, people, pending, arrived.scale)
    home = np.full(len(people), -1)
    home[newcomers.account] = newcomers.precedent
    sender = places(people.ids, pending["account_id"])
    theirs = home[sender] == pending["precedent"].to_numpy()
    kept_on = _of_members(look, fates, posterior)
    drawn = pending.filter(pa.array(theirs))
    drawn = _of_pending(drawn, sender[theirs], len(grounds.precedents))
    since = replace(
        grounds,
        pending=pending.filter(pa.array(home[sender] < 0)),
        fates=np.concatenate([grounds.fates, fates[arrived.old :]])[-len(grounds.fates) :],
    )
    return grown(
        judgement,
        since,
        people,
        newcomers,
        kept_on,
        drawn,
        look.daily(),
        arrived.scale,
        run,
    )


@dataclass(frozen=True)
class _Look:
    """What is looked at of n exchanges, the old ones first: the `codes` of their threads, their
    `fates` as far as they are old, and which `begun` a thread that has none of the old ones."""

    arrived: Arrived
    grounds: Grounds
    people: People
    codes: NDArray[np.uint8]
    fates: NDArray[np.uint16]
    begun: NDArray[np.bool_]

    @classmethod
    def of(cls, arrived: Arrived, grounds: Grounds, people: People) -> _Look:
        exchanges, old = arrived.exchanges, arrived.old
        fates = np.zeros(len(exchanges), np.uint16)
        fates[:old] = grounds.fates[len(grounds.fates) - old :]
        thread = exchanges["thread"][:]
        known = np.zeros(int(thread.max(initial=-1)) + 1, bool)
        known[thread[:old]] = True
        cells = np.zeros(len(exchanges.threads), np.uint8)
        assign_threads(exchanges.threads, thread, 0, exchanges.content[:], grounds.book, cells)
        codes = thread_codes(exchanges, cells)
        codes[:, REPEATS] = repeats(senders_among(exchanges))
        return cls(arrived, grounds, people, codes, fates, ~known[thread])

    def side(self, accounts: NDArray[np.bool_]) -> _Side:
        """What `accounts` (N,) sent."""
        followed = self.arrived.exchanges.threads
        threads = followed.of(np.flatnonzero(accounts[self.people.place]))
        of_row = np.repeat(np.arange(len(threads)), followed.lengths(threads))
        theirs = asked(self.arrived.exchanges, self.codes, threads)
        return _Side(theirs, followed.rows(threads), of_row)

    def daily(self) -> pa.Table:
        """`tables.DAILY` of the new exchanges, as if all were nobody's."""
        exchanges, old = self.arrived.exchanges, self.arrived.old
        rows = np.arange(old, len(exchanges))
        nobody = pa.nulls(len(rows), pa.string())
        names = self.arrived.model_names(rows)
        return counted(exchanges["ts"][old:], names, exchanges["capability"][old:], nobody)

    def threads(self, which: NDArray[np.bool_]) -> NDArray[np.integer]:
        """Threads of exchanges `which` (n,), by account (N,)."""
        exchanges, rows = self.arrived.exchanges, np.flatnonzero(which)
        account = self.people.place[exchanges.account[rows]]
        return distinct_by(account, exchanges["thread"][rows], len(self.people))


@dataclass(frozen=True)
class _Side:
    """`threads` (t,) of some accounts, their `rows` (m,), and the place of the thread of each."""

    threads: Asked
    rows: NDArray[np.integer]
    of_row: NDArray[np.integer]


def _members_work(look: _Look) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Fates (n,) of all exchanges, by now of members' new ones too, and their posteriors (n,)."""
    arrived, people = look.arrived, look.people
    fates, posterior = look.fates.copy(), np.zeros(len(look.fates))
    for i, precedent in enumerate(look.grounds.precedents):
        side = look.side(people.precedent == i)
        rows, share = side.rows, _share(people, precedent)[people.place][side.threads.account]
        told = carried(side.threads, precedent.model, share)
        # What was decided of a thread holds for what continues it.
        decided = np.bincount(side.of_row[fates[rows] == i + 1], minlength=len(told)) > 0
        told[decided] = np.maximum(told[decided], ATTRIBUTED)
        posterior[rows] = told[side.of_row]
        fates[rows[(posterior[rows] >= ATTRIBUTED) & (rows >= arrived.old)]] = i + 1
    return fates, posterior


def _share(people: People, precedent: Precedent) -> NDArray[np.float64]:
    """Each account's share of common work so far, shrunk to the typical one as in a fit, (N,)."""
    return (people.hits + SHRINK * precedent.typical) / (people.load + SHRINK)


def _strays(look: _Look) -> list[pa.Table]:
    """`PENDING`: new exchanges of others that would be a campaign's, were they its members."""
    arrived, people = look.arrived, look.people
    side = look.side((people.precedent < 0) & ~people.excused)
    begins = arrived.exchanges.threads.begins(side.threads.threads)
    out = []
    for i, precedent in enumerate(look.grounds.precedents):
        told = told_of(side.threads, precedent.model, precedent.typical)
        likely = (told[side.of_row] >= ATTRIBUTED) & (side.rows >= arrived.old)
        found, thread = side.rows[likely], side.of_row[likely]
        sender = people.place[arrived.exchanges.account[found]]
        content = pa.array(arrived.exchanges.content[found].ravel())
        columns = {
            "account_id": people.ids.take(pa.array(sender)),
            "precedent": np.full(len(found), i, np.int16),
            "exchange_id": arrived.exchanges.ids.take(pa.array(found)),
            "ts": arrived.exchanges["ts"][found],
            "model": arrived.model_names(found),
            "capability": arrived.exchanges["capability"][found],
            "posterior": told[thread],
            "begins": look.begun[found] & (begins[thread] == found),
            "content": pa.FixedSizeListArray.from_arrays(content, CONTENT_COMPONENTS),
        }
        out.append(pa.table(columns).cast(PENDING))
    return out


def _newcomers(
    precedents: tuple[Precedent, ...], people: People, pending: pa.Table, scale: float
) -> Newcomers:
    """Who does a campaign's work outside all campaigns, each for the one it does most of."""
    everyone, best = len(people), np.zeros(len(people))
    home, doubt, threads = np.full(everyone, -1), np.ones(everyone), np.zeros(everyone, np.int64)
    for i, precedent in enumerate(precedents):
        mine = pending.filter(pc.field("precedent") == i)
        sender = places(people.ids, mine["account_id"])
        hits = np.bincount(sender[mine["begins"].to_numpy()], minlength=everyone)
        p = at_least(hits, people.load, precedent.stray)
        share = hits / np.maximum(people.load, 1)
        found = np.flatnonzero(
            (people.precedent < 0)
            & (hits >= LEAST_ATTRIBUTED)
            & (p <= MEMBER_P)
            & (share >= PART_OF_TYPICAL * precedent.typical)
            & (share > best)
        )
        total, squares, used = sums_by_account(
            sender, _content(mine), np.arange(len(sender)), found, everyone
        )
        found = found[~_elsewhere(precedent, samples(total, squares, used, scale))]
        best[found], home[found] = share[found], i
        doubt[found], threads[found] = p[found], hits[found]
    found = np.flatnonzero(home >= 0)
    return Newcomers(found, home[found], doubt[found], threads[found])


def _elsewhere(precedent: Precedent, part: Samples) -> NDArray[np.bool_]:
    """Whether parts (a,) are about something else than members' parts are, (a,).

    A part that is too small to be compared counts as such: ways of access, which could tell, are
    looked at when all is judged.
    """
    compared = part.size >= COMPARED
    out = ~compared
    if len(precedent.parts.size) < 2:
        return out
    large = part.at(compared)
    out[compared] = something_else(squared_mmd(large, precedent.parts), large.size)
    return out


def _of_members(look: _Look, fates: NDArray[np.uint16], posterior: NDArray[np.float64]) -> Added:
    """What is added of members' new exchanges."""
    arrived, exchanges = look.arrived, look.arrived.exchanges
    rows = arrived.old + np.flatnonzero(fates[arrived.old :])
    precedent = fates.astype(np.int64) - 1
    return Added(
        account=look.people.place[exchanges.account[rows]],
        precedent=precedent[rows],
        ids=exchanges.ids.take(pa.array(rows)).cast(pa.string()),
        ts=exchanges["ts"][rows],
        model=arrived.model_names(rows),
        capability=exchanges["capability"][rows],
        posterior=posterior[rows],
        work=_work(precedent, exchanges.content, rows, len(look.grounds.precedents)),
    )


def _of_pending(pending: pa.Table, sender: NDArray[np.integer], precedents: int) -> Added:
    """What is added of exchanges that waited for their accounts to be known as members."""
    precedent = pending["precedent"].to_numpy().astype(np.int64)
    return Added(
        account=sender,
        precedent=precedent,
        ids=pending["exchange_id"].combine_chunks(),
        ts=pending["ts"].to_numpy(),
        model=pending["model"].combine_chunks(),
        capability=pending["capability"].to_numpy(),
        posterior=pending["posterior"].to_numpy(),
        work=_work(precedent, _content(pending), np.arange(len(precedent)), precedents),
    )


def _work(
    precedent: NDArray[np.integer], content: Column, rows: NDArray[np.integer], precedents: int
) -> Work:
    return sums_by_account(precedent, content, rows, np.arange(precedents), precedents)


def _content(pending: pa.Table) -> NDArray[np.int8]:
    flat = pending["content"].combine_chunks().flatten()
    return flat.to_numpy().reshape(-1, CONTENT_COMPONENTS)
