"""Findings in words: the one place where figures become phrases, for the page and the terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from stillwatch.tables import CAPABILITY_TITLES

EVIDENCE_TITLES = {
    "exchangeability": "Fed from one queue",
    "shared_objects": "Share rare things",
    "work_allocation": "Divide one pool of work",
    "harvest_signs": "Signs of harvesting",
    "shared_origin": "Common origin",
    "told_by_peers": "Other providers told of it",
    "rival": "Another explanation",
    "membership": "Fits the campaign",
}
"""What each kind of evidence says, in a few words that need no glossary."""

RIVAL_TITLES = {
    "fleet": "A fleet of one owner",
    "class": "A class of students",
    "benchmark": "Runs of a benchmark",
    "reseller": "Shared access, no harvest",
    "customer": "One customer of a reseller",
}
"""Honest explanations by the names that the detector gives them."""

_BACKGROUND = ("chat", "other")
_NOTABLE_SHARE = 0.12
_MOST_WEIGHT = 12.0
_FULL = (2.0, 4.0, 6.0, _MOST_WEIGHT)


def evidence_title(kind: str) -> str:
    """The title of a kind of evidence; an unknown kind keeps its own name.

    >>> evidence_title("work_allocation")
    'Divide one pool of work'
    """
    return EVIDENCE_TITLES.get(kind, kind.replace("_", " "))


def rival_title(rival: str) -> str:
    """The title of a rival explanation; an unknown one keeps its own name.

    >>> rival_title("popular_software")
    'Popular software'
    """
    return RIVAL_TITLES.get(rival, upper_first(rival.replace("_", " ")))


def capability_title(capability: str) -> str:
    """The title of a capability; an unknown one keeps its own name."""
    return CAPABILITY_TITLES.get(capability, capability.replace("_", " "))


def sought(capabilities: Mapping[str, float], most: int = 3) -> list[str]:
    """Titles of what a campaign is after: its largest shares, ordinary chat and `other` last.

    >>> sought({"coding": 0.5, "tool_use": 0.3, "chat": 0.2})
    ['coding', 'tool use']
    """
    ranked = sorted(capabilities.items(), key=lambda item: (-item[1], item[0]))
    wanted = [name for name, _ in ranked if name not in _BACKGROUND]
    notable = [name for name in wanted if capabilities[name] >= _NOTABLE_SHARE][:most]
    names = notable or wanted[:1] or [name for name, _ in ranked][:1]
    return [capability_title(name).split(" (")[0] for name in names]


def carried(capabilities: Mapping[str, float]) -> str:
    """What passes through a network, in a few words.

    >>> carried({"chat": 0.6, "coding": 0.3, "other": 0.1})
    'Shared access, mostly ordinary chat and coding'
    """
    ranked = sorted(capabilities.items(), key=lambda item: (-item[1], item[0]))
    names = [capability_title(name).split(" (")[0] for name, _ in ranked[:2] if name != "other"]
    return f"Shared access, mostly {listed(names)}" if names else "Shared access"


def listed(words: list[str]) -> str:
    """Words as an English list.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def upper_first(text: str) -> str:
    """`text` with its first letter a capital and the rest as it is."""
    return text[:1].upper() + text[1:]


def count(number: int, unit: str = "") -> str:
    """A whole number with thousands parted, and its unit with an `s` where there isn't one of it.

    >>> count(1, "account"), count(12_345, "account")
    ('1 account', '12,345 accounts')
    """
    if not unit:
        return f"{number:,}"
    return f"{number:,} {unit if number == 1 else unit + 's'}"


def percent(share: float) -> str:
    """A share of 1 in per cent; never 0% or 100% unless it is exactly so.

    >>> percent(0.999), percent(0.351), percent(0.002), percent(1.0)
    ('>99%', '35%', '<1%', '100%')
    """
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"


def one_in(share: float) -> str:
    """A small share of 1 in words.

    >>> one_in(1e-5), one_in(0.0003)
    ('one in 100,000', 'one in 3,333')
    """
    return f"one in {1 / share:,.0f}"


def step(share: float) -> int:
    """A share of 1 as the whole per cent that it is drawn with; never nothing where there is some.

    >>> step(0.374), step(0.001), step(0.0), step(1.7)
    (37, 1, 0, 100)
    """
    return min(100, max(round(share * 100), int(share > 0)))


def full_weight(weights: Iterable[float]) -> float:
    """The weight at which bars are full, the same for all bars that are seen together.

    A hundred, ten thousand, a million or a trillion to one; more than that changes no decision.

    >>> full_weight([1.7, -0.4]), full_weight([9.0]), full_weight([])
    (2.0, 12.0, 2.0)
    """
    largest = max((abs(weight) for weight in weights), default=0.0)
    return next((full for full in _FULL if largest <= full), _MOST_WEIGHT)


def odds(weight: float) -> str:
    """An evidence weight (log10) as odds in words.

    >>> odds(0.5), odds(2.3), odds(7.1), odds(40), odds(-2)
    ('3 to 1', '200 to 1', '10 million to 1', 'over a trillion to 1', '100 to 1 against')
    >>> odds(0.14), odds(3.1), odds(5.2), odds(9.4)
    ('1.4 to 1', '1,000 to 1', '200,000 to 1', '3 billion to 1')
    """
    size = abs(weight)
    if size < 0.05:
        return "no weight"
    value = "over a trillion" if size >= _MOST_WEIGHT else _one_figure(10**size)
    words = f"{value} to 1"
    return f"{words} against" if weight < 0 else words


def _one_figure(value: float) -> str:
    """`value` of at least 1 to one figure (two below 2): odds are never known better."""
    if value < 1.95:
        return f"{value:.1f}"
    rounded = round(float(f"{value:.0e}"))
    for size, name in ((10**12, " trillion"), (10**9, " billion"), (10**6, " million")):
        if rounded >= size:
            return f"{rounded // size}{name}"
    return f"{rounded:,}"


def day(when: dt.date | None) -> str:
    """A day as `4 Jan 2026`; a dash where it isn't known."""
    return f"{when.day} {when:%b %Y}" if when else "–"


def span(first: dt.date | None, last: dt.date | None) -> str:
    """Two days as a span that says the year once where it can.

    >>> span(dt.date(2026, 1, 4), dt.date(2026, 2, 1))
    '4 Jan – 1 Feb 2026'
    """
    if first is None or last is None:
        return "–"
    if (first.year, first.month, first.day) == (last.year, last.month, last.day):
        return day(first)
    if first.year == last.year:
        return f"{first.day} {first:%b} – {day(last)}"
    return f"{day(first)} – {day(last)}"
