"""Names that last: a campaign is the same one as its log grows, and when its heads are replaced.

By itself a name is made of the member who came first, whom a grown log keeps. Given the findings
of an earlier run, a campaign takes over the name of the one that it shares most members with; one
whose accounts are all new takes over the name of a campaign whose work is of the same distribution
(unbiased MMD between all of the one's attributed exchanges and all of the other's).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stillwatch import tables
from stillwatch.statistics.crowds import COHESION
from stillwatch.statistics.mmd import Samples, squared_mmd

if TYPE_CHECKING:
    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.findings import Findings
    from stillwatch.traffic import Traffic

Named = list[tuple[str, "Verdict"]]


def named(
    traffic: Traffic, verdicts: list[Verdict], earlier: Findings | None, run: dict[str, Any]
) -> Named:
    """`verdicts` with their names, all different.

    With `earlier` findings, the record `run` gains `earlier`: the names that were `kept`, those
    `regrown` with none of the members they had, those `joined` to another, and those `gone`.
    """
    own = [campaign_name(traffic, verdict) for verdict in verdicts]
    if earlier is None:
        return list(zip(own, verdicts, strict=True))
    shared = _shared_members(traffic, verdicts, earlier)
    kept = _one_to_one(shared)
    regrown = _one_to_one(_nearness(traffic, verdicts, earlier, kept))
    heirs = {**kept, **regrown}
    joined = {
        old: heirs.get(new, own[new])
        for (new, old), _ in sorted(shared.items(), key=lambda item: item[1])
        if old not in heirs.values()
    }
    known = set(earlier.campaigns["campaign_id"].to_pylist())
    run["earlier"] = {
        "kept": sorted(kept.values()),
        "regrown": sorted(regrown.values()),
        "joined": dict(sorted(joined.items())),
        "gone": sorted(known - {*heirs.values(), *joined}),
    }
    names, used = [], known | set(own)
    for i, name in enumerate(own):
        names.append(heirs.get(i) or (free_name(name, used) if name in known else name))
        used.add(names[-1])
    return list(zip(names, verdicts, strict=True))


def campaign_name(traffic: Traffic, verdict: Verdict) -> str:
    """A name made of the member whose first exchange is the earliest.

    >>> len("c-0123456789")
    12
    """
    members = verdict.accounts
    first = members[np.lexsort((members, traffic.accounts.first[members]))[0]]
    return _name(f"{verdict.kind}:{traffic.accounts.ids[first]}")


def works_table(traffic: Traffic, named: Named) -> pa.Table:
    """`tables.WORKS`: each campaign's common work as one sample, of some of its exchanges."""
    rows = []
    for name, verdict in named:
        if verdict.kind == "distillation":
            work = verdict.work
            rows.append(
                {
                    "campaign_id": name,
                    "exchanges": int(work.size[0]),
                    "total": work.total[0].tolist(),
                    "squares": float(work.squares[0]),
                }
            )
    return pa.Table.from_pylist(rows, schema=tables.WORKS)


def _name(text: str) -> str:
    return "c-" + hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def free_name(name: str, used: set[str]) -> str:
    """The name, or where it is used the first that is made of it and isn't."""
    while name in used:
        name = _name(f"again:{name}")
    return name


def _shared_members(
    traffic: Traffic, verdicts: list[Verdict], earlier: Findings
) -> dict[tuple[int, str], float]:
    """How many members a verdict (by place) shares with an earlier campaign of its kind."""
    kinds = dict(
        zip(
            earlier.campaigns["campaign_id"].to_pylist(),
            earlier.campaigns["kind"].to_pylist(),
            strict=True,
        )
    )
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for row in earlier.members.select(["campaign_id", "account_id"]).to_pylist():
        homes[row["account_id"]].append(row["campaign_id"])
    shared: defaultdict[tuple[int, str], float] = defaultdict(float)
    for i, verdict in enumerate(verdicts):
        for account in verdict.accounts:
            for old in homes[traffic.accounts.ids[account]]:
                if kinds.get(old) == verdict.kind:
                    shared[i, old] += 1
    return dict(shared)


def _nearness(
    traffic: Traffic, verdicts: list[Verdict], earlier: Findings, kept: dict[int, str]
) -> dict[tuple[int, str], float]:
    """How near the work of a campaign without an heir is to that of one without a past.

    Only where the two could be one; larger is nearer.
    """
    old = [row for row in earlier.works.to_pylist() if row["campaign_id"] not in kept.values()]
    old = [row for row in old if len(row["total"]) == traffic.exchanges.content.shape[1]]
    near: dict[tuple[int, str], float] = {}
    if not old:
        return near
    works = Samples(
        np.array([float(row["exchanges"]) for row in old]),
        np.array([row["total"] for row in old]),
        np.array([row["squares"] for row in old]),
    )
    for i, verdict in enumerate(verdicts):
        if i in kept or verdict.kind != "distillation":
            continue
        work = verdict.work
        if work.size[0] < 2:
            continue
        for row, apart in zip(old, squared_mmd(work, works)[0], strict=True):
            if apart <= COHESION:
                near[i, row["campaign_id"]] = float(COHESION - apart)
    return near


def _one_to_one(scores: dict[tuple[int, str], float]) -> dict[int, str]:
    """Each place's old name, best score first; neither is used twice, and ties go by name."""
    heirs: dict[int, str] = {}
    for (new, old), _ in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        if new not in heirs and old not in heirs.values():
            heirs[new] = old
    return heirs
