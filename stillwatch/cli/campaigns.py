"""Campaigns on the terminal: the table of all, and one in full."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stillwatch.cli.printing import bar, safe
from stillwatch.console.story import Chapter, Reason, Story
from stillwatch.console.wording import (
    capability_title,
    count,
    full_weight,
    listed,
    odds,
    percent,
    span,
)

_WHY_SHOWN = 2
_ASKS = {
    True: "What it is after, and why it was found",
    False: "What passes through it, and why it was found",
}


def print_story(console: Console, story: Story) -> None:
    """What was looked at, then campaigns and networks, each with why it was found."""
    read = f"Read {count(story.exchanges, 'exchange')} of {count(story.accounts, 'account')}"
    console.print(
        f"{read}, {span(story.first, story.last)} ({count(story.days, 'day')}). "
        f"{count(story.flagged, 'account')} flagged."
    )
    console.print()
    if not story.campaigns:
        console.print("No campaign found.")
    for chapters, title in (
        (story.campaigns, f"{count(len(story.campaigns), 'campaign')} found"),
        (story.networks, "Networks that share access, not flagged"),
    ):
        if chapters:
            console.print(_table(chapters, title))
    for note in story.notes:
        console.print(safe(note))


def _table(chapters: tuple[Chapter, ...], title: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    table.add_column(_ASKS[chapters[0].kind == "distillation"], ratio=1)
    table.add_column("Accounts", justify="right")
    table.add_column("Exchanges", justify="right")
    table.add_column("Confidence", justify="right")
    for chapter in chapters:
        lines = [safe(chapter.after, "bold"), safe(chapter.campaign_id, "dim")]
        lines += [safe(f"- {_why(reason)}", "dim") for reason in chapter.support[:_WHY_SHOWN]]
        table.add_row(
            str(chapter.number),
            Group(*lines),
            count(chapter.accounts),
            count(chapter.exchanges),
            percent(chapter.confidence),
        )
    return table


def print_chapter(console: Console, chapter: Chapter, members: int) -> None:
    """One campaign in full: figures, evidence for and against, and its surest members."""
    console.print(Text.assemble((f"{chapter.name}: ", "bold"), safe(chapter.after, "bold")))
    console.print(safe(chapter.campaign_id, "dim"))
    console.print(
        f"{count(chapter.accounts, 'account')}, {count(chapter.exchanges, 'exchange')}, "
        f"{span(chapter.first, chapter.last)}, confidence {percent(chapter.confidence)}"
    )
    if chapter.kind != "distillation":
        console.print("Shares access and is in no campaign: not flagged.")
    if chapter.summary and not chapter.support:
        console.print()
        console.print(safe(chapter.summary, limit=2000))
    ranked = sorted(chapter.capabilities.items(), key=lambda item: (-item[1], item[0]))
    if ranked:
        console.print()
        asks = ", ".join(f"{capability_title(name)} {percent(share)}" for name, share in ranked)
        console.print(safe(f"Asks for: {asks}", limit=600))
    print_reasons(console, "Why it was found", chapter.support)
    print_reasons(console, "What speaks against it", chapter.doubts)
    print_rivals(console, chapter)
    shown = chapter.members[:members]
    if shown:
        console.print()
        console.print(
            Text(f"Members ({len(shown)} surest of {count(len(chapter.members))})", "bold")
        )
        table = Table(box=box.SIMPLE_HEAD)
        for name, side in (("Account", "left"), ("Exchanges", "right"), ("Confidence", "right")):
            table.add_column(name, justify="right" if side == "right" else "left")
        for row in shown:
            table.add_row(
                safe(row["account_id"]), count(row["exchanges"]), percent(row["confidence"])
            )
        console.print(table)


def print_reasons(console: Console, title: str, reasons: tuple[Reason, ...]) -> None:
    """Evidence as bars of weight with odds in words, each with its sentence; nothing if none."""
    full = full_weight(reason.weight for reason in reasons)
    lines = [(bar(abs(r.weight) / full, against=r.weight < 0), r, odds(r.weight)) for r in reasons]
    _print_bars(console, title, lines)


def print_rivals(console: Console, chapter: Chapter) -> None:
    """Other explanations that were weighed, each with the share of the evidence it explains."""
    lines = [
        (bar(share, against=True), reason, f"would explain {percent(share)} of the evidence")
        for reason, share in chapter.rivals
    ]
    _print_bars(console, "Other explanations that were weighed", lines)
    none = [reason.title.lower() for reason in chapter.rivals_set_aside]
    if none:
        console.print(safe(f"Would explain none of the evidence: {listed(none)}.", "dim"))


def _print_bars(console: Console, title: str, lines: list[tuple[Text, Reason, str]]) -> None:
    if not lines:
        return
    console.print()
    console.print(Text(title, "bold"))
    for mark, reason, words in lines:
        console.print(Text.assemble(mark, "  ", safe(reason.title), (f"  {words}", "dim")))
        if reason.says:
            console.print(Padding(safe(reason.says, limit=600), (0, 0, 0, 14)))


def _why(reason: Reason) -> str:
    return reason.says or f"{reason.title}: {odds(reason.weight)}"
