"""An account that is forgotten is nowhere any more, and everything else is as it was."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import stillwatch as sw
from stillwatch import tables
from stillwatch.cases import (
    State,
    Store,
    case_accounts,
    change_state,
    comment,
    export_ledger,
    get_case,
    history,
    open_cases,
    verify,
)
from stillwatch.custody import journal
from stillwatch.custody.forgetting import Places, account_digest, forget, look_for
from stillwatch.custody.reidentifying import reveal
from stillwatch.custody.trimming import FORGOTTEN, hiding
from stillwatch.errors import PrivacyRefused, UnknownName
from stillwatch.findings import Findings
from stillwatch.gateway.history import find_recognised, recognised_accounts
from stillwatch.lake import Lake
from stillwatch.privacy import Keys, Vault, read_owner
from stillwatch.privacy.names import name_of
from tests import fabricated
from tests.cases.checking import check
from tests.custody.logs import everything_in, identifiers, make_exchanges, make_keys, write_log
from tests.gateway.made import decision, publish
from tests.lake.absorbing import rows_of

WHO = 5
ID = identifiers(WHO)["account_id"]


def name_in(keys: Keys | None) -> str:
    """How the lake has the account."""
    return ID if keys is None else name_of(ID, "account_id", keys.epochs[0].secret)


def findings_with(name: str, others: list[str]) -> Findings:
    """Findings in which an account is a member, an example, and named in texts."""
    made = fabricated.findings()
    campaign = made.campaigns["campaign_id"][0].as_py()
    member = made.members.slice(0, 1).to_pylist()[0]
    rows = [{**member, "campaign_id": campaign, "account_id": a} for a in (name, *others)]
    detail = json.dumps({"says": f"{name} and {others[0]} are twins", "names": [name]})
    evidence = [
        {
            "campaign_id": campaign,
            "account_id": whose,
            "kind": "membership",
            "weight": 2.0,
            "detail": detail,
            "sample": ["ex-000005", "ex-000006"],
        }
        for whose in (None, name, others[0])
    ]
    link = {"campaign_id": campaign, "account_a": others[0], "account_b": name, "weight": 1.0}
    exchanges = [
        {"exchange_id": f"ex-{n:06d}", "campaign_id": campaign, "confidence": 0.9}
        for n in range(12)
    ]
    standing = made.accounts.slice(0, 2).to_pylist(maps_as_pydicts="strict")
    standing[0] |= {"account_id": name}
    standing[1] |= {"account_id": others[0], "detail": detail}
    shown = {"campaign_id": campaign, "kind": "network", "object_id": "1" * 16, "accounts": 2}
    shown |= {"others": 0, "exchanges": 8, "account_id": name, "sample": ["ex-000005"]}
    return Findings(
        campaigns=made.campaigns.slice(0, 1),
        members=pa.Table.from_pylist(rows, tables.MEMBERS),
        exchanges=pa.Table.from_pylist(exchanges, tables.ATTRIBUTED),
        evidence=pa.Table.from_pylist(evidence, tables.EVIDENCE),
        daily=made.daily.slice(0, 0),
        links=pa.Table.from_pylist([{**link, "why": f"as {name} does"}], tables.LINKS),
        accounts=pa.Table.from_pylist(standing, tables.STANDING),
        objects=pa.Table.from_pylist([shown], tables.OBJECTS),
        run={},
    )


class Everywhere:
    """A lake, findings, cases and a gateway's folder, all of which name the account."""

    def __init__(self, folder: Path, named: bool) -> None:
        self.folder, self.keys = folder, make_keys(folder / "keys") if named else None
        self.lake, self.findings, self.gate = (
            folder / name for name in ("lake", "findings", "gate")
        )
        path = folder / "keys/keys.json" if named else None
        sw.ingest([write_log(folder / "log")], lake=self.lake, pseudonyms=path)
        self.name = name_in(self.keys)
        ids = sorted(set(Lake.open(self.lake).accounts()["account_id"].to_pylist()) - {self.name})
        self.others = ids[:3]
        found = findings_with(self.name, self.others)
        found.save(self.findings)
        self.store = Store.open(str(folder / "cases.db"), create=True)
        open_cases(self.store, found, "setup")
        case = comment(self.store, get_case(self.store, 1).seen, f"is {self.name} a pupil?", "béla")
        case = comment(self.store, case.seen, "nothing about anybody", "béla")
        change_state(self.store, case.seen, State.IN_REVIEW, "ana", f"because of {ID}, I think")
        publish(
            self.gate,
            decision(self.name, decision_id="d-one"),
            decision(self.others[0], decision_id="d-two"),
        )
        (self.gate / "recognised.0.jsonl").write_text(
            "".join(
                json.dumps({"decision_id": f"r-{n}", "account_id": a}) + "\n"
                for n, a in enumerate((self.others[0], self.name, self.others[1]))
            )
            + '{"cut'
        )
        self.places = Places([self.findings], self.store, self.gate)


@pytest.fixture(params=[True, False], ids=["named", "plain"])
def all_of_it(request: pytest.FixtureRequest, tmp_path: Path):
    """Everything, with names or plain."""
    made = Everywhere(tmp_path, request.param)
    yield made
    made.store.close()


def test_it_is_nowhere_any_more(all_of_it: Everywhere) -> None:
    """Listed first and nothing touched; then gone from every file, bytes and decoded values."""
    e = all_of_it
    sw.detect(e.lake)
    before = rows_of(Lake.open(e.lake))
    would = look_for(e.lake, ID, e.places, e.keys)
    assert rows_of(Lake.open(e.lake)).equals(before)
    assert (would.removed.exchanges, would.removed.registrations) == (40, 1)
    assert would.cases == {"case_accounts": 1, "ledger": 2}
    assert would.gate == {"decisions": 1, "recognised": 1}
    done = forget(e.lake, ID, "dpo", f"request of {ID}", e.places, e.keys)
    assert done.removed.exchanges == 40
    for key in ("cases", "gate"):
        assert getattr(done, key) == getattr(would, key)
    mine = pc.equal(before["account_id"], e.name)
    assert rows_of(Lake.open(e.lake)).equals(before.filter(pc.invert(mine)))
    e.store.close()
    texts = {identifiers(WHO)[k] for k in ("account_id", "key_id", "device_id")} | {e.name}
    if e.keys is not None:
        texts |= {"device-QZX"}
    for folder in (e.lake, e.findings, e.gate):
        for path, text in everything_in(folder):
            assert not [one for one in texts if one in text], path
    for path in e.folder.glob("cases.db*"):
        raw = path.read_bytes()
        assert ID.encode() not in raw, path
        assert e.name.encode() not in raw, path


def test_everything_else_is_as_it_was(all_of_it: Everywhere) -> None:
    """Others' rows, lines and decisions; counts; and the store is consistent."""
    e = all_of_it
    before = sw.read_findings(e.findings)
    forget(e.lake, ID, "dpo", "request", e.places, e.keys)
    after = sw.read_findings(e.findings)
    assert after.campaigns.equals(before.campaigns)
    assert after.members["account_id"].to_pylist() == e.others
    assert after.links.num_rows == 0
    assert after.evidence["account_id"].to_pylist() == [None, e.others[0]]
    assert json.loads(after.evidence["detail"][0].as_py()) == {
        "says": f"{FORGOTTEN} and {e.others[0]} are twins",
        "names": [FORGOTTEN],
    }
    assert after.evidence["sample"].to_pylist() == [["ex-000006"]] * 2
    assert set(after.exchanges["exchange_id"].to_pylist()) == {
        f"ex-{n:06d}" for n in range(12) if n != WHO
    }
    assert after.accounts["account_id"].to_pylist() == [e.others[0]]
    assert find_recognised(e.gate, "r-0")
    assert find_recognised(e.gate, "r-2")
    assert recognised_accounts(e.gate) == {e.others[0], e.others[1]}
    with sqlite3.connect(e.gate / "decisions.db") as database:
        rows = database.execute("select account_id from decisions").fetchall()
    assert rows == [(e.others[0],)]
    assert sorted(case_accounts(e.store, 1)) == e.others
    check(e.store, e.folder)


def test_the_ledger_is_redacted_and_still_whole(all_of_it: Everywhere) -> None:
    """Two entries lost a name, one entry each says so, the chain holds; under that cover nothing
    else can be changed."""
    e = all_of_it
    forget(e.lake, ID, "dpo", "request", e.places, e.keys)
    out = e.folder / "ledger.jsonl"
    _, head = export_ledger(e.store, out)
    verdict = verify(out, head)
    assert (verdict.problems, verdict.redacted) == ([], 2)
    told = [entry.detail for entry in history(e.store, 1)]
    assert {"text": f"is {FORGOTTEN} a pupil?", "version": 2} in told
    assert {"text": "nothing about anybody", "version": 3} in told
    whole = out.read_bytes()
    for old, new in ((b"a pupil", b"a thief"), (b"nothing about", b"no thing about")):
        out.write_bytes(whole.replace(old, new))
        assert len(verify(out, head).problems) == 1
    out.write_bytes(b"".join(line for line in whole.splitlines(True) if b'"redact"' not in line))
    assert verify(out, head).problems
    with sqlite3.connect(e.folder / "cases.db") as database:
        for change in (
            "detail = '{}'",
            f"detail = '{FORGOTTEN}', actor = 'eve'",
            f"detail = '{FORGOTTEN}', hash = 'x'",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(f"update ledger set {change} where seq = 1")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute("delete from ledger")


def test_it_is_proven(all_of_it: Everywhere) -> None:
    """The journal says how much, and of whom to who asks with the lake's key; it names nobody."""
    e = all_of_it
    head = forget(e.lake, ID, "dpo", "request", e.places, e.keys).head
    verdict = journal.verify(e.lake, head)
    assert (verdict.entries, verdict.unfinished) == (2, ())
    entry = journal.read(e.lake)[0]
    assert (entry["act"], entry["actor"], entry["detail"]["exchanges"]) == ("forget", "dpo", 40)
    assert account_digest(e.lake, e.name) in entry["detail"]["accounts"]
    assert account_digest(e.lake, e.others[0]) not in entry["detail"]["accounts"]


def test_nobody_can_lead_the_name_back(tmp_path: Path) -> None:
    """The vault has forgotten it, and others' entries are there; without keys it is refused."""
    e = Everywhere(tmp_path, True)
    with pytest.raises(PrivacyRefused, match="no keys were given"):
        forget(e.lake, ID, "dpo", "request", e.places)
    forget(e.lake, ID, "dpo", "request", e.places, e.keys)
    owner = read_owner(tmp_path / "keys/owner.json")
    with pytest.raises(UnknownName):
        reveal(e.lake, [e.name], owner, "ida", "why")
    assert len(reveal(e.lake, e.others, owner, "ida", "why")) == 3
    assert e.name not in set(Vault(e.lake).names())
    with pytest.raises(UnknownName, match="nothing here names"):
        forget(e.lake, ID, "dpo", "again", e.places, e.keys)
    e.store.close()


def test_by_its_name_it_is_the_same(tmp_path: Path) -> None:
    """Whoever has only findings can ask by the name that stands there."""
    e = Everywhere(tmp_path, True)
    assert forget(e.lake, e.name, "dpo", "request", e.places, e.keys).removed.exchanges == 40
    e.store.close()


def test_who_comes_back_is_read_again(tmp_path: Path) -> None:
    """Files that were read are not read twice; later logs are new words of the account."""
    e = Everywhere(tmp_path, False)
    forget(e.lake, ID, "dpo", "request", e.places)
    assert sw.ingest([tmp_path / "log/customer-QZXpath"], lake=e.lake).kept == 0
    log = write_log(tmp_path / "later", make_exchanges(first=5000, days=1))
    assert sw.ingest([log], lake=e.lake).kept == 48
    assert look_for(e.lake, ID, Places()).removed.exchanges == 4
    e.store.close()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("acc-1 and acc-12", "[forgotten] and acc-12"),
        ('{"a": "acc-1"}', '{"a": "[forgotten]"}'),
        ("xacc-1, acc-1x, (acc-1)", "xacc-1, acc-1x, ([forgotten])"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_names_are_hidden_as_words(text: str, kept: str) -> None:
    """Another account whose name goes on stays."""
    assert hiding(["acc-1"])(text) == kept


def test_names_of_any_letters_are_hidden() -> None:
    """In JSON they stand escaped."""
    name = 'é"\\\u202e\n'
    assert name not in hiding([name])(f"it is {name}!")
    assert json.loads(hiding([name])(json.dumps({"says": f"it is {name}!"}))) == {
        "says": f"it is {FORGOTTEN}!"
    }
