"""Retention by age: what is old is gone from everywhere, what is not stays, and it is proven."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import stillwatch as sw
from stillwatch.cases.canonical import canonical
from stillwatch.custody.journal import read, verify
from stillwatch.custody.retaining import look_back, retain
from stillwatch.errors import CaseRefused, JournalBroken, LakeBusy, PrivacyRefused
from stillwatch.lake import Lake
from stillwatch.lake.lock import writing
from stillwatch.privacy import Vault, read_keys
from tests.custody.logs import START, everything_in, make_exchanges, make_keys, write_log
from tests.lake.absorbing import rows_of

CUT = START + dt.timedelta(days=6)
"""Six of ten days are older."""


def make_lake(tmp_path: Path, named: bool) -> Path:
    """A lake, of names or plain, of two ingests, with copies that lost to others."""
    keys = tmp_path / "keys/keys.json" if named else None
    make_keys(tmp_path / "keys")
    table = make_exchanges()
    sw.ingest([write_log(tmp_path / "log", table)], lake=tmp_path / "lake", pseudonyms=keys)
    place = table.schema.get_field_index("ts")
    earlier = pc.subtract(table["ts"].slice(100, 60), pa.scalar(dt.timedelta(minutes=1)))
    copies = table.slice(100, 60).set_column(place, table.schema.field("ts"), earlier)
    sw.ingest([write_log(tmp_path / "more", copies)], lake=tmp_path / "lake", pseudonyms=keys)
    return tmp_path / "lake"


@pytest.mark.parametrize("named", [True, False])
def test_what_is_old_goes_and_the_rest_stays(tmp_path: Path, named: bool) -> None:
    """Row for row; counted, told before as it is done, and without a trace in any file."""
    lake = make_lake(tmp_path, named)
    before = rows_of(Lake.open(lake))
    signer = read_keys(tmp_path / "keys/keys.json") if named else None
    seen = look_back(lake, CUT)
    assert rows_of(Lake.open(lake)).equals(before)
    assert not (lake / "journal.jsonl").exists()
    done = retain(lake, CUT, "ida", "policy", keys=signer)
    assert (seen.removed.exchanges, done.removed.exchanges) == (288, 288)
    assert done.removed.ids_digest == seen.removed.ids_digest
    assert (done.removed.first_ts, done.removed.copies) == (START, 60)
    after = rows_of(Lake.open(lake))
    assert after.equals(before.filter(pc.greater_equal(before["ts"], pa.scalar(CUT))))
    counts = Lake.open(lake).counts()
    assert counts["read"] == counts["kept"] + sum(counts["quarantined"].values()) + 288
    gone = before.filter(pc.less(before["ts"], pa.scalar(CUT)))["exchange_id"].to_pylist()
    for path, text in everything_in(lake):
        assert not any(name in text for name in gone), path
    verdict = verify(lake)
    assert (verdict.entries, verdict.unfinished) == (2, ())
    assert verdict.signed == (2 if named else 0)
    assert [entry["act"] for entry in read(lake)] == ["retain", "erased"]
    assert retain(lake, CUT, "ida", "again", keys=signer).removed.nothing
    assert verify(lake).entries == 2


def test_segments_are_dropped_whole_or_rewritten(tmp_path: Path) -> None:
    """Everything goes where everything is old; nothing where nothing is."""
    lake = make_lake(tmp_path, True)
    assert retain(lake, START, "ida", "none is").removed.nothing
    assert not (lake / "journal.jsonl").read_bytes()
    done = retain(lake, START + dt.timedelta(days=400), "ida", "all of it")
    assert (done.removed.exchanges, done.removed.registrations) == (480, 12)
    assert Lake.open(lake).rows == 0
    assert Lake.open(lake).accounts().num_rows == 0
    for folder in ("segments", "keys", "deleted", "accounts"):
        assert not list((lake / folder).iterdir()), folder
    names = list(Vault(lake).names())
    assert names
    assert all(name.startswith("src-") for name in names), "source files alone are named still"


def test_who_is_silent_since_loses_the_registration(tmp_path: Path) -> None:
    """An account without an exchange since goes with its name; who is active stays."""
    make_keys(tmp_path / "keys")
    keys, lake = tmp_path / "keys/keys.json", tmp_path / "lake"
    table = make_exchanges()
    silent = pc.and_(
        pc.equal(table["account_id"], "acct_QZX0003"), pc.greater_equal(table["ts"], pa.scalar(CUT))
    )
    sw.ingest(
        [write_log(tmp_path / "log", table.filter(pc.invert(silent)))], lake=lake, pseudonyms=keys
    )
    before = set(Vault(lake).names())
    assert retain(lake, CUT, "ida", "policy").removed.registrations == 1
    assert Lake.open(lake).accounts().num_rows == 11
    gone = before - set(Vault(lake).names())
    assert {name[:3] for name in gone} >= {"acc", "key", "usr", "dev", "pay"}
    # the organisation and the network are others' too
    assert not any(name.startswith(("org", "dom")) for name in gone)


def test_findings_lose_what_names_it(tmp_path: Path) -> None:
    """Ids of removed exchanges leave findings and what is kept of them; names last."""
    from tests.pipeline.small import make_small

    small = make_small(tmp_path / "world")
    lake, folder = tmp_path / "lake", tmp_path / "findings"
    sw.ingest([small.folder], lake=lake)
    found = sw.detect(lake, out=folder, threads=2)
    cut = min(small.exchanges["ts"].to_pylist()) + dt.timedelta(days=12)
    would = look_back(lake, cut, [folder])
    done = retain(lake, cut, "ida", "policy", findings=[folder])
    assert would.findings == done.findings
    assert done.findings[str(folder)]["exchanges"] > 1000
    held = set(rows_of(Lake.open(lake), ["exchange_id"])["exchange_id"].to_pylist())
    after = sw.read_findings(folder)
    assert set(after.exchanges["exchange_id"].to_pylist()) <= held
    for name in ("evidence", "frames", "objects"):
        assert {i for s in getattr(after, name)["sample"].to_pylist() for i in s or ()} <= held
    assert after.campaigns.equals(found.campaigns)
    gone = set(small.exchanges["exchange_id"].to_pylist()) - held
    some = sorted(gone)[:: len(gone) // 50]
    for path, text in everything_in(lake):
        assert not any(name in text for name in some), path
    again = sw.detect(lake, threads=2)
    old = set(found.campaigns["campaign_id"].to_pylist())
    assert set(again.campaigns["campaign_id"].to_pylist()) <= old
    assert again.campaigns.num_rows >= 2


def test_findings_of_another_lake_are_refused(tmp_path: Path) -> None:
    """Nothing is removed anywhere then."""
    from tests import fabricated

    lake = make_lake(tmp_path, False)
    fabricated.findings().save(tmp_path / "others")
    with pytest.raises(PrivacyRefused, match="no exchange of this lake"):
        retain(lake, CUT, "ida", "policy", findings=[tmp_path / "others"])
    assert Lake.open(lake).rows == 480


def test_the_quarantine_ages_by_its_parts(tmp_path: Path) -> None:
    """Rows that couldn't be read go when the part that has them is old."""
    lake = make_lake(tmp_path, False)
    assert Lake.open(lake).quarantine().num_rows == 6
    old = (CUT - dt.timedelta(days=1)).timestamp()
    part = sorted((lake / "quarantine").iterdir())[0]
    os.utime(part, (old, old))
    now = dt.datetime.now(dt.UTC)
    for other in sorted((lake / "quarantine").iterdir())[1:]:
        os.utime(other, (now.timestamp(), now.timestamp()))
    assert retain(lake, CUT, "ida", "policy").removed.refused == 3
    assert Lake.open(lake).quarantine().num_rows == 3


def test_others_at_work_are_waited_for(tmp_path: Path) -> None:
    """An ingest refuses it at once; a detection leaves it unfinished, and it is finished later."""
    from stillwatch.engine.spool import _hold

    lake = make_lake(tmp_path, False)
    sw.detect(lake)
    with writing(lake), pytest.raises(LakeBusy):
        retain(lake, CUT, "ida", "policy")
    assert Lake.open(lake).rows == 480
    held = _hold(lake / "signals")
    assert held is not None
    with pytest.raises(LakeBusy, match="a detection is at work"):
        retain(lake, CUT, "ida", "policy")
    assert Lake.open(lake).rows == 192
    assert verify(lake).unfinished == (1,)
    held.close()
    done = retain(lake, CUT, "ida", "policy")
    assert (done.removed.nothing, done.finished) == (True, 1)
    assert verify(lake).unfinished == ()
    assert np.fromfile(lake / "signals/ts.bin", np.int64).size == 0


def test_words_are_checked_before_anything_is_done(tmp_path: Path) -> None:
    """A reason that can't be kept changes nothing."""
    lake = make_lake(tmp_path, False)
    with pytest.raises(CaseRefused):
        retain(lake, CUT, "ida", "  ")
    assert Lake.open(lake).rows == 480


def test_a_changed_journal_is_found(tmp_path: Path) -> None:
    """Any byte, any line left out, the end cut off, another's signature: each is said."""
    lake = make_lake(tmp_path, True)
    keys = read_keys(tmp_path / "keys/keys.json")
    for days in (2, 4, 6):
        head = retain(lake, START + dt.timedelta(days=days), "ida", "é \n x", keys=keys).head
    path, public = lake / "journal.jsonl", keys.signer.public_key().public_bytes_raw().hex()
    assert verify(lake, head, public).entries == 6
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for at in rng.integers(0, len(whole), 300).tolist():
        path.write_bytes(
            whole[:at] + bytes([whole[at] ^ int(rng.integers(1, 128))]) + whole[at + 1 :]
        )
        with pytest.raises(JournalBroken):
            verify(lake)
    letters = [at for at in range(len(whole)) if whole[at : at + 1].isalpha()]
    for at in letters[:: len(letters) // 150]:
        path.write_bytes(whole[:at] + whole[at : at + 1].swapcase() + whole[at + 1 :])
        with pytest.raises(JournalBroken):
            verify(lake)
    lines = whole.splitlines(keepends=True)
    for left in range(len(lines)):
        path.write_bytes(b"".join(lines[:left] + lines[left + 1 :]))
        with pytest.raises(JournalBroken):
            verify(lake, head)
    path.write_bytes(whole)
    forged = json.loads(lines[0]) | {"key": "", "signature": ""}
    path.write_bytes(canonical(forged).encode() + b"\n" + b"".join(lines[1:]))
    with pytest.raises(JournalBroken):
        verify(lake)
    path.write_bytes(whole)
    with pytest.raises(JournalBroken, match="not signed by that key"):
        verify(lake, head, "00" * 32)
