"""Where one account stands, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stillwatch.cli.campaigns import print_reasons, print_rivals
from stillwatch.cli.printing import safe
from stillwatch.console.story import Chapter, Reason, tell
from stillwatch.console.wording import capability_title, count, evidence_title, percent, span
from stillwatch.findings import Findings


def print_standing(console: Console, standing: Mapping[str, Any], found: Findings) -> None:
    """Verdict, habits, evidence for and against, twins, shared objects and figures."""
    story = tell(found)
    chapters = {chapter.campaign_id: chapter for chapter in (*story.campaigns, *story.networks)}
    console.print(
        Text.assemble("Account ", safe(standing["account_id"], "bold"), ": ", _verdict(standing))
    )
    for row in standing["memberships"]:
        chapter = chapters.get(row["campaign_id"])
        if chapter:
            console.print(
                safe(
                    f"  in {chapter.name} ({chapter.campaign_id}), after {chapter.after.lower()}; "
                    f"confidence of membership {percent(row['confidence'])}"
                )
            )
    habits = sorted((standing["capabilities"] or {}).items(), key=lambda pair: (-pair[1], pair[0]))
    asks = ", ".join(f"{capability_title(name)} {percent(share)}" for name, share in habits[:4])
    line = f"  {count(standing['exchanges'], 'exchange')}, "
    line += span(standing["first_ts"], standing["last_ts"])
    console.print(safe(f"{line}; asks for {asks}" if asks else line))
    if standing["says"]:
        console.print()
        console.print(safe(standing["says"], limit=2000))
    print_reasons(console, "For membership", _reasons(standing, "for"))
    print_reasons(console, "Against membership", _reasons(standing, "against"))
    _campaign_evidence(console, standing, chapters)
    _tables(console, standing)


def _verdict(standing: Mapping[str, Any]) -> Text:
    verdict = standing["verdict"]
    if verdict == "member":
        return Text("flagged, a member of a campaign", style="bold red")
    if verdict == "network":
        return Text("not flagged; shares access in a network", style="bold yellow")
    if verdict.startswith("rival:"):
        rival = verdict.removeprefix("rival:").replace("_", " ")
        return Text.assemble("not flagged; explained as ", safe(rival, "bold"))
    return Text("not flagged; no group of accounts explains it", style="bold green")


def _reasons(standing: Mapping[str, Any], side: str) -> tuple[Reason, ...]:
    """The reasons on one `side`, from the account's standing and from evidence on it, once each."""
    lines = [
        Reason(row["kind"], evidence_title(row["kind"]), str(row.get("says", "")), row["weight"])
        for row in standing[side]
    ]
    said = {line.says for line in lines}
    for row in standing["evidence"]:
        says = str(row["detail"].get("says", ""))
        if says not in said and (row["weight"] < 0) == (side == "against"):
            title = evidence_title(row["kind"])
            lines.append(Reason(row["kind"], title, says, row["weight"]))
    return tuple(sorted(lines, key=lambda line: -abs(line.weight)))


def _campaign_evidence(
    console: Console, standing: Mapping[str, Any], chapters: Mapping[str, Chapter]
) -> None:
    told = {row.get("says") for row in standing["for"]}
    for row in standing["memberships"]:
        if chapter := chapters.get(row["campaign_id"]):
            support = tuple(line for line in chapter.support if line.says not in told)[:4]
            print_reasons(console, f"What {chapter.name} itself rests on", support)
            print_reasons(console, f"What speaks against {chapter.name}", chapter.doubts[:2])
            print_rivals(console, chapter)


def _tables(console: Console, standing: Mapping[str, Any]) -> None:
    if standing["nearest"]:
        table = Table(
            title="Nearest accounts by content", title_justify="left", box=box.SIMPLE_HEAD
        )
        table.add_column("Account")
        table.add_column("Squared distance (MMD²)", justify="right")
        table.add_column("Standard errors from 0", justify="right")
        for row in standing["nearest"][:8]:
            table.add_row(safe(row["account_id"]), f"{row['mmd2']:.5f}", f"{row['z']:+.1f}")
        console.print()
        console.print(table)
    if standing["objects"]:
        table = Table(title="Rare things it shares", title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("What")
        table.add_column("Accounts", justify="right")
        table.add_column("")
        for row in standing["objects"][:8]:
            table.add_row(
                safe(row["object"], limit=60), count(row["accounts"]), safe(row.get("says", ""))
            )
        console.print(table)
    if standing["figures"]:
        console.print(Text("Figures", "bold"))
        for name, value in standing["figures"].items():
            text = f"{value:,.4g}" if isinstance(value, float) else str(value)
            console.print(safe(f"  {name.replace('_', ' ')}: {text}"))
