"""From findings to cases: one case a campaign, updated as the campaign grows, never a twin."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from stillwatch.cases.canonical import digest
from stillwatch.cases.change import Change, totals
from stillwatch.cases.reading import find_case
from stillwatch.cases.schema import CASES, HOMES, MEMBERS, account_key
from stillwatch.cases.states import UNDECIDED, State
from stillwatch.cases.store import Store
from stillwatch.cases.texts import NAME, check, check_actor
from stillwatch.cases.times import now, stamp
from stillwatch.errors import FindingsBroken
from stillwatch.findings import Findings


@dataclass
class Opened:
    """The numbers of the cases that findings opened or changed."""

    opened: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)
    """Decided cases that accounts joined since; they stay as decided."""
    unchanged: int = 0


Row = dict[str, Any]


def open_cases(store: Store, findings: Findings, actor: str) -> Opened:
    """Open a case for each distillation campaign, or update the one that it has.

    An open case follows the findings: accounts come and go. A decided one keeps its accounts and
    its decision; accounts that join are added and marked as later than the decision. All of it is
    one transaction. Raises `CaseRefused` or `FindingsBroken` where a name or figure can't be kept.
    """
    actor, at, done = check_actor(actor), now(), Opened()
    campaigns = findings.campaigns.filter(pc.field("kind") == "distillation")
    with store.writing() as connection:
        for campaign in campaigns.select(["campaign_id", "confidence", "summary"]).to_pylist():
            name = check(campaign["campaign_id"], "a campaign's id", NAME)
            campaign["summary"] = campaign["summary"] or ""
            _finite(campaign["confidence"], name)
            members = _members(findings, name)
            home = connection.scalar(select(HOMES.c.case_id).where(HOMES.c.campaign_id == name))
            if home is None:
                done.opened.append(_open(connection, campaign, members, actor, at))
            else:
                _update(connection, campaign, members, home, actor, at, done)
    return done


def new_case(connection: Connection, campaign: Row, actor: str, at: str) -> Change:
    """An empty case with the next number; the act that follows makes it version 1."""
    case_id = (connection.scalar(select(func.max(CASES.c.case_id))) or 0) + 1
    connection.execute(
        insert(CASES).values(
            case_id=case_id,
            version=0,
            state=State.NEW,
            tags="[]",
            **campaign,
            accounts=0,
            exchanges=0,
            opened_at=at,
            changed_at=at,
            changed_by=actor,
        )
    )
    return Change(connection, find_case(connection, case_id), actor, at)


def _open(
    connection: Connection, campaign: Row, members: dict[str, Row], actor: str, at: str
) -> int:
    change = new_case(connection, campaign, actor, at)
    name, case_id = campaign["campaign_id"], change.case.case_id
    connection.execute(insert(HOMES).values(campaign_id=name, case_id=case_id))
    _add(change, members.values())
    _record(change, "open", campaign, len(members), 0)
    return case_id


def _update(
    connection: Connection,
    campaign: Row,
    members: dict[str, Row],
    home: int,
    actor: str,
    at: str,
    done: Opened,
) -> None:
    name = campaign["campaign_id"]
    rows = connection.execute(select(MEMBERS).where(MEMBERS.c.campaign_id == name))
    held = {row.account_key: dict(row._mapping) for row in rows}
    changed = 0
    for case_id in sorted({home, *(row["case_id"] for row in held.values())}):
        case = find_case(connection, case_id)
        here = {key: row for key, row in held.items() if row["case_id"] == case_id}
        new = [row for key, row in members.items() if key not in held and case_id == home]
        gone = [key for key in here if key not in members and case.state in UNDECIDED]
        moved = [
            {**row, **members[key]}
            for key, row in here.items()
            if key in members and members[key].items() - row.items()
        ]
        own = case_id == home and case.campaign_id == name
        told = own and (case.confidence, case.summary) != (
            campaign["confidence"],
            campaign["summary"],
        )
        if not (new or gone or moved or told):
            continue
        changed += 1
        change = Change(connection, case, actor, at)
        _add(change, new)
        _drop(connection, name, gone)
        _replace(connection, moved)
        decided = bool(new) and case.state not in UNDECIDED
        columns: Row = {"grown_since": case.grown_since or at} if decided else {}
        kept = campaign if own else {"confidence": case.confidence, "summary": case.summary}
        _record(
            change,
            "grow" if decided else "update",
            {**kept, "campaign_id": name},
            len(new),
            len(gone),
            **columns,
        )
        (done.grown if decided else done.updated).append(case_id)
    done.unchanged += not changed


def _record(
    change: Change, act: str, campaign: Row, added: int, removed: int, **columns: Any
) -> None:
    figures, who = totals(change.connection, change.case.case_id)
    detail = {
        "campaign": campaign["campaign_id"],
        "confidence": f"{campaign['confidence']:.6f}",
        "summary_digest": digest(campaign["summary"]),
        "added": added,
        "removed": removed,
        "accounts": figures["accounts"],
        "exchanges": figures["exchanges"],
        "accounts_digest": who,
    }
    told = {"confidence": campaign["confidence"], "summary": campaign["summary"]}
    change.record(act, detail, **told, **figures, **columns)


def _add(change: Change, members: Any) -> None:
    seq, case_id = change.seq, change.case.case_id
    rows = [{**row, "case_id": case_id, "added_seq": seq} for row in members]
    if rows:
        change.connection.execute(insert(MEMBERS), rows)


def _drop(connection: Connection, name: str, keys: list[str]) -> None:
    if keys:
        connection.execute(
            delete(MEMBERS).where(
                MEMBERS.c.campaign_id == name, MEMBERS.c.account_key == bindparam("key")
            ),
            [{"key": key} for key in keys],
        )


def _replace(connection: Connection, rows: list[Row]) -> None:
    if rows:
        names = ("confidence", "exchanges", "first_ts", "last_ts")
        connection.execute(
            update(MEMBERS)
            .where(
                MEMBERS.c.campaign_id == bindparam("of"), MEMBERS.c.account_key == bindparam("key")
            )
            .values({name: bindparam(f"new_{name}") for name in names}),
            [
                {
                    "of": row["campaign_id"],
                    "key": row["account_key"],
                    **{f"new_{name}": row[name] for name in names},
                }
                for row in rows
            ],
        )


def _members(findings: Findings, campaign_id: str) -> dict[str, Row]:
    """A campaign's accounts by key, as rows of the store."""
    found: dict[str, Row] = {}
    for row in findings.members.filter(pc.field("campaign_id") == campaign_id).to_pylist():
        _finite(row["confidence"], campaign_id)
        key = account_key(row["account_id"])
        found[key] = {
            "campaign_id": campaign_id,
            "account_key": key,
            "account_id": row["account_id"],
            "confidence": row["confidence"],
            "exchanges": row["exchanges"],
            "first_ts": _stamp(row["first_ts"]),
            "last_ts": _stamp(row["last_ts"]),
        }
    return found


def _stamp(when: dt.datetime | None) -> str | None:
    return None if when is None else stamp(when)


def _finite(confidence: float, campaign_id: str) -> None:
    if not math.isfinite(confidence):
        raise FindingsBroken(
            f"campaign {campaign_id}", "has a confidence that is no number", "Detect again"
        )
