"""Reviewers who confirm whatever is found, a while after it was found.

That is the worst that honest customers can have: nobody looks, and every finding counts as
confirmed. Rules that ask for a confirmed case then hold; with people who look, less would.
"""

from __future__ import annotations

import datetime as dt

from stillwatch.cases import Case, State, Store, change_state, list_cases, open_cases
from stillwatch.cases.states import UNDECIDED
from stillwatch.findings import Findings

_NAME = "arena"
_REASON = "confirmed unseen, as everything in an arena"


class Reviewers:
    """Confirm a case `days` after it was opened, and anew `days` after accounts joined it."""

    def __init__(self, store: Store, days: float = 1.0) -> None:
        self._store, self._takes = store, dt.timedelta(days=days)
        self._since: dict[int, dt.datetime] = {}

    def review(self, findings: Findings, now: dt.datetime) -> None:
        """Bring findings into the store, and confirm the cases that have waited long enough."""
        open_cases(self._store, findings, _NAME)
        for case in list_cases(self._store):
            if case.state not in UNDECIDED and case.grown_since is None:
                continue
            if now - self._since.setdefault(case.case_id, now) >= self._takes:
                self._confirm(case)
                del self._since[case.case_id]

    def _confirm(self, case: Case) -> None:
        for state in (State.IN_REVIEW, State.CONFIRMED):
            if case.state != state:
                case = change_state(self._store, case.seen, state, _NAME, _REASON)
