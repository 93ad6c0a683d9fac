"""The decision table: decisions by account, ready to be looked up, and the words that they need.

Accounts stand in it by a keyed digest of 128 bits, in order of its first half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.gateway.answer import Reason
from stillwatch.ladder import Action

STANDINGS = ("in_force", "dry_run", "waiting", "held", "allowed", "reversed")
"""The standings of `tables.DECISIONS`; the position is the code in a table."""

ACTIONS = tuple(Action)
REASONS = tuple(Reason)


class Row(NamedTuple):
    """One account's decision. Times are microseconds; `scope` is a place in `Table.scopes`."""

    decision_id: str
    action: Action
    standing: str
    reason: Reason
    since: int
    until: int
    confidence: float
    campaign_id: str | None
    case_id: int | None
    scope: int


@dataclass(frozen=True)
class Scope:
    """The ways in and the models that a decision holds for; empty is any."""

    surfaces: frozenset[str]
    models: frozenset[str]

    def covers(self, surface: str | None, model: str | None) -> bool:
        """Whether a request is in it; one that doesn't say where it comes from is."""
        return (not self.surfaces or surface is None or surface in self.surfaces) and (
            not self.models or model is None or model in self.models
        )


def account_digest(account_id: str, key: bytes) -> tuple[int, int]:
    """The two halves of what an account is known by; only who has the key can make it."""
    text = account_id.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=16, key=key).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def table_of(decisions: pa.Table, key: bytes) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """What a table says, and its arrays, of `tables.DECISIONS`; one row an account."""
    halves = [account_digest(a, key) for a in decisions["account_id"].to_pylist()]
    digest = np.array(halves, np.uint64).reshape(-1, 2)
    order = np.lexsort((digest[:, 1], digest[:, 0]))
    decisions = decisions.take(pa.array(order))
    campaigns, campaign = _numbered(decisions["campaign_id"].to_pylist())
    surfaces, models = (decisions[name].to_pylist() for name in ("surfaces", "models"))
    wanted = zip(surfaces, models, strict=True)
    scopes, scope = _numbered([(tuple(s or ()), tuple(m or ())) for s, m in wanted])
    arrays = {
        "account": digest[order, 0],
        "check": digest[order, 1],
        "decision": np.array([d.encode() for d in decisions["decision_id"].to_pylist()]),
        "action": _codes(decisions["action"].to_pylist(), ACTIONS),
        "standing": _codes(decisions["standing"].to_pylist(), STANDINGS),
        "reason": _codes(decisions["reason"].to_pylist(), REASONS),
        "since": decisions["since"].cast(pa.int64()).to_numpy(),
        "until": decisions["until"].cast(pa.int64()).to_numpy(),
        "confidence": decisions["confidence"].to_numpy().astype(np.float32),
        "campaign": campaign,
        "case": pc.fill_null(decisions["case_id"], -1).to_numpy(),
        "scope": scope,
    }
    if not len(order):
        arrays["decision"] = np.zeros(0, "S1")
    says = {
        "campaigns": campaigns,
        "scopes": [{"surfaces": list(s), "models": list(m)} for s, m in scopes],
    }
    return says, arrays


class Table:
    """The decisions of a published table, looked up."""

    def __init__(self, says: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
        self._account: NDArray[np.uint64] = arrays["account"]
        self._check: NDArray[np.uint64] = arrays["check"]
        self._rows = [
            arrays[name]
            for name in (
                "decision",
                "action",
                "standing",
                "reason",
                "since",
                "until",
                "confidence",
                "campaign",
                "case",
                "scope",
            )
        ]
        self._campaigns: list[str | None] = says["campaigns"]
        self.scopes = [
            Scope(frozenset(s["surfaces"]), frozenset(s["models"])) for s in says["scopes"]
        ]

    def __len__(self) -> int:
        return len(self._account)

    def find(self, key: int, check: int) -> Row | None:
        """The decision on the account of a digest."""
        at = int(self._account.searchsorted(np.uint64(key)))
        while at < len(self._account) and self._account.item(at) == key:
            if self._check.item(at) == check:
                return self._row(at)
            at += 1
        return None

    def _row(self, at: int) -> Row:
        decision, action, standing, reason, since, until, sure, campaign, case, scope = [
            column.item(at) for column in self._rows
        ]
        return Row(
            decision.decode(),
            ACTIONS[action],
            STANDINGS[standing],
            REASONS[reason],
            since,
            until,
            sure,
            self._campaigns[campaign],
            None if case < 0 else case,
            scope,
        )


def _codes(values: list[str], words: tuple[str, ...]) -> NDArray[np.uint8]:
    code = {str(word): i for i, word in enumerate(words)}
    return np.array([code[value] for value in values], np.uint8)


def _numbered(values: list[Any]) -> tuple[list[Any], NDArray[np.int32]]:
    """The distinct values in order of appearance, and each one's place."""
    places: dict[Any, int] = {}
    numbers = [places.setdefault(value, len(places)) for value in values]
    return list(places), np.array(numbers, np.int32)
