"""Tellings in words: the same ones in every format."""

from __future__ import annotations

from stillwatch.sharing.indicators import CONTENT, KEYED, Indicator, Kind, Telling
from stillwatch.tables import CAPABILITY_TITLES

TITLES = {
    Kind.PREFIX: "Network prefix",
    Kind.ASN: "Autonomous system",
    Kind.USER_AGENT: "User agent",
    Kind.HEADERS: "Client's headers",
    Kind.JA4: "TLS client fingerprint (JA4)",
    Kind.PAYMENT: "Payment instrument",
    Kind.DEVICE: "Device",
    Kind.EMAIL_DOMAIN: "E-mail domain",
    Kind.SYSTEM: "System prompt",
    Kind.TOOLS: "Set of tools",
    Kind.SKETCH: "Frame family",
    Kind.CENTROID: "Content centroid",
}


def campaign_title(told: Telling) -> str:
    """What a campaign is called among peers."""
    return f"Distillation campaign {told.campaign[:8]}"


def in_words(told: Telling) -> str:
    """One paragraph: how many, when, what is sought."""
    sought = ", ".join(
        f"{CAPABILITY_TITLES[name]} ({share}%)" for name, share in told.capabilities.items()
    )
    return (
        f"At least {told.accounts:,} accounts that made at least {told.exchanges:,} exchanges "
        f"between {told.first_day} and {told.last_day}, fed from one queue, to harvest a model's "
        f"answers{f': {sought}' if sought else ''}. Found by detection, confirmed by a person "
        "and released by a second one. An indicator is a reason to look, and no verdict on "
        "whoever carries it."
    )


def indicator_title(one: Indicator) -> str:
    """What an indicator is, in a few words; values of content and of hashes say nothing to read."""
    if one.kind in CONTENT:
        return f"{TITLES[one.kind]}: {CAPABILITY_TITLES.get(one.about, 'all of the work')}"
    if one.kind in KEYED:
        return f"{TITLES[one.kind]} (keyed hash {one.value.rpartition('.')[2][:12]})"
    return f"{TITLES[one.kind]} {one.value}"


def indicator_words(one: Indicator) -> str:
    """How many carried it, when it was last seen, and how sure a match is."""
    return (
        f"Carried by at least {one.accounts:,} of the campaign's accounts, last on {one.last_day}; "
        f"of what carries it, {one.confidence}% is expected to be the campaign's."
    )
