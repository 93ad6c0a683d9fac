"""Decisions as rows of `tables.DECISIONS`.

`detail` is JSON that later plans read back: `made`, `acted` and `found` (when it was first decided,
when a rule first acted on the account, and when a plan last found it) are microseconds since the
epoch.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.policy.accounts import Accounts
from stillwatch.policy.earlier import ENFORCED, HELD_BY_BREAKER, HELD_BY_BUDGET, MEMBER, NEVER
from stillwatch.policy.file import Policy
from stillwatch.policy.keyed import draw
from stillwatch.policy.match import Matched
from stillwatch.policy.schedule import Schedule


def ruled_rows(
    policy: Policy,
    accounts: Accounts,
    matched: Matched,
    times: Schedule,
    standing: np.ndarray,
    held_by: np.ndarray,
    acted_us: np.ndarray,
    figures: dict[str, np.ndarray],
) -> pa.Table:
    """One row a match. `held_by` is the bound that holds it, empty without one."""
    rules = policy.rules
    rule = pa.array(matched.rule)

    def of_rule(values: list[object], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(rule)

    reason = np.full(len(rule), MEMBER, object)
    reason[standing == "held"] = HELD_BY_BUDGET
    reason[np.char.startswith(held_by.astype(str), "breaker.")] = HELD_BY_BREAKER
    reason[standing == "allowed"] = "allow_listed"
    reason[standing == "reversed"] = "reversed"
    texts = pa.list_(pa.string())
    told = {
        "made": pa.array(times.made_us),
        "acted": _known(acted_us),
        "last_seen": _known(matched.last_us),
        "found": _known(matched.found_us),
        "attributed": pa.array(matched.attributed),
        "campaign_confidence": pa.array(matched.campaign_confidence),
        "held_by": pa.array(held_by, pa.string(), mask=held_by == ""),
        **{name: pa.array(np.round(values, 3)) for name, values in figures.items()},
    }
    columns = {
        "decision_id": pa.array(times.decision_id, pa.string()),
        "account_id": accounts.ids.take(pa.array(matched.account)),
        "action": of_rule([each.action.value for each in rules], pa.string()),
        "standing": pa.array(standing, pa.string()),
        "since": pa.array(times.since_us).cast(tables.TIME),
        "until": pa.array(times.until_us).cast(tables.TIME),
        "reason": pa.array(reason, pa.string()),
        "rule": of_rule([each.name for each in rules], pa.string()),
        "confidence": pa.array(matched.confidence),
        "campaign_id": matched.campaign_id,
        "case_id": matched.case_id,
        "surfaces": of_rule([list(each.scope.surfaces) or None for each in rules], texts),
        "models": of_rule([list(each.scope.models) or None for each in rules], texts),
        "detail": _detail(told),
    }
    return pa.table(columns, tables.DECISIONS)


def enforced_rows(
    enforced: pa.Table,
    accounts: Accounts,
    key: bytes,
    confidence: pa.ChunkedArray,
    campaign_id: pa.ChunkedArray,
    acted_us: np.ndarray,
) -> pa.Table:
    """What people decided, one row an account of `enforced`; allow-lists outrank it too."""
    enforced = enforced.combine_chunks()
    at = accounts.at(enforced["account_id"])
    names = [f"enforcement {number}" for number in enforced["enforcement_id"].to_pylist()]
    ids, _ = draw(key, enforced["account_id"].to_pylist(), [None] * len(names), names)
    allowed = pa.array(accounts.allowed[at])
    told = {"made": enforced["since"].cast(pa.int64()), "acted": _known(acted_us[at])}
    nothing = pa.nulls(len(names), pa.list_(pa.string()))
    columns = {
        "decision_id": pa.array(ids, pa.string()),
        "account_id": enforced["account_id"],
        "action": enforced["action"],
        "standing": pc.if_else(allowed, "allowed", "in_force"),
        "since": enforced["since"],
        "until": enforced["until"],
        "reason": pc.if_else(allowed, "allow_listed", ENFORCED),
        "rule": pa.array(names, pa.string()),
        "confidence": confidence,
        "campaign_id": campaign_id,
        "case_id": enforced["case_id"],
        "surfaces": nothing,
        "models": nothing,
        "detail": _detail(told),
    }
    return pa.table(columns, tables.DECISIONS)


def reversed_rows(reversals: pa.Table) -> pa.Table:
    """What was taken back on accounts that no rule is about now: a gate leaves them alone too."""
    reversals = reversals.combine_chunks()
    many = reversals.num_rows
    nothing = pa.nulls(many, pa.list_(pa.string()))
    number = reversals["reversal_id"].cast(pa.string())
    columns = {
        **{name: reversals[name] for name in ("decision_id", "account_id", "action")},
        "standing": pa.array(["reversed"] * many, pa.string()),
        "since": reversals["since"],
        "until": reversals["until"],
        "reason": pa.array(["reversed"] * many, pa.string()),
        "rule": pc.binary_join_element_wise("reversal", number, " "),
        "confidence": pa.array(np.zeros(many)),
        "campaign_id": pa.nulls(many, pa.string()),
        "case_id": pa.nulls(many, pa.int64()),
        "surfaces": nothing,
        "models": nothing,
        "detail": _detail({"made": reversals["since"].cast(pa.int64())}),
    }
    return pa.table(columns, tables.DECISIONS)


def _known(us: np.ndarray) -> pa.Array:
    return pa.array(us, pa.int64(), mask=us == NEVER)


def _detail(told: dict[str, pa.Array | pa.ChunkedArray]) -> pa.Array | pa.ChunkedArray:
    """JSON of numbers and of words that hold nothing to be escaped; what is null is left out."""
    parts = []
    for name, values in told.items():
        text = values.cast(pa.string())
        if pa.types.is_string(values.type):
            text = pc.binary_join_element_wise('"', text, '"', "")
        parts.append(pc.binary_join_element_wise(f'"{name}":', text, ""))
    body = pc.binary_join_element_wise(*parts, ",", null_handling="skip")
    return pc.binary_join_element_wise("{", body, "}", "")
