"""Beyond the groups: campaigns found in pieces are joined, and their work is sought elsewhere.

A finder sees accounts that are alike from end to end. Once a campaign's common work is known by
itself it is told in any account, and pieces of one campaign have common work of one distribution.
Both matter twice: an account of a campaign that is left outside is taken for honest, and everybody
else is compared with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.attribution import asked, scanned, told_of, usual_rate
from stillwatch.campaigns.judgement import LEAST_MEMBERS, LEAST_OUTSIDERS, Verdict
from stillwatch.campaigns.membership import (
    COMPARED,
    LEAST_ATTRIBUTED,
    MEMBER_P,
    PART_OF_TYPICAL,
    STRAY_RATE,
    elsewhere,
    some_of,
)
from stillwatch.campaigns.outsiders import LEAST_EXCHANGES
from stillwatch.campaigns.parts import parts_of
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.crowds import COHESION, twin_communities
from stillwatch.statistics.mmd import (
    NULL_SPREAD,
    Samples,
    squared_mmd,
    twin_links,
)
from stillwatch.statistics.nearest import nearest_twins
from stillwatch.statistics.tails import at_least
from stillwatch.traffic import Group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.ground import Ground
    from stillwatch.traffic import Traffic

WORTH = 0.01
"""Accounts found outside, in parts of all outsiders, from which everything is judged again."""

EXCUSED = ("fleet", "class", "benchmark")
"""Rivals that explain why accounts are alike: whom one explains is drawn into no campaign."""

KEPT = 0.5
"""Part of a campaign's members that a wider one must have, or the campaign stays as it was."""

LEAST_CROWD = 5
NEIGHBOURS = 12
MOST_OF_A_PART = 0.9

_NOBODY = np.zeros(0, np.int64)


def extended(
    traffic: Traffic,
    judged: list[Verdict],
    ground: Ground,
    outside: NDArray[np.integer],
    spread: Spread = one_by_one,
) -> list[Group]:
    """The groups of `judged`, joined and extended where a campaign asks for it; else as they are.

    Largest first, disjoint. The accounts `outside` are those that groups were judged against.
    """
    groups = _joined(traffic, judged)
    found = _beyond(traffic, judged, ground, outside, spread)
    outsiders = len(outside)
    if outsiders - sum(map(len, found)) < LEAST_OUTSIDERS:
        found = [_NOBODY for _ in judged]
    if len(groups) == len(judged) and sum(map(len, found)) < max(1.0, WORTH * outsiders):
        return [verdict.group for verdict in judged]
    taken = np.concatenate(found)
    groups = [Group(np.setdiff1d(g.accounts, taken), g.found_by) for g in groups]
    for verdict, accounts in zip(judged, found, strict=True):
        if len(accounts):
            home = next(i for i, g in enumerate(groups) if np.isin(verdict.accounts, g.accounts)[0])
            groups[home] = _union(groups[home], Group(accounts, ("the campaign's work",)))
    groups = [group for group in groups if len(group.accounts)]
    return sorted(groups, key=lambda g: (-len(g.accounts), g.accounts.tolist()))


def parted(traffic: Traffic, verdict: Verdict) -> list[Group]:
    """Parts of a group to be judged by themselves, for it may hold two campaigns that share a pool.

    Of a campaign, those of its group who are not its members; of a group that is dismissed as
    overlap, the crowds that it falls into by its members' common work, unless one holds nearly all.
    """
    found_by = (*verdict.group.found_by, "part of a group")
    if verdict.kind == "distillation":
        left = np.setdiff1d(verdict.group.accounts, verdict.accounts)
        return [Group(left, found_by)] if len(left) >= LEAST_CROWD else []
    if verdict.kind != "rival:overlap" or len(verdict.accounts) < 2 * LEAST_CROWD:
        return []
    sample = parts_of(traffic, some_of(traffic, verdict.rows), verdict.accounts)
    large = sample.size >= COMPARED
    accounts, sample = verdict.accounts[large], sample.at(large)
    other, mmd2 = nearest_twins(sample, NEIGHBOURS)
    linked = twin_links(sample.size[:, None], sample.size[other], mmd2, NULL_SPREAD)
    crowds = twin_communities(sample, other, linked, LEAST_CROWD)
    if len(crowds) == 1 and len(crowds[0]) > MOST_OF_A_PART * len(verdict.accounts):
        return []
    return [Group(np.sort(accounts[places]), found_by) for places in crowds]


def in_place_of(traffic: Traffic, verdict: Verdict, parts: list[Verdict]) -> list[Verdict]:
    """A verdict's parts that are campaigns, and what they leave of it; itself if none is one."""
    found = [part for part in parts if part.kind == "distillation"]
    if not found:
        return [verdict]
    rest = _less(traffic, verdict, np.concatenate([part.group.accounts for part in found]))
    return [rest, *found] if len(rest.group.accounts) else found


def keep_found(traffic: Traffic, before: list[Verdict], judged: list[Verdict]) -> list[Verdict]:
    """`judged`, with campaigns of `before` that are lost in it: what fits them need not fit more.

    Largest group first, as groups are, and disjoint.
    """
    campaigns = [v for v in judged if v.kind == "distillation"]
    found = np.concatenate([_NOBODY, *(v.accounts for v in campaigns)])
    lost = [
        _less(traffic, v, found)
        for v in before
        if v.kind == "distillation" and np.isin(v.accounts, found).mean() < KEPT
    ]
    lost = [v for v in lost if len(v.accounts) >= LEAST_MEMBERS]
    taken = np.concatenate([_NOBODY, *(v.group.accounts for v in lost)])
    rest = [_less(traffic, v, taken) for v in judged]
    kept = [v for v in (*lost, *rest) if len(v.group.accounts)]
    return sorted(kept, key=lambda v: (-len(v.group.accounts), v.group.accounts.tolist()))


def _less(traffic: Traffic, verdict: Verdict, taken: NDArray[np.integer]) -> Verdict:
    """A verdict on what is left of its group without the accounts `taken`."""
    kept = ~np.isin(verdict.accounts, taken)
    rows = ~np.isin(traffic.exchanges.account[verdict.rows], taken)
    return replace(
        verdict,
        group=Group(np.setdiff1d(verdict.group.accounts, taken), verdict.group.found_by),
        accounts=verdict.accounts[kept],
        confidences=verdict.confidences[kept],
        rows=verdict.rows[rows],
        posterior=verdict.posterior[rows],
    )


def same(first: list[Group], second: list[Group]) -> bool:
    """Whether two lists are of the same groups of accounts."""
    return len(first) == len(second) and all(
        np.array_equal(a.accounts, b.accounts) for a, b in zip(first, second, strict=True)
    )


def _joined(traffic: Traffic, judged: list[Verdict]) -> list[Group]:
    """Groups, those joined whose common work is one campaign's."""
    groups: list[Group] = []
    heads: list[tuple[int, Samples]] = []
    for verdict in sorted(judged, key=lambda v: v.kind != "distillation"):
        work = verdict.work
        home = None
        if verdict.kind.removeprefix("rival:") not in EXCUSED:
            home = next((place for place, head in heads if _one(head, work)), None)
        if home is not None:
            groups[home] = _union(groups[home], verdict.group)
            continue
        if verdict.kind == "distillation":
            heads.append((len(groups), work))
        groups.append(verdict.group)
    return groups


def _one(first: Samples, second: Samples) -> bool:
    """Whether the common work of two groups is of one distribution."""
    if min(first.size[0], second.size[0]) < 2:
        return False
    return float(squared_mmd(first, second)[0, 0]) <= COHESION


def _union(first: Group, second: Group) -> Group:
    return Group(
        np.union1d(first.accounts, second.accounts),
        tuple(sorted({*first.found_by, *second.found_by})),
    )


def _beyond(
    traffic: Traffic,
    judged: list[Verdict],
    ground: Ground,
    outside: NDArray[np.integer],
    spread: Spread,
) -> list[NDArray[np.integer]]:
    """For each verdict, who does its campaign's work outside all campaigns; each for one."""
    everyone, followed = len(traffic.accounts), traffic.exchanges.threads
    # With too few exchanges to be an outsider, an account can still do a campaign's work.
    free = traffic.accounts.exchanges < LEAST_EXCHANGES
    for verdict in judged:
        free[verdict.group.accounts] = verdict.kind.removeprefix("rival:") not in EXCUSED
    for verdict in judged:
        if verdict.kind == "distillation":
            free[verdict.accounts] = False
    free[outside] = True
    threads = scanned(traffic.exchanges, np.flatnonzero(free))
    theirs = asked(traffic.exchanges, ground.codes, threads)
    account = theirs.account
    load = np.bincount(account, minlength=everyone)
    honest = np.isin(account, outside)
    best, home = np.zeros(everyone), np.full(everyone, -1)
    for i, verdict in enumerate(judged):
        if verdict.kind != "distillation" or verdict.model is None:
            continue
        attributed = np.bincount(traffic.exchanges.account[verdict.rows], minlength=everyone)
        share = attributed[verdict.accounts] / traffic.accounts.exchanges[verdict.accounts]
        typical = float(np.median(share))
        hit = told_of(theirs, verdict.model, typical, spread) >= 0.5
        usual = max(STRAY_RATE, usual_rate(account[honest], hit[honest]))
        hits = np.bincount(account[hit], minlength=everyone)
        share = hits / np.maximum(load, 1)
        found = np.flatnonzero(
            (hits >= LEAST_ATTRIBUTED)
            & (at_least(hits, load, usual) <= MEMBER_P)
            & (share >= PART_OF_TYPICAL * typical)
            & (share > best)
        )
        found = np.setdiff1d(found, verdict.group.accounts)
        parts = some_of(traffic, followed.rows(threads[hit & np.isin(account, found)]))
        found = found[~elsewhere(traffic, parts, found, some_of(traffic, verdict.rows))]
        best[found], home[found] = share[found], i
    return [np.flatnonzero(home == i) for i in range(len(judged))]
