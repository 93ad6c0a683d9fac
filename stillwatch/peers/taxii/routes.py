"""The routes of TAXII 2.1: one API root with two collections.

`told` is what we tell, to be read. `inbox` takes what peers tell of their own accord, which waits
for a person; nobody reads it here, for what one peer told us is not for the next one.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stillwatch.errors import PeerRefused
from stillwatch.peers import statuses
from stillwatch.peers.objects import NotTaken, StixObject, check_object, id_of, read_envelope
from stillwatch.peers.published import Entry, bodies, published
from stillwatch.peers.received import keep_posted, take_back
from stillwatch.peers.taxii.filters import Wanted, page, read_wanted
from stillwatch.peers.taxii.media import STIX, TAXII, Refusal, answered, check_content_type

if TYPE_CHECKING:
    from stillwatch.cases.store import Store
    from stillwatch.peers.registry import Peer

ROOT = "/taxii2/stillwatch/"
_OURS = uuid.UUID("4d0c7c8e-8a5f-5d0b-9d66-3f5a3c9f7b11")
TOLD = str(uuid.uuid5(_OURS, "told"))
INBOX = str(uuid.uuid5(_OURS, "inbox"))

MOST_SENT = 4 << 20
"""Bytes of a request's body."""

COLLECTIONS: dict[str, dict[str, Any]] = {
    TOLD: {
        "id": TOLD,
        "alias": "told",
        "title": "Campaigns that we tell",
        "description": "Indicators of distillation campaigns, each let go by two people.",
        "can_read": True,
        "can_write": False,
        "media_types": [STIX],
    },
    INBOX: {
        "id": INBOX,
        "alias": "inbox",
        "title": "What you want us to know",
        "description": "Kept until a person here has looked at it; it is never a verdict.",
        "can_read": False,
        "can_write": True,
        "media_types": [STIX],
    },
}

_AT = f"{ROOT}collections/{{collection}}/"


def routes() -> list[Route]:
    """All of them."""
    return [
        Route("/taxii2/", discovery),
        Route(ROOT, api_root),
        Route(f"{ROOT}status/{{status}}/", status),
        Route(f"{ROOT}collections/", collections),
        Route(_AT, collection),
        Route(f"{_AT}manifest/", manifest),
        Route(f"{_AT}objects/", objects, methods=["GET", "POST"]),
        Route(f"{_AT}objects/{{object}}/", one_object, methods=["GET", "DELETE"]),
        Route(f"{_AT}objects/{{object}}/versions/", versions),
    ]


async def discovery(request: Request) -> Response:
    """What is served here (section 4.1)."""
    base = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return answered(
        {
            "title": "Stillwatch",
            "description": "Campaigns that distil models, told among peers.",
            "default": f"{base}{ROOT}",
            "api_roots": [f"{base}{ROOT}"],
        }
    )


async def api_root(request: Request) -> Response:
    """The API root (section 4.2)."""
    return answered({"title": "Stillwatch", "versions": [TAXII], "max_content_length": MOST_SENT})


async def status(request: Request) -> Response:
    """What became of what a peer sent (section 4.3); its own only."""
    found = await run_in_threadpool(
        statuses.find, _store(request), _peer(request), request.path_params["status"]
    )
    if found is None:
        raise Refusal(404, "There is no such status of yours")
    return answered(json.loads(found))


async def collections(request: Request) -> Response:
    """All collections (section 5.1)."""
    return answered({"collections": list(COLLECTIONS.values())})


async def collection(request: Request) -> Response:
    """One of them (section 5.2)."""
    return answered(_collection(request))


async def manifest(request: Request) -> Response:
    """What there is, without the objects (section 5.3)."""
    found, more = await _entries(request, read_wanted(request.query_params))
    entries = [
        {
            "id": entry.object_id,
            "date_added": entry.added_at,
            "version": entry.version,
            "media_type": STIX,
        }
        for entry in found
    ]
    return _paged("objects", entries, found, more)


async def objects(request: Request) -> Response:
    """Objects, read or sent (sections 5.4 and 5.5)."""
    if request.method == "POST":
        return await _take(request)
    return await _objects(request, read_wanted(request.query_params))


async def one_object(request: Request) -> Response:
    """One object, read, or taken back from the inbox (sections 5.6 and 5.7)."""
    wanted = read_wanted(request.query_params)
    identity = request.path_params["object"]
    if request.method == "DELETE":
        if not _collection(request)["can_write"]:
            raise Refusal(403, "What was told is revoked, and not deleted")
        taken = await run_in_threadpool(take_back, _store(request), _peer(request), identity)
        if not taken:
            raise Refusal(404, "No such object of yours waits here")
        return answered({})
    return await _objects(request, _only(wanted, identity))


async def versions(request: Request) -> Response:
    """The versions of one object (section 5.8)."""
    wanted = _only(read_wanted(request.query_params), request.path_params["object"], "all")
    found, more = await _entries(request, wanted)
    _must_be(found)
    return _paged("versions", [entry.version for entry in found], found, more)


def _only(wanted: Wanted, identity: str, version: str | None = None) -> Wanted:
    return Wanted(
        after=wanted.after,
        limit=wanted.limit,
        ids=frozenset({identity}),
        versions=frozenset({version}) if version else wanted.versions,
        spec_versions=wanted.spec_versions,
    )


async def _objects(request: Request, wanted: Wanted) -> Response:
    found, more = await _entries(request, wanted)
    if "object" in request.path_params:
        _must_be(found)
    texts = await run_in_threadpool(bodies, _store(request), found)
    return _paged("objects", [json.loads(text) for text in texts], found, more)


async def _entries(request: Request, wanted: Wanted) -> tuple[list[Entry], bool]:
    if not _collection(request)["can_read"]:
        raise Refusal(403, "This collection can't be read")
    return page(await run_in_threadpool(published, _store(request)), wanted)


async def _take(request: Request) -> Response:
    if not _collection(request)["can_write"]:
        raise Refusal(403, "This collection can't be written to")
    check_content_type(request.headers.get("content-type", ""))
    body = await request.body()
    try:
        sent, _ = read_envelope(body)
    except NotTaken as fault:
        raise Refusal(422, f"Nothing was taken: {fault}") from None
    document = await run_in_threadpool(_kept, _store(request), _peer(request), sent)
    return answered(document, 202)


def _kept(store: Store, peer: Peer, sent: list[Any]) -> dict[str, Any]:
    good: list[StixObject] = []
    bad: list[dict[str, str]] = []
    for value in sent:
        try:
            good.append(check_object(value))
        except NotTaken as fault:
            bad.append({"id": id_of(value) or statuses.NO_ID, "message": str(fault)})
    try:
        keep_posted(store, peer, good)
    except PeerRefused as fault:
        raise Refusal(429, f"Nothing was taken: {fault.what}", {"Retry-After": "86400"}) from None
    return statuses.keep(store, peer, good, bad)


def _paged(name: str, listed: list[Any], found: list[Entry], more: bool) -> Response:
    document: dict[str, Any] = {name: listed} if listed else {}
    if more:
        document |= {"more": True, "next": found[-1].added_at}
    headers = {}
    if found:
        headers = {
            "X-TAXII-Date-Added-First": found[0].added_at,
            "X-TAXII-Date-Added-Last": found[-1].added_at,
        }
    return answered(document, headers=headers)


def _must_be(found: list[Entry]) -> None:
    if not found:
        raise Refusal(404, "There is no such object")


def _collection(request: Request) -> dict[str, Any]:
    asked = request.path_params["collection"]
    for known in COLLECTIONS.values():
        if asked in (known["id"], known["alias"]):
            return known
    raise Refusal(404, "There is no such collection")


def _store(request: Request) -> Store:
    return request.app.state.store


def _peer(request: Request) -> Peer:
    return request.state.peer
