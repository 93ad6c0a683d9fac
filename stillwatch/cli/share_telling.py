"""A share on the screen, field by field: all that leaves, and what doesn't and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stillwatch.cli.printing import people, safe

if TYPE_CHECKING:
    from rich.text import Text

    from stillwatch.cases.shares import Share
    from stillwatch.sharing.indicators import Telling
    from stillwatch.sharing.selection import Withheld

_VALUE = 120
_SHOWN = 400


def tell_telling(told: Telling) -> None:
    """Every field of a telling, each on a line of its own."""
    shares = ", ".join(f"{name} {share}%" for name, share in told.capabilities.items())
    who = f"{told.attribution.name} ({told.attribution.kind})" if told.attribution else "nobody"
    _lines(
        f"marked        TLP:{told.tlp.upper()}",
        f"campaign      {told.campaign}, a name for peers only",
        f"confidence    {told.confidence}%",
        f"accounts      {told.accounts:,} or more",
        f"exchanges     {told.exchanges:,} or more",
        f"seen          {told.first_day} to {told.last_day}",
        f"sought        {shares or 'not told'}",
        f"attributed to {who}",
        f"note          {told.note or 'none'}",
        f"indicators    {len(told.indicators):,}",
    )
    for one in told.indicators:
        value = one.value if len(one.value) <= _VALUE else f"{one.value[:_VALUE]}…"
        about = f" about {one.about}" if one.about else ""
        _lines(
            f"  {one.kind}{about}: {value} | {one.accounts:,}+ accounts, {one.first_day} to "
            f"{one.last_day}, expires {one.expires}, confidence {one.confidence}%"
        )


def tell_withheld(withheld: Sequence[Withheld], honest: int) -> None:
    """What isn't told, by why."""
    if not withheld:
        return
    _lines("", f"Withheld (judged by {honest:,} honest accounts; nothing below leaves):")
    for one in withheld[:_SHOWN]:
        many = f"{one.things:,} × " if one.things > 1 else ""
        _lines(f"  {one.kind}: {many}{one.what} | {one.why}")
    if len(withheld) > _SHOWN:
        _lines(f"  and {len(withheld) - _SHOWN:,} more; --json has all")


def share_line(of: Share) -> Text:
    """A share in one line."""
    approved = f", approved by {of.approved_by}" if of.approved_by else ""
    return safe(
        f"share {of.share_id}: {of.state}, version {of.version}; {of.indicators:,} indicators of "
        f"case {of.case_id}, TLP:{of.tlp.upper()}, digest {of.digest[:16]}; proposed by "
        f"{of.proposed_by}{approved}",
        limit=900,
    )


def _lines(*lines: str) -> None:
    for line in lines:
        people().print(safe(line, limit=2000), soft_wrap=True)
