"""The queue of cases, one case under review, and what leaves the house about it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from stillwatch.cases import (
    Case,
    Seen,
    State,
    assign,
    case_accounts,
    change_state,
    comment,
    get_case,
    history,
    list_cases,
    merge,
    open_cases,
    snooze,
    split,
    tag,
    undo,
    untag,
)
from stillwatch.cases.access import Role, list_people, may
from stillwatch.cases.enforcement import ALONE, Standing, list_enforcements, propose
from stillwatch.cases.states import ACTS, TRANSITIONS
from stillwatch.errors import CaseChanged, CaseRefused
from stillwatch.ladder import Action
from stillwatch.reports import (
    appeal_pack,
    as_html,
    as_markdown,
    as_pdf,
    campaigns_of,
    ids_of_frames,
    report,
    whole_history,
)
from stillwatch.web.visit import Here, Visit

router = APIRouter(include_in_schema=False)

CaseId = Annotated[int, Path(ge=1, le=2**31 - 1)]

QUEUES: dict[str, Callable[[Case, str], bool]] = {
    "open": lambda case, _: case.state in {State.NEW, State.IN_REVIEW, State.APPEALED},
    "mine": lambda case, me: case.assignee == me,
    "decided": lambda case, _: case.state in {State.CONFIRMED, State.REJECTED},
    "all": lambda case, _: True,
}
"""The lists that the queue offers."""


@router.get("/cases")
def queue(visit: Here, show: str = "open", tagged: str = "") -> HTMLResponse:
    """Cases that wait for somebody; those that rest come last, those that grew are marked."""
    show = show if show in QUEUES else "open"
    everything = list_cases(visit.desk.store)
    now = dt.datetime.now(dt.UTC).isoformat()
    found = [case for case in everything if QUEUES[show](case, visit.name)]
    if tagged:
        found = [case for case in found if tagged in case.tags]
    found.sort(
        key=lambda case: ((case.snoozed_until or "") > now, -case.confidence * case.exchanges)
    )
    return visit.page(
        "cases.html",
        cases=found,
        show=show,
        queues={
            name: sum(test(c, visit.name) for c in everything) for name, test in QUEUES.items()
        },
        tagged=tagged,
        now=now,
    )


@router.post("/cases")
def open_all(visit: Here) -> RedirectResponse:
    """Open a case for each campaign of the findings, or bring it up to date."""
    open_cases(visit.desk.store, visit.desk.held.findings, visit.name)
    return visit.go("/cases", "open")


@router.get("/cases/{case_id}")
def case(visit: Here, case_id: CaseId) -> HTMLResponse:
    """One case with its history, and the forms for what may be done to it."""
    return case_page(visit, case_id)


def case_page(visit: Visit, case_id: int, status: int = 200, refused: str = "") -> HTMLResponse:
    """The page of a case; `refused` says why an act on it wasn't done."""
    desk = visit.desk
    found = get_case(desk.store, case_id)
    others = [
        c
        for c in list_cases(desk.store)
        if c.case_id != case_id
        and c.merged_into is None
        and c.state in {State.NEW, State.IN_REVIEW}
    ]
    held = desk.held
    return visit.page(
        "case.html",
        status,
        case=found,
        entries=list(history(desk.store, case_id)),
        chapter=held.chapter(found.campaign_id) if held.has(found.campaign_id) else None,
        next_states=[(state, ACTS[state]) for state in State if state in TRANSITIONS[found.state]],
        others=others,
        people=[person.name for person in list_people(desk.store)],
        enforcements=[e for e in list_enforcements(desk.store) if e.case_id == case_id],
        actions=list(Action),
        alone=ALONE,
        refused=refused,
        is_lead=may(visit.person.role, Role.LEAD),
    )


def _seen(visit: Visit, case_id: int) -> Seen:
    return Seen(case_id, _number(visit.form.get("seen", "")))


def _lines(text: str) -> list[str]:
    """The ids that were written, one a line: an id may hold white space."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HTTPException(400, "The form lacks the version of the case that it was made for")
    return int(text)


def _act(visit: Visit, case_id: int, done: str, act: Callable[[Seen], Any]) -> Response:
    """Do an act that a form asks for, and go on; refused, the form comes back as it was filled."""
    try:
        act(_seen(visit, case_id))
    except CaseChanged as fault:
        return case_page(visit, case_id, 409, str(fault))
    except CaseRefused as fault:
        return case_page(visit, case_id, 422, str(fault))
    return visit.go(f"/cases/{case_id}", done)


@router.post("/cases/{case_id}/state")
def state(visit: Here, case_id: CaseId) -> Response:
    """Review, confirm, reject, appeal or close."""
    to, reason = visit.form.get("to", ""), visit.form.get("reason", "")
    if to not in set(State):
        raise HTTPException(400, "The form names no state")
    store = visit.desk.store
    return _act(
        visit,
        case_id,
        "state",
        lambda seen: change_state(store, seen, State(to), visit.name, reason),
    )


@router.post("/cases/{case_id}/undo")
def take_back(visit: Here, case_id: CaseId) -> Response:
    """Take the last change of state back."""
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(visit, case_id, "undo", lambda seen: undo(store, seen, visit.name, reason))


@router.post("/cases/{case_id}/assign")
def give(visit: Here, case_id: CaseId) -> Response:
    """Give the case to somebody, or to nobody."""
    store, to = visit.desk.store, visit.form.get("to", "").strip() or None
    return _act(visit, case_id, "assign", lambda seen: assign(store, seen, to, visit.name))


@router.post("/cases/{case_id}/comment")
def say(visit: Here, case_id: CaseId) -> Response:
    """Say something."""
    store, text = visit.desk.store, visit.form.get("text", "")
    return _act(visit, case_id, "comment", lambda seen: comment(store, seen, text, visit.name))


@router.post("/cases/{case_id}/tag")
def put_tag(visit: Here, case_id: CaseId) -> Response:
    """Put a tag on."""
    store, name = visit.desk.store, visit.form.get("tag", "")
    return _act(visit, case_id, "tag", lambda seen: tag(store, seen, name, visit.name))


@router.post("/cases/{case_id}/untag")
def take_tag(visit: Here, case_id: CaseId) -> Response:
    """Take a tag off."""
    store, name = visit.desk.store, visit.form.get("tag", "")
    return _act(visit, case_id, "tag", lambda seen: untag(store, seen, name, visit.name))


@router.post("/cases/{case_id}/snooze")
def rest(visit: Here, case_id: CaseId) -> Response:
    """Let the case rest for some days."""
    days = visit.form.get("days", "")
    if not (days.isascii() and days.isdigit() and 0 < int(days[:6]) <= 3650):
        raise HTTPException(400, "A case rests for 1 to 3,650 days")
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=int(days))
    store = visit.desk.store
    return _act(visit, case_id, "snooze", lambda seen: snooze(store, seen, until, visit.name))


@router.post("/cases/{case_id}/merge")
def take_in(visit: Here, case_id: CaseId) -> Response:
    """Take another case in; it is named with the version that was seen, `7@4`."""
    number, _, version = visit.form.get("other", "").partition("@")
    other = Seen(_number(number), _number(version))
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(visit, case_id, "merge", lambda seen: merge(store, seen, other, visit.name, reason))


@router.post("/cases/{case_id}/split")
def part(visit: Here, case_id: CaseId) -> Response:
    """Split accounts off, an id a line."""
    accounts = _lines(visit.form.get("accounts", ""))
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(
        visit, case_id, "split", lambda seen: split(store, seen, accounts, visit.name, reason)
    )


@router.post("/cases/{case_id}/enforcements")
def enforce(visit: Here, case_id: CaseId) -> Response:
    """Propose what is to be done to the accounts of a confirmed case."""
    form, store = visit.form, visit.desk.store
    if form.get("action") not in set(Action):
        raise HTTPException(400, "The form names no action")
    days = form.get("days", "")
    if not (days.isascii() and days.isdigit() and 0 < int(days[:6]) <= 3650):
        raise HTTPException(400, "An enforcement lasts 1 to 3,650 days")
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=int(days))
    accounts = None if form.get("whom") == "all" else _lines(form.get("accounts", ""))
    return _act(
        visit,
        case_id,
        "propose",
        lambda seen: propose(
            store,
            seen,
            Action(form["action"]),
            visit.person,
            form.get("reason", ""),
            accounts,
            until,
        ),
    )


FORMS: dict[str, tuple[Callable[[Any], str | bytes], str]] = {
    "md": (as_markdown, "text/markdown; charset=utf-8"),
    "html": (as_html, "text/html; charset=utf-8"),
    "pdf": (as_pdf, "application/pdf"),
}
"""The formats of reports by the end of their address."""


@router.get("/cases/{case_id}/report.{form}")
def disclosure(visit: Here, case_id: CaseId, form: str) -> Response:
    """The report on a case."""
    desk = visit.desk
    found, entries = get_case(desk.store, case_id), whole_history(desk.store, case_id)
    samples = None
    if desk.settings.log is not None:
        ids = ids_of_frames(desk.held.findings, campaigns_of(found, entries))
        samples = dict(desk.texts.of(ids, len(ids)))
    enforced = Counter[str]()
    for e in list_enforcements(desk.store):
        if e.case_id == case_id and e.state == Standing.IN_FORCE:
            enforced[e.action.replace("_", " ")] += e.accounts
    document = report(desk.held.findings, found, entries, samples, enforced=enforced)
    return _document(document, form, f"case-{case_id}")


@router.get("/cases/{case_id}/appeal.{form}")
def appeal(
    visit: Here, case_id: CaseId, form: str, id: Annotated[str, Query(max_length=1 << 20)]
) -> Response:
    """What one account is told that appeals."""
    desk = visit.desk
    document = appeal_pack(
        desk.held.findings,
        get_case(desk.store, case_id),
        id,
        entries=whole_history(desk.store, case_id),
        accounts=case_accounts(desk.store, case_id),
    )
    return _document(document, form, f"appeal-{case_id}")


def _document(document: Any, form: str, name: str) -> Response:
    if form not in FORMS:
        raise HTTPException(404, "Reports are .md, .html or .pdf")
    write, kind = FORMS[form]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(write(document), media_type=kind, headers=headers)
