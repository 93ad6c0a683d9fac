"""The gate: one decision on one request, looked up in the table that is published."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import TableBroken
from stillwatch.gateway import state
from stillwatch.gateway.answer import STATUS, VERDICT, Answer, Reason, Verdict
from stillwatch.gateway.bounds import Bounds
from stillwatch.gateway.breaker import note
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.history import DecisionLog, Recognised, find_recognised
from stillwatch.gateway.request import Request
from stillwatch.gateway.serves import Standing
from stillwatch.gateway.state import BreakerState, State
from stillwatch.gateway.table import Row, Table, account_digest
from stillwatch.gateway.works import recogniser
from stillwatch.gateway.works.recogniser import Recogniser, Recognition
from stillwatch.ladder import Action

LOG = logging.getLogger(__name__)

WITHHELD = ("reasoning", "logprobs")
"""Parts of an answer that `withhold` leaves out."""

MOST_COUNTED = 20
"""Refusals of one account in a window that count for the breaker: nobody opens it by hammering."""

ANSWERS_FOR_S = 60
"""Seconds for which an answer that nothing is done holds, at most: then a table may be newer."""

_STANDS = {
    "dry_run": Reason.DRY_RUN,
    "waiting": Reason.WAITING,
    "reversed": Reason.REVERSED,
    "allowed": Reason.ALLOW_LISTED,
}


class _Loaded:
    """A table with all that deciding by it needs."""

    def __init__(self, version: int, says: Mapping[str, Any], arrays: Mapping[str, NDArray]):
        self.version = version
        self.table = Table(says, arrays)
        self.bounds = Bounds.of(says["bounds"])
        self.published_us: int = says["published_us"]
        self.known: NDArray[np.uint64] = arrays["known"]
        self.orgs = frozenset(says["orgs"])
        self.recogniser = Recogniser(says["works"], arrays)
        self.nothing = Answer(
            f"allow-{version}",
            Verdict.ALLOW,
            None,
            None,
            0.0,
            (Reason.NOTHING_KNOWN,),
            self.bounds.policy_version,
            version,
            ttl_s=ANSWERS_FOR_S,
        )


class Gate:
    """Decides by what is published in `folder`; `worker` numbers the processes that share it.

    A table that can't be read is left, and the one before holds. Raises `TableBroken` where there
    is no folder; where no table is published yet, everything is let through.
    """

    def __init__(self, folder: str | Path, worker: int = 0) -> None:
        self._folder = Folder(folder)
        self._state = State(self._folder.path / "state", worker)
        self._published = DecisionLog(self._folder.path)
        self._recognised = Recognised(self._folder.path, worker)
        self._loaded: _Loaded | None = None
        self._refused_version = self._faults = 0
        state.warm_up()
        recogniser.warm_up()
        self._reload()

    def decide(self, request: Request) -> Answer:
        """The decision on one request; never raises, and never waits for anything but memory."""
        try:
            if self._loaded is None or self._loaded.version != self._folder.version:
                self._reload()
            if self._loaded is None:
                return _let_go(Reason.NOTHING_KNOWN)
            answer = self._decide(request, self._loaded)
            window = self._loaded.bounds.window_us
            self._state.count(request.ts, window, answer.status != 200)
            return answer
        except Exception:
            self._faults += 1
            if self._faults & (self._faults - 1) == 0:  # the 1st, 2nd, 4th, 8th: a log has its end
                LOG.exception("a decision failed (fault %d), the request goes on", self._faults)
            return _let_go(Reason.FAULT)

    def standing(self) -> Standing | None:
        """The table that is loaded; `None` while none is."""
        if self._loaded is None or self._loaded.version != self._folder.version:
            self._reload()
        loaded = self._loaded
        if loaded is None:
            return None
        policy = loaded.bounds.policy_version
        return Standing(loaded.version, policy, loaded.published_us, self._state.is_open())

    def breaker(self) -> BreakerState:
        """The circuit breaker, for whoever has to tell."""
        return self._state.breaker

    def look_up(self, decision_id: str) -> dict[str, Any] | None:
        """A decision that was given, with what it was based on; `None` where none has that id."""
        if decision_id.startswith("allow-"):
            version = decision_id.removeprefix("allow-")
            return {"decision_id": decision_id, "says": f"Table {version} knew nothing of it"}
        found = self._published.find(decision_id)
        return found or find_recognised(self._folder.path, decision_id)

    def close(self) -> None:
        """Close what is open."""
        self._recognised.close()

    def _reload(self) -> None:
        version = self._folder.version
        if not version or version == self._refused_version:
            return
        try:
            version, found = self._folder.open()
            self._loaded = _Loaded(version, found.says, found.arrays)
        except (TableBroken, KeyError, TypeError, ValueError) as fault:
            self._refused_version = version
            LOG.error("table %d can't be used, the one before holds: %s", version, fault)

    def _decide(self, request: Request, by: _Loaded) -> Answer:
        key, check = account_digest(request.account_id, self._folder.key)
        row = by.table.find(key, check)
        if row is None or row.until <= request.ts:
            return self._by_work(request, key, check, by)
        if not by.table.scopes[row.scope].covers(request.surface, request.model):
            return by.nothing
        undone = row.action == Action.OBSERVE or row.since > request.ts
        if request.prompt and undone and row.standing == "in_force":
            # Whom the gate stopped isn't let go because a judgement found it, too.
            known = self._by_work(request, key, check, by)
            if known is not by.nothing:
                return known
        return self._by_row(request, row, key, check, by)

    def _by_row(self, request: Request, row: Row, key: int, check: int, by: _Loaded) -> Answer:
        if row.standing in ("allowed", "reversed"):
            return _answer(by, row.decision_id, None, None, row, (_STANDS[row.standing],))
        if row.standing == "in_force" and row.since > request.ts:
            return _answer(by, row.decision_id, None, row.action, row, (Reason.NOT_YET, row.reason))
        if row.standing != "in_force":
            reasons = _STANDS.get(row.standing, row.reason), row.reason
            return _answer(
                by, row.decision_id, None, row.action, row, tuple(dict.fromkeys(reasons))
            )
        return self._act(request, row, key, check, by)

    def _act(self, request: Request, row: Row, key: int, check: int, by: _Loaded) -> Answer:
        """Do what is in force, unless the breaker is open, or a slowed account may go on."""
        reasons = (row.reason,)
        if self._state.is_open():
            reasons = (Reason.BREAKER_OPEN, row.reason)
            return _answer(by, row.decision_id, None, row.action, row, reasons)
        retry = None
        if row.action in STATUS:
            with self._state.threads, self._state.alone:
                place = self._state.slot_of(key, check, request.ts)
                if row.action == Action.THROTTLE:
                    every, burst = by.bounds.every_us, by.bounds.burst
                    wait = self._state.throttle(place, request.ts, row.since, every, burst)
                    if not wait:
                        return _answer(by, row.decision_id, None, None, row, reasons)
                    retry = -(-wait // 1_000_000)
                if self._breaks(place, request.ts, by):
                    reasons = (Reason.BREAKER_OPEN, row.reason)
                    return _answer(by, row.decision_id, None, row.action, row, reasons)
        ttl = (row.until - request.ts) // 1_000_000
        return _answer(by, row.decision_id, row.action, row.action, row, reasons, ttl, retry)

    def _breaks(self, place: int, now: int, by: _Loaded) -> bool:
        """Count a refusal of an account; whether that opens the breaker."""
        window = by.bounds.window_us
        mine = self._state.refuse(place, now, window)
        refused, requests = self._state.shares(now, window)
        if mine > MOST_COUNTED or requests < by.bounds.least_requests:
            return False
        if refused + 1 <= by.bounds.refused_share * (requests + 1):
            return False
        self._state.open_breaker(now, refused + 1, requests + 1)
        told = {"event": "opened", "refused": refused + 1, "requests": requests + 1}
        note(self._folder.path, {**told, "window_s": window // 1_000_000})
        LOG.error(
            "the breaker opened: %d of %d requests would be refused", refused + 1, requests + 1
        )
        return True

    def _by_work(self, request: Request, key: int, check: int, by: _Loaded) -> Answer:
        """A new account: is it known work that it carries?"""
        bounds = by.bounds
        if not len(by.recogniser) or bounds.recognition is None:
            return by.nothing
        if request.org_id in by.orgs or _is_in(by.known, key):
            return by.nothing
        with self._state.threads, self._state.alone as sure:
            place = self._state.slot_of(key, check, request.ts)
            slot = self._state.slots[place : place + 1]
            at = int(slot["recognised"][0])
            until = at + bounds.recognition_us
            if not at or request.ts >= until:
                if at:
                    slot["recognised"] = 0
                found = by.recogniser.look(request, slot, bounds.false_rate, bounds.first_requests)
                if found is None:
                    return by.nothing
                at, until = request.ts, request.ts + bounds.recognition_us
                within = sure and self._state.take_recognised(at, bounds.recognised_a_day)
                slot["recognised"], slot["campaign"] = at, found.campaign if within else -1
                self._tell(request, found, within, key, at, by)
            campaign = int(slot["campaign"][0])
            confidence = 1 - 10.0 ** -float(slot["evidence"][0])
            # The place is one of the campaigns that were live then: others may have it now.
            names = by.recogniser.names if slot["stamp"][0] == by.recogniser.stamp else []
        row = Row(
            _recognised_id(key, at),
            bounds.recognition or Action.OBSERVE,
            "in_force" if bounds.live and campaign >= 0 else "dry_run",
            Reason.KNOWN_WORK,
            at,
            until,
            confidence,
            names[campaign] if 0 <= campaign < len(names) else None,
            None,
            0,
        )
        if campaign < 0:
            reasons = (Reason.BUDGET_SPENT, row.reason)
            return _answer(by, row.decision_id, None, row.action, row, reasons)
        return self._by_row(request, row, key, check, by)

    def _tell(
        self, request: Request, found: Recognition, within: bool, key: int, at: int, by: _Loaded
    ) -> None:
        self._recognised.record(
            {
                "decision_id": _recognised_id(key, at),
                "account_id": request.account_id,
                "action": by.bounds.recognition,
                "standing": "in_force" if within and by.bounds.live else "held",
                "since": at,
                "until": at + by.bounds.recognition_us,
                "reason": Reason.KNOWN_WORK,
                "campaign_id": by.recogniser.names[found.campaign],
                "table_version": by.version,
                "policy_version": by.bounds.policy_version,
                "detail": {
                    "evidence_log10": round(found.evidence, 3),
                    "hits": found.hits,
                    "threads": found.threads,
                    "mark": found.mark,
                },
            }
        )


def _answer(
    by: _Loaded,
    decision_id: str,
    action: Action | None,
    would: Action | None,
    row: Row,
    reasons: tuple[Reason, ...],
    ttl_s: int = ANSWERS_FOR_S,
    retry_after_s: int | None = None,
) -> Answer:
    return Answer(
        decision_id,
        VERDICT[action] if action else Verdict.ALLOW,
        action,
        would,
        row.confidence,
        reasons,
        by.bounds.policy_version,
        by.version,
        row.campaign_id,
        row.case_id,
        WITHHELD if action == Action.WITHHOLD else (),
        ttl_s,
        retry_after_s,
    )


def _let_go(reason: Reason) -> Answer:
    return Answer("allow-0", Verdict.ALLOW, None, None, 0.0, (reason,), 0, 0)


def _recognised_id(key: int, at: int) -> str:
    """The id of a decision on a new account: the same in every worker."""
    return f"r{key & 0xFFFFFFFFFF:010x}{at & 0xFFFFFFFFFF:010x}"


def _is_in(values: NDArray[np.uint64], key: int) -> bool:
    at = int(values.searchsorted(np.uint64(key)))
    return at < len(values) and int(values[at]) == key
