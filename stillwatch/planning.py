"""A plan, composed: findings and cases in, decisions out, going on from the last that there was."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.cases import Store
from stillwatch.cases.enforcement import decisions
from stillwatch.cases.facts import case_facts
from stillwatch.cases.reversals import reversals
from stillwatch.errors import InputNotFound, TableBroken
from stillwatch.findings import Findings
from stillwatch.gateway.folder import KEY_BYTES, Folder
from stillwatch.gateway.history import DecisionLog, find_recognised
from stillwatch.gateway.publishing import last_plan
from stillwatch.policy import Known, Plan, Policy, plan
from stillwatch.policy.known import CASE_FACTS, ENFORCED, REGISTERED, REVERSALS

RECORD = "plan.json"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def known_of(
    findings: Findings, registered: pa.Table | None = None, store: Store | None = None
) -> Known:
    """What a plan is made of: findings, the accounts' table of a lake, and a store of cases."""
    facts, enforced, back = [], [], []
    if store is not None:
        facts = [fact._asdict() for fact in case_facts(store)]
        enforced = [
            {
                "account_id": each.account_id,
                "action": each.action.value,
                "since": dt.datetime.fromisoformat(each.since),
                "until": dt.datetime.fromisoformat(each.until),
                "enforcement_id": each.enforcement_id,
                "case_id": each.case_id,
            }
            for each in decisions(store)
        ]
        back = [
            {
                "account_id": each.account_id,
                "decision_id": each.decision_id,
                "action": each.action.value,
                "since": dt.datetime.fromisoformat(each.reversed_at),
                "until": dt.datetime.fromisoformat(each.until),
                "reversal_id": each.reversal_id,
            }
            for each in reversals(store)
        ]
    return Known(
        campaigns=findings.campaigns,
        members=findings.members,
        accounts=findings.accounts,
        registrations=REGISTERED.empty_table()
        if registered is None
        else registered.select(REGISTERED.names),
        cases=pa.Table.from_pylist(facts, CASE_FACTS),
        enforced=pa.Table.from_pylist(enforced, ENFORCED),
        reversals=pa.Table.from_pylist(back, REVERSALS),
    )


def plan_for(
    folder: str | Path | None,
    findings: Findings,
    policy: Policy,
    *,
    registered: pa.Table | None = None,
    store: Store | None = None,
    now: dt.datetime | None = None,
) -> Plan:
    """What would be decided now, going on from what a gateway's folder had published last.

    Without a folder it is a first plan, with ids and delays that no other one has. Nothing is
    written. Raises `TableBroken` where the folder is none, or what was published can't be read.
    """
    key, earlier = secrets.token_bytes(KEY_BYTES), None
    if folder is not None:
        gate = Folder(folder)
        key, earlier = gate.key, last_decisions(gate)
    when = now or dt.datetime.now(dt.UTC)
    return plan(known_of(findings, registered, store), policy, when, key, earlier)


def last_decisions(gate: Folder) -> pa.Table | None:
    """What was published last, None before the first time; raises `TableBroken`."""
    try:
        return last_plan(gate)
    except (OSError, ValueError, pa.ArrowException) as fault:
        what = f"its decisions can't be read ({fault})"
        raise TableBroken(gate.path, what, "Publish anew") from fault


def kept_record(folder: str | Path) -> dict[str, Any]:
    """What is told of the last plan (`Plan.record`); raises `InputNotFound` and `TableBroken`."""
    path = Path(folder) / RECORD
    try:
        told = msgspec.json.decode(path.read_bytes())
        msgspec.convert(told, _Record)
    except FileNotFoundError:
        raise InputNotFound(path, "there is no plan yet", "Publish a policy first") from None
    except (OSError, msgspec.MsgspecError, RecursionError) as fault:
        raise TableBroken(path, f"is no record of a plan ({fault})", "Publish anew") from fault
    return told


class _Policy(msgspec.Struct):
    version: int
    name: str
    digest: str
    live: bool


class _Rule(msgspec.Struct):
    name: str
    says: str
    reason: str


class _Count(msgspec.Struct):
    standing: str
    action: str
    rule: str
    accounts: int


class _Budget(msgspec.Struct):
    used: float
    allowed: float


class _Trip(msgspec.Struct):
    bound: str
    says: str
    todo: str
    campaigns: list[str]
    cases: list[int]


class _Record(msgspec.Struct):
    """What whoever shows a record relies on."""

    policy: _Policy
    at: str
    rules: list[_Rule]
    counts: list[_Count]
    budgets: dict[str, _Budget]
    trips: list[_Trip]
    table_version: int | None = None


def find_decision(gate: Folder, who: str) -> dict[str, Any] | None:
    """The decision of that id, or on that account: of the last plan, of an earlier one, or of the
    gate itself on a new account. A row of `tables.DECISIONS`, its `detail` decoded.
    """
    decisions = last_decisions(gate)
    if decisions is None:
        decisions = tables.DECISIONS.empty_table()
    for column in ("decision_id", "account_id"):
        found = decisions.filter(pc.field(column) == who)
        if found.num_rows:
            row = found.to_pylist()[0]
            return {**row, "detail": json.loads(row["detail"])}
    past = DecisionLog(gate.path).find(who) or find_recognised(gate.path, who)
    if past is None:
        return None
    empty = dict.fromkeys(tables.DECISIONS.names)
    times = {name: _EPOCH + dt.timedelta(microseconds=past[name]) for name in ("since", "until")}
    return {**empty, "rule": "recognition", "confidence": 0.0, **past, **times}
