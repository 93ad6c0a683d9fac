"""A campaign or network: why, who, what they send, how they come in, and what ties two of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, StreamingResponse

from stillwatch.cases import Case, list_cases
from stillwatch.errors import UnknownName
from stillwatch.reports.redaction import redacted
from stillwatch.reports.samples import Sample
from stillwatch.web.desk import LONGEST_TEXT, Desk
from stillwatch.web.held import shares_of_days
from stillwatch.web.pages.overview import full_of
from stillwatch.web.sheet import csv_lines
from stillwatch.web.visit import Here

router = APIRouter(include_in_schema=False, prefix="/campaigns/{campaign_id}")

AT_A_TIME = 100
"""Members on a page."""

SAMPLES = 4
"""Exchanges of a frame family that are shown side by side."""

VALUES = {
    "network": "ip",
    "client": "user_agent",
    "device": "device_id",
    "system": "system",
}
"""Columns of the log that an object's value stands in, by its kind; the rest stay keys."""

SORTS = {
    "confidence": "Confidence",
    "exchanges": "Exchanges",
    "first_ts": "First",
    "last_ts": "Last",
    "account_id": "Account",
}


def case_of(desk: Desk, campaign_id: str) -> Case | None:
    """The case that a campaign was opened as, if it was."""
    return next((c for c in list_cases(desk.store) if c.campaign_id == campaign_id), None)


@router.get("")
def campaign(visit: Here, campaign_id: str) -> HTMLResponse:
    """The whole of it on one page; members, frames and access have pages of their own."""
    held = visit.desk.held
    chapter = held.chapter(campaign_id)
    return visit.page(
        "campaign.html",
        chapter=chapter,
        case=case_of(visit.desk, campaign_id),
        panel=held.panel(campaign_id),
        models=held.models,
        weeks=shares_of_days(held, campaign_id),
        line=_line(visit, chapter.name),
        frames=held.frames(campaign_id),
        objects=held.objects(campaign_id),
        full=full_of(held),
    )


def _line(visit: Here, name: str) -> Any:
    timeline = visit.desk.held.timeline
    return next((line for line in timeline.lines if line.label == name), None) if timeline else None


@router.get("/members")
def members(
    visit: Here,
    campaign_id: str,
    sort: str = "confidence",
    order: str = "down",
    like: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Members a hundred at a time, sorted by any column, those whose id holds a text."""
    held = visit.desk.held
    chapter = held.chapter(campaign_id)
    sort = sort if sort in SORTS else "confidence"
    begin = (page - 1) * AT_A_TIME
    rows, found = held.members(campaign_id, sort, order == "down", like, begin, AT_A_TIME)
    return visit.page(
        "members.html",
        chapter=chapter,
        case=case_of(visit.desk, campaign_id),
        rows=rows,
        found=found,
        sorts=SORTS,
        sort=sort,
        order=order,
        like=like,
        at=page,
        pages=max(1, -(-found // AT_A_TIME)),
        begin=begin,
    )


@router.get("/members.csv")
def members_csv(visit: Here, campaign_id: str) -> StreamingResponse:
    """All members as a sheet that no spreadsheet takes for formulas."""
    held = visit.desk.held
    held.chapter(campaign_id)
    rows, _ = held.members(campaign_id, "confidence", True, "", 0, 1 << 40)
    columns = ("account_id", "confidence", "exchanges", "first_ts", "last_ts")
    return StreamingResponse(
        csv_lines(columns, ([row[name] for name in columns] for row in rows)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="members.csv"'},
    )


@router.get("/graph")
def graph(
    visit: Here, campaign_id: str, around: Annotated[str, Query(max_length=1 << 16)] = ""
) -> HTMLResponse:
    """The accounts and their links, around one of them where it is named; a link leads to why."""
    held = visit.desk.held
    chapter = held.chapter(campaign_id)
    links = held.links_of(campaign_id, around) if around else []
    return visit.page(
        "graph.html",
        chapter=chapter,
        case=case_of(visit.desk, campaign_id),
        panel=held.panel(campaign_id, around or None),
        around=around,
        links=links,
    )


@router.get("/link")
def link(
    visit: Here,
    campaign_id: str,
    one: Annotated[str, Query(max_length=1 << 16)],
    other: Annotated[str, Query(max_length=1 << 16)],
) -> HTMLResponse:
    """Why two accounts are linked: the stored reason, and both of them side by side."""
    held = visit.desk.held
    chapter = held.chapter(campaign_id)
    row = held.link(campaign_id, one, other)
    if row is None:
        raise UnknownName("findings", "no link of these two accounts is stored", _LINKS)
    sides = []
    for account_id in (one, other):
        standing = held.account(account_id)
        evidence = [e for e in held.evidence_on(account_id) if e["campaign_id"] == campaign_id]
        ids = [i for e in evidence for i in e["sample"] or []]
        shared = {found["object"] for found in standing["objects"]}
        sides.append((standing, evidence, visit.desk.texts.of(ids, 2), shared))
    return visit.page(
        "link.html",
        chapter=chapter,
        case=case_of(visit.desk, campaign_id),
        row=row,
        sides=sides,
        reasons=_reasons(row["why"]),
    )


def _reasons(why: str) -> list[str]:
    """The reasons of a link one by one; what is the same of both is one of them.

    >>> _reasons("alike, 2 shared frame families, same device, conversation")
    ['alike', '2 shared frame families', 'same device, conversation']
    """
    first, same, things = why.partition("same ")
    return [*filter(None, first.strip(", ").split(", ")), *([same + things] if same else [])]


_LINKS = "Only the strongest are; look at the accounts' own pages"


@router.get("/frames")
def frames(visit: Here, campaign_id: str) -> HTMLResponse:
    """The campaign's frame families, with exchanges of different members side by side."""
    held = visit.desk.held
    chapter = held.chapter(campaign_id)
    rows = held.frames(campaign_id)
    texts = {row["frame_id"]: visit.desk.texts.of(row["sample"] or [], SAMPLES) for row in rows}
    return visit.page(
        "frames.html",
        chapter=chapter,
        case=case_of(visit.desk, campaign_id),
        rows=rows,
        texts=texts,
    )


def _value(sample: Sample, kind: str) -> str:
    """What an exchange had of a kind of object; texts that clients write freely are masked."""
    if kind == "system":
        return redacted(sample.system or "", LONGEST_TEXT)
    value = sample.values.get(VALUES[kind], "")
    return redacted(value, LONGEST_TEXT) if kind == "client" else value


@router.get("/access")
def access(visit: Here, campaign_id: str) -> HTMLResponse:
    """What members share: ways of access, and set-ups."""
    held = visit.desk.held
    chapter = held.chapter(campaign_id)
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in held.objects(campaign_id):
        by_kind.setdefault(row["kind"], []).append(row)
    shown = [i for rows in by_kind.values() for row in rows for i in row["sample"] or []]
    values = {
        i: {kind: _value(sample, kind) for kind in VALUES}
        for i, sample in visit.desk.texts.of(shown, len(shown))
    }
    return visit.page(
        "access.html",
        chapter=chapter,
        case=case_of(visit.desk, campaign_id),
        by_kind=by_kind,
        values=values,
    )
