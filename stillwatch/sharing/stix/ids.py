"""Ids that a second export makes again, so that whoever has the first is updated and not doubled.

Observables have the UUIDv5 that STIX 2.1 (section 2.9) prescribes. For all else the specification
asks for UUIDv4: these are made of a digest, with the bits that a UUIDv4 has. What goes into one of
a campaign begins with the campaign's random name, so that nobody can guess what it stands for.
"""

from __future__ import annotations

import hashlib
import json
import uuid

_OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX 2.1's namespace for observables
(https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html)."""


def made_id(type_: str, *parts: str) -> str:
    """The id of an object that `parts` are all the difference of.

    >>> made_id("campaign", "a", "b") == made_id("campaign", "a", "b") != made_id("campaign", "ab")
    True
    """
    digest = hashlib.sha256(json.dumps(["stillwatch", type_, *parts]).encode()).digest()
    return f"{type_}--{uuid.UUID(bytes=digest[:16], version=4)}"


def observable_id(type_: str, **contributing: str | int) -> str:
    """The id of an observable, of the properties that contribute to it.

    >>> observable_id("ipv4-addr", value="198.51.100.3")
    'ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4'
    """
    canonical = json.dumps(contributing, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{type_}--{uuid.uuid5(_OBSERVABLES, canonical)}"
