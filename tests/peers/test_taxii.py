"""The TAXII service as the public client sees it, and as strangers do."""

from __future__ import annotations

import json

import httpx
import pytest
import stix2
from taxii2client.common import TokenAuth
from taxii2client.exceptions import AccessError
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from stillwatch.cases import Store
from stillwatch.peers.objects import MOST_OBJECTS
from stillwatch.peers.published import publish, published
from stillwatch.peers.received import MOST_PENDING, State, evidence, told
from stillwatch.peers.registry import add_peer, admit, shut_out
from stillwatch.peers.taxii.media import TAXII
from stillwatch.peers.taxii.routes import INBOX, MOST_SENT, ROOT, TOLD
from stillwatch.sharing.indicators import Telling
from stillwatch.sharing.stix.bundle import Approved, bundle
from tests.peers.conftest import ACTOR, checked, lines, stix
from tests.sharing.made import AT, hostile, telling


def collection(served: str, token: str, which: str) -> Collection:
    """A collection as the public client has it."""
    return Collection(f"{served}{ROOT}collections/{which}/", auth=TokenAuth(token))


def asked(served: str, token: str, path: str, **headers: str) -> httpx.Response:
    """An answer of the API root."""
    headers = {"Authorization": f"Bearer {token}", "Accept": TAXII, **headers}
    return httpx.get(f"{served}{ROOT}{path}", headers=headers)


def test_discovery_leads_to_the_collections(served: str, token: str):
    """From the server's address to both collections, with what may be done to each."""
    server = Server(f"{served}/taxii2/", auth=TokenAuth(token))
    root = server.default
    assert root.versions == [TAXII]
    assert root.max_content_length == MOST_SENT
    assert [(c.id, c.can_read, c.can_write) for c in root.collections] == [
        (TOLD, True, False),
        (INBOX, False, True),
    ]


@pytest.mark.parametrize("auth", [{"user": "bo", "password": "TOKEN"}, {"auth": "TOKEN"}])
def test_a_token_comes_in_two_ways(served: str, token: str, auth: dict[str, str]):
    """As a password, and as a token."""
    ways = {
        k: TokenAuth(token) if k == "auth" else v.replace("TOKEN", token) for k, v in auth.items()
    }
    assert ApiRoot(f"{served}{ROOT}", **ways).title == "Stillwatch"


def test_the_client_reads_what_was_published_page_by_page(store: Store, served: str, token: str):
    """Every object once, in the order in which they were added, whatever the size of pages."""
    values = [stix(name=f"n{i}") for i in range(23)]
    assert publish(store, checked(*values), ACTOR) == 23
    assert publish(store, checked(*values), ACTOR) == 0
    read = collection(served, token, TOLD)
    pages = list(as_pages(read.get_objects, per_request=5))
    assert [len(page["objects"]) for page in pages] == [5, 5, 5, 5, 3]
    assert [one for page in pages for one in page["objects"]] == values
    added = [entry["date_added"] for entry in read.get_manifest()["objects"]]
    assert added == sorted(set(added))
    assert read.get_objects(added_after=added[19])["objects"] == values[20:]
    assert read.get_objects(added_after=added[-1]) == {}


def test_filters_take_what_they_say(store: Store, served: str, token: str):
    """By id, type, version and spec version; of a new version only the latest, unless asked."""
    old, new = stix(version="2026-01-05T06:00:00.000Z"), stix(version="2026-02-05T06:00:00.000Z")
    other = stix("indicator", "two", pattern="[ipv4-addr:value = '192.0.2.0/24']")
    publish(store, checked(old, other), ACTOR)
    publish(store, checked(new), ACTOR)
    read = collection(served, token, TOLD)

    def found(**filters: object) -> str:
        return lines(read.get_objects(**filters).get("objects", []))

    assert found() == lines([new, other])
    assert found(type="indicator") == lines([other])
    assert found(type=["indicator", "campaign"], version="first") == lines([old, other])
    assert found(version="all") == lines([old, new, other])
    assert found(id=old["id"], version="2026-01-05T06:00:00Z") == lines([old])
    assert found(spec_version="2.0") == lines([])
    assert lines(read.get_object(new["id"])["objects"]) == lines([new])
    assert read.object_versions(new["id"])["versions"] == [
        "2026-01-05T06:00:00.000000Z",
        "2026-02-05T06:00:00.000000Z",
    ]


def test_what_a_peer_sends_waits_for_a_person(store: Store, served: str, token: str):
    """The client's own write is taken in whole, told so, and counts for nothing yet."""
    good, bad = stix(name="good"), stix("malware", "bad")
    status = collection(served, token, INBOX).add_objects({"objects": [good, bad]})
    assert (status.status, status.success_count, status.failure_count) == ("complete", 1, 1)
    assert status.failures[0]["message"] == "objects of type malware aren't read here"
    status.refresh()
    assert status.successes[0]["id"] == good["id"]
    assert [(one.object_id, one.state, one.came_by) for one in told(store)] == [
        (good["id"], State.PENDING, "post")
    ]
    assert evidence(store) == []
    assert published(store) == []


def test_a_peer_takes_back_what_nobody_has_looked_at(store: Store, served: str, token: str):
    """Its own, while it waits; nothing of another's."""
    box = collection(served, token, INBOX)
    box.add_objects({"objects": [stix()]})
    add_peer(store, "cy", None, None, ACTOR)
    stranger = admit(store, "cy", 1, ACTOR)
    path = f"{served}{ROOT}collections/{INBOX}/objects/{stix()['id']}/"
    for secret, status in ((stranger, 404), (token, 200), (token, 404)):
        headers = {"Authorization": f"Bearer {secret}", "Accept": TAXII}
        assert httpx.delete(path, headers=headers).status_code == status
    assert told(store) == []


def test_statuses_are_their_owners(store: Store, served: str, token: str):
    """Another peer's status isn't there."""
    status = collection(served, token, INBOX).add_objects({"objects": [stix()]})
    add_peer(store, "cy", None, None, ACTOR)
    other = admit(store, "cy", 1, ACTOR)
    assert asked(served, token, f"status/{status.id}/").status_code == 200
    assert asked(served, other, f"status/{status.id}/").status_code == 404


def test_the_inbox_is_not_read_and_what_is_told_not_written(served: str, token: str):
    """What may not be done is refused, to the client too."""
    with pytest.raises(AccessError):
        collection(served, token, INBOX).get_objects()
    with pytest.raises(AccessError):
        collection(served, token, TOLD).add_objects({"objects": [stix()]})
    headers = {"Authorization": f"Bearer {token}"}
    sent = {**headers, "Content-Type": TAXII}
    body = json.dumps({"objects": [stix()]})
    address = f"{served}{ROOT}collections/{TOLD}/objects/"
    assert httpx.post(address, content=body, headers=sent).status_code == 403
    assert httpx.delete(f"{address}{stix()['id']}/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path", ["/taxii2/", ROOT, f"{ROOT}collections/", f"{ROOT}collections/{TOLD}/objects/", "/any"]
)
def test_without_a_good_token_there_is_nothing(store: Store, served: str, token: str, path: str):
    """No token, a wrong one, one that ended: all the same, and TAXII's own error."""
    shut_out(store, "bo", ACTOR)
    for header in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"Bearer {token}"}):
        answer = httpx.get(served + path, headers=header)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == TAXII
        assert answer.json()["http_status"] == "401"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("collections/nowhere/", 404),
        (f"collections/{TOLD}/objects/?limit=0", 400),
        (f"collections/{TOLD}/objects/?limit=-1", 400),
        (f"collections/{TOLD}/objects/?added_after=yesterday", 400),
        (f"collections/{TOLD}/objects/?next=%00", 400),
        (f"collections/{TOLD}/objects/?match[version]=new", 400),
        (f"collections/{TOLD}/objects/?match[colour]=red", 400),
        (f"collections/{TOLD}/objects/?match[id]={'a' * 20_000}", 400),
        (f"collections/{TOLD}/objects/campaign--%00/", 404),
        ("status/%00/", 404),
        (f"collections/{INBOX}/objects/", 403),
        (f"collections/{INBOX}/manifest/", 403),
    ],
)
def test_what_can_not_be_meant_is_refused(served: str, token: str, path: str, status: int):
    """Each with TAXII's error message."""
    answer = asked(served, token, path)
    assert answer.status_code == status, answer.text
    assert answer.json()["http_status"] == str(status)


def test_media_types_are_held_to(served: str, token: str):
    """What takes no TAXII gets none, and what isn't said to be TAXII isn't read."""
    assert asked(served, token, "", Accept="text/html").status_code == 406
    assert asked(served, token, "", Accept="application/taxii+json;version=2.0").status_code == 406
    assert (
        asked(served, token, "", Accept="application/taxii+json").headers["content-type"] == TAXII
    )
    address = f"{served}{ROOT}collections/{INBOX}/objects/"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert httpx.post(address, content=b"{}", headers=headers).status_code == 415


HOSTILE = [
    (b"", 422),
    (b"\xff\xfe", 422),
    (b"[]", 422),
    (b'{"objects": 3}', 422),
    (b'{"objects": [NaN]}', 422),
    (b'{"objects": [], "objects": []}', 422),
    (b"[" * 200_000, 422),
    (b'{"objects": [' + b"1" * 10_000 + b"]}", 422),
    (json.dumps({"objects": [{}] * (MOST_OBJECTS + 1)}).encode(), 422),
]


@pytest.mark.parametrize(("body", "status"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_are_refused_whole(
    store: Store, served: str, token: str, body: bytes, status: int
):
    """Nothing of them is kept."""
    address = f"{served}{ROOT}collections/{INBOX}/objects/"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": TAXII}
    answer = httpx.post(address, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, TAXII)
    assert told(store) == []


def test_a_body_is_bounded_however_it_is_sent(served: str, token: str):
    """By its length where it is told, and by what comes where it isn't."""
    address = f"{served}{ROOT}collections/{INBOX}/objects/"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": TAXII}
    whole = b" " * (MOST_SENT + 1)
    assert httpx.post(address, content=whole, headers=headers).status_code == 413

    def parts():
        for _ in range(MOST_SENT // 65_536 + 2):
            yield b" " * 65_536

    assert httpx.post(address, content=parts(), headers=headers).status_code == 413


def test_an_inbox_fills_up(store: Store, served: str, token: str, monkeypatch: pytest.MonkeyPatch):
    """A peer that sends without end is told to come again, and nothing of that request is kept."""
    monkeypatch.setattr("stillwatch.peers.received.MOST_PENDING", 3)
    assert MOST_PENDING > 3
    address = f"{served}{ROOT}collections/{INBOX}/objects/"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": TAXII}

    def send(*names: str) -> int:
        body = json.dumps({"objects": [stix(name=name) for name in names]})
        return httpx.post(address, content=body, headers=headers).status_code

    assert [send("a", "b"), send("c", "d"), send("c"), send("d")] == [202, 429, 202, 429]
    assert len(told(store)) == 3


@pytest.mark.parametrize("told", [telling(), hostile()], ids=["plain", "hostile"])
def test_a_bundle_goes_through_whole(store: Store, served: str, token: str, told: Telling):
    """All that a share tells is read by the client as it was written, and parsed by stix2."""
    objects = bundle([Approved(told, AT)], "Al")["objects"]
    publish(store, checked(*objects), ACTOR)
    read = collection(served, token, TOLD)
    pages = as_pages(read.get_objects, per_request=50)
    found = [one for page in pages for one in page["objects"]]
    assert lines(found) == lines(objects)
    kinds = {stix2.parse(one, allow_custom=True)["type"] for one in found}
    assert {"campaign", "indicator", "relationship", "sighting", "report"} <= kinds
