"""What peers' STIX objects say of campaigns: tellings as they came, with nothing believed yet.

Indicators say what they are of in Stillwatch's extension. Of others' indicators, patterns of one
address or network are read; what they mean beyond that is not guessed. An indicator belongs to the
campaign that its own peer says it indicates: nobody adds to what another one told.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.peers.objects import as_version
from stillwatch.sharing.indicators import LASTS_DAYS, Indicator, Kind, indicator_from_json
from stillwatch.sharing.stix.fixed import EXTENSION

if TYPE_CHECKING:
    from stillwatch.peers.received import Told

MOST_INDICATORS = 2_000
"""Indicators of one campaign that are read; the surest."""

_ADDRESS = re.compile(r"\[ipv[46]-addr:value (?:=|ISSUBSET|ISSUPERSET) '([0-9a-fA-F.:/]{2,49})'\]")


@dataclass(frozen=True)
class ToldCampaign:
    """One campaign as one peer told it. `origin` is who it says it is from, or the peer itself;
    `markings` are ids of STIX's marking definitions, `indicators` those that are in force."""

    peer: str
    name: str
    origin: str
    confidence: int
    last_day: dt.date
    received_at: str
    markings: tuple[str, ...]
    indicators: tuple[Indicator, ...]


def told_campaigns(told: Iterable[Told], today: dt.date) -> list[ToldCampaign]:
    """The campaigns that are told, by peer and name, with what of them is in force on a day."""
    by_peer: defaultdict[str, dict[str, tuple[Told, dict[str, Any]]]] = defaultdict(dict)
    for one in told:
        value = json.loads(one.body)
        if value.get("revoked") is not True:
            by_peer[one.peer][one.object_id] = (one, value)
    found = []
    for peer, objects in sorted(by_peer.items()):
        marks = _indicated(objects)
        for name, (one, value) in sorted(objects.items()):
            if one.type == "campaign":
                some = [mark for i in sorted(marks[name]) for mark in _read(objects[i][1], today)]
                found.append(_campaign(peer, one, value, some, today))
    return found


def _indicated(objects: dict[str, tuple[Told, dict[str, Any]]]) -> defaultdict[str, set[str]]:
    """Ids of indicators by the campaign that each indicates."""
    out: defaultdict[str, set[str]] = defaultdict(set)
    for one, value in objects.values():
        source, target = value.get("source_ref"), value.get("target_ref")
        if one.type != "relationship" or value.get("relationship_type") != "indicates":
            continue
        if not (isinstance(source, str) and isinstance(target, str) and source in objects):
            continue
        if objects[source][0].type == "indicator":
            out[target].add(source)
    return out


def _campaign(
    peer: str, one: Told, value: dict[str, Any], marks: list[Indicator], today: dt.date
) -> ToldCampaign:
    last = as_version(value.get("last_seen")) or one.version
    origin, markings = value.get("created_by_ref"), value.get("object_marking_refs")
    marks = sorted(marks, key=lambda mark: (-mark.confidence, mark.kind, mark.value))
    return ToldCampaign(
        peer=peer,
        name=one.object_id,
        origin=origin if isinstance(origin, str) else peer,
        confidence=_percent(value.get("confidence"), 50),
        last_day=min(dt.date.fromisoformat(last[:10]), today),
        received_at=one.received_at,
        markings=tuple(str(m) for m in markings) if isinstance(markings, list) else (),
        indicators=tuple(marks[:MOST_INDICATORS]),
    )


def _read(value: dict[str, Any], today: dt.date) -> list[Indicator]:
    """The indicator of an object, where it can be read and is in force."""
    ours = value.get("extensions")
    ours = ours.get(EXTENSION) if isinstance(ours, dict) else None
    since, until = as_version(value.get("valid_from")), as_version(value.get("valid_until"))
    if since is None or since[:10] > str(today) or (until or "9999")[:10] <= str(today):
        return []
    try:
        if isinstance(ours, dict):
            row = {**ours, "confidence": _percent(value.get("confidence"), 50)}
            one = indicator_from_json(row)
        else:
            one = _of_pattern(value, dt.date.fromisoformat(since[:10]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return []
    # A peer can make an indicator end sooner, and not last longer than its kind does.
    last = min(one.last_day, today)
    return [one] if last + dt.timedelta(days=LASTS_DAYS[one.kind]) > today else []


def _of_pattern(value: dict[str, Any], since: dt.date) -> Indicator:
    """Of another's indicator, the network that its pattern names; raises `ValueError`."""
    pattern = value.get("pattern")
    found = _ADDRESS.fullmatch(pattern) if isinstance(pattern, str) else None
    if found is None:
        raise ValueError("no pattern of one network")
    network = ipaddress.ip_network(found[1], strict=False)
    least = 24 if network.version == 4 else 48
    if network.prefixlen < least:
        raise ValueError("a network of too many people")
    prefix = network.supernet(new_prefix=least)
    confidence = _percent(value.get("confidence"), 50)
    return Indicator(Kind.PREFIX, str(prefix), confidence, 0, since, since)


def _percent(number: Any, unsaid: int) -> int:
    good = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 100
    return number if good else unsaid
