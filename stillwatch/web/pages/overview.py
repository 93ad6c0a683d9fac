"""The first page: campaigns by severity, exchanges a day, and what is new."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from stillwatch.cases import list_cases
from stillwatch.console.wording import count, full_weight
from stillwatch.web.held import Held
from stillwatch.web.visit import Here

router = APIRouter(include_in_schema=False)

NEW_DAYS = 7
"""A campaign that began in the last so many days of the log is called new."""


@router.get("/")
def overview(visit: Here) -> HTMLResponse:
    """Every campaign with its case, the heaviest first."""
    held = visit.desk.held
    of_campaign = {case.campaign_id: case for case in list_cases(visit.desk.store)}
    campaigns = sorted(held.story.campaigns, key=lambda c: -c.confidence * c.exchanges)
    unopened = [c for c in campaigns if c.campaign_id not in of_campaign]
    return visit.page(
        "overview.html",
        campaigns=campaigns,
        of_campaign=of_campaign,
        unopened=count(len(unopened), "campaign") if unopened else "",
        new=held.new_since(NEW_DAYS),
        new_days=NEW_DAYS,
        full=full_of(held),
    )


def full_of(held: Held) -> float:
    """The weight at which bars of evidence are full on all pages."""
    chapters = (*held.story.campaigns, *held.story.networks)
    return full_weight(r.weight for c in chapters for r in (*c.support, *c.doubts))
