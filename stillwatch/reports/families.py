"""Frame families: what the members send in common, with redacted texts where they are given."""

from __future__ import annotations

import pyarrow.compute as pc

from stillwatch.console.wording import capability_title, count, day
from stillwatch.findings import Findings
from stillwatch.reports.document import Block, Paragraph, Section, Specimens, Table
from stillwatch.reports.figures import Figures, as_day, day_of, one_of
from stillwatch.reports.redaction import redacted, without
from stillwatch.reports.samples import Samples
from stillwatch.reports.wording import others

FRAMES = "Frame families that most members send"
_MOST = 12
_SHOWN = 4
_SIDE_BY_SIDE = 3
_TEXT = 420
_LINES = 14


def families(
    figures: Figures, findings: Findings, campaigns: list[str], samples: Samples | None
) -> Section:
    """A table of families, then texts of the first ones side by side."""
    what = ", ".join(
        (
            "capability, accounts, exchanges, others",
            day_of("first_ts"),
            day_of("last_ts"),
        )
    )
    where = f"{one_of(campaigns)} order by accounts desc, exchanges desc, frame_id limit {_MOST}"
    found = figures.many(
        "Frame families: members, exchanges, other accounts, first and last day",
        FRAMES,
        "frames",
        what,
        where,
    )
    if not found:
        says = "The findings tell of no frame family: the log had no prompts, or no two are alike."
        return Section("Frame families", (Paragraph(says),))
    rows = tuple(
        (
            f"{at}",
            capability_title(row[0]),
            count(row[1]),
            count(row[2]),
            others(row[3]),
            *(day(as_day(when)) if when is not None else "–" for when in row[4:6]),
        )
        for at, row in enumerate(found, 1)
    )
    head = ("Family", "Seeks", "Members", "Exchanges", "Others", "First", "Last")
    blocks: list[Block] = [
        Paragraph("A frame is a prompt with its variable parts masked; a family, frames alike."),
        Table(FRAMES, head, rows, (2, 3, 4)),
    ]
    if samples is None:
        blocks.append(Paragraph("No texts are shown: they stay in the log."))
    else:
        ids = [sample or [] for (sample,) in figures.look("frames", "sample", where)]
        blocks += _texts(findings, campaigns, ids, samples)
    return Section("Frame families", tuple(blocks))


def _texts(
    findings: Findings, campaigns: list[str], ids: list[list[str]], samples: Samples
) -> list[Block]:
    names = names_of(findings, campaigns)
    told: list[Block] = []
    for at, sample in enumerate(ids, 1):
        texts = [samples[one].prompt for one in sample if one in samples]
        shown = [
            (f"Account {chr(ord('A') + place)}", lines_of(redacted(without(text, names), _TEXT)))
            for place, text in enumerate([text for text in texts if text][:_SIDE_BY_SIDE])
        ]
        if shown and len(told) < _SHOWN:
            told.append(
                Specimens(f"Family {at}: prompts of different accounts, redacted", tuple(shown))
            )
    if not told:
        return [Paragraph("The log that was given holds no text of these families.")]
    says = "What looks like a secret, an address, a person's number or an account is masked."
    return [Paragraph(says), *told]


def lines_of(text: str) -> tuple[str, ...]:
    """The first lines of a text, each with its indent; blank ones are left out."""
    lines = [line for line in text.splitlines() if line.strip()]
    shown = [_indented(line) for line in lines[:_LINES]]
    return (*shown, "…") if len(lines) > _LINES else tuple(shown)


def _indented(line: str) -> str:
    bare = line.lstrip(" \t")
    return "\u00a0" * min(8, len(line) - len(bare)) + bare


def names_of(findings: Findings, campaigns: list[str]) -> frozenset[str]:
    """Ids of the campaigns' members and of their organisations."""
    mine = pc.field("campaign_id").isin(campaigns)
    members = findings.members.filter(mine)["account_id"].unique()
    theirs = findings.accounts.filter(pc.field("account_id").isin(members.to_pylist()))
    owners = (name for name in theirs["org_id"].unique().to_pylist() if name)
    return frozenset((*members.to_pylist(), *owners))
