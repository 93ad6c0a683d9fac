"""Asking a peer what it has seen too: for real, over loopback, within bounds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import private_set_intersection.python as psi
import pytest

from stillwatch.cases import Store
from stillwatch.cases.ledger import entries
from stillwatch.errors import PeerRefused
from stillwatch.peers import asking
from stillwatch.peers.answering import answering_route
from stillwatch.peers.asking import LEAST_HELD, PATH, QUESTIONS_A_DAY, Answered, ask
from stillwatch.peers.client import connected
from stillwatch.peers.registry import add_peer, list_peers
from stillwatch.peers.seen import Seen, item_of, prefix_of
from stillwatch.peers.service import create_app
from stillwatch.peers.taxii.routes import ROOT
from stillwatch.sharing.indicators import Kind
from stillwatch.sharing.keyed import GroupKey
from tests.peers.conftest import ACTOR

KEY, EPOCH = GroupKey(bytes(range(32))), "2026-02"


def a_set(*values: object) -> Seen:
    """A set of made-up cards."""
    items = {item_of(KEY, EPOCH, Kind.PAYMENT, str(value)) for value in values}
    return Seen(KEY.name, EPOCH, tuple(sorted(items)))


@pytest.fixture
def asked(
    store: Store, token: str, serving: Callable[..., str], tmp_path: Path
) -> Callable[..., Answered]:
    """Asks our service, which holds 300 items, as the peer `bo` would."""
    kept = tmp_path / "token"
    kept.write_text(token)
    theirs = Store.open(tmp_path / "theirs.db", create=True)

    def made(mine: Seen, which: bool = False, answers: bool = False, held: int = 300) -> Answered:
        route = answering_route(a_set(*range(held)), answers)
        root = serving(create_app(Store.open(store.name), [route])) + ROOT
        name = f"al {len(list_peers(theirs))}"
        peer = add_peer(theirs, name, root, kept, ACTOR)
        with connected(peer) as client:
            return ask(theirs, peer, client, mine, which, ACTOR)

    return made


def acts(store: Store) -> list[tuple[str, dict[str, object]]]:
    """What the ledger has."""
    with store.reading() as connection:
        return [(entry.act, entry.detail) for entry in entries(connection)]


def test_how_many_are_shared_and_no_more(store: Store, asked: Callable[..., Answered]):
    """The size of the intersection; both ledgers say what was asked."""
    assert asked(a_set(*range(290, 340))) == Answered(50, 10, None)
    assert acts(store)[-1] == ("peer_asked", {"held": 300, "items": 50, "which": False})


def test_which_are_shared_where_both_agreed(asked: Callable[..., Answered]):
    """The items themselves, of those that were asked."""
    mine = a_set(*range(290, 340))
    found = asked(mine, which=True, answers=True)
    assert found.which == a_set(*range(290, 300)).items
    assert found.shared == 10


@pytest.mark.parametrize(
    ("which", "answers", "held", "said"),
    [
        (True, False, 300, "only how many"),
        (False, True, 300, "only which"),
        (False, False, LEAST_HELD - 1, "too much"),
    ],
)
def test_what_was_not_agreed_is_refused(
    asked: Callable[..., Answered], which: bool, answers: bool, held: int, said: str
):
    """Neither more nor less is told, and nothing of a small set."""
    with pytest.raises(PeerRefused, match=said):
        asked(a_set(1, 2), which, answers, held)


def test_another_key_or_epoch_is_refused(asked: Callable[..., Answered]):
    """Before anything is compared: none would be alike."""
    for mine in (Seen("00000000", EPOCH, ("a",)), Seen(KEY.name, "2026-03", ("a",))):
        with pytest.raises(PeerRefused, match="of key"):
            asked(mine)


def test_questions_are_bounded_in_size(asked: Callable[..., Answered]):
    """By whoever asks already."""
    for mine in (a_set(), Seen(KEY.name, EPOCH, tuple(map(str, range(asking.MOST_ASKED + 1))))):
        with pytest.raises(PeerRefused, match="can't be asked"):
            asked(mine)


@pytest.fixture
def post(store: Store, token: str, serving: Callable[..., str]) -> Callable[..., httpx.Response]:
    """Sends anything to the route."""
    route = answering_route(a_set(*range(300)), False)
    address = serving(create_app(Store.open(store.name), [route])) + ROOT + PATH

    def made(body: bytes) -> httpx.Response:
        return httpx.post(address, content=body, headers={"Authorization": f"Bearer {token}"})

    return made


def question(sent: bytes, /, **more: object) -> bytes:
    """A question as it is sent."""
    asks = {"key": KEY.name, "epoch": EPOCH, "which": False}
    return json.dumps({**asks, "request": base64.b64encode(sent).decode(), **more}).encode()


def test_a_peer_can_not_try_a_dictionary(store: Store, post: Callable[..., httpx.Response]):
    """So many questions a day, each in the ledger; then it is told when to come again."""
    one = psi.client.CreateWithNewKey(False).CreateRequest(["a"]).SerializeToString()
    answers = [post(question(one)) for _ in range(QUESTIONS_A_DAY + 2)]
    assert [a.status_code for a in answers] == [200] * QUESTIONS_A_DAY + [429, 429]
    assert 86_000 < int(answers[-1].headers["retry-after"]) <= 86_400
    assert [act for act, _ in acts(store)].count("peer_asked") == QUESTIONS_A_DAY


def test_items_of_a_day_are_bounded_too(
    post: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
):
    """However few questions they come in."""
    monkeypatch.setattr(asking, "ITEMS_A_DAY", 5)
    client = psi.client.CreateWithNewKey(False)
    three = question(client.CreateRequest(["a", "b", "c"]).SerializeToString())
    assert [post(three).status_code for _ in range(2)] == [200, 429]


BAD_POINT = psi.Request(reveal_intersection=False, encrypted_elements=[b"no point"])
REVEALING = psi.client.CreateWithNewKey(True).CreateRequest(["a"])
HOSTILE = [
    b"",
    b"[]",
    b"[" * 100_000,
    question(b""),
    question(b"\xff" * 100),
    question(BAD_POINT.SerializeToString()),
    question(REVEALING.SerializeToString()),
    question(b"", request="?"),
    question(b"", request=3),
    question(b"", which="no"),
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_questions_are_refused(post: Callable[..., httpx.Response], body: bytes):
    """With words, and without an answer."""
    answer = post(body)
    assert answer.status_code == 422, answer.text
    assert "Not answered" in answer.json()["title"]


def test_items_hide_their_values(tmp_path: Path):
    """No value is in an item, another key or epoch makes another one, and a file is its owner's."""
    one = item_of(KEY, EPOCH, Kind.PREFIX, str(prefix_of("192.0.2.7")))
    assert "192" not in one
    assert one == item_of(KEY, EPOCH, Kind.PREFIX, str(prefix_of("::ffff:192.0.2.9")))
    assert one != item_of(KEY, "2026-03", Kind.PREFIX, "192.0.2.0/24")
    assert one != item_of(GroupKey(bytes(32)), EPOCH, Kind.PREFIX, "192.0.2.0/24")
    path = tmp_path / "seen.json"
    a_set(1, 2).save(path)
    assert path.stat().st_mode & 0o077 == 0
    assert Seen.load(path) == a_set(1, 2)
    path.write_text("[" * 10_000)
    with pytest.raises(PeerRefused, match="no set"):
        Seen.load(path)
