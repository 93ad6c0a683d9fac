"""A run's findings as a story: what was looked at, what was found, why, and what speaks against.

The page and the terminal both tell it, so every choice of what comes first is made here.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.console.wording import (
    carried,
    evidence_title,
    listed,
    rival_title,
    sought,
    upper_first,
)
from stillwatch.findings import Findings

Row = dict[str, Any]
_LEAST_SHARE = 0.005


@dataclass(frozen=True)
class Reason:
    """One piece of evidence; `weight` is log10, negative speaks against; `says` is a sentence.

    Of a rival explanation, `weight` is minus the weight that it would explain as well.
    """

    kind: str
    title: str
    says: str
    weight: float
    sample: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """One campaign, or one network that only shares access. `number` counts within its kind."""

    number: int
    campaign_id: str
    kind: str
    after: str
    confidence: float
    accounts: int
    exchanges: int
    first: dt.datetime | None
    last: dt.datetime | None
    capabilities: Mapping[str, float]
    summary: str
    reasons: tuple[Reason, ...]
    members: tuple[Row, ...]

    @property
    def name(self) -> str:
        """What it is called in short: `Campaign 1`, `Network 2`."""
        return f"{'Campaign' if self.kind == 'distillation' else 'Network'} {self.number}"

    @property
    def support(self) -> tuple[Reason, ...]:
        """The reasons for it, heaviest first."""
        return tuple(r for r in self.reasons if r.weight >= 0 and r.kind != "rival")

    @property
    def doubts(self) -> tuple[Reason, ...]:
        """The reasons against it, heaviest first."""
        return tuple(r for r in reversed(self.reasons) if r.weight < 0 and r.kind != "rival")

    @property
    def rivals(self) -> tuple[tuple[Reason, float], ...]:
        """Other explanations that fit at all, each with the share of the evidence it explains."""
        whole = sum(reason.weight for reason in self.support)
        found = [(r, min(-r.weight / whole, 1.0) if whole else 0.0) for r in self._weighed]
        return tuple((reason, share) for reason, share in found if share >= _LEAST_SHARE)

    @property
    def rivals_set_aside(self) -> tuple[Reason, ...]:
        """Other explanations that were weighed and would explain none of the evidence."""
        fit = {id(reason) for reason, _ in self.rivals}
        return tuple(reason for reason in self._weighed if id(reason) not in fit)

    @property
    def _weighed(self) -> list[Reason]:
        return [reason for reason in reversed(self.reasons) if reason.kind == "rival"]


@dataclass(frozen=True)
class Story:
    """A whole run. `first` and `last` bound the exchanges read; `world` names a simulated log.

    `notes` are sentences on what the log lacked, and on what was only absorbed.
    """

    campaigns: tuple[Chapter, ...]
    networks: tuple[Chapter, ...]
    accounts: int
    flagged: int
    exchanges: int
    attributed: int
    quarantined: int
    first: dt.datetime | None
    last: dt.datetime | None
    world: Mapping[str, Any] | None
    version: str
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """Calendar days (UTC) that the log touches."""
        if self.first is None or self.last is None:
            return 0
        return (self.last.date() - self.first.date()).days + 1


def tell(findings: Findings) -> Story:
    """The story of `findings`: campaigns and networks, each from the largest to the smallest."""
    reasons, members = _reasons(findings), _members(findings)
    rows = findings.campaigns.to_pylist(maps_as_pydicts="strict")
    rows.sort(key=lambda row: (-row["exchanges"], row["campaign_id"]))
    parts: dict[str, list[Chapter]] = {"distillation": [], "reseller": []}
    for row in rows:
        chapters = parts["distillation" if row["kind"] == "distillation" else "reseller"]
        campaign_id, capabilities = row["campaign_id"], row["capabilities"] or {}
        chapters.append(
            Chapter(
                number=len(chapters) + 1,
                campaign_id=campaign_id,
                kind=row["kind"],
                after=_after(row["kind"], capabilities),
                confidence=row["confidence"],
                accounts=row["accounts"],
                exchanges=row["exchanges"],
                first=row["first_ts"],
                last=row["last_ts"],
                capabilities=capabilities,
                summary=row["summary"] or "",
                reasons=tuple(reasons[campaign_id]),
                members=tuple(members[campaign_id]),
            )
        )
    found = [chapter.campaign_id for chapter in parts["distillation"]]
    flagged = {row["account_id"] for campaign_id in found for row in members[campaign_id]}
    exchanges, first, last = _bounds(findings.accounts)
    return Story(
        campaigns=tuple(parts["distillation"]),
        networks=tuple(parts["reseller"]),
        accounts=findings.accounts.num_rows,
        flagged=len(flagged),
        exchanges=exchanges,
        attributed=_attributed(findings.daily),
        quarantined=_quarantined(findings.run),
        first=first,
        last=last,
        world=findings.run.get("world") or None,
        version=str(findings.run.get("version", "")),
        notes=(*(str(note) for note in findings.run.get("notes", ())), *_absorbed(findings.run)),
    )


def _absorbed(run: Mapping[str, Any]) -> tuple[str, ...]:
    """That the latest exchanges were not judged, where they weren't.

    >>> _absorbed({"judged": {"exchanges": 9, "until": "2026-06-02T23:59:25+00:00", "absorbed": 0}})
    ()
    """
    judged = run.get("judged")
    absorbed = judged.get("absorbed") if isinstance(judged, Mapping) else None
    if not isinstance(judged, Mapping) or not isinstance(absorbed, int) or not absorbed:
        return ()
    return (
        f"Everything was last judged with exchanges up to {str(judged.get('until'))[:10]}. The "
        f"{absorbed:,} that came since were absorbed: only campaigns that were known then were "
        "looked for in them. To judge everything now, detect with --anew.",
    )


def _after(kind: str, capabilities: Mapping[str, float]) -> str:
    if kind != "distillation":
        return carried(capabilities)
    return upper_first(listed(sought(capabilities))) or "Unknown"


def _attributed(daily: pa.Table) -> int:
    """Exchanges of all campaigns together."""
    return pc.sum(daily.filter(pc.field("campaign_id").is_valid())["exchanges"]).as_py() or 0


def _bounds(accounts: pa.Table) -> tuple[int, dt.datetime | None, dt.datetime | None]:
    """Exchanges of all accounts together, the first moment and the last."""
    if not accounts.num_rows:
        return 0, None, None
    whole = accounts.group_by([]).aggregate(
        [("exchanges", "sum"), ("first_ts", "min"), ("last_ts", "max")]
    )
    (row,) = whole.to_pylist()
    return row["exchanges_sum"] or 0, row["first_ts_min"], row["last_ts_max"]


def said(detail: str) -> tuple[str, Row]:
    """The plain sentence of an evidence's `detail` (JSON) and all its figures, if it has any."""
    try:
        figures = json.loads(detail)
    except ValueError:
        return "", {}
    if not isinstance(figures, dict):
        return "", {}
    return str(figures.get("says", "")), figures


def _reasons(findings: Findings) -> defaultdict[str, list[Reason]]:
    """By campaign, the evidence that speaks of the whole campaign, heaviest support first."""
    reasons: defaultdict[str, list[Reason]] = defaultdict(list)
    whole = findings.evidence.filter(pc.field("account_id").is_null())
    for row in whole.to_pylist():
        says, figures = said(row["detail"])
        kind, title = row["kind"], evidence_title(row["kind"])
        rival = figures.get("rival") or figures.get("name")
        if kind == "rival" and rival:
            title = rival_title(str(rival))
        reasons[row["campaign_id"]].append(
            Reason(kind, title, says, row["weight"], tuple(row["sample"] or ()))
        )
    for lines in reasons.values():
        lines.sort(key=lambda reason: (-reason.weight, reason.kind, reason.says))
    return reasons


def _members(findings: Findings) -> defaultdict[str, list[Row]]:
    """By campaign, its members, the surest first."""
    members: defaultdict[str, list[Row]] = defaultdict(list)
    order = [("confidence", "descending"), ("exchanges", "descending"), ("account_id", "ascending")]
    for row in findings.members.sort_by(order).to_pylist():
        members[row["campaign_id"]].append(row)
    return members


def _quarantined(run: Mapping[str, Any]) -> int:
    return sum((run.get("rows", {}).get("quarantined") or {}).values())
