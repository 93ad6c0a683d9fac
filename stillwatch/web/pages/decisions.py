"""What was decided and is done about it: outcomes, enforcements, and the ledger of all acts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.background import BackgroundTask

from stillwatch.cases import export_ledger, labels, list_cases
from stillwatch.cases.access import Role, may
from stillwatch.cases.enforcement import (
    approve,
    decisions,
    decline,
    lift,
    list_enforcements,
    withdraw,
)
from stillwatch.cases.ledger import entries
from stillwatch.errors import CaseChanged, CaseRefused
from stillwatch.web.visit import Here, Visit

router = APIRouter(include_in_schema=False)

LISTED = 200
"""Accounts, or entries of the ledger, on a page."""

EnforcementId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/decisions")
def decided(visit: Here) -> HTMLResponse:
    """Enforcements that wait for a second person, those in force, and outcomes as labels."""
    return _page(visit)


def _page(visit: Visit, status: int = 200, refused: str = "") -> HTMLResponse:
    store = visit.desk.store
    found, told = decisions(store), labels(store)
    outcomes = {case.case_id: case for case in list_cases(store) if case.outcome}
    return visit.page(
        "decisions.html",
        status,
        enforcements=list_enforcements(store),
        in_force=found[:LISTED],
        all_in_force=len(found),
        labelled=len(told),
        outcomes=list(outcomes.values()),
        is_lead=may(visit.person.role, Role.LEAD),
        refused=refused,
    )


def _act(visit: Visit, act: Callable[[int], Any]) -> Response:
    seen = visit.form.get("seen", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise HTTPException(400, "The form lacks the version of the enforcement that was seen")
    try:
        act(int(seen))
    except CaseChanged as fault:
        return _page(visit, 409, str(fault))
    except CaseRefused as fault:
        return _page(visit, 422, str(fault))
    return visit.go("/decisions", "enforcement")


@router.post("/enforcements/{enforcement_id}/approve")
def agree(visit: Here, enforcement_id: EnforcementId) -> Response:
    """Be the second person."""
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(visit, lambda seen: approve(store, enforcement_id, seen, visit.person, reason))


@router.post("/enforcements/{enforcement_id}/decline")
def refuse(visit: Here, enforcement_id: EnforcementId) -> Response:
    """Decline it."""
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(visit, lambda seen: decline(store, enforcement_id, seen, visit.person, reason))


@router.post("/enforcements/{enforcement_id}/withdraw")
def take_back(visit: Here, enforcement_id: EnforcementId) -> Response:
    """Take one's own proposal back."""
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(visit, lambda seen: withdraw(store, enforcement_id, seen, visit.person, reason))


@router.post("/enforcements/{enforcement_id}/lift")
def end(visit: Here, enforcement_id: EnforcementId) -> Response:
    """End one that is in force."""
    store, reason = visit.desk.store, visit.form.get("reason", "")
    return _act(visit, lambda seen: lift(store, enforcement_id, seen, visit.person, reason))


@router.get("/ledger")
def ledger(
    visit: Here, before: Annotated[int | None, Query(ge=1, le=2**62)] = None
) -> HTMLResponse:
    """The ledger's entries, the latest first."""
    with visit.desk.store.reading() as connection:
        found = [e for e in entries(connection) if before is None or e.seq < before]
    shown = found[-LISTED:][::-1]
    return visit.page(
        "ledger.html",
        entries=shown,
        head=found[-1].hash if found and before is None else "",
        earlier=shown[-1].seq if shown and shown[-1].seq > 1 else None,
        may_export=may(visit.person.role, Role.LEAD),
    )


@router.get("/ledger.jsonl")
def exported(visit: Here) -> FileResponse:
    """The whole ledger as the file that `stillwatch ledger verify` takes."""
    with tempfile.NamedTemporaryFile(prefix="stillwatch-ledger-", delete=False) as file:
        path = FilePath(file.name)
    export_ledger(visit.desk.store, path)
    return FileResponse(
        path,
        media_type="application/jsonl",
        filename="ledger.jsonl",
        background=BackgroundTask(path.unlink),
    )
