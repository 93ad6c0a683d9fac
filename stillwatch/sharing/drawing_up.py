"""From a confirmed case to what would be told of it: findings, log and people's decisions."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.cases import Case, Label, State, Store, get_case, labels
from stillwatch.cases.texts import PROSE, check
from stillwatch.errors import SharingRefused
from stillwatch.findings import Findings
from stillwatch.lake import Lake
from stillwatch.reports.redaction import redacted, without
from stillwatch.sharing.carriers import People, look
from stillwatch.sharing.indicators import Attribution, Telling, Tlp, rounded
from stillwatch.sharing.keyed import GroupKey
from stillwatch.sharing.selection import Family, Judge, Limits, Selected, Withheld, naming, select
from stillwatch.signals.keys import string_keys

LEAST_HONEST = 300
"""Honest accounts that a log must have: none of fewer carrying something says too little of what it
would hit (at 300, at most one in a hundred with 95% certainty)."""

_SOUGHT = 0.1
"""Share of a campaign's exchanges from which a capability has a centroid of its own."""
_TO = 5
"""Per cent to which shares are rounded."""


@dataclass(frozen=True)
class Wishes:
    """What a person asks for: how far it may go, and what they add themselves.

    `key` is the group's, without which nothing is told as a keyed hash.
    """

    tlp: Tlp = Tlp.AMBER
    limits: Limits = field(default_factory=Limits)
    key: GroupKey | None = None
    attribution: Attribution | None = None
    note: str | None = None


@dataclass(frozen=True)
class Draft:
    """What would be told, what is `withheld`, and of how many honest accounts that was judged."""

    case_id: int
    telling: Telling
    withheld: tuple[Withheld, ...]
    honest: int


def draw_up(
    store: Store,
    case_id: int,
    findings: Findings,
    lake: str | Path,
    campaign: str,
    wishes: Wishes,
    today: dt.date | None = None,
) -> Draft:
    """What may be told of the accounts that a case's decision covers, under the name `campaign`.

    Raises `SharingRefused` where the case isn't confirmed, or the log can't say what would hit
    honest people, `UnknownName`, `LakeBroken`.
    """
    today = today or dt.datetime.now(dt.UTC).date()
    case, decided = get_case(store, case_id), labels(store)
    covered = [d for d in decided if d.case_id == case_id and d.outcome == State.CONFIRMED]
    if not covered or case.outcome != State.CONFIRMED:
        raise SharingRefused(case, f"is {case.state}", "Only confirmed cases are told of")
    campaigns = sorted({label.campaign_id for label in covered})
    rows = _rows(findings, campaigns)
    families = _families(findings, campaigns)
    people = _people(findings, campaigns, families, covered, decided)
    _check_enough(case, len(people.honest), "the findings know")
    names = _names(findings, {label.account_id for label in covered})
    _check_written(wishes, names)
    members = _members(findings, campaigns, covered)
    confidence = min(row["confidence"] for row in rows)
    shares = _shares(rows)
    limits = wishes.limits
    log = Lake.open(lake)
    seen = look(log, people, limits.least_accounts, limits.most_honest)
    _check_enough(case, seen.honest, "of its findings the log has")
    held = naming((one.text for one in seen.carried), names)
    of_names = log.privacy.keys is not None
    judge = Judge(limits, confidence, seen.honest, today, held, wishes.key, of_names)
    sought = [name for name, share in shares.items() if share >= _SOUGHT]
    chosen: Selected = select(seen, families, sought, judge)
    if not members.num_rows:
        raise SharingRefused(case, "has no account that these findings list", "Detect again")
    telling = Telling(
        campaign=campaign,
        confidence=min(99, math.floor(100 * confidence)),
        accounts=rounded(len(set(members["account_id"].to_pylist()))),
        exchanges=rounded(pc.sum(members["exchanges"]).as_py() or 0),
        first_day=_day(pc.min(members["first_ts"]).as_py(), today),
        last_day=_day(pc.max(members["last_ts"]).as_py(), today),
        capabilities={
            name: _TO * round(100 * share / _TO)
            for name, share in shares.items()
            if round(100 * share / _TO)
        },
        tlp=wishes.tlp,
        indicators=chosen.told,
        attribution=wishes.attribution,
        note=wishes.note,
    )
    return Draft(case_id, telling, chosen.withheld, seen.honest)


def _check_enough(case: Case, honest: int, where: str) -> None:
    if honest < LEAST_HONEST:
        raise SharingRefused(
            case,
            f"{where} {honest:,} honest accounts, too few to say what indicators would hit",
            f"Detect on a log with {LEAST_HONEST} or more, and name both",
        )


def _rows(findings: Findings, campaigns: list[str]) -> list[dict[str, Any]]:
    mine = findings.campaigns.filter(pc.field("campaign_id").isin(campaigns)).to_pylist()
    if not mine:
        raise SharingRefused(
            campaigns[0], "is not in these findings", "Name the findings that the case is of"
        )
    return mine


def _people(
    findings: Findings,
    campaigns: list[str],
    families: list[Family],
    covered: list[Label],
    decided: list[Label],
) -> People:
    """Honest is who is no member of a campaign, or whom people cleared."""
    kinds = findings.campaigns.filter(pc.field("kind") == "distillation")["campaign_id"]
    flagged = findings.members.filter(pc.is_in(findings.members["campaign_id"], value_set=kinds))
    confirmed = {label.account_id for label in decided if label.outcome == State.CONFIRMED}
    cleared = {label.account_id for label in decided if label.outcome == State.REJECTED}
    suspects = _keys({*flagged["account_id"].to_pylist()} - cleared | confirmed)
    everybody = _keys(findings.accounts["account_id"].to_pylist())
    mine = findings.exchanges.filter(pc.field("campaign_id").isin(campaigns))
    return People(
        members=_keys({label.account_id for label in covered}),
        honest=np.setdiff1d(everybody, suspects),
        attributed=_keys(mine["exchange_id"]),
        bands=np.array(sorted({b for one in families for b in one.bands}), np.uint64),
    )


def _keys(names: Iterable[str] | pa.ChunkedArray) -> NDArray[np.uint64]:
    """Distinct keys, sorted."""
    if not isinstance(names, pa.ChunkedArray):
        names = pa.chunked_array([pa.array(sorted(names), pa.string())])
    chunks = [string_keys(chunk) for chunk in names.chunks]
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *chunks]))


def _members(findings: Findings, campaigns: list[str], covered: list[Label]) -> pa.Table:
    theirs = [label.account_id for label in covered]
    return findings.members.filter(
        pc.field("campaign_id").isin(campaigns) & pc.field("account_id").isin(theirs)
    )


def _names(findings: Findings, members: set[str]) -> frozenset[str]:
    """What no told text may hold: ids of the members, and of everybody's organisations."""
    owners = (name for name in findings.accounts["org_id"].unique().to_pylist() if name)
    return frozenset((*members, *owners))


def _check_written(wishes: Wishes, names: frozenset[str]) -> None:
    """What people add is read like everything else that leaves."""
    who = wishes.attribution.name if wishes.attribution else None
    for what, text, most in (("the note", wishes.note, PROSE), ("the attribution", who, 200)):
        if text is None:
            continue
        check(text, what, most)
        if not all(line.isprintable() for line in text.split("\n")):
            raise SharingRefused(what, "holds what can't be seen", "Write it anew")
        if without(text, names) != text:
            raise SharingRefused(what, "names an account or an organisation", "Take it out")
        if redacted(text, most) != text:
            masked = redacted(text, most)
            todo = f"Take it out; masked, it reads: {masked[:200]}"
            raise SharingRefused(what, "holds what looks like a secret or an address", todo)


def _shares(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Shares of the campaigns' exchanges by capability, largest first."""
    total: defaultdict[str, float] = defaultdict(float)
    everything = sum(row["exchanges"] for row in rows)
    for row in rows:
        capabilities: Mapping[str, float] = dict(row["capabilities"] or ())
        for name, share in capabilities.items():
            total[name] += share * row["exchanges"] / max(1, everything)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _families(findings: Findings, campaigns: list[str]) -> list[Family]:
    rows = findings.frames.filter(pc.field("campaign_id").isin(campaigns)).to_pylist()
    return [Family(row["capability"], frozenset(row["sketch"]) - {0}) for row in rows]


def _day(when: dt.datetime | None, today: dt.date) -> dt.date:
    return when.date() if when else today
