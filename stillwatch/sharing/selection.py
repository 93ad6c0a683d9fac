"""What of all that a campaign's accounts carry may be told, and why the rest may not.

Told is only what enough of the campaign's accounts carry (so that it speaks of none of them alone)
and hardly any honest account does: an indicator that hits honest people is worse than none. What is
told in plain must be safe to read, and name nobody.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.display import plain
from stillwatch.reports.redaction import redacted, without
from stillwatch.sharing.carriers import Carried, Look
from stillwatch.sharing.centroids import LEAST_COMPARED, centroid_of
from stillwatch.sharing.indicators import (
    KEYED,
    LASTS_DAYS,
    MOST_TEXT,
    Indicator,
    Kind,
    rounded,
)
from stillwatch.sharing.keyed import GroupKey, epoch_of, keyed
from stillwatch.sharing.sketches import MOST_BANDS, sketch_value


@dataclass(frozen=True)
class Limits:
    """What it takes to be told.

    `least_accounts` of the campaign carry it (k-anonymity); at most the share `most_honest` of all
    honest accounts do; and of the accounts that carry it, at least `least_right` are the
    campaign's.
    """

    least_accounts: int = 5
    most_honest: float = 0.001
    least_right: float = 0.9


_JA4 = re.compile(r"[tqd][0-9a-z]{9}_[0-9a-f]{12}_[0-9a-f]{12}")
"""https://github.com/FoxIO-LLC/ja4: a fingerprint says nothing but which software it is."""

_VERSION = re.compile(r"/v?\d+(?:\.\d+)+")
"""A version in a user agent, which may look like an address."""

_NAMED = "the lake holds a name in its place, which no peer has"
_WRITTEN = "in a lake of names nobody can see whether it names a customer"
_OF_NAMES = {
    Kind.PAYMENT: _NAMED,
    Kind.DEVICE: _NAMED,
    Kind.EMAIL_DOMAIN: _NAMED,
    Kind.USER_AGENT: _WRITTEN,
    Kind.HEADERS: _WRITTEN,
}
"""Why a lake of names can't tell them. What clients write may be their organisation's name."""

MOST_TOLD = 500
"""Indicators of a kind: those that most accounts carry."""


@dataclass(frozen=True)
class Withheld:
    """What isn't told: `what`, for people inside to read, and why. `things` is how many."""

    kind: Kind
    what: str
    why: str
    accounts: int
    honest: int
    things: int = 1


@dataclass(frozen=True)
class Family:
    """A frame family of the findings: its capability and the bands of its sketch."""

    about: str
    bands: frozenset[int]


@dataclass(frozen=True)
class Judge:
    """Decides on one thing after another.

    `confidence` is the campaign's; `honest` how many honest accounts there are; `naming` are texts
    that hold an account's or an organisation's name. In a log `of_names` pseudonyms stand for
    these: no peer has them, and they can't be sought in what clients wrote.
    """

    limits: Limits
    confidence: float
    honest: int
    today: dt.date
    naming: Collection[str] = ()
    key: GroupKey | None = None
    of_names: bool = False

    def refusal(self, accounts: int, honest: int, more: bool = False) -> str | None:
        """Why counts don't allow something to be told; `None` where they do."""
        if accounts < self.limits.least_accounts:
            return f"fewer than {self.limits.least_accounts} of the campaign's accounts carry it"
        if more or honest > self.limits.most_honest * self.honest:
            share = f"{honest / max(1, self.honest):.2%}{' or more' if more else ''}"
            return f"{share} of honest accounts carry it too"
        if accounts < self.limits.least_right * (accounts + honest):
            return f"{honest:,} of the {accounts + honest:,} accounts that carry it are honest"
        return None

    def confidence_in(self, accounts: int, honest: int) -> int:
        """0 to 100: the campaign's confidence, times the part of the carriers that are its own,
        with one honest carrier more than were seen."""
        return math.floor(100 * self.confidence * accounts / (accounts + honest + 1))

    def value_of(self, one: Carried) -> tuple[str | None, str]:
        """A value as it is told, or why it can't be."""
        if self.of_names and one.kind in _OF_NAMES:
            return None, _OF_NAMES[one.kind]
        return self._value_of(one)

    def _value_of(self, one: Carried) -> tuple[str | None, str]:
        if one.kind in KEYED:
            if self.key is None:
                return None, "without a group's key it would be as good as told in plain"
            return str(keyed(self.key, epoch_of(self.today), one.kind, one.text)), ""
        if one.kind == Kind.PREFIX:
            return _prefix(one.text)
        if one.kind == Kind.ASN:
            return f"AS{one.key}", ""
        if one.kind == Kind.JA4:
            return (one.text, "") if _JA4.fullmatch(one.text) else (None, "it is no JA4")
        return self._text(one.text)

    def _text(self, text: str) -> tuple[str | None, str]:
        if len(text) > MOST_TEXT:
            return None, f"it is longer than {MOST_TEXT} characters"
        if not text.isascii() or not text.isprintable():
            return None, "it holds other than plain printable characters"
        if text in self.naming:
            return None, "it names an account or an organisation"
        unversioned = _VERSION.sub("/1", text)
        if redacted(unversioned, MOST_TEXT) != unversioned:
            return None, "it holds what looks like a secret or somebody's address"
        return text, ""


@dataclass(frozen=True)
class Selected:
    """What may be told, and what may not."""

    told: tuple[Indicator, ...]
    withheld: tuple[Withheld, ...]


def select(seen: Look, families: Sequence[Family], sought: Sequence[str], judge: Judge) -> Selected:
    """Decide on everything that was seen; `sought` are the capabilities to make centroids of."""
    told: list[Indicator] = []
    withheld = [
        Withheld(
            kind,
            "values that few carry",
            f"fewer than {judge.limits.least_accounts} of the campaign's accounts carry each",
            judge.limits.least_accounts - 1,
            0,
            number,
        )
        for kind, number in seen.rare.items()
        if kind != Kind.SKETCH
    ]
    for decided in (
        *_values(seen, judge),
        *_sketches(seen, families, judge),
        *_centroids(seen, sought, judge),
    ):
        if isinstance(decided, Withheld):
            withheld.append(decided)
        elif decided.expires <= judge.today:
            why = f"it was last seen more than {LASTS_DAYS[decided.kind]} days ago"
            withheld.append(Withheld(decided.kind, decided.value, why, decided.accounts, 0))
        else:
            told.append(decided)
    told.sort(key=lambda i: (list(Kind).index(i.kind), -i.accounts, i.value, i.about))
    kept: list[Indicator] = []
    for kind in Kind:
        mine = [each for each in told if each.kind == kind]
        kept += mine[:MOST_TOLD]
        if len(mine) > MOST_TOLD:
            why = f"more than {MOST_TOLD} of a kind are not told: others are carried by more"
            withheld.append(
                Withheld(kind, "the rest", why, mine[MOST_TOLD].accounts, 0, len(mine) - MOST_TOLD)
            )
    return Selected(tuple(kept), tuple(withheld))


def _values(seen: Look, judge: Judge) -> Iterable[Indicator | Withheld]:
    for one in seen.carried:
        if one.kind == Kind.SKETCH:
            continue
        value, why = judge.value_of(one)
        why = judge.refusal(one.accounts, one.honest, one.more) or why
        if why or value is None:
            what = plain(value or one.text)
            yield Withheld(one.kind, what, why, one.accounts, one.honest)
        else:
            yield Indicator(
                one.kind,
                value,
                judge.confidence_in(one.accounts, one.honest),
                rounded(one.accounts),
                one.first_day,
                one.last_day,
            )


def _sketches(
    seen: Look, families: Sequence[Family], judge: Judge
) -> Iterable[Indicator | Withheld]:
    """Of each family the bands that may be told, each by itself, and all of them together."""
    carried = {one.key: one for one in seen.carried if one.kind == Kind.SKETCH}
    used: set[int] = set()
    for family in families:
        mine = [carried[band] for band in sorted(family.bands) if band in carried]
        good = [one for one in mine if not judge.refusal(one.accounts, one.honest, one.more)]
        good = sorted(good, key=lambda one: (-one.accounts, one.key))[:MOST_BANDS]
        if good and used.issuperset(one.key for one in good):
            continue
        used |= {one.key for one in good}
        what = f"a frame family ({family.about}, {len(family.bands)} bands)"
        if not good:
            why = "no band of it is both common among the campaign's accounts and rare among others"
            most = max((one.accounts for one in mine), default=0)
            yield Withheld(Kind.SKETCH, what, why, most, max((o.honest for o in mine), default=0))
            continue
        accounts, honest = (
            len(np.unique(np.concatenate([seen.bands[one.key][side] for one in good])))
            for side in (0, 1)
        )
        if why := judge.refusal(accounts, honest):
            yield Withheld(Kind.SKETCH, what, why, accounts, honest)
            continue
        yield Indicator(
            Kind.SKETCH,
            sketch_value([one.key for one in good]),
            judge.confidence_in(accounts, honest),
            rounded(accounts),
            min(one.first_day for one in good),
            max(one.last_day for one in good),
            family.about,
        )


def _centroids(seen: Look, sought: Sequence[str], judge: Judge) -> Iterable[Indicator | Withheld]:
    """One of all the campaign's work, and one of each capability that it sought."""
    theirs, others = seen.content
    days = [(one.first_day, one.last_day) for one in seen.carried]
    for about in ("", *sought) if days else ():
        mine = theirs.of(about).at_least(LEAST_COMPARED)
        what = f"the centroid of {about.replace('_', ' ') or 'all of its work'}"
        if len(mine.size) < max(2, judge.limits.least_accounts):
            why = (
                f"fewer than {judge.limits.least_accounts} of its accounts have "
                f"{LEAST_COMPARED} exchanges of it"
            )
            yield Withheld(Kind.CENTROID, what, why, len(mine.size), 0)
            continue
        made = centroid_of(mine)
        inside = int(made.near(mine).sum())
        hit = int(made.near(others.of(about).at_least(LEAST_COMPARED)).sum())
        near = math.ceil(hit * seen.honest / max(1, seen.sampled))
        if why := judge.refusal(inside, near):
            yield Withheld(Kind.CENTROID, what, why, inside, near)
            continue
        first, last = min(day for day, _ in days), max(day for _, day in days)
        confidence = judge.confidence_in(inside, near)
        yield Indicator(Kind.CENTROID, made.value, confidence, rounded(inside), first, last, about)


def naming(texts: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    """Those of `texts`, of one line each, that hold one of `names` as a word of its own.

    >>> sorted(naming(["acme-bot/1", "bot/1"], ["acme"]))
    ['acme-bot/1']
    """
    # one empty line more: a text of no lines has one, too
    lines = sorted({"", *(text for text in texts if text.isprintable())})
    masked = without("\n".join(lines), [name for name in names if name.isprintable()])
    return frozenset(
        line for line, left in zip(lines, masked.split("\n"), strict=True) if line != left
    )


def _prefix(address: str) -> tuple[str | None, str]:
    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:
        return None, "it is no address"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if not found.is_global:
        return None, "it is no public address"
    size = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{size}", strict=False)), ""
