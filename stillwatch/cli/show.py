"""`stillwatch show`: what was found, all of it or one campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import FindingsFolder, Json, examples
from stillwatch.errors import UnknownName

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = examples(
    ("all that was found", "stillwatch show FINDINGS"),
    ("the first campaign in full", "stillwatch show FINDINGS 1"),
    (
        "one by the first letters of its identity, for another program",
        "stillwatch show FINDINGS 4f1a --json",
    ),
)


def show(
    findings: FindingsFolder,
    campaign: Annotated[
        str | None,
        typer.Argument(help="Identity of a campaign or network, its first letters, or its number."),
    ] = None,
    members: Annotated[int, typer.Option(min=0, help="How many members to list.")] = 20,
    json: Json = False,
) -> None:
    """Show the campaigns that were found, and why; or one in full."""
    from stillwatch.cli.campaigns import print_chapter, print_story
    from stillwatch.cli.printing import emit, people, rows
    from stillwatch.console.story import tell
    from stillwatch.findings import read_findings

    found = read_findings(findings)
    story = tell(found)
    if campaign is None:
        if json:
            emit({"campaigns": rows(found.campaigns), "run": found.run})
        else:
            print_story(people(), story)
        return
    chapters = (*story.campaigns, *story.networks)
    asked = [
        chapter
        for chapter in chapters
        if campaign in (chapter.campaign_id, str(chapter.number))
        or chapter.campaign_id.startswith(campaign)
    ]
    exact = [chapter for chapter in asked if chapter.campaign_id == campaign]
    numbered = [chapter for chapter in story.campaigns if str(chapter.number) == campaign]
    chosen = exact or numbered or asked
    if len(chosen) != 1:
        raise UnknownName(
            findings,
            f"{'no campaign' if not chosen else 'more than one campaign'} is called {campaign!r}",
            f"Known: {', '.join(chapter.campaign_id for chapter in chapters) or 'none'}",
        )
    (chapter,) = chosen
    if not json:
        print_chapter(people(), chapter, members)
        return
    here = {
        name: rows(_of(getattr(found, name), chapter.campaign_id))
        for name in ("campaigns", "members", "evidence")
    }
    emit({"campaign": here["campaigns"][0], **{k: here[k] for k in ("members", "evidence")}})


def _of(table: pa.Table, campaign_id: str) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.field("campaign_id") == campaign_id)
