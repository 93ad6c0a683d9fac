"""What one account is told that appeals: what was held against it and for it, in plain words.

It tells of nobody else, and of no threshold: other accounts are only ever counted, in words where
they are few, and what tests compare is said without their figures, by which a campaign could be
tuned.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import pyarrow.compute as pc

from stillwatch.cases.case import Case
from stillwatch.console.story import Chapter, Row, said, tell
from stillwatch.console.wording import (
    RIVAL_TITLES,
    capability_title,
    count,
    listed,
    percent,
    span,
    upper_first,
)
from stillwatch.errors import UnknownName
from stillwatch.findings import Findings
from stillwatch.reports.document import Block, Document, Grid, Points, Section, Words
from stillwatch.tables import CAPABILITY_TITLES

AGAINST = {
    "exchangeability": "What this account asks for is of the same mix of subjects and forms as "
    "what a number of other accounts ask for, more alike than the requests of separate people are.",
    "shared_objects": "It sends prompts that are built on the same frames as prompts of other "
    "accounts in the group.",
    "work_allocation": "The prompts of the group divide a body of work among its accounts: what "
    "one sends, the others mostly don’t.",
    "harvest_signs": "Requests look made to be collected rather than used: each new, few followed "
    "up, on subjects that models are trained on.",
    "shared_origin": "Accounts of the group have ways of access or registration in common that few "
    "other accounts have.",
    "membership": "A part of this account’s own requests fits the work of the group.",
}
"""What each kind of evidence is called to an account that it is held against."""

FOR = {
    "fleet": "whether one organisation owns all of these accounts and says so",
    "class": "whether they belong to a class or course with one assignment",
    "benchmark": "whether they run a published benchmark",
    "popular_software": "whether popular software makes these requests for separate users",
    "reseller": "whether access is only shared or resold, and customers’ own work passes through",
    "customer": "whether all of it is the work of one customer of a reseller",
    "chance": "whether it could be chance",
}
"""The honest explanations that are weighed for an account, as questions."""

MOST_IDS = 20


def appeal_pack(findings: Findings, case: Case, account_id: str) -> Document:
    """What the account is told; raises `UnknownName` where it is no member of the campaign."""
    story = tell(findings)
    chapter = next((c for c in story.campaigns if c.campaign_id == case.campaign_id), None)
    row = None
    if chapter is not None:
        row = next((m for m in chapter.members if m["account_id"] == account_id), None)
    if chapter is None or row is None:
        raise UnknownName(case, "holds no such account in these findings", "Check the account’s id")
    standing = findings.accounts.filter(pc.field("account_id") == account_id)
    (own,) = standing.to_pylist(maps_as_pydicts="strict")
    mine = findings.evidence.filter(pc.field("account_id") == account_id).to_pylist()
    ids = list(dict.fromkeys(i for line in mine for i in line["sample"] or []))[:MOST_IDS]
    parts = [
        Section("What this is", _opening(case)),
        Section("Your account in our log", _own(own, row)),
        Section("What is held against it", _against(chapter, mine)),
        Section("What speaks for it", _for(chapter, own, row)),
        Section("Requests that were looked at", _requests(ids)),
        Section("How to answer", _answer()),
    ]
    return Document(
        kind="appeal",
        title="What was held against your account, and for it",
        subtitle=f"Account {account_id}, case {case.case_id}",
        day=_date(chapter),
        sections=tuple(part for part in parts if part.blocks),
        foot=f"Case {case.case_id}",
    )


def _date(chapter: Chapter) -> tuple[int, int, int] | None:
    last = chapter.last
    return (last.year, last.month, last.day) if last else None


def _opening(case: Case) -> tuple[Block, ...]:
    state = {
        "confirmed": "A person has reviewed this and confirmed it.",
        "rejected": "A person has reviewed this and rejected it: nothing is held against you.",
        "appealed": "It is being looked at again because of an appeal.",
    }.get(case.state, "A person is still to decide about it.")
    return (
        Words(
            "We look in our logs for groups of accounts that work together to collect a model’s "
            "answers in order to train another model, which our terms don’t allow. Your account "
            f"was found to take part in such a group. {state}"
        ),
        Words(
            "This tells you what that rests on. It names nobody else, and leaves out what would "
            "help to avoid being found."
        ),
    )


def _own(own: Row, row: Row) -> tuple[Block, ...]:
    share = row["exchanges"] / max(1, own["exchanges"])
    asks = [
        f"{capability_title(name)} ({percent(part)})"
        for name, part in (own["capabilities"] or {}).items()
        if part >= 0.05 and name in CAPABILITY_TITLES
    ][:4]
    rows = [
        ("Requests in the log", count(own["exchanges"])),
        ("Active", span(own["first_ts"], own["last_ts"])),
        ("Requests that fit the group’s work", f"{count(row['exchanges'])} ({percent(share)})"),
        ("Of those, first to last", span(row["first_ts"], row["last_ts"])),
    ]
    if asks:
        rows.append(("What it asks for, as we read it", upper_first(listed(asks))))
    return (Grid(("", ""), tuple(rows)),)


def _against(chapter: Chapter, mine: list[Row]) -> tuple[Block, ...]:
    kinds = [r.kind for r in chapter.support if r.weight > 0]
    kinds += [line["kind"] for line in mine if line["weight"] > 0]
    told = [AGAINST[kind] for kind in dict.fromkeys(kinds) if kind in AGAINST]
    return (Points(tuple(told)),)


def _for(chapter: Chapter, own: Row, row: Row) -> tuple[Block, ...]:
    told = []
    rest = own["exchanges"] - row["exchanges"]
    if rest > 0:
        told.append(
            f"{upper_first(count(rest, 'request'))} of yours ({percent(rest / own['exchanges'])}) "
            "are not part of the group’s work."
        )
    told += [AGAINST_NOT[r.kind] for r in chapter.doubts if r.kind in AGAINST_NOT]
    _, figures = said(own["detail"])
    if any(line.get("weight", 0) < 0 for line in figures.get("against") or []):
        told.append("Some of what your account does is unlike what the group does.")
    weighed = [FOR[name] for name in _rivals(chapter) if name in FOR]
    blocks: list[Block] = [Points(tuple(told))] if told else []
    if weighed:
        blocks += [
            Words("Before anything was held against it, these honest explanations were weighed:"),
            Points(tuple(f"{upper_first(question)}." for question in weighed)),
        ]
    return tuple(blocks)


AGAINST_NOT = {
    "exchangeability": "The group’s accounts are not as alike as those of one queue mostly are.",
    "harvest_signs": "The group’s requests are in part followed up, as people’s are.",
    "shared_origin": "The accounts of the group have no rare way of access in common.",
    "work_allocation": "The group’s accounts don’t divide a body of work among them.",
    "shared_objects": "The group’s prompts have little in common that others’ haven’t.",
}
"""What evidence says to an account where it speaks against the finding."""


def _rivals(chapter: Chapter) -> list[str]:
    names = {title: name for name, title in RIVAL_TITLES.items()}
    found = [reason for reason, _ in chapter.rivals] + list(chapter.rivals_set_aside)
    told = [names.get(r.title, r.title.casefold().replace(" ", "_")) for r in found]
    return sorted(dict.fromkeys(told))


def _requests(ids: list[str]) -> tuple[Block, ...]:
    if not ids:
        return ()
    return (
        Words("These requests of yours show it best. You can look them up in your own records:"),
        Points(tuple(ids)),
    )


def _answer() -> tuple[Block, ...]:
    return (
        Words("What helps us most to look at it again:"),
        Points(
            (
                "Who uses the account, and what for.",
                "If several accounts are yours, which ones, and under whose name.",
                "If you offer access to others, how, and whether a customer could be meant.",
                "If software made the requests, which, and whether others use it too.",
                "If it is research, teaching or a benchmark, where that can be read.",
            )
        ),
        Words(
            "An appeal is decided by a person who sees all of the evidence. While it is open, the "
            "case stands as appealed and what was done because of it is suspended."
        ),
    )
