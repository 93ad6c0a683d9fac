"""Reviewers who confirm whatever is found, a while after it was found.

That is the worst that honest customers can have: nobody looks, and every finding counts as
confirmed. Rules that ask for a confirmed case then hold; with people who look, less would.
"""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from stillwatch.findings import Findings
from stillwatch.policy.file import CaseState
from stillwatch.policy.known import CASE_FACTS


class Reviewers:
    """Each account of a distillation campaign is confirmed `days` after it was first found in it;
    until then its case is open."""

    def __init__(self, days: float = 1.0) -> None:
        self._takes = dt.timedelta(days=days)
        self._cases: dict[str, int] = {}
        self._found: dict[tuple[str, str], dt.datetime] = {}

    def facts(self, findings: Findings, now: dt.datetime) -> pa.Table:
        """What stands at `now`, of `policy.known.CASE_FACTS`."""
        kinds = findings.campaigns.select(["campaign_id", "kind"]).to_pylist()
        campaigns = {c["campaign_id"] for c in kinds if c["kind"] == "distillation"}
        rows = []
        for campaign in sorted(campaigns):
            case = self._cases.setdefault(campaign, len(self._cases) + 1)
            rows.append((campaign, None, case, CaseState.OPEN.value))
        members = findings.members.select(["campaign_id", "account_id"]).to_pylist()
        for pair in ((m["campaign_id"], m["account_id"]) for m in members):
            if pair[0] not in campaigns:
                continue
            if now - self._found.setdefault(pair, now) >= self._takes:
                rows.append((*pair, self._cases[pair[0]], CaseState.CONFIRMED.value))
        columns = list(zip(*rows, strict=True)) or [[]] * len(CASE_FACTS)
        return pa.table([list(c) for c in columns], schema=CASE_FACTS)
