"""From candidate groups to findings: judge each, keep what wins, say where everybody stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.attribution import background
from stillwatch.campaigns.judgement import LEAST_OUTSIDERS, Verdict, judge, prior_of
from stillwatch.campaigns.links import links_table
from stillwatch.campaigns.networks import judge_network
from stillwatch.campaigns.outsiders import outsiders
from stillwatch.campaigns.standing import standing_table
from stillwatch.campaigns.write import (
    attributed_table,
    campaign_id,
    campaigns_table,
    daily_table,
    evidence_table,
    members_table,
)
from stillwatch.findings import Findings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Candidates, Group, Traffic


def conclude(
    traffic: Traffic,
    candidates: Candidates,
    run: dict[str, Any],
    tell: Callable[[int], None] = lambda _: None,
) -> Findings:
    """Findings of one run, whose record `run` gains `outsiders`, and `notes` where they are few.

    `tell` hears of each group that was judged.
    """
    order = np.argsort(traffic.exchanges["exchange"], kind="stable")
    others = outsiders(traffic, candidates.groups, order)
    run["outsiders"] = len(others)
    if len(others) < LEAST_OUTSIDERS:
        run["notes"] = [
            f"Only {len(others)} accounts are outside every group, and {LEAST_OUTSIDERS} are "
            "needed to compare a group with; add logs of other accounts or of more days."
        ]
    against = background(traffic.exchanges, order, others.rows)
    prior = prior_of(candidates.groups)
    run["prior_log10_odds"] = round(prior, 3)
    judged: list[Verdict] = []
    for group in candidates.groups:
        rows = rows_of(traffic, group, order)
        judged.append(judge(traffic, group, rows, against, others, prior))
        tell(1)
    campaigns = [v for v in judged if v.kind == "distillation"]
    taken = np.zeros(len(traffic.accounts), bool)
    for verdict in campaigns:
        taken[verdict.accounts] = True
    networks = []
    for group in candidates.networks:
        verdict = judge_network(traffic, group, taken, order, others)
        if verdict is not None:
            networks.append(verdict)
        tell(1)
    campaigns.sort(key=lambda v: (-len(v.rows), v.accounts.tolist()))
    named = [(campaign_id(traffic, v), v) for v in [*campaigns, *networks]]
    return Findings(
        campaigns=campaigns_table(traffic, named),
        members=members_table(traffic, named),
        exchanges=attributed_table(traffic, named),
        evidence=evidence_table(traffic, named),
        daily=daily_table(traffic, named),
        links=links_table(traffic, named),
        accounts=standing_table(traffic, named, judged, candidates.nearest),
        run=run,
    )


def rows_of(traffic: Traffic, group: Group, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The exchanges of a group's accounts, in order of their keys."""
    inside = np.zeros(len(traffic.accounts), bool)
    inside[group.accounts] = True
    return order[inside[traffic.exchanges.account[order]]]
