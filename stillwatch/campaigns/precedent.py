"""What a judgement leaves to later runs: how to tell each campaign's work in what comes since.

A run that judges everything learns, of each campaign, a model of its common work, how much of it a
typical member does, how often others' traffic is taken for it, and what members' parts of it look
like. With these a later day's exchanges are told without looking at earlier ones again
(`absorption`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch import tables
from stillwatch.campaigns.attribution import told_of, usual_rate
from stillwatch.campaigns.membership import (
    ATTRIBUTED,
    COMPARED,
    STRAY_RATE,
    compared_with,
    some_of,
)
from stillwatch.campaigns.parts import parts_of
from stillwatch.campaigns.write import reasons_told
from stillwatch.statistics.pairs import distinct_by
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.attribution import Background, Model
    from stillwatch.campaigns.continuity import Named
    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.findings import Findings
    from stillwatch.statistics.cells import Codebook
    from stillwatch.statistics.mmd import Samples
    from stillwatch.traffic import Exchanges, Traffic

REJUDGE = 0.1
"""Exchanges that may come after a judgement, in parts of those it judged, before everything is
judged anew: campaigns by accounts that no campaign holds are only found then."""

BLOCK = 1 << 20
"""Exchanges that are counted at a time."""

PENDING = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("precedent", pa.int16(), nullable=False),
        pa.field("exchange_id", pa.string(), nullable=False),
        pa.field("ts", pa.int64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("capability", pa.int8(), nullable=False),
        pa.field("posterior", pa.float64(), nullable=False),
        pa.field("begins", pa.bool_(), nullable=False),
        pa.field("content", pa.list_(pa.int8(), tables.CONTENT_COMPONENTS), nullable=False),
    ]
)
"""Exchanges since the judgement that would be a campaign's, were their accounts its members: when
such an account turns out to be one, they are. `begins` is true of one of a thread."""


@dataclass(frozen=True)
class Precedent:
    """How one campaign is told. `name` and `confidence` are the campaign's.

    `typical` is the common work's share of a typical member's exchanges and `stray` the rate at
    which others' threads are taken for it. `parts` are of at most 256 members, for comparison.
    """

    name: str
    confidence: float
    model: Model
    typical: float
    stray: float
    parts: Samples


@dataclass(frozen=True)
class Grounds:
    """What a judgement knows beside its findings.

    `book` has the content cells. By account, in the order of the findings' accounts: `load`
    (N,) threads, `hits` (N,) of them attributed, `sought` (N, capabilities) exchanges. `fates` (k,)
    are of the last exchanges in the lake's order: 0 for none, or 1 + the place of the precedent
    that they were attributed to. `reasons` are told with each campaign and network, by name.
    """

    precedents: tuple[Precedent, ...]
    book: Codebook
    load: NDArray[np.integer]
    hits: NDArray[np.integer]
    sought: NDArray[np.integer]
    fates: NDArray[np.uint16]
    pending: pa.Table
    reasons: dict[str, str]


@dataclass(frozen=True)
class Judgement:
    """Findings, and the grounds to go on from. Of the exchanges in them `judged` were judged in
    full, and `absorbed` came after that."""

    findings: Findings
    grounds: Grounds
    judged: int
    absorbed: int = 0

    def may_absorb(self, arrived: int) -> bool:
        """Whether so many more exchanges are few enough."""
        return self.absorbed + arrived <= REJUDGE * self.judged


def grounds_of(traffic: Traffic, named: Named, against: Background) -> Grounds:
    """The grounds of a judgement: what was found, by name, and what it was judged against.

    Campaigns without a model leave no precedent: nothing can be told to be theirs.
    """
    exchanges, everyone = traffic.exchanges, len(traffic.accounts)
    campaigns = [(n, v, v.model) for n, v in named if v.kind == "distillation" and v.model]
    attributed = [v.rows for _, v, _ in campaigns]
    mine = np.concatenate([np.zeros(0, np.int64), *attributed])
    fates = np.zeros(len(exchanges), np.uint16)
    for i, rows in enumerate(attributed):
        fates[rows] = i + 1
    return Grounds(
        precedents=tuple(_precedent(traffic, n, v, m, against) for n, v, m in campaigns),
        book=traffic.cells.book,
        load=np.diff(exchanges.threads.starts),
        hits=distinct_by(exchanges.account[mine], exchanges["thread"][mine], everyone),
        sought=sought_by(exchanges, everyone),
        fates=fates[-int(np.ceil(REJUDGE * len(fates))) :],
        pending=PENDING.empty_table(),
        reasons={name: reasons_told(verdict) for name, verdict in named},
    )


def names_alone(judgement: Judgement, findings: Findings) -> Judgement:
    """What is left of a judgement where exchanges that it rests on were removed: `findings`, by
    which campaigns keep their names, and no grounds to go on from."""
    grounds = replace(
        judgement.grounds,
        precedents=(),
        pending=PENDING.empty_table(),
        reasons={},
        **{name: getattr(judgement.grounds, name)[:0] for name in ("load", "hits", "fates")},
        sought=judgement.grounds.sought[:0],
    )
    return Judgement(findings, grounds, 0)


def sought_by(exchanges: Exchanges, everyone: int, begin: int = 0) -> NDArray[np.integer]:
    """Exchanges of each account by capability, (everyone, capabilities), from row `begin` on."""
    kinds, capability = len(CAPABILITIES), exchanges["capability"]
    counts = np.zeros(everyone * kinds, np.int64)
    for at in range(begin, len(exchanges), BLOCK):
        part = slice(at, at + BLOCK)
        cell = exchanges.account[part].astype(np.int64) * kinds + capability[part]
        counts += np.bincount(cell, minlength=len(counts))
    return counts.reshape(everyone, kinds)


def _precedent(
    traffic: Traffic, name: str, verdict: Verdict, model: Model, against: Background
) -> Precedent:
    account = traffic.exchanges.account[verdict.rows]
    attributed = np.bincount(account, minlength=len(traffic.accounts))[verdict.accounts]
    typical = float(np.median(attributed / traffic.accounts.exchanges[verdict.accounts]))
    usable = np.flatnonzero(attributed >= COMPARED)
    some = verdict.accounts[compared_with(usable)]
    theirs = np.zeros(len(traffic.accounts), bool)
    theirs[some] = True
    parts = parts_of(traffic, some_of(traffic, verdict.rows[theirs[account]]), some)
    return Precedent(
        name=name,
        confidence=verdict.confidence,
        model=model,
        typical=typical,
        stray=max(STRAY_RATE, _usual_stray(model, against, typical)),
        parts=parts.at(parts.size >= COMPARED),
    )


def _usual_stray(model: Model, against: Background, typical: float) -> float:
    """The share of the typical outsider's threads that are taken for a campaign's."""
    return usual_rate(against.account, told_of(against, model, typical) >= ATTRIBUTED)
