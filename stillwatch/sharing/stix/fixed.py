"""Objects that are the same in every bundle: markings, our extension, and ATLAS's techniques."""

from __future__ import annotations

from typing import Any

from stillwatch.sharing.indicators import Tlp
from stillwatch.sharing.stix.ids import made_id

Object = dict[str, Any]

EXTENSION = "extension-definition--5f3b0d6e-7c1a-4d52-9e84-2b6f1c9a7d30"
"""Our own properties: a dictionary `extensions.EXTENSION` on campaigns and indicators."""

SINCE = "2026-11-28T00:00:00.000Z"
MAKER = made_id("identity", "stillwatch")

_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP_IDS = {
    Tlp.CLEAR: "94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""OASIS's markings for TLP 2.0: https://github.com/oasis-open/cti-stix-common-objects"""

_DESCRIPTION = (
    "Of an indicator: kind, value, about, accounts (those of the campaign that carried it, rounded "
    "down), first_day and last_day. Of a campaign: accounts and exchanges (rounded down) and "
    "capabilities (per cent of the exchanges). How values of each kind are made, and how patterns "
    "over x-stillwatch observables are matched, is described in docs/sharing.md of Stillwatch: "
    "x-stillwatch-client:ja4 is a TLS client fingerprint; x-stillwatch-frame:bands are MinHash "
    "bands of a prompt; x-stillwatch-content:near holds where an account's mean content embedding "
    "lies within the centroid's radius; x-stillwatch-keyed are HMAC-SHA-256 values under a "
    "group's key."
)

TECHNIQUES = {
    "AML.T0008.005": "AI Service Proxies",
    "AML.T0021": "Establish Accounts",
    "AML.T0040": "AI Model Inference API Access",
    "AML.T0065": "LLM Prompt Crafting",
    "AML.T0024.002": "Extract AI Model",
    "AML.T0048.004": "AI Intellectual Property Theft",
}
"""MITRE ATLAS's techniques that a distillation campaign uses (https://atlas.mitre.org)."""

CASE_STUDY = {
    "source_name": "mitre-atlas",
    "external_id": "AML.CS0056",
    "description": "A case of the same kind: https://atlas.mitre.org/studies/AML.CS0056",
}


def marking_id(tlp: Tlp) -> str:
    """The id of the marking of a level."""
    return f"marking-definition--{_TLP_IDS[tlp]}"


def marking(tlp: Tlp) -> Object:
    """The marking of a level, as OASIS publishes it."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": marking_id(tlp),
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{tlp.upper()}",
        "extensions": {
            _TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp.value}
        },
    }


def maker() -> Object:
    """The identity that the extension and the techniques' objects are by."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": MAKER,
        "created": SINCE,
        "modified": SINCE,
        "name": "Stillwatch",
        "identity_class": "system",
    }


def extension() -> Object:
    """The definition of our extension."""
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": EXTENSION,
        "created_by_ref": MAKER,
        "created": SINCE,
        "modified": SINCE,
        "name": "Stillwatch indicators",
        "description": _DESCRIPTION,
        "schema": "See the description; docs/sharing.md of Stillwatch has it in full.",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }


def techniques() -> list[Object]:
    """ATLAS's techniques as attack patterns: the same objects whoever tells."""
    return [
        {
            "type": "attack-pattern",
            "spec_version": "2.1",
            "id": made_id("attack-pattern", number),
            "created_by_ref": MAKER,
            "created": SINCE,
            "modified": SINCE,
            "name": name,
            "external_references": [
                {
                    "source_name": "mitre-atlas",
                    "external_id": number,
                    # the validator wants a hash of what a `url` points to, and pages change
                    "description": f"https://atlas.mitre.org/techniques/{number}",
                }
            ],
        }
        for number, name in TECHNIQUES.items()
    ]
