"""A plan, composed: findings and cases in, decisions out, and the folder that keeps them.

The folder is the gateway's: `decisions.parquet` is the last plan whole, `plan.json` what is told of
it, and `key` what ids and delays are drawn with. Whoever has the key can tell delays in advance.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.cases import Store
from stillwatch.cases.enforcement import decisions
from stillwatch.cases.facts import case_facts
from stillwatch.cases.reversals import reversals
from stillwatch.errors import FindingsBroken, InputNotFound
from stillwatch.findings import Findings
from stillwatch.policy import Known, Plan, Policy, plan
from stillwatch.policy.known import CASE_FACTS, ENFORCED, REGISTERED, REVERSALS

KEY_BYTES = 32
DECISIONS = "decisions.parquet"
RECORD = "plan.json"


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
    """What would be decided now, going on from the plan that the gateway's folder keeps.

    Without a folder it is a first plan, with ids and delays that no other one has. Nothing is
    written. Raises `FindingsBroken` where the folder's plan can't be read.
    """
    earlier = None if folder is None else kept_decisions(folder)
    key = secrets.token_bytes(KEY_BYTES) if folder is None else key_in(folder)
    when = now or dt.datetime.now(dt.UTC)
    return plan(known_of(findings, registered, store), policy, when, key, earlier)


def kept_decisions(folder: str | Path) -> pa.Table | None:
    """The decisions of the last plan, None where none was kept; raises `FindingsBroken`."""
    path = Path(folder) / DECISIONS
    if not path.is_file():
        return None
    try:
        return tables.require(pq.read_table(path), tables.DECISIONS, path)
    except (OSError, ValueError, pa.ArrowException) as fault:
        raise FindingsBroken(path, f"can't be read ({fault})", "Publish anew") from fault


def key_in(folder: str | Path) -> bytes:
    """The folder's key; a new one where there is no key yet and the folder is there.

    Raises `FindingsBroken` where it isn't of ours, since other ids would move every decision.
    """
    path = Path(folder) / "key"
    if not path.is_file():
        if not path.parent.is_dir():
            return secrets.token_bytes(KEY_BYTES)
        # made whole under another name first: whoever comes second takes the first one's
        handle, scratch = tempfile.mkstemp(prefix=".key.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
            os.link(scratch, path)
        except FileExistsError:
            pass
        finally:
            Path(scratch).unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise FindingsBroken(path, "is no key of ours", "Bring the old one back")
    return key


def keep_plan(folder: str | Path, made: Plan, more: dict[str, Any] | None = None) -> None:
    """Keep a plan for the next one and for the console; `more` is told along with it.

    Each file is replaced whole, the decisions first.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / DECISIONS, lambda path: pq.write_table(made.decisions, path))
    told = json.dumps(made.record() | (more or {}), indent=2, sort_keys=True) + "\n"
    _replace(folder / RECORD, lambda path: path.write_text(told))


def kept_record(folder: str | Path) -> dict[str, Any]:
    """What is told of the last plan; raises `InputNotFound` and `FindingsBroken`."""
    path = Path(folder) / RECORD
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputNotFound(path, "there is no plan yet", "Publish a policy first") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise FindingsBroken(path, f"can't be read ({fault})", "Publish anew") from fault
    if not isinstance(told, dict) or not {"policy", "counts", "trips", "budgets"} <= told.keys():
        raise FindingsBroken(path, "is no record of a plan", "Publish anew")
    return told


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        write(Path(scratch))
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
