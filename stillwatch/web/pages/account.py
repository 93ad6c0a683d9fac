"""One account: what it did, where it stands and why, its neighbours and its campaigns."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from stillwatch.cases.access import Role
from stillwatch.web.visit import Here

router = APIRouter(include_in_schema=False)

SAMPLES = 3
NEIGHBOURS = 12


@router.get("/account")
def account(visit: Here, id: Annotated[str, Query(max_length=1 << 20)]) -> HTMLResponse:
    """Where an account stands; raises `UnknownName`."""
    held = visit.desk.held
    standing = held.account(id)
    evidence = held.evidence_on(id)
    sampled = [i for row in evidence for i in row["sample"] or []]
    memberships = held.memberships(id)
    near = [
        {**row, "campaigns": [c.name for c, _ in held.memberships(row["account_id"])]}
        for row in standing["nearest"][:NEIGHBOURS]
    ]
    links = {c.campaign_id: held.links_of(c.campaign_id, id)[:NEIGHBOURS] for c, _ in memberships}
    return visit.page(
        "account.html",
        standing=standing,
        evidence=evidence,
        memberships=memberships,
        near=near,
        links=links,
        texts=visit.desk.texts.of(sampled, SAMPLES),
        may_appeal=visit.person.role != Role.VIEWER,
    )
