"""When decisions begin and end.

A decision begins a while after it was first made, drawn from the rule's range, so that whoever is
acted on can't tell what gave them away; and a plan made again doesn't move it. It ends some days
after its account was last seen in the campaign: who stops is let go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.policy.accounts import DAY_US, Accounts
from stillwatch.policy.earlier import Earlier
from stillwatch.policy.file import Rule
from stillwatch.policy.keyed import draw
from stillwatch.policy.match import Matched

HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Schedule:
    """One row a match, in its order; microseconds since the epoch."""

    decision_id: np.ndarray
    made_us: np.ndarray
    since_us: np.ndarray
    until_us: np.ndarray

    def take(self, rows: np.ndarray) -> Schedule:
        """Only these rows."""
        return Schedule(
            self.decision_id[rows], self.made_us[rows], self.since_us[rows], self.until_us[rows]
        )


def schedule(
    matched: Matched,
    rules: tuple[Rule, ...],
    accounts: Accounts,
    earlier: Earlier,
    now_us: int,
    key: bytes,
) -> Schedule:
    """Times of each match; those whose end is past have lapsed, and are for the caller to drop.

    An account that is acted on already, and so knows, isn't given the delay again when another
    rule takes over.
    """
    at = matched.account
    ids, share = draw(
        key,
        accounts.ids.take(at).to_pylist(),
        matched.campaign_id.to_pylist(),
        [rules[rule].name for rule in matched.rule],
    )
    ranges = np.array([rule.delay_hours for rule in rules], float).reshape(-1, 2)[matched.rule]
    delay = ((ranges[:, 0] + share * (ranges[:, 1] - ranges[:, 0])) * HOUR_US).astype(np.int64)
    decision_id = np.array(ids, object)
    same = earlier.decision_id[at] == decision_id
    made = np.where(same, earlier.made_us[at], now_us)
    since = now_us + delay
    # a decision that was to begin isn't put off by another rule, one that bites goes on
    since = np.where(earlier.ruled[at], np.minimum(since, earlier.since_us[at]), since)
    since = np.where(same, earlier.since_us[at], np.maximum(since, now_us))
    days = np.array([rule.for_days for rule in rules], float)[matched.rule]
    seen = np.where(matched.last_us >= 0, np.minimum(matched.last_us, now_us), made)
    until = seen + (days * DAY_US).astype(np.int64) + np.maximum(since - made, 0)
    return Schedule(decision_id, made, since, until)
