"""A judgement that has grown: all its tables, and its grounds."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.growth.added import Added, Newcomers, Tallies
from stillwatch.campaigns.growth.days import daily_table, moved
from stillwatch.campaigns.growth.evidence import evidence_table
from stillwatch.campaigns.growth.members import (
    attributed_table,
    campaigns_table,
    members_table,
    works_table,
)
from stillwatch.campaigns.growth.standing import standing_table
from stillwatch.findings import Findings

if TYPE_CHECKING:
    from stillwatch.campaigns.people import People
    from stillwatch.campaigns.precedent import Grounds, Judgement

OF_JUDGEMENT = ("outsiders", "passes", "prior_log10_odds", "notes", "earlier")
"""What a run's record takes over from that of the judgement."""


def grown(
    judgement: Judgement,
    since: Grounds,
    people: People,
    newcomers: Newcomers,
    kept_on: Added,
    drawn: Added,
    daily: pa.Table,
    scale: float,
    run: dict[str, Any],
) -> Judgement:
    """The judgement with all of that; `since` are its grounds as they are now but for accounts.

    `kept_on` are exchanges of those who were members before, `drawn` those of newcomers.
    `daily` (`tables.DAILY`) counts what arrived as if none of it were a campaign's. Embeddings are
    stored at `scale`; `run` is the record of the run.
    """
    old, precedents, added = judgement.findings, since.precedents, [kept_on, drawn]
    tallies = Tallies.of(people, added)
    hits = people.hits.copy()
    hits[newcomers.account] = newcomers.threads
    members = members_table(old, people, newcomers, tallies, precedents)
    days = daily_table(
        [old.daily, daily, *(moved(one, precedents) for one in added)], old.campaigns
    )
    order = pc.sort_indices(people.ids).to_numpy()
    taken_over = {key: old.run[key] for key in OF_JUDGEMENT if key in old.run}
    findings = Findings(
        campaigns=campaigns_table(old.campaigns, members, days, people, since.reasons),
        members=members,
        exchanges=pa.concat_tables([old.exchanges, attributed_table(added, precedents)]),
        evidence=evidence_table(old, members, people, newcomers, drawn, precedents),
        daily=days,
        links=old.links,
        accounts=standing_table(old, people, newcomers, precedents).take(pa.array(order)),
        works=works_table(old.works, added, precedents, scale),
        frames=old.frames,
        objects=old.objects,
        run={**taken_over, **run},
    )
    return replace(
        judgement,
        findings=findings,
        grounds=replace(
            since, load=people.load[order], hits=hits[order], sought=people.sought[order]
        ),
        absorbed=judgement.absorbed + int(people.sent.sum()),
    )
