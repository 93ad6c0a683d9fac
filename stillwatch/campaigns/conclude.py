"""From candidate groups to findings: judge each, keep what wins, say where everybody stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch import tables
from stillwatch.campaigns.attribution import Background, Model, background
from stillwatch.campaigns.continuity import Named, named, works_table
from stillwatch.campaigns.extension import extended, in_place_of, keep_found, parted, same
from stillwatch.campaigns.following import Trail, followed, surest, told_of, trails, word_on
from stillwatch.campaigns.frames import frames_of
from stillwatch.campaigns.ground import Ground, ground
from stillwatch.campaigns.judgement import SECOND_LOOK, Verdict, judge, prior_of
from stillwatch.campaigns.lacking import lacking
from stillwatch.campaigns.links import links_table
from stillwatch.campaigns.networks import judge_network
from stillwatch.campaigns.objects import objects_of
from stillwatch.campaigns.outsiders import outsiders
from stillwatch.campaigns.standing import standing_table
from stillwatch.campaigns.wordless.judgement import judge_wordless
from stillwatch.campaigns.write import (
    ToldIds,
    attributed_table,
    campaigns_table,
    daily_table,
    evidence_table,
    members_table,
    shown_table,
)
from stillwatch.findings import Findings
from stillwatch.memory import give_back
from stillwatch.progress import Spread, one_by_one

if TYPE_CHECKING:
    from stillwatch.campaigns.component import Outsiders
    from stillwatch.leads import Lead
    from stillwatch.traffic import Candidates, Group, Traffic

PASSES = 5
"""Times that groups are judged, at most: campaigns may go beyond the groups that they are found in.
"""

ALIKE = 0.05
"""Part of the outsiders that may come or go before groups that stay the same are judged again."""

Judged = list[Verdict]


def conclude(
    traffic: Traffic,
    candidates: Candidates,
    run: dict[str, Any],
    tell: Callable[[int], None] = lambda _: None,
    spread: Spread = one_by_one,
    earlier: Findings | None = None,
    hand_on: Callable[[Traffic, Named, Background], None] = lambda *_: None,
    leads: Sequence[Lead] = (),
) -> Findings:
    """Findings of one run, whose record `run` gains `outsiders`, and `notes` on what
    the log lacks.

    `tell` hears of each group that was judged; `spread` judges them, each by itself.
    Campaigns of `earlier` findings keep their names. Where there is text, `leads` are followed, and
    `hand_on` is given the traffic, what was found in it, by name, and what it was judged against.
    """
    known = ground(traffic, spread)
    against = None
    if traffic.text:
        judged, others, against = _judge_all(
            traffic, candidates.groups, known, run, tell, spread, leads
        )
    else:
        judged, others = judge_wordless(traffic, candidates, known, run, tell)
    if notes := lacking(traffic, len(others)):
        run["notes"] = notes
    campaigns = [v for v in judged if v.kind == "distillation"]
    networks = _networks(traffic, candidates.networks, campaigns, others, tell, spread)
    campaigns.sort(key=lambda v: (-len(v.rows), v.accounts.tolist()))
    found = named(traffic, [*campaigns, *networks], earlier, run)
    if against is not None:
        hand_on(traffic, found, against)
    del known, against, others  # tables take memory of their own
    give_back()
    frames, objects = spread([partial(f, traffic, found) for f in (frames_of, objects_of)])
    ids = ToldIds(traffic, found, [*frames, *objects])
    made = {
        "accounts": partial(standing_table, traffic, found, judged, candidates.nearest),
        "exchanges": partial(attributed_table, found, ids),
        "daily": partial(daily_table, traffic, found),
        "links": partial(links_table, traffic, found),
        "evidence": partial(evidence_table, traffic, found, ids),
        "members": partial(members_table, traffic, found),
        "campaigns": partial(campaigns_table, traffic, found),
        "works": partial(works_table, traffic, found),
        "frames": partial(shown_table, frames, tables.FRAMES, ids),
        "objects": partial(shown_table, objects, tables.OBJECTS, ids),
    }
    return Findings(**dict(zip(made, spread(made.values()), strict=True)), run=run)


def _networks(
    traffic: Traffic,
    groups: list[Group],
    campaigns: Judged,
    others: Outsiders,
    tell: Callable[[int], None],
    spread: Spread,
) -> Judged:
    """Groups that share their access and are networks, by who is in no campaign."""
    taken = np.zeros(len(traffic.accounts), bool)
    for verdict in campaigns:
        taken[verdict.accounts] = True
    judge_one = partial(judge_network, traffic, taken=taken, outsiders=others)
    found = []
    for verdict in spread(partial(judge_one, group) for group in groups):
        found += [verdict] if verdict else []
        tell(1)
    return found


def _judge_all(
    traffic: Traffic,
    groups: list[Group],
    on: Ground,
    run: dict[str, Any],
    tell: Callable[[int], None],
    spread: Spread,
    leads: Sequence[Lead],
) -> tuple[Judged, Outsiders, Background]:
    """Verdicts on all groups, judged again while campaigns turn out to go beyond theirs.

    After the first pass `leads` are followed, to groups that come to those that were found.
    """
    before: Judged = []
    found: list[Trail] = []
    known: dict[bytes, Verdict] = {}
    outside = passes = led = 0
    while True:
        passes += 1
        others = outsiders(traffic, groups, on)
        against = background(traffic.exchanges, on, others.accounts)
        prior = prior_of(groups)
        if abs(len(others) - outside) > ALIKE * outside:
            known = {}
        anew = partial(
            _judge_in_parts,
            traffic,
            known=known,
            before=before,
            against=against,
            others=others,
            prior=prior,
            spread=spread,
            found=found,
        )
        judged: Judged = []
        for verdicts in spread(partial(anew, group) for group in groups):
            judged += verdicts
            tell(1 if passes == 1 else 0)
        judged = keep_found(traffic, before, judged)
        if passes == PASSES:
            break
        known, outside = {v.group.accounts.tobytes(): v for v in judged}, len(others)
        before, groups = judged, extended(traffic, judged, on, others.accounts, spread)
        if leads and passes == 1:
            found = trails(traffic, leads, judged, others.accounts)
            run["leads"] = told_of(found)
            groups, led = followed(groups, judged, found)
            known = {} if led else known
        if not (led and passes == 1) and same(groups, [verdict.group for verdict in judged]):
            break
    run["outsiders"], run["passes"] = len(others), passes
    run["prior_log10_odds"] = round(prior, 3)
    return judged, others, against


def _judge_in_parts(
    traffic: Traffic,
    group: Group,
    *,
    known: dict[bytes, Verdict],
    before: Judged,
    against: Background,
    others: Outsiders,
    prior: float,
    spread: Spread,
    found: list[Trail],
) -> Judged:
    """The verdict on a group, unless it is `known`; on its parts too where those are campaigns."""
    if group.accounts.tobytes() in known:
        return [known[group.accounts.tobytes()]]

    def verdict_on(group: Group, work: Model | None, prior: float) -> Verdict:
        return judge(traffic, group, against, others, prior, work, spread, word_on(group, found))

    whole = verdict_on(group, _known_work(group, before), prior)
    parts = parted(traffic, whole)
    # What a campaign leaves does other work; crowds that overlap do some of the whole's each.
    work = None if whole.kind == "distillation" else whole.model
    less = prior - float(np.log10(max(1, len(parts))))
    if whole.kind != "distillation" and (core := surest(group, found)):
        parts, work, less = core, None, prior - SECOND_LOOK
    return in_place_of(traffic, whole, [verdict_on(part, work, less) for part in parts])


def _known_work(group: Group, before: Judged) -> Model | None:
    """The work of the campaign that most of the group's accounts were found in, if any were."""
    shared = [
        (len(np.intersect1d(verdict.accounts, group.accounts)), verdict.model)
        for verdict in before
        if verdict.kind == "distillation"
    ]
    most, model = max(shared, key=lambda s: s[0], default=(0, None))
    return model if most else None
