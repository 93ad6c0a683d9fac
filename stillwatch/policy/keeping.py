"""Decisions that go on for a while though their account isn't found any more.

Whoever is refused sends nothing that could be found, and a judgement made an hour later may be a
little less sure. A decision whose rule says `keep_hours` goes on for so long after its account was
last found, as it was; then, or at its own end, it is let go. What people said is heeded at once.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stillwatch.policy.accounts import Accounts
from stillwatch.policy.earlier import Earlier
from stillwatch.policy.file import Rule
from stillwatch.policy.known import Known
from stillwatch.policy.match import Matched, states_of
from stillwatch.policy.schedule import HOUR_US


def kept(
    past: Earlier,
    matched: Matched,
    known: Known,
    rules: tuple[Rule, ...],
    accounts: Accounts,
    now_us: int,
) -> Matched:
    """`matched` and, as matches of their old rules, whom rules act on and match no more.

    Only where the rule is still there with the same action, and no case of its campaign was decided
    otherwise since.
    """
    places = {(rule.name, rule.action.value): at for at, rule in enumerate(rules)}
    keep_us = np.array([rule.keep_hours for rule in rules] + [0.0]) * HOUR_US
    at = np.flatnonzero(past.ruled & (past.until_us > now_us))
    at = np.setdiff1d(at, matched.account)
    rows = past.table.take(pa.array(past.row[at]))
    names = zip(rows["rule"].to_pylist(), rows["action"].to_pylist(), strict=True)
    rule = np.array([places.get(name, len(rules)) for name in names], np.int64)
    fits = past.found_us[at] + keep_us[rule] > now_us
    fits &= states_of(known.cases, rows, rules, rule)
    fits = np.flatnonzero(fits)
    at, rule, rows = at[fits], rule[fits], rows.take(pa.array(fits)).combine_chunks()
    return matched.and_also(
        Matched(
            account=at,
            rule=rule,
            campaign_id=_flat(rows["campaign_id"]),
            case_id=_flat(rows["case_id"]),
            campaign_confidence=past.campaign_confidence[at],
            confidence=rows["confidence"].to_numpy(),
            attributed=past.attributed[at],
            last_us=past.last_us[at],
            found_us=past.found_us[at],
        )
    )


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)
