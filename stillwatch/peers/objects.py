"""What of a peer's STIX objects is let in: bounded, well-formed, and of the types that we read.

Peers may be hostile, or hacked. Nothing of an object is believed here; it is only made sure that
it can be kept, shown and read again. STIX 2.1, section 3 (common properties):
https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import Any

from stillwatch.cases.times import stamp

MOST_BYTES = 64 << 10
"""Most bytes of one object as JSON."""
MOST_OBJECTS = 1_000
"""Most objects of one envelope or page."""
DEEPEST = 16

TYPES = frozenset(
    {
        "attack-pattern",
        "autonomous-system",
        "campaign",
        "extension-definition",
        "grouping",
        "identity",
        "indicator",
        "infrastructure",
        "intrusion-set",
        "ipv4-addr",
        "ipv6-addr",
        "marking-definition",
        "note",
        "relationship",
        "report",
        "sighting",
        "software",
        "threat-actor",
        "tool",
    }
)
"""Types that an account of a campaign is made of; no other is taken."""

_ID = re.compile(
    r"([a-z][a-z0-9-]{0,62})--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


@dataclass(frozen=True)
class StixObject:
    """One object that can be kept. `version` is text that sorts as time does."""

    id: str
    type: str
    version: str
    body: str


class NotTaken(ValueError):
    """Why an object, or a document, is not taken: words for whoever sent it."""


def read_json(body: bytes) -> Any:
    """A JSON document of a stranger; raises `NotTaken`.

    Refused are what JSON lacks (NaN), names that are said twice, and what is nested too deep.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except NotTaken:
        raise
    except (ValueError, RecursionError):
        raise NotTaken("the body is no JSON") from None


def read_envelope(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    """The objects of a TAXII envelope, unchecked, and the envelope; raises `NotTaken`."""
    envelope = read_json(body)
    if not isinstance(envelope, dict):
        raise NotTaken("the body is no TAXII envelope")
    objects = envelope.get("objects", [])
    if not isinstance(objects, list):
        raise NotTaken("objects is no list")
    if len(objects) > MOST_OBJECTS:
        raise NotTaken(f"{len(objects):,} objects are more than {MOST_OBJECTS:,}")
    return objects, envelope


def check_object(value: Any) -> StixObject:
    """One object that can be kept; raises `NotTaken`."""
    if not isinstance(value, dict):
        raise NotTaken("an object is no JSON object")
    identity = id_of(value)
    kind = value.get("type")
    if identity is None or not isinstance(kind, str) or not identity.startswith(f"{kind}--"):
        raise NotTaken("id and type aren't those of one STIX object")
    if kind not in TYPES:
        raise NotTaken(f"objects of type {kind} aren't read here")
    if value.get("spec_version") != "2.1":
        raise NotTaken("spec_version isn't 2.1")
    _check_depth(value)
    try:
        body = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise NotTaken("a number can't be written as JSON") from None
    if len(body) > MOST_BYTES:
        raise NotTaken(f"an object has {len(body):,} bytes, more than {MOST_BYTES:,}")
    return StixObject(identity, kind, _version(value), body)


def id_of(value: Any) -> str | None:
    """The id of what may be an object, where it is one."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def as_version(text: Any) -> str | None:
    """A STIX timestamp as the store keeps it; `None` for what is none.

    >>> as_version("2026-01-05T06:00:00Z"), as_version("yesterday")
    ('2026-01-05T06:00:00.000000Z', None)
    """
    if not isinstance(text, str) or len(text) > 40 or not text.endswith("Z"):
        return None
    try:
        return stamp(dt.datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _version(value: dict[str, Any]) -> str:
    """When an object was last changed; objects that can't be have that of the beginning of time.

    TAXII 2.1, section 3.5: by `modified`, else `created`, else any fixed time.
    """
    said = value.get("modified", value.get("created", "1970-01-01T00:00:00Z"))
    version = as_version(said)
    if version is None:
        raise NotTaken("modified or created is no time of STIX")
    return version


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise NotTaken(f"an object is nested more than {DEEPEST} deep")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotTaken("a name is said twice in one object")
    return made


def _refuse_constant(name: str) -> None:
    raise NotTaken(f"{name} is no JSON")
