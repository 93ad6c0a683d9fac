"""How access was had: what members share, as counts and never as values."""

from __future__ import annotations

from stillwatch.console.wording import count, upper_first
from stillwatch.reports.document import Paragraph, Section, Table
from stillwatch.reports.figures import Figures, one_of, quoted
from stillwatch.reports.wording import SHARED, others

_TOLD = 20
SHARING = "What members share"


def capped(number: int) -> str:
    """How many things of a kind there are, where the findings stop at twenty of a campaign."""
    return f"{count(number)} or more" if number >= _TOLD else count(number)


def access(figures: Figures, campaigns: list[str]) -> Section:
    """A table by kind of object; those that most members share, and how many others have them."""
    known = ", ".join(map(quoted, SHARED))
    found = figures.many(
        "Things shared by kind: how many, members on the most shared one, others that have it",
        SHARING,
        "objects",
        "kind, count(distinct object_id), max(accounts), arg_max(others, accounts)",
        f"{one_of(campaigns)} and kind in ({known}) group by kind order by 3 desc, kind",
    )
    if not found:
        says = "The findings tell of no network, client, device or payment that members share."
        return Section("How access was had", (Paragraph(says),))
    rows = tuple(
        (upper_first(SHARED[kind]), capped(number), count(most), others(more))
        for kind, number, most, more in found
    )
    head = (
        "Kind",
        "Shared by two members or more",
        "Members with the most shared",
        "Others with it",
    )
    says = (
        "Of each kind the findings keep the twenty that say most. What an account outside has too "
        "is no sign by itself, and weighs the less the more of them have it."
    )
    return Section("How access was had", (Table(SHARING, head, rows, (1, 2, 3)), Paragraph(says)))
