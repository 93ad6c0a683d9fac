"""Pulling from a peer that really listens, from one that is cut off, and from hostile ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from stillwatch.cases import Store
from stillwatch.errors import InputNotFound, PeerRefused
from stillwatch.peers import client
from stillwatch.peers.addresses import checked_root
from stillwatch.peers.published import publish
from stillwatch.peers.pulling import Pulled, pull
from stillwatch.peers.received import State, decide, evidence, told
from stillwatch.peers.registry import (
    Peer,
    add_peer,
    believe_peer,
    dispute_peer,
    find_peer,
    list_peers,
    remove_peer,
)
from stillwatch.peers.taxii.media import TAXII
from stillwatch.peers.taxii.routes import ROOT
from tests.peers.conftest import ACTOR, checked, stix


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Store]:
    """The store of whoever pulls."""
    made = Store.open(tmp_path / "theirs.db", create=True)
    yield made
    made.close()


@pytest.fixture
def source(theirs: Store, served: str, token: str, tmp_path: Path) -> Peer:
    """Our service, as they know it."""
    kept = tmp_path / "token"
    kept.write_text(token + "\n")
    return add_peer(theirs, "al", served + ROOT, kept, ACTOR)


def test_all_comes_once_and_only_what_is_new_later(
    store: Store, theirs: Store, source: Peer, monkeypatch: pytest.MonkeyPatch
):
    """Over several pages; again brings nothing, and a new version only itself."""
    monkeypatch.setattr(client, "PER_PAGE", 4)
    publish(store, checked(*(stix(name=f"n{i}") for i in range(11))), ACTOR)
    assert pull(theirs, source) == Pulled("al", 11)
    assert pull(theirs, source) == Pulled("al", 0)
    publish(store, checked(stix(name="n3", version="2026-02-01T00:00:00.000Z")), ACTOR)
    assert pull(theirs, source) == Pulled("al", 1)
    assert len(told(theirs)) == 12
    assert len(evidence(theirs)) == 11


def test_a_pull_that_is_cut_off_goes_on(
    store: Store, theirs: Store, source: Peer, monkeypatch: pytest.MonkeyPatch
):
    """What came before is kept, with how far that went."""
    monkeypatch.setattr(client, "PER_PAGE", 4)
    publish(store, checked(*(stix(name=f"n{i}") for i in range(11))), ACTOR)
    asks, ask = [], client.Client._ask

    def cut(self: client.Client, *args: object, **more: object):
        asks.append(args)
        if len(asks) == 3:
            raise PeerRefused("al", "was cut off", "Try again")
        return ask(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(client.Client, "_ask", cut)
    first = pull(theirs, source)
    assert (first.new, str(first.fault)) == (4, "al: was cut off. Try again")
    assert pull(theirs, source) == Pulled("al", 7)


def test_disputes_take_out_what_was_told_and_what_comes_after(
    store: Store, theirs: Store, source: Peer
):
    """An object in all its versions, also later ones; a peer as a whole; both can be taken back."""
    one, two = stix(name="one"), stix(name="two")
    publish(store, checked(one, two), ACTOR)
    pull(theirs, source)
    decide(theirs, "al", one["id"], State.DISPUTED, "our own office", ACTOR)
    publish(store, checked(stix(name="one", version="2026-03-01T00:00:00.000Z")), ACTOR)
    pull(theirs, source)
    assert [e.object_id for e in evidence(theirs)] == [two["id"]]
    dispute_peer(theirs, "al", "they were hacked", ACTOR)
    assert evidence(theirs) == []
    believe_peer(theirs, "al", "no longer", ACTOR)
    decide(theirs, "al", one["id"], State.ACCEPTED, "a mistake", ACTOR)
    assert {e.object_id for e in evidence(theirs)} == {one["id"], two["id"]}
    with pytest.raises(PeerRefused, match="told no"):
        decide(theirs, "al", "campaign--none", State.DISPUTED, "why not", ACTOR)


def test_a_peer_that_is_removed_leaves_nothing(store: Store, theirs: Store, source: Peer):
    """Neither its objects nor how far it was pulled: added again, all comes again."""
    publish(store, checked(stix()), ACTOR)
    pull(theirs, source)
    remove_peer(theirs, "al", ACTOR)
    assert (told(theirs), list_peers(theirs)) == ([], [])
    with pytest.raises(PeerRefused, match="is no peer"):
        find_peer(theirs, "al")
    again = add_peer(theirs, "al", source.url, Path(str(source.token_file)), ACTOR)
    assert pull(theirs, again) == Pulled("al", 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://peer.example/taxii2/all/",
        "ftp://127.0.0.1/",
        "https://user:secret@peer.example/",
        "https://",
        "https://peer.example/?a=b",
        "https://peer.example:port/",
        "https://peer.example/\x1b[2J",
        "file:///etc/passwd",
        "https://" + "a" * 5_000,
    ],
)
def test_addresses_that_are_not_taken(url: str):
    """Nothing without TLS but on this machine, and nothing that hides where it leads."""
    with pytest.raises(PeerRefused):
        checked_root(url)


def test_a_token_that_is_gone_is_said(theirs: Store, tmp_path: Path):
    """By its path, and nothing is asked."""
    peer = add_peer(theirs, "al", "http://127.0.0.1:9/", tmp_path / "none", ACTOR)
    assert isinstance(pull(theirs, peer).fault, InputNotFound)


def hostile(answer: Callable[[Request], Response]) -> Starlette:
    """A peer with one collection, whose objects are what `answer` gives."""

    async def collections(request: Request) -> Response:
        body = json.dumps({"collections": [{"id": "a", "can_read": True}, {"id": "../b"}, 3]})
        return Response(body, media_type=TAXII)

    async def objects(request: Request) -> Response:
        return answer(request)

    return Starlette(
        routes=[Route("/collections/", collections), Route("/collections/a/objects/", objects)]
    )


LAST = {"X-TAXII-Date-Added-Last": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda r: Response("no", 500), "HTTP 500"),
        (lambda r: Response('{"title": "\x1b[2Jgo"}', 403), "HTTP 403"),
        (lambda r: Response('{"title": "\\u001b[2Jgo"}', 403), "HTTP 403: "),
        (lambda r: RedirectResponse("http://127.0.0.1:1/"), "HTTP 307"),
        (lambda r: Response("{"), "no JSON"),
        (lambda r: Response("[" * 100_000), "no JSON"),
        (lambda r: Response('{"objects": [{}]}'), "when its objects were added"),
        (lambda r: Response('{"objects": [{}], "more": true}', headers=LAST), "again and again"),
        (lambda r: Response(b"x", headers={"Content-Encoding": "gzip"}), "compressed"),
        (lambda r: Response(b"x" * 3_000), "more than"),
    ],
    ids=range(10),
)
def test_hostile_peers_are_left(
    theirs: Store,
    serving: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Request], Response],
    said: str,
):
    """With a refusal that names what they did, and no escape sequence of theirs in it."""
    monkeypatch.setattr(client, "MOST_BYTES", 2_000 if said == "more than" else client.MOST_BYTES)
    peer = add_peer(theirs, "eve", serving(hostile(answer)), None, ACTOR)
    fault = pull(theirs, peer).fault
    assert isinstance(fault, PeerRefused)
    assert said in str(fault)
    assert "\x1b" not in str(fault)
    assert told(theirs) == []


def test_bad_objects_are_counted_and_left_out(theirs: Store, serving: Callable[..., str]):
    """By reason; the good ones beside them are kept."""
    deep: object = 1
    for _ in range(30):
        deep = [deep]
    values = [
        stix(name="good"),
        stix("malware"),
        {**stix(), "id": "campaign--1"},
        {**stix(), "id": "campaign--" + "../" * 12},
        {**stix(), "spec_version": "2.0"},
        {**stix(), "modified": "never"},
        {**stix(), "name": "x" * 70_000},
        {**stix(), "x_deep": deep},
        "text",
        None,
    ]
    body = json.dumps({"objects": values})
    app = hostile(lambda r: Response(body, media_type=TAXII, headers=LAST))
    found = pull(theirs, add_peer(theirs, "eve", serving(app), None, ACTOR))
    assert (found.new, found.refused.total(), found.fault) == (1, 9, None)
    assert [one.object_id for one in told(theirs)] == [stix(name="good")["id"]]
