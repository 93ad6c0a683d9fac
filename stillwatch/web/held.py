"""Findings held in memory for pages: looked up by account, campaign and object; fresh when written.

What pages show of a run is worked out once, when it is loaded. A folder that is written anew is
loaded beside the old one, which answers until then.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.console.graph import Panel, panel
from stillwatch.console.models import Models, models
from stillwatch.console.shares import Share, shares
from stillwatch.console.story import Chapter, Row, Story, said, tell
from stillwatch.console.timeline import Timeline, timeline
from stillwatch.errors import StillwatchError, UnknownName
from stillwatch.findings import Findings, read_findings
from stillwatch.web.matching import Matcher

LOOK_AGAIN_S = 2.0
"""Seconds between looks at whether the folder was written anew."""


@dataclass(frozen=True)
class Held:
    """One run's findings, and what pages ask of them. Nothing here changes."""

    findings: Findings
    story: Story
    timeline: Timeline | None
    shares: tuple[Share, ...]
    models: dict[str, Models]
    _by_id: dict[str, Chapter]
    _places: dict[str, int]
    _memberships: dict[str, list[tuple[str, Row]]]
    _evidence: dict[str, list[int]] = field(repr=False)

    @classmethod
    def of(cls, findings: Findings) -> Held:
        """All of it, worked out."""
        story = tell(findings)
        chapters = (*story.campaigns, *story.networks)
        memberships: defaultdict[str, list[tuple[str, Row]]] = defaultdict(list)
        for chapter in chapters:
            for row in chapter.members:
                memberships[row["account_id"]].append((chapter.campaign_id, row))
        evidence: defaultdict[str, list[int]] = defaultdict(list)
        for i, account_id in enumerate(findings.evidence["account_id"].to_pylist()):
            if account_id is not None:
                evidence[account_id].append(i)
        return cls(
            findings=findings,
            story=story,
            timeline=timeline(findings, story),
            shares=shares(findings, story),
            models=models(findings),
            _by_id={chapter.campaign_id: chapter for chapter in chapters},
            _places={a: i for i, a in enumerate(findings.accounts["account_id"].to_pylist())},
            _memberships=dict(memberships),
            _evidence=dict(evidence),
        )

    def chapter(self, campaign_id: str) -> Chapter:
        """A campaign or a network; raises `UnknownName`."""
        if campaign_id not in self._by_id:
            raise UnknownName("findings", f"no campaign is called {campaign_id!r}", _LOOK)
        return self._by_id[campaign_id]

    def has(self, campaign_id: str) -> bool:
        """Whether these findings know a campaign of that name."""
        return campaign_id in self._by_id

    def account(self, account_id: str) -> Row:
        """Where an account stands, its `detail` decoded; raises `UnknownName`."""
        if account_id not in self._places:
            raise UnknownName("findings", f"no account is called {account_id!r}", _LOOK)
        place = self._places[account_id]
        (row,) = self.findings.accounts.slice(place, 1).to_pylist(maps_as_pydicts="strict")
        says, detail = said(row.pop("detail"))
        kept = {key: detail.get(key) or [] for key in ("for", "against", "nearest", "objects")}
        return {**row, "says": says, **kept, "figures": detail.get("figures") or {}}

    def memberships(self, account_id: str) -> list[tuple[Chapter, Row]]:
        """The campaigns and networks that an account is in, and its row of `members` in each."""
        found = self._memberships.get(account_id, [])
        return [(self._by_id[campaign_id], row) for campaign_id, row in found]

    def evidence_on(self, account_id: str) -> list[Row]:
        """Rows of `evidence` on one account, `detail` decoded."""
        rows = self.findings.evidence.take(pa.array(self._evidence.get(account_id, []), pa.int64()))
        return [{**row, "detail": said(row["detail"])[1]} for row in rows.to_pylist()]

    def frames(self, campaign_id: str) -> list[Row]:
        """Rows of `frames` of a campaign."""
        return self._of(self.findings.frames, campaign_id)

    def objects(self, campaign_id: str) -> list[Row]:
        """Rows of `objects` of a campaign."""
        return self._of(self.findings.objects, campaign_id)

    def panel(self, campaign_id: str, around: str | None = None) -> Panel | None:
        """The picture of a campaign's accounts, or of those near one of them."""
        return self._panels(campaign_id, around)

    @cached_property
    def _panels(self) -> Any:
        @lru_cache(64)
        def drawn(campaign_id: str, around: str | None) -> Panel | None:
            return panel(self.findings, self.chapter(campaign_id), around)

        return drawn

    def link(self, campaign_id: str, one: str, other: str) -> Row | None:
        """The stored link between two accounts of a campaign, if there is one."""
        pair = sorted((one, other))
        rows = self.findings.links.filter(
            (pc.field("campaign_id") == campaign_id)
            & pc.field("account_a").isin(pair)
            & pc.field("account_b").isin(pair)
        ).to_pylist()
        found = [r for r in rows if sorted((r["account_a"], r["account_b"])) == pair]
        return found[0] if found else None

    def links_of(self, campaign_id: str, account_id: str) -> list[Row]:
        """The stored links of an account inside a campaign, the strongest first."""
        here = pc.field("campaign_id") == campaign_id
        mine = (pc.field("account_a") == account_id) | (pc.field("account_b") == account_id)
        rows = self.findings.links.filter(here & mine).to_pylist()
        for row in rows:
            row["other"] = row["account_b" if row["account_a"] == account_id else "account_a"]
        return sorted(rows, key=lambda row: (-row["weight"], row["other"]))

    def members(
        self, campaign_id: str, sort: str, falling: bool, like: str, begin: int, most: int
    ) -> tuple[list[Row], int]:
        """Some rows of `members`, those whose account holds `like`, and how many there are."""
        rows = self.findings.members.filter(pc.field("campaign_id") == campaign_id)
        if like:
            rows = rows.filter(pc.match_substring(rows["account_id"], like, ignore_case=True))
        order = pc.sort_indices(
            rows,
            sort_keys=[
                (sort, "descending" if falling else "ascending"),
                ("account_id", "ascending"),
            ],
        )
        return rows.take(order.slice(begin, most)).to_pylist(), rows.num_rows

    def accounts_like(self, text: str, most: int) -> list[str]:
        """Ids of accounts that hold a text, those that are the text or begin with it first."""
        ids = self.findings.accounts["account_id"]
        found = ids.filter(pc.match_substring(ids, text, ignore_case=True)).to_pylist()
        found.sort(key=lambda name: (name != text, not name.startswith(text), name))
        return found[:most]

    def objects_with(self, keys: dict[str, str]) -> list[Row]:
        """Rows of `objects` with one of some keys, by key; `says` tells what each key was."""
        rows = self.findings.objects.filter(pc.field("object_id").isin(list(keys))).to_pylist()
        return [{**row, "says": keys[row["object_id"]]} for row in rows]

    @cached_property
    def matcher(self) -> Matcher:
        """Which frame family a text is of."""
        return Matcher(self.findings.frames)

    def shown_exchanges(self) -> list[str]:
        """Ids of the exchanges that pages show texts of: samples of frames, then of evidence."""
        whole = self.findings.evidence.filter(pc.field("account_id").is_null())
        samples = [self.findings.frames["sample"], self.findings.objects["sample"], whole["sample"]]
        ids = [i for column in samples for i in pc.list_flatten(column).to_pylist()]
        return list(dict.fromkeys(ids))

    def new_since(self, days: int) -> set[str]:
        """Campaigns whose first exchange came in the last so many days of the log."""
        last = self.story.last
        if last is None:
            return set()
        return {
            chapter.campaign_id
            for chapter in self._by_id.values()
            if chapter.first and (last - chapter.first).days < days
        }

    @staticmethod
    def _of(table: pa.Table, campaign_id: str) -> list[Row]:
        return table.filter(pc.field("campaign_id") == campaign_id).to_pylist()


_LOOK = "Search for it, or look at the list; ids are matched whole, as in the log"


class Watched:
    """The findings of a folder, as it is now: written anew, they are loaded in the background."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._stamp = self._written()
        self._held = Held.of(read_findings(self.folder, leave=("exchanges",)))
        self._looked = time.monotonic()
        self._lock = threading.Lock()
        self._loading: threading.Thread | None = None
        self.fault: str | None = None

    def now(self) -> Held:
        """What pages are made of; a fresh folder is noticed and answers as soon as it is loaded."""
        with self._lock:
            idle = self._loading is None or not self._loading.is_alive()
            if idle and time.monotonic() - self._looked > LOOK_AGAIN_S:
                self._looked = time.monotonic()
                if self._written() not in (None, self._stamp):
                    self._loading = threading.Thread(target=self._load, daemon=True)
                    self._loading.start()
            return self._held

    def _load(self) -> None:
        stamp = self._written()
        try:
            fresh = Held.of(read_findings(self.folder, leave=("exchanges",)))
        except StillwatchError as fault:
            self.fault = str(fault)  # the old findings go on answering, and pages say so
            return
        with self._lock:
            self._held, self._stamp, self.fault = fresh, stamp, None

    def _written(self) -> tuple[int, int] | None:
        try:
            state = (self.folder / "run.json").stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_ino


def shares_of_days(held: Held, campaign_id: str) -> list[tuple[Any, dict[str, float]]]:
    """By week from a campaign's first day on, the shares of capabilities that it sought."""
    rows = held.findings.daily.filter(pc.field("campaign_id") == campaign_id)
    if not rows.num_rows:
        return []
    day = rows["day"].cast(pa.int32()).to_numpy()
    week = (day - day.min()) // 7
    found = []
    for number in np.unique(week):
        mine = rows.filter(pa.array(week == number))
        sums = mine.group_by("capability").aggregate([("exchanges", "sum")]).to_pylist()
        whole = sum(row["exchanges_sum"] for row in sums)
        begins = pc.min(mine["day"]).as_py()
        shares = {row["capability"]: row["exchanges_sum"] / whole for row in sums}
        found.append((begins, dict(sorted(shares.items(), key=lambda s: -s[1]))))
    return found
