"""In a lake of names no identifier stands in plain, in any file, however it is packed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import stillwatch as sw
from stillwatch.custody.reidentifying import names_of, reveal
from stillwatch.errors import LakeBroken, PrivacyRefused, UnknownName
from stillwatch.lake import Lake
from stillwatch.privacy import new_keys, read_owner, rotate_keys
from stillwatch.privacy.names import name_of
from tests.custody.logs import (
    everything_in,
    identifiers,
    make_exchanges,
    make_keys,
    write_log,
)

MARKS = ("QZX", "198.51.", "c633", "card-", "domain-")
"""Every identifier of the log has one; `c633` is the network in hexadecimal."""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of names."""
    make_keys(tmp_path / "keys")
    log = write_log(tmp_path / "log")
    report = sw.ingest([log], lake=tmp_path / "lake", pseudonyms=tmp_path / "keys/keys.json")
    assert (report.kept, report.accounts) == (480, 12)
    assert sum(report.quarantined.values()) == 3
    return tmp_path / "lake"


def test_no_file_holds_an_identifier(lake: Path, tmp_path: Path) -> None:
    """Lake, vault, signals, judgement, findings, journal: each byte, and each decoded value."""
    found = sw.detect(lake, out=tmp_path / "findings")
    owner = read_owner(tmp_path / "keys/owner.json")
    name = Lake.open(lake).accounts()["account_id"][0].as_py()
    reveal(lake, [name], owner, "ida", "a test")
    seen = 0
    for folder in (lake, tmp_path / "findings"):
        for path, text in everything_in(folder):
            seen += 1
            held = [mark for mark in MARKS if mark in text]
            assert not held, (path, held)
    assert seen > 40
    assert found.accounts.num_rows == 12
    # the same search finds them in a lake that keeps them
    sw.ingest([tmp_path / "log/customer-QZXpath"], lake=tmp_path / "plain")
    texts = " ".join(text for _, text in everything_in(tmp_path / "plain"))
    assert [mark for mark in MARKS if mark not in texts] == ["c633"]


def test_names_join_as_identifiers_did(lake: Path) -> None:
    """As many of each kind as there were; networks and headers are told apart as before."""
    log = make_exchanges()
    for column in ("account_id", "org_id", "key_id", "end_user", "device_id", "ip"):
        kept = {
            row.column(0)[i].as_py()
            for row in Lake.open(lake).scan([column])
            for i in range(len(row))
        }
        assert len(kept) == len(set(log[column].to_pylist())), column
    rows = [r for batch in Lake.open(lake).scan(["ip", "headers"]) for r in batch.to_pylist()]
    assert len({":".join(row["ip"].split(":")[:3]) for row in rows}) == 4
    assert {dict(row["headers"])["accept"] for row in rows} == {"*/*"}
    assert len({dict(row["headers"])["x-user"] for row in rows}) == 12
    registered = Lake.open(lake).accounts()
    assert len(set(registered["email_domain"].to_pylist())) == 2
    # an address that signed up and one that asks is one and the same
    assert set(registered["signup_ip"].to_pylist()) == {row["ip"] for row in rows}


def test_the_owner_can_lead_names_back(lake: Path, tmp_path: Path) -> None:
    """Every kind that the vault holds; nobody else, and not without a word in the journal."""
    owner = read_owner(tmp_path / "keys/owner.json")
    row = next(iter(Lake.open(lake).scan())).slice(0, 1).to_pylist()[0]
    told = identifiers(0)
    for column in ("account_id", "org_id", "key_id", "end_user", "device_id", "ip"):
        assert reveal(lake, [row[column]], owner, "ida", "why") == {row[column]: told[column]}
    with pytest.raises(UnknownName):
        reveal(lake, [row["conversation_id"]], owner, "ida", "conversations are one-way")
    new_keys(tmp_path / "other.json", tmp_path / "others.json")
    with pytest.raises(PrivacyRefused, match="belongs to the keys"):
        reveal(lake, [row["account_id"]], read_owner(tmp_path / "others.json"), "eve", "why")


def test_a_lake_holds_to_its_rules(lake: Path, tmp_path: Path) -> None:
    """Without keys, or with others, nothing more is read in; nor names into a plain lake."""
    log = write_log(tmp_path / "more", make_exchanges(first=1000))
    before = Lake.open(lake).counts()
    with pytest.raises(PrivacyRefused, match="no keys were given"):
        sw.ingest([log], lake=lake)
    new_keys(tmp_path / "other.json", tmp_path / "others.json")
    with pytest.raises(PrivacyRefused, match="belongs to the keys"):
        sw.ingest([log], lake=lake, pseudonyms=tmp_path / "other.json")
    with pytest.raises(PrivacyRefused, match="settled when it was made"):
        sw.ingest([log], lake=lake, pseudonyms=tmp_path / "keys/keys.json", addresses="prefix")
    assert Lake.open(lake).counts() == before
    sw.ingest([log], lake=tmp_path / "plain")
    with pytest.raises(PrivacyRefused, match="without pseudonyms"):
        sw.ingest([log], lake=tmp_path / "plain", pseudonyms=tmp_path / "keys/keys.json")
    with pytest.raises(PrivacyRefused, match="needs keys"):
        sw.ingest([log], lake=tmp_path / "new", addresses="keyed")


def test_an_account_is_one_across_epochs(lake: Path, tmp_path: Path) -> None:
    """Who was known keeps the name; who is new is named with the new secret alone."""
    path = tmp_path / "keys/keys.json"
    keys = rotate_keys(path, dt.datetime.now(dt.UTC) - dt.timedelta(microseconds=1))
    first, second = (epoch.secret for epoch in keys.epochs)
    log = write_log(tmp_path / "more", make_exchanges(first=1000, accounts=14))
    sw.ingest([log], lake=lake, pseudonyms=path)
    rows = [r for b in Lake.open(lake).scan(["account_id", "ip"]) for r in b.to_pylist()]
    names = {row["account_id"] for row in rows}
    assert len(names) == 14
    known = {name_of(identifiers(i)["account_id"], "account_id", first) for i in range(12)}
    new = {name_of(identifiers(i)["account_id"], "account_id", second) for i in (12, 13)}
    assert names == known | new
    # a new address in a known network is in that network still
    assert len({":".join(row["ip"].split(":")[:3]) for row in rows}) == 4
    owner = read_owner(tmp_path / "keys/owner.json")
    assert len(reveal(lake, names, owner, "ida", "both epochs")) == 14


def test_lost_epochs_are_missed(lake: Path, tmp_path: Path) -> None:
    """A file from which an epoch was taken is refused: accounts would fall in two halves."""
    import json

    path = tmp_path / "keys/keys.json"
    rotate_keys(path, dt.datetime.now(dt.UTC) - dt.timedelta(microseconds=1))
    log = write_log(tmp_path / "more", make_exchanges(first=1000, accounts=14))
    sw.ingest([log], lake=lake, pseudonyms=path)
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"epochs": told["epochs"][:1]}))
    log = write_log(tmp_path / "again", make_exchanges(first=2000))
    with pytest.raises(PrivacyRefused, match="lacks the secret of epoch 2"):
        sw.ingest([log], lake=lake, pseudonyms=path)


def test_a_damaged_vault_is_said(lake: Path, tmp_path: Path) -> None:
    """An entry that was moved to another name doesn't open as that one's."""
    import sqlite3

    owner = read_owner(tmp_path / "keys/owner.json")
    names = Lake.open(lake).accounts()["account_id"].to_pylist()[:2]
    with sqlite3.connect(lake / "vault.db") as database:
        (sealed,) = database.execute(
            "select sealed from entries where name = ?", (names[1],)
        ).fetchone()
        database.execute("update entries set sealed = ? where name = ?", (sealed, names[0]))
    with pytest.raises(LakeBroken, match="damaged or changed"):
        reveal(lake, [names[0]], owner, "ida", "why")


def test_addresses_as_networks(tmp_path: Path) -> None:
    """Without keys: networks stay, what else carried addresses goes, all else is as it was."""
    log = write_log(tmp_path / "log")
    sw.ingest([log], lake=tmp_path / "lake", addresses="prefix")
    lake = Lake.open(tmp_path / "lake")
    rows = [row for batch in lake.scan() for row in batch.to_pylist()]
    assert {row["ip"] for row in rows} == {f"198.51.{net}.0" for net in range(4)}
    assert {row["account_id"] for row in rows} == {identifiers(i)["account_id"] for i in range(12)}
    assert {tuple(dict(row["headers"])) for row in rows} == {("accept", "x-user")}
    for path, text in everything_in(tmp_path / "lake"):
        assert not any(f"198.51.{i % 4}.{10 + i}" in text for i in range(12)), path
    sw.ingest([write_log(tmp_path / "x", make_exchanges(first=900))], lake=tmp_path / "lake")
    assert {r["ip"] for b in Lake.open(tmp_path / "lake").scan(["ip"]) for r in b.to_pylist()} == {
        f"198.51.{net}.0" for net in range(4)
    }


def test_only_campaigns_are_named(lake: Path) -> None:
    """Of findings without a campaign there is nobody to lead back."""
    assert names_of(sw.detect(lake)) == set()
