"""What decisions would have done to exchanges that were made: one by one, as a gateway would.

Nobody reacts: the log is what it is, so who would have been shut out goes on in it.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ladder import Action
from stillwatch.policy.file import Throttle

SECOND_US = 1_000_000


class Outcome(IntEnum):
    """What happens to an exchange, from nothing to the most; from `WITHHELD` on it is felt."""

    FREE = 0
    OBSERVED = 1
    WITHHELD = 2
    CHALLENGED = 3
    SLOWED = 4
    REFUSED = 5


_OF_ACTION = {
    Action.OBSERVE: Outcome.OBSERVED,
    Action.THROTTLE: Outcome.SLOWED,
    Action.STEP_UP: Outcome.CHALLENGED,
    Action.WITHHOLD: Outcome.WITHHELD,
    Action.DENY: Outcome.REFUSED,
    Action.SUSPEND: Outcome.REFUSED,
}

STOPS = (Outcome.SLOWED, Outcome.REFUSED)
"""Outcomes by which an exchange isn't answered. A challenge is taken for passed."""


class Walk:
    """Goes through exchanges in order of time, and remembers who was slowed down."""

    def __init__(self, throttle: Throttle) -> None:
        self._every_us = throttle.every_s * SECOND_US
        self._spare_us = (throttle.burst - 1) * self._every_us
        self._free_at: dict[str, float] = {}

    def outcomes(self, decisions: pa.Table, exchanges: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """Outcome and decision (its row, -1 without one) of each exchange.

        `decisions` are those of a plan that is live; `exchanges` have account_id, ts, surface and
        model, in order of time.
        """
        decisions = decisions.filter(pc.equal(decisions["standing"], "in_force")).combine_chunks()
        row = pc.index_in(exchanges["account_id"], value_set=_flat(decisions["account_id"]))
        row = pc.fill_null(row, -1).to_numpy().astype(np.int64)
        ts = exchanges["ts"].cast(pa.int64()).to_numpy()
        hit = np.flatnonzero(row >= 0)
        since = decisions["since"].cast(pa.int64()).to_numpy()[row[hit]]
        until = decisions["until"].cast(pa.int64()).to_numpy()[row[hit]]
        hit = hit[(since <= ts[hit]) & (ts[hit] < until)]
        hit = hit[_within(decisions, exchanges.take(pa.array(hit)), row[hit])]
        bites = np.full(exchanges.num_rows, -1, np.int64)
        bites[hit] = row[hit]
        by_action = [_OF_ACTION[Action(action)] for action in decisions["action"].to_pylist()]
        outcome = np.zeros(exchanges.num_rows, np.int64)
        outcome[hit] = np.array(by_action, np.int64)[row[hit]]
        slowed = np.flatnonzero(outcome == Outcome.SLOWED)
        accounts = exchanges["account_id"].take(pa.array(slowed)).to_pylist()
        let = [self._let(who, at) for who, at in zip(accounts, ts[slowed].tolist(), strict=True)]
        outcome[slowed[np.array(let, bool)]] = Outcome.FREE
        return outcome, bites

    def _let(self, account: str, ts_us: int) -> bool:
        """Whether a slowed account may send now (the generic cell rate algorithm)."""
        free_at = max(self._free_at.get(account, ts_us), ts_us)
        if free_at - ts_us > self._spare_us:
            return False
        self._free_at[account] = free_at + self._every_us
        return True


def _within(decisions: pa.Table, exchanges: pa.Table, row: np.ndarray) -> np.ndarray:
    """Which exchanges are of the surfaces and models that their decision is for."""
    within = np.ones(len(row), bool)
    for scope, column in (("surfaces", "surface"), ("models", "model")):
        wanted = decisions[scope].to_pylist()
        kinds = {names: number for number, names in enumerate(dict.fromkeys(map(_key, wanted)))}
        kind = np.array([kinds[_key(names)] for names in wanted], np.int64)[row]
        for names, number in kinds.items():
            if names is not None:
                among = pc.is_in(exchanges[column], value_set=pa.array(names, pa.string()))
                within &= (kind != number) | among.to_numpy()
    return within


def _key(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
