"""From what peers told to leads: how much each is worth, and what of it can be looked for here.

A lead's weight falls with its age, and grows with how many told of the same work, each origin
counted once: a peer that passes on what another told adds nothing. It never counts for more than
`leads.MOST_WEIGHT`, and no peer has more than a few leads, so that one that floods us drowns only
itself.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.leads import MOST_WEIGHT, Centre, Lead
from stillwatch.peers.reading import ToldCampaign, told_campaigns
from stillwatch.peers.received import evidence
from stillwatch.sharing.centroids import Centroid
from stillwatch.sharing.indicators import Indicator, Kind
from stillwatch.sharing.sketches import sketch_bands
from stillwatch.signals.keys import network_keys
from stillwatch.tables import CAPABILITIES
from stillwatch.traffic import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.cases.store import Store

DOUBT = 0.1
"""What each origin leaves of the doubt. One telling in ten is taken to be wrong, though two people
let it go; one origin then counts for 0.9 of the most, two for 0.99."""

HALF_LIFE_DAYS = 60.0
"""Days after which a campaign that wasn't seen again counts for half."""

LEAST_WEIGHT = 0.05
"""What counts for less isn't followed: it is too old, or its own peer doubts it."""

LEADS_A_PEER = 5
"""Leads of one peer that are followed: those that count for most."""

ALIKE = 0.3
"""Part of the fewer of two campaigns' marks that both have, from which they tell of the same work.
"""

LOOKED_FOR = frozenset({Kind.PREFIX, Kind.SKETCH, Kind.CENTROID})
"""Kinds that detection looks for; the others are for people, and for gateways' own rules."""


def leads(store: Store, today: dt.date, until: dt.datetime | None = None) -> list[Lead]:
    """Leads of what is evidence on a day; with `until`, only of what had come by then."""
    told = evidence(store, until)
    return weighed(told_campaigns(told, today), today)


def weighed(campaigns: Sequence[ToldCampaign], today: dt.date) -> list[Lead]:
    """The leads of campaigns that were told, by weight."""
    marks = [_marks(campaign.indicators) for campaign in campaigns]
    made, held = [], Counter()
    order = sorted(
        range(len(campaigns)),
        key=lambda i: (-_own_weight(campaigns[i], today), campaigns[i].peer, campaigns[i].name),
    )
    for i in order:
        one = campaigns[i]
        alike = [c for c, m in zip(campaigns, marks, strict=True) if _same_work(marks[i], m)]
        lead = _lead(one, alike, today)
        if lead is None or held[one.peer] == LEADS_A_PEER:
            continue
        held[one.peer] += 1
        made.append(lead)
    return sorted(made, key=lambda lead: (-lead.weight, lead.name, lead.peers))


def _lead(one: ToldCampaign, alike: list[ToldCampaign], today: dt.date) -> Lead | None:
    """The lead of a campaign that some, itself among them, tell of alike; `None` where it says
    nothing that can be looked for, or counts for too little."""
    origins = _origins([one, *alike])
    weight = min(MOST_WEIGHT, _own_weight(one, today) * (1 - DOUBT**origins) / (1 - DOUBT))
    told = Counter(mark.kind for mark in one.indicators)
    if weight < LEAST_WEIGHT or not LOOKED_FOR & told.keys():
        return None
    return Lead(
        name=one.name,
        peers=(one.peer, *sorted({c.peer for c in alike} - {one.peer})),
        weight=weight,
        bands=_bands(one.indicators),
        networks=_networks(one.indicators),
        centres=_centres(one.indicators),
        told={str(kind): count for kind, count in sorted(told.items())},
    )


def _own_weight(one: ToldCampaign, today: dt.date) -> float:
    age = max(0, (today - one.last_day).days)
    return MOST_WEIGHT * (1 - DOUBT) * one.confidence / 100 * 0.5 ** (age / HALF_LIFE_DAYS)


def _origins(alike: list[ToldCampaign]) -> int:
    """How many independent voices there are: no more than peers, and no more than origins."""
    return min(len({c.peer for c in alike}), len({c.origin for c in alike}))


def _same_work(first: frozenset[str], second: frozenset[str]) -> bool:
    least = min(len(first), len(second))
    return least > 0 and len(first & second) >= ALIKE * least


def _marks(indicators: Sequence[Indicator]) -> frozenset[str]:
    """Single marks, as text: a sketch's bands each count for one, and centroids, which no two make
    alike, for none."""
    out: set[str] = set()
    for one in indicators:
        if one.kind == Kind.SKETCH:
            out.update(f"band:{band}" for band in _bands_of(one))
        elif one.kind != Kind.CENTROID:
            out.add(f"{one.kind}:{one.value}")
    return frozenset(out)


def _bands(indicators: Sequence[Indicator]) -> NDArray[np.uint64]:
    found = {b for one in indicators if one.kind == Kind.SKETCH for b in _bands_of(one)}
    return np.array(sorted(found - {0}), np.uint64)


def _bands_of(one: Indicator) -> frozenset[int]:
    """The bands of a sketch; none where another version made it, or nobody."""
    try:
        return sketch_bands(one.value)
    except ValueError:
        return frozenset()


def _networks(indicators: Sequence[Indicator]) -> NDArray[np.uint64]:
    first = [one.value.partition("/")[0] for one in indicators if one.kind == Kind.PREFIX]
    keys = np.unique(network_keys(pa.array(first, pa.string())))
    return keys[keys != 0]


def _centres(indicators: Sequence[Indicator]) -> tuple[Centre, ...]:
    out = []
    for one in indicators:
        if one.kind != Kind.CENTROID:
            continue
        try:
            made = Centroid.parse(one.value)
        except ValueError:
            continue
        about = CAPABILITIES.index(one.about) if one.about else WHOLE
        out.append(Centre(about, made.means, made.radius))
    return tuple(out)
