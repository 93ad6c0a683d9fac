"""From findings to a gateway: plan by the policy, learn live campaigns' work, publish both."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import PrivacyRefused, TableBroken
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.history import DecisionLog, recognised_accounts
from stillwatch.gateway.publishing import Listed, publish_plan
from stillwatch.gateway.works.access import CAME
from stillwatch.gateway.works.learn import Works, learn, no_works
from stillwatch.lake import Lake
from stillwatch.pipeline import last_judgement
from stillwatch.planning import known_of, last_decisions
from stillwatch.policy import Known, Plan, Policy, plan
from stillwatch.privacy import is_name

if TYPE_CHECKING:
    from stillwatch.cases import Store
    from stillwatch.findings import Findings

KNOWN_FROM = 64
"""Exchanges from which an account that no campaign holds isn't a new one any more."""


@dataclass(frozen=True)
class Published:
    """What was published: the table's number, the plan, and the campaigns whose work new accounts
    are asked for, learnt from so many honest accounts."""

    version: int
    plan: Plan
    works: tuple[str, ...]
    honest: int


def publish(
    folder: str | Path,
    findings: Findings,
    policy: Policy,
    *,
    now: dt.datetime,
    lake: str | Path | None = None,
    store: Store | None = None,
) -> Published:
    """Publish what the policy decides on findings at `now` (with a zone).

    With the `lake` that they were made of, the gate recognises live campaigns' work in new
    accounts; the `store` has what people decided. Raises `TableBroken`, `PrivacyRefused` of names
    that stand for accounts, since a gateway knows accounts as they are, and what opening the lake
    and reading the store do.
    """
    _check_known_there(findings, lake)
    gate = Folder(folder, create=True)
    registered = None if lake is None else Lake.open(lake).accounts()
    known = known_of(findings, registered, store)
    planned = plan(known, policy, now, gate.key, last_decisions(gate))
    works = no_works() if lake is None else _works(lake, planned, gate)
    if lake is not None:
        works = works.unless(_last_works(gate), _decided(planned))
    listed = _listed(known, policy)
    version = publish_plan(gate, planned, works, listed, now)
    return Published(version, planned, works.names, works.honest)


def _check_known_there(findings: Findings, lake: str | Path | None) -> None:
    if lake is not None and Lake.open(lake).privacy.keys is not None:
        raise PrivacyRefused(
            lake,
            "holds names in place of accounts, which no gateway knows",
            "Publish findings that `stillwatch reidentify --out` wrote, without --lake",
        )
    members = findings.members["account_id"].to_pylist()
    if members and all(is_name(account) for account in members):
        raise PrivacyRefused(
            "the findings",
            "have names in place of accounts, which no gateway knows",
            "Publish those that `stillwatch reidentify --out` writes, without --lake",
        )


def _works(lake: str | Path, planned: Plan, gate: Folder) -> Works:
    """The works of campaigns that the plan has decided on, be it to observe them; largest first.

    Of one that the breaker holds nothing is recognised either: the finding may be wrong.
    """
    names = list(_decided(planned))
    with last_judgement(lake) as last:
        if last is None:
            return no_works()
        # Whom a gate stopped has few exchanges, and would pass for honest.
        ever, log = recognised_accounts(gate.path), DecisionLog(gate.path).accounts()
        standing = planned.decisions.filter(pc.field("standing") != "ended")
        now = set(standing["account_id"].to_pylist())
        return learn(*last, names, _knocks(lake), ever | log & now, log - now - ever)


def _knocks(lake: str | Path) -> pa.RecordBatch:
    """How requests came that were refused: a judgement doesn't look at them."""
    refused = Lake.open(lake).scan(CAME.names, which="refused")
    return pa.concat_batches([pa.RecordBatch.from_pylist([], CAME), *refused])


def _last_works(gate: Folder) -> Works:
    """Those of the table that holds; none where it is the first one, or damaged."""
    try:
        _, held = gate.open()
        held.check(gate.path)
    except TableBroken:
        return no_works()
    return Works.of(held.says["works"], held.arrays)


def _decided(planned: Plan) -> dict[str, int]:
    """Accounts that the plan has decided on, by campaign; largest first. Where the breaker trips,
    not those of campaigns of which it holds anything."""
    standing = pc.field("standing")
    decided = planned.decisions.filter(standing.isin(["in_force", "dry_run"]))
    if planned.trips:
        held = planned.decisions.filter(standing == "held")["campaign_id"]
        decided = decided.filter(~pc.field("campaign_id").isin(pc.unique(held)))
    counted = decided.group_by("campaign_id").aggregate([([], "count_all")])
    counted = counted.filter(pc.is_valid(counted["campaign_id"]))
    order = [("count_all", "descending"), ("campaign_id", "ascending")]
    rows = counted.sort_by(order).to_pylist()
    return {row["campaign_id"]: row["count_all"] for row in rows}


def _listed(known: Known, policy: Policy) -> Listed:
    """Who isn't new: accounts that were looked at long enough, allowed, or let go by a person."""
    settled = known.accounts.filter(pc.greater_equal(known.accounts["exchanges"], KNOWN_FROM))
    programs = pa.array(policy.allow.programs, pa.string())
    allowed = known.registrations.filter(
        pc.is_in(known.registrations["program"], value_set=programs)
    )
    accounts = {
        *settled["account_id"].to_pylist(),
        *allowed["account_id"].to_pylist(),
        *known.reversals["account_id"].to_pylist(),
        *policy.allow.accounts,
    }
    return Listed(accounts, policy.allow.orgs)
