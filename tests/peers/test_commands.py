"""`stillwatch peers` as people use it: two processes on loopback, and refusals in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.cases import Store
from stillwatch.cases.ledger import entries
from stillwatch.peers.published import publish
from stillwatch.peers.received import keep_posted
from stillwatch.peers.registry import find_peer
from stillwatch.peers.seen import Seen, item_of
from stillwatch.sharing.indicators import Kind
from stillwatch.sharing.keyed import GroupKey
from tests.peers.conftest import ACTOR, checked, stix

STILLWATCH = (sys.executable, "-m", "stillwatch")


def run(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    """One command, as people type it."""
    line = [*STILLWATCH, *map(str, arguments), "--store", str(store)]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(line, capture_output=True, text=True, env=environment, check=False)


def said(done: subprocess.CompletedProcess[str]) -> dict:
    """The document that a command printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Our store, with one campaign that peers may read and a token for the peer `bo`."""
    path = tmp_path / "ours.db"
    store = Store.open(path, create=True)
    publish(store, checked(stix()), ACTOR)
    store.close()
    run("peers", "add", "bo", store=path)
    token = said(run("peers", "admit", "bo", "--json", store=path))["token"]
    (tmp_path / "token").write_text(token)
    return path


@pytest.fixture
def root(ours: Path, tmp_path: Path) -> Iterator[str]:
    """The API root of our service, in a process of its own that answers what was seen."""
    group = GroupKey.make(tmp_path / "group.key")
    cards = (item_of(group, "2026-02", Kind.PAYMENT, str(i)) for i in range(300))
    Seen(group.name, "2026-02", tuple(sorted(cards))).save(tmp_path / "seen.json")
    line = [*STILLWATCH, "peers", "serve", "--store", str(ours), "--port", "0", "--json"]
    served = subprocess.Popen(
        [*line, "--answer", str(tmp_path / "seen.json")], stdout=subprocess.PIPE, text=True
    )
    assert served.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            text += served.stdout.readline()
        yield json.loads(text)["api_root"]
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(20) == 0


def test_one_pulls_from_the_other(root: str, tmp_path: Path):
    """Added, pulled, told, disputed, removed: each of it by a command."""
    theirs = tmp_path / "theirs.db"
    added = run(
        "peers", "add", "al", "--url", root, "--token-file", tmp_path / "token", store=theirs
    )
    assert "al is a peer" in added.stdout
    assert said(run("peers", "pull", "--json", store=theirs))["pulled"][0]["new"] == 1
    assert "0 new objects" in run("peers", "pull", "al", store=theirs).stdout
    told = said(run("peers", "told", "--json", store=theirs))
    assert [one["state"] for one in told["objects"]] == ["accepted"]
    why = ("--reason", "a class of ours")
    assert "disputed" in run("peers", "dispute", "al", *why, store=theirs).stdout
    listed = said(run("peers", "list", "--json", store=theirs))["peers"][0]
    assert (listed["reason"], listed["told"]) == ("a class of ours", {"accepted": 1})
    assert "believed" in run("peers", "believe", "al", *why, store=theirs).stdout
    assert "removed" in run("peers", "remove", "al", store=theirs).stdout
    assert said(run("peers", "list", "--json", store=theirs)) == {"peers": []}
    store = Store.open(theirs)
    with store.reading() as connection:
        acts = [(entry.act, entry.subject) for entry in entries(connection)]
    store.close()
    assert acts == [
        (act, "peer al")
        for act in ("add_peer", "peer_pull", "dispute_peer", "believe_peer", "remove_peer")
    ]


def test_one_asks_the_other(root: str, tmp_path: Path):
    """Between two processes: how many of ours they have seen too, and nothing else."""
    theirs = tmp_path / "theirs.db"
    run("peers", "add", "al", "--url", root, "--token-file", tmp_path / "token", store=theirs)
    asked = tmp_path / "ask.py"
    asked.write_text(
        f"""
from stillwatch.cases import Store
from stillwatch.peers.asking import ask
from stillwatch.peers.client import connected
from stillwatch.peers.registry import find_peer
from stillwatch.peers.seen import Seen, item_of
from stillwatch.sharing.indicators import Kind
from stillwatch.sharing.keyed import GroupKey

group = GroupKey.load({str(tmp_path / "group.key")!r})
cards = sorted(item_of(group, "2026-02", Kind.PAYMENT, str(i)) for i in range(280, 330))
store = Store.open({str(theirs)!r})
peer = find_peer(store, "al")
with connected(peer) as client:
    found = ask(store, peer, client, Seen(group.name, "2026-02", tuple(cards)), False, "bo")
print(found.asked, found.shared, found.which)
"""
    )
    done = subprocess.run([sys.executable, str(asked)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "50 20 None", done.stderr


def test_what_was_sent_is_taken_in_by_hand(ours: Path):
    """Accepted or declined, once."""
    store = Store.open(ours)
    keep_posted(store, find_peer(store, "bo"), checked(stix(name="a"), stix(name="b")))
    store.close()
    pending = said(run("peers", "told", "--state", "pending", "--json", store=ours))["objects"]
    first = ("--object", pending[0]["object_id"])
    assert "1 objects" in run("peers", "accept", "bo", *first, "--reason", "ok", store=ours).stdout
    assert "1 objects" in run("peers", "decline", "bo", "--reason", "no", store=ours).stdout
    again = run("peers", "decline", "bo", "--reason", "no", store=ours)
    assert again.returncode == 26


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("pull", "nobody"), 26),
        (("add", "al", "--url", "http://peer.example/"), 26),
        (("add", "bo"), 26),
        (("admit", "nobody"), 26),
        (("told", "--state", "odd"), 2),
        (("publish", "7", "--producer", "Al"), 8),
        (("serve", "--answer", "/nowhere"), 3),
    ],
)
def test_refusals_are_one_line(ours: Path, arguments: tuple[str, ...], code: int):
    """On standard error, with an exit code of their own, and no traceback."""
    done = run("peers", *arguments, store=ours)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_peer_that_is_gone_is_said_and_others_are_pulled(root: str, tmp_path: Path):
    """The exit code is the refusal's; what others told is kept."""
    theirs = tmp_path / "theirs.db"
    run("peers", "add", "aa", "--url", "http://127.0.0.1:9/", store=theirs)
    run("peers", "add", "al", "--url", root, "--token-file", tmp_path / "token", store=theirs)
    done = run("peers", "pull", store=theirs)
    assert done.returncode == 26
    assert "peer aa" in done.stderr
    assert "al: 1 new" in done.stdout
