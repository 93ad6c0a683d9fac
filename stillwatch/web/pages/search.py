"""Search: an account, an indicator by its value or key, or the frame family of a prompt."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from stillwatch.web.matching import LONGEST, keys_of
from stillwatch.web.visit import Here

router = APIRouter(include_in_schema=False)

MOST = 50
LEAST_WORDS = 4
"""Words from which on a search is taken for a prompt too."""


@router.get("/search")
def search(visit: Here, q: str = "") -> HTMLResponse:
    """What a short text may be."""
    return _found(visit, q.strip())


@router.post("/search")
def search_text(visit: Here) -> HTMLResponse:
    """The same for a long one, which no address has room for, and no log of addresses keeps."""
    return _found(visit, visit.form.get("q", "").strip())


def _found(visit: Here, text: str) -> HTMLResponse:
    held = visit.desk.held
    text = text[:LONGEST]
    accounts = held.accounts_like(text, MOST) if text and len(text) <= 4096 else []
    objects = held.objects_with(keys_of(text)) if text and len(text) <= 4096 else []
    frames = held.matcher(text) if len(text.split()) >= LEAST_WORDS else []
    return visit.page(
        "search.html",
        text=text,
        accounts=accounts,
        memberships={name: held.memberships(name) for name in accounts},
        objects=objects,
        frames=frames,
        most=MOST,
        chapter_of=held.chapter,
    )
