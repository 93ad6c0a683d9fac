"""What the gateway was last told: the policy, what it decided, and above all what stopped it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from stillwatch.cases.reversals import reversals
from stillwatch.web.visit import Here

router = APIRouter(include_in_schema=False)

LISTED = 200
"""Reversals on the page."""


@router.get("/gateway")
def gateway(visit: Here) -> HTMLResponse:
    """The policy in force, its counts and budgets, and trips before everything else."""
    back = reversals(visit.desk.store)
    return visit.page("gateway.html", reversals=back[:LISTED], all_reversals=len(back))
