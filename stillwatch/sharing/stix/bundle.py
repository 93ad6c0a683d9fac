"""A share as a STIX 2.1 bundle (https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html).

The bundle is a function of what was approved and when: exported again, it is the same to the last
byte; exported after an update, its objects have the same ids and are later versions; exported after
a revocation, each of them says `revoked`. What an earlier share of the campaign told and the last
one doesn't is told with an end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.errors import SharingRefused
from stillwatch.sharing.indicators import Indicator, Kind, Telling
from stillwatch.sharing.stix.fixed import (
    CASE_STUDY,
    EXTENSION,
    Object,
    extension,
    maker,
    marking,
    marking_id,
    techniques,
)
from stillwatch.sharing.stix.ids import made_id, observable_id
from stillwatch.sharing.stix.patterns import pattern_of
from stillwatch.sharing.wording import campaign_title, in_words, indicator_title, indicator_words


@dataclass(frozen=True)
class Approved:
    """A telling, and when a second person approved it (UTC)."""

    telling: Telling
    at: dt.datetime


def bundle(past: Sequence[Approved], producer: str, revoked: dt.datetime | None = None) -> Object:
    """The bundle of a campaign, of all that was approved under its name, the earliest first.

    `producer` is who tells it; `revoked` when it was taken back. Raises `SharingRefused` where
    there is nothing.
    """
    if not past:
        raise SharingRefused("bundle", "nothing was approved", "Have a proposal approved first")
    return _Writer(past, producer, revoked).bundle()


class _Writer:
    """One bundle in progress."""

    def __init__(
        self, past: Sequence[Approved], producer: str, revoked: dt.datetime | None
    ) -> None:
        self._past, self._now, self._revoked = past, past[-1], revoked
        self._telling = self._now.telling
        self._name = self._telling.campaign
        self._who = made_id("identity", "producer", producer)
        self._producer = producer
        self._marks = [marking_id(self._telling.tlp)]

    def bundle(self) -> Object:
        campaign = self._campaign()
        about: list[Object] = [campaign, *self._actor(campaign)]
        found = self._indicators()
        objects = [
            *about,
            *self._infrastructure(campaign),
            *found,
            *(self._related(one["id"], "indicates", campaign["id"]) for one in found),
            *(self._related(campaign["id"], "uses", one["id"]) for one in techniques()),
            self._sighting(campaign),
            *self._note(campaign),
        ]
        fixed = [marking(self._telling.tlp), maker(), extension(), *techniques(), self._identity()]
        report = self._report(objects)
        return {
            "type": "bundle",
            "id": made_id("bundle", self._name, self._modified),
            "objects": _distinct([*fixed, *objects, report]),
        }

    @property
    def _modified(self) -> str:
        return moment(self._revoked or self._now.at)

    def _object(self, type_: str, *parts: str, first: dt.datetime | None = None) -> Object:
        """The properties that all of the campaign's objects have; `first` is when it was told."""
        made: Object = {
            "type": type_,
            "spec_version": "2.1",
            "id": made_id(type_, self._name, *parts),
            "created_by_ref": self._who,
            "created": moment(first or self._past[0].at),
            "modified": self._modified,
            "object_marking_refs": self._marks,
        }
        if self._revoked:
            made["revoked"] = True
        return made

    def _identity(self) -> Object:
        since = moment(dt.datetime(2026, 11, 28, tzinfo=dt.UTC))
        return {
            "type": "identity",
            "spec_version": "2.1",
            "id": self._who,
            "created": since,
            "modified": since,
            "name": self._producer,
            "identity_class": "organization",
        }

    def _campaign(self) -> Object:
        told = self._telling
        return {
            **self._object("campaign"),
            "name": campaign_title(told),
            "description": in_words(told),
            "objective": "To train a model on the answers of another one.",
            "first_seen": day(told.first_day),
            "last_seen": day(told.last_day),
            "confidence": told.confidence,
            "external_references": [CASE_STUDY],
            "extensions": {
                EXTENSION: {
                    "extension_type": "property-extension",
                    "accounts": told.accounts,
                    "exchanges": told.exchanges,
                    # STIX wants no empty dictionaries
                    **({"capabilities": dict(told.capabilities)} if told.capabilities else {}),
                }
            },
        }

    def _actor(self, campaign: Object) -> list[Object]:
        who = self._telling.attribution
        if who is None:
            return []
        actor = {
            **self._object(who.kind.value, who.name),
            "name": who.name,
            "description": "Attributed by a person, not by detection.",
        }
        return [actor, self._related(campaign["id"], "attributed-to", actor["id"])]

    def _infrastructure(self, campaign: Object) -> list[Object]:
        parts = [_observable(i) for i in self._telling.indicators if i.kind == Kind.PREFIX]
        if not parts:
            return []
        made = {
            **self._object("infrastructure"),
            "name": f"Networks of {campaign_title(self._telling).lower()}",
            "infrastructure_types": ["unknown"],
            "description": "Networks that several of the campaign's accounts came from, and "
            "hardly any honest account.",
        }
        return [
            made,
            *parts,
            self._related(campaign["id"], "uses", made["id"]),
            *(self._related(made["id"], "consists-of", part["id"]) for part in parts),
        ]

    def _indicators(self) -> list[Object]:
        """Those told now, and those told before that aren't any more, with an end."""
        first: dict[tuple[Kind, str, str], tuple[Indicator, dt.datetime]] = {}
        for approved in self._past:
            for one in approved.telling.indicators:
                first.setdefault((one.kind, one.value, one.about), (one, approved.at))
        now = {(one.kind, one.value, one.about): one for one in self._telling.indicators}
        return [
            self._indicator(now.get(what, one), at, ended=what not in now)
            for what, (one, at) in first.items()
        ]

    def _indicator(self, one: Indicator, first: dt.datetime, ended: bool) -> Object:
        until = min(one.expires, self._now.at.date()) if ended else one.expires
        until = max(until, one.first_day + dt.timedelta(days=1))
        return {
            **self._object("indicator", one.kind, one.value, one.about, first=first),
            "name": indicator_title(one),
            "description": indicator_words(one),
            "indicator_types": ["anomalous-activity"],
            "pattern": pattern_of(one),
            "pattern_type": "stix",
            "pattern_version": "2.1",
            "valid_from": day(one.first_day),
            "valid_until": day(until),
            "confidence": one.confidence,
            "labels": ["model-distillation"],
            "extensions": {
                EXTENSION: {
                    "extension_type": "property-extension",
                    "kind": one.kind.value,
                    "value": one.value,
                    **({"about": one.about} if one.about else {}),
                    "accounts": one.accounts,
                    "first_day": str(one.first_day),
                    "last_day": str(one.last_day),
                }
            },
        }

    def _related(self, source: str, how: str, target: str) -> Object:
        return {
            **self._object("relationship", source, how, target),
            "relationship_type": how,
            "source_ref": source,
            "target_ref": target,
        }

    def _sighting(self, campaign: Object) -> Object:
        return {
            **self._object("sighting"),
            "first_seen": day(self._telling.first_day),
            "last_seen": day(self._telling.last_day),
            "count": min(self._telling.exchanges, 999_999_999),
            "sighting_of_ref": campaign["id"],
            "where_sighted_refs": [self._who],
        }

    def _note(self, campaign: Object) -> list[Object]:
        if self._telling.note is None:
            return []
        return [
            {
                **self._object("note"),
                "abstract": f"On {campaign_title(self._telling).lower()}",
                "content": self._telling.note,
                "object_refs": [campaign["id"]],
            }
        ]

    def _report(self, objects: Sequence[Object]) -> Object:
        return {
            **self._object("report"),
            "name": campaign_title(self._telling),
            "description": in_words(self._telling),
            "report_types": ["campaign"],
            "published": moment(self._past[0].at),
            "object_refs": sorted({one["id"] for one in objects}),
        }


def _observable(prefix: Indicator) -> Object:
    type_ = "ipv6-addr" if ":" in prefix.value else "ipv4-addr"
    return {
        "type": type_,
        "spec_version": "2.1",
        "id": observable_id(type_, value=prefix.value),
        "value": prefix.value,
    }


def _distinct(objects: list[Object]) -> list[Object]:
    return list({one["id"]: one for one in objects}.values())


def day(when: dt.date) -> str:
    """A day as STIX writes its first moment."""
    return f"{when.isoformat()}T00:00:00.000Z"


def moment(when: dt.datetime) -> str:
    """A time as STIX writes it, to the millisecond."""
    utc = when.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return utc.replace("+00:00", "Z")
