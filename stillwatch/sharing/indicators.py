"""What may be told of a campaign: indicators, and the telling that they are part of.

This is the allow-list. Every format that leaves is written from a `Telling` and from nothing else,
and a `Telling` has no place for a text, an account, an organisation or an exchange. Numbers of
ours are told rounded down (`rounded`), times as days.

Values are text in one form each, so that two deployments compare them letter by letter:

- `prefix`: a network in CIDR notation, IPv4 as /24 and IPv6 as /48: `198.51.100.0/24`
- `asn`: the number of an autonomous system: `AS64500`
- `user_agent`, `ja4`: as the client sent it
- `headers`: those of `HEADERS_TOLD` that the client sent, `name=value; name=value`, by name
- `payment`, `device`, `email_domain`, `system`, `tools`: a keyed hash (`keyed.Keyed`), since
  whoever knows the value knows a person or a text
- `sketch`: MinHash bands of a frame family (`sketches`)
- `centroid`: the mean of a campaign's content embeddings, and how near members come (`centroids`)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from stillwatch.errors import SharingRefused
from stillwatch.tables import CAPABILITIES


class Kind(StrEnum):
    """What an indicator is of."""

    PREFIX = "prefix"
    ASN = "asn"
    USER_AGENT = "user_agent"
    HEADERS = "headers"
    JA4 = "ja4"
    PAYMENT = "payment"
    DEVICE = "device"
    EMAIL_DOMAIN = "email_domain"
    SYSTEM = "system"
    TOOLS = "tools"
    SKETCH = "sketch"
    CENTROID = "centroid"


KEYED = frozenset({Kind.PAYMENT, Kind.DEVICE, Kind.EMAIL_DOMAIN, Kind.SYSTEM, Kind.TOOLS})
"""Kinds whose values are told as hashes by a group's key."""

CONTENT = frozenset({Kind.SKETCH, Kind.CENTROID})
"""Kinds that say what was asked, without its text; these have `about`."""

HEADERS_TOLD = (
    "accept",
    "accept-encoding",
    "accept-language",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "openai-beta",
    "x-app",
    "x-stainless-arch",
    "x-stainless-async",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
)
"""Headers that say which software a client is, and nothing of whose it is."""

LASTS_DAYS: Mapping[Kind, int] = {
    Kind.PREFIX: 30,
    Kind.ASN: 60,
    Kind.USER_AGENT: 60,
    Kind.HEADERS: 60,
    Kind.JA4: 60,
    Kind.PAYMENT: 90,
    Kind.DEVICE: 90,
    Kind.EMAIL_DOMAIN: 90,
    Kind.SYSTEM: 90,
    Kind.TOOLS: 90,
    Kind.SKETCH: 180,
    Kind.CENTROID: 180,
}
"""Days after its last sight for which an indicator is told: addresses change hands in weeks, and
what is asked for outlives the accounts that ask."""

MOST_CHARACTERS = {Kind.CENTROID: 800, Kind.SKETCH: 1400}
MOST_TEXT = 300
"""Characters of a value of any other kind."""


class Tlp(StrEnum):
    """The Traffic Light Protocol 2.0 (https://www.first.org/tlp/): whom a reader may pass it to."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"


class ActorKind(StrEnum):
    """What STIX calls whom a person attributed a campaign to."""

    INTRUSION_SET = "intrusion-set"
    THREAT_ACTOR = "threat-actor"


@dataclass(frozen=True)
class Attribution:
    """Whom a person, not the detector, holds responsible; `name` is what peers know them by."""

    kind: ActorKind
    name: str


@dataclass(frozen=True)
class Indicator:
    """One thing to look for.

    `accounts` is how many of the campaign's carried it, rounded down; `confidence`, 0 to 100, that
    an account that carries it is the campaign's; `about` a capability, for kinds of `CONTENT`, or
    "" for all of the campaign's work. `last_day` is the last on which it was seen.
    """

    kind: Kind
    value: str
    confidence: int
    accounts: int
    first_day: dt.date
    last_day: dt.date
    about: str = ""

    @property
    def expires(self) -> dt.date:
        """The day from which it should not be used."""
        return self.last_day + dt.timedelta(days=LASTS_DAYS[self.kind])


@dataclass(frozen=True)
class Telling:
    """All that is told of one campaign.

    `campaign` is a random UUID that stands for the campaign among peers: our own name for it is
    made of an account's id. `accounts` and `exchanges` are rounded down; `capabilities` are shares
    in per cent, rounded to five; `note` is written by a person.
    """

    campaign: str
    confidence: int
    accounts: int
    exchanges: int
    first_day: dt.date
    last_day: dt.date
    capabilities: Mapping[str, int]
    tlp: Tlp
    indicators: tuple[Indicator, ...]
    attribution: Attribution | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, days as text; `from_json` takes them back."""
        told = asdict(self)
        told["first_day"], told["last_day"] = str(self.first_day), str(self.last_day)
        told["capabilities"] = dict(self.capabilities)
        for row in told["indicators"]:
            row["first_day"], row["last_day"] = str(row["first_day"]), str(row["last_day"])
        return {**told, "indicators": list(told["indicators"])}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Telling:
        """The telling that `to_json` gave; raises `SharingRefused` for anything else."""
        try:
            who = told["attribution"]
            return cls(
                campaign=str(told["campaign"]),
                confidence=_percent(told["confidence"]),
                accounts=int(told["accounts"]),
                exchanges=int(told["exchanges"]),
                first_day=dt.date.fromisoformat(told["first_day"]),
                last_day=dt.date.fromisoformat(told["last_day"]),
                capabilities={
                    name: _percent(share)
                    for name, share in told["capabilities"].items()
                    if name in CAPABILITIES
                },
                tlp=Tlp(told["tlp"]),
                indicators=tuple(indicator_from_json(row) for row in told["indicators"]),
                attribution=Attribution(ActorKind(who["kind"]), str(who["name"])) if who else None,
                note=None if told["note"] is None else str(told["note"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise SharingRefused(
                "telling", f"can't be read ({type(fault).__name__}: {fault})", "Propose it again"
            ) from None


def indicator_from_json(row: Mapping[str, Any]) -> Indicator:
    """One indicator of plain values; raises `KeyError`, `TypeError` or `ValueError`."""
    about = str(row.get("about", ""))
    if about and about not in CAPABILITIES:
        raise ValueError(f"no capability is called {about[:40]!r}")
    kind, value = Kind(row["kind"]), str(row["value"])
    if not 0 < len(value) <= MOST_CHARACTERS.get(kind, MOST_TEXT):
        raise ValueError(f"a value of {len(value):,} characters is none of a {kind}")
    return Indicator(
        kind,
        value,
        _percent(row["confidence"]),
        int(row["accounts"]),
        dt.date.fromisoformat(row["first_day"]),
        dt.date.fromisoformat(row["last_day"]),
        about,
    )


def rounded(number: int) -> int:
    """A count as it is told: its first digit, and nothing of the rest.

    >>> rounded(23_871), rounded(7), rounded(0)
    (20000, 7, 0)
    """
    unit = 10 ** (len(str(number)) - 1)
    return number // unit * unit


def _percent(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 100:
        raise ValueError(f"{number!r} is no whole number from 0 to 100")
    return number
