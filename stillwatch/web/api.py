"""The JSON API: what pages show and do, for programs, with the rights of a token."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from stillwatch.cases import (
    Case,
    Seen,
    State,
    assign,
    change_state,
    comment,
    get_case,
    history,
    labels,
    list_cases,
    open_cases,
    undo,
)
from stillwatch.cases.enforcement import (
    Action,
    Enforcement,
    approve,
    decisions,
    decline,
    lift,
    list_enforcements,
    propose,
    withdraw,
)
from stillwatch.cases.ledger import entries
from stillwatch.cases.texts import NAME, PROSE
from stillwatch.console.story import Chapter
from stillwatch.errors import UnknownName
from stillwatch.planning import kept_record
from stillwatch.web.matching import LONGEST, keys_of
from stillwatch.web.visit import Caller

Rows = list[dict[str, Any]]


class Refusal(BaseModel):
    """Why something was refused: where, what and what to do, in a sentence."""

    error: str


_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Refusal, "description": words}
    for code, words in {
        400: "the request can't be read",
        401: "no token, or none that is good",
        403: "the token's role may not do this",
        404: "there is no such thing",
        409: "somebody changed it since, or its state doesn't allow that; nothing was done",
        413: "the request is too long",
        422: "what was sent isn't valid; nothing was done",
        503: "the findings or the store can't be read now",
    }.items()
}

router = APIRouter(prefix="/api/v1", responses=_REFUSALS)

CaseId = Annotated[int, Path(ge=1, le=2**31 - 1)]
CampaignId = Annotated[str, Path(max_length=200)]
EnforcementId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Most = Annotated[int, Query(ge=1, le=10_000, description="rows at most")]
Begin = Annotated[int, Query(ge=0, le=2**40, description="rows to leave out first")]


_SOME_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""What a database can keep, and not only white space."""

Version = Annotated[int, Field(ge=0, le=2**31 - 1, description="the version that was seen")]
Prose = Annotated[str, Field(min_length=1, max_length=PROSE, pattern=_SOME_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=NAME, pattern=_SOME_TEXT)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Act(_Body):
    """An act on the version of a case that was seen."""

    seen: Version
    reason: Prose


class StateAct(Act):
    """A change of state."""

    to: State


class CommentAct(_Body):
    """A comment."""

    seen: Version
    text: Prose


class AssignAct(_Body):
    """Whom to give a case to; null is nobody."""

    seen: Version
    to: Name | None


class ProposeAct(Act):
    """What to do to a confirmed case's accounts, all of them where none are named."""

    action: Action
    accounts: list[str] | None = None
    days: Annotated[int, Field(ge=1, le=3650)]


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """This description."""
    return request.app.openapi()


@router.get("/summary")
def summary(caller: Caller) -> dict[str, Any]:
    """What was looked at and found."""
    story = caller.desk.held.story
    return {
        "accounts": story.accounts,
        "exchanges": story.exchanges,
        "flagged": story.flagged,
        "attributed": story.attributed,
        "campaigns": len(story.campaigns),
        "networks": len(story.networks),
        "first": story.first,
        "last": story.last,
        "notes": list(story.notes),
        "world": dict(story.world) if story.world else None,
    }


@router.get("/campaigns")
def campaigns(caller: Caller) -> Rows:
    """Campaigns and networks, without their members."""
    story = caller.desk.held.story
    return [_campaign(chapter) for chapter in (*story.campaigns, *story.networks)]


def _campaign(chapter: Chapter) -> dict[str, Any]:
    return {
        "campaign_id": chapter.campaign_id,
        "kind": chapter.kind,
        "after": chapter.after,
        "confidence": chapter.confidence,
        "accounts": chapter.accounts,
        "exchanges": chapter.exchanges,
        "first_ts": chapter.first,
        "last_ts": chapter.last,
        "capabilities": dict(chapter.capabilities),
        "summary": chapter.summary,
    }


@router.get("/campaigns/{campaign_id}")
def campaign(caller: Caller, campaign_id: CampaignId) -> dict[str, Any]:
    """One of them."""
    return _campaign(caller.desk.held.chapter(campaign_id))


@router.get("/campaigns/{campaign_id}/members")
def members(caller: Caller, campaign_id: CampaignId, most: Most = 1000, begin: Begin = 0) -> Rows:
    """Its members, the surest first."""
    held = caller.desk.held
    held.chapter(campaign_id)
    return held.members(campaign_id, "confidence", True, "", begin, most)[0]


@router.get("/campaigns/{campaign_id}/evidence")
def evidence(caller: Caller, campaign_id: CampaignId) -> Rows:
    """What speaks for it and against it."""
    reasons = caller.desk.held.chapter(campaign_id).reasons
    return [
        {"kind": r.kind, "weight": r.weight, "says": r.says, "sample": list(r.sample)}
        for r in reasons
    ]


@router.get("/campaigns/{campaign_id}/frames")
def frames(caller: Caller, campaign_id: CampaignId) -> Rows:
    """The frame families that members share; sketches as hexadecimal."""
    caller.desk.held.chapter(campaign_id)
    rows = caller.desk.held.frames(campaign_id)
    return [{**row, "sketch": [f"{band:016x}" for band in row["sketch"]]} for row in rows]


@router.get("/campaigns/{campaign_id}/objects")
def objects(caller: Caller, campaign_id: CampaignId) -> Rows:
    """What members share."""
    caller.desk.held.chapter(campaign_id)
    return caller.desk.held.objects(campaign_id)


@router.get("/account")
def account(caller: Caller, id: Annotated[str, Query(max_length=1 << 16)]) -> dict[str, Any]:
    """Where an account stands, and why."""
    held = caller.desk.held
    memberships = [
        {"campaign_id": chapter.campaign_id, "confidence": row["confidence"]}
        for chapter, row in held.memberships(id)
    ]
    return {**held.account(id), "memberships": memberships, "evidence": held.evidence_on(id)}


@router.get("/search")
def search(
    caller: Caller, q: Annotated[str, Query(min_length=1, max_length=1 << 16)]
) -> dict[str, Any]:
    """Accounts, objects and frame families that a text may be."""
    held = caller.desk.held
    return {
        "accounts": held.accounts_like(q, 100),
        "objects": held.objects_with(keys_of(q)),
        "frames": [
            {
                key: row[key]
                for key in ("campaign_id", "frame_id", "exchanges", "accounts", "others")
            }
            for row in held.matcher(q[:LONGEST])
        ],
    }


@router.get("/cases")
def cases(caller: Caller) -> list[Case]:
    """Every case."""
    return list_cases(caller.desk.store)


@router.post("/cases")
def open_all(caller: Caller) -> dict[str, Any]:
    """Open a case for each campaign of the findings, or bring it up to date."""
    done = open_cases(caller.desk.store, caller.desk.held.findings, caller.person.name)
    return {"opened": done.opened, "updated": done.updated, "grown": done.grown}


@router.get("/cases/{case_id}")
def case(caller: Caller, case_id: CaseId) -> Case:
    """One case."""
    return get_case(caller.desk.store, case_id)


@router.get("/cases/{case_id}/history")
def past(caller: Caller, case_id: CaseId) -> Rows:
    """What the ledger has on it."""
    get_case(caller.desk.store, case_id)
    return [entry._asdict() for entry in history(caller.desk.store, case_id)]


@router.post("/cases/{case_id}/state")
def state(caller: Caller, case_id: CaseId, act: StateAct) -> Case:
    """Review, confirm, reject, appeal or close."""
    seen = Seen(case_id, act.seen)
    return change_state(caller.desk.store, seen, act.to, caller.person.name, act.reason)


@router.post("/cases/{case_id}/undo")
def take_back(caller: Caller, case_id: CaseId, act: Act) -> Case:
    """Take the last change of state back."""
    return undo(caller.desk.store, Seen(case_id, act.seen), caller.person.name, act.reason)


@router.post("/cases/{case_id}/comment")
def say(caller: Caller, case_id: CaseId, act: CommentAct) -> Case:
    """Say something."""
    return comment(caller.desk.store, Seen(case_id, act.seen), act.text, caller.person.name)


@router.post("/cases/{case_id}/assign")
def give(caller: Caller, case_id: CaseId, act: AssignAct) -> Case:
    """Give it to somebody, or to nobody."""
    return assign(caller.desk.store, Seen(case_id, act.seen), act.to, caller.person.name)


@router.post("/cases/{case_id}/enforcements")
def enforce(caller: Caller, case_id: CaseId, act: ProposeAct) -> Enforcement:
    """Propose what is to be done to its accounts."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=act.days)
    seen = Seen(case_id, act.seen)
    return propose(
        caller.desk.store, seen, act.action, caller.person, act.reason, act.accounts, until
    )


@router.get("/enforcements")
def enforcements(caller: Caller) -> list[Enforcement]:
    """All that were proposed, and what became of them."""
    return list_enforcements(caller.desk.store)


@router.post("/enforcements/{enforcement_id}/approve")
def agree(caller: Caller, enforcement_id: EnforcementId, act: Act) -> Enforcement:
    """Be the second person."""
    return approve(caller.desk.store, enforcement_id, act.seen, caller.person, act.reason)


@router.post("/enforcements/{enforcement_id}/decline")
def refuse(caller: Caller, enforcement_id: EnforcementId, act: Act) -> Enforcement:
    """Decline one."""
    return decline(caller.desk.store, enforcement_id, act.seen, caller.person, act.reason)


@router.post("/enforcements/{enforcement_id}/withdraw")
def take_away(caller: Caller, enforcement_id: EnforcementId, act: Act) -> Enforcement:
    """Take one's own proposal back."""
    return withdraw(caller.desk.store, enforcement_id, act.seen, caller.person, act.reason)


@router.post("/enforcements/{enforcement_id}/lift")
def end(caller: Caller, enforcement_id: EnforcementId, act: Act) -> Enforcement:
    """End one that is in force."""
    return lift(caller.desk.store, enforcement_id, act.seen, caller.person, act.reason)


@router.get("/decisions")
def in_force(caller: Caller) -> Rows:
    """What is in force now, by account."""
    return [decision._asdict() for decision in decisions(caller.desk.store)]


@router.get("/gateway")
def gateway(caller: Caller) -> dict[str, Any]:
    """What the gateway was last told: policy, counts, budgets used, and what stopped the plan."""
    folder = caller.desk.settings.gate
    if folder is None:
        raise UnknownName("the console", "knows no gateway", "Start it with --gate GATE")
    return kept_record(folder)


@router.get("/labels")
def told(caller: Caller) -> Rows:
    """Outcomes, by account."""
    return [label._asdict() for label in labels(caller.desk.store)]


@router.get("/ledger")
def ledger(
    caller: Caller,
    after: Annotated[
        int, Query(ge=0, le=2**62, description="the number of the last one known")
    ] = 0,
    most: Most = 1000,
) -> Rows:
    """Entries of the ledger, in order."""
    with caller.desk.store.reading() as connection:
        found = (entry for entry in entries(connection) if entry.seq > after)
        return [entry._asdict() for entry, _ in zip(found, range(most), strict=False)]
