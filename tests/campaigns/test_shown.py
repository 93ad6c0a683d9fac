"""What a campaign's members send and share in common, as findings tell it, counted anew."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.conclude import conclude
from stillwatch.campaigns.frames import MOST_FRAMES
from stillwatch.campaigns.objects import MOST_OBJECTS
from stillwatch.findings import Findings
from tests.campaigns.made import Log, Made
from tests.campaigns.test_conclude import busy


@pytest.fixture(scope="module")
def made() -> Made:
    """The log of two campaigns, a pool and customers that the tests of findings have."""
    return busy().made()


@pytest.fixture(scope="module")
def findings(made: Made) -> Findings:
    """What a run makes of it."""
    return conclude(made.traffic, made.candidates("m", "n", networks=("p",)), {})


def attributed(findings: Findings, made: Made, name: str) -> np.ndarray:
    """A campaign's rows of the traffic."""
    place = {told: i for i, told in enumerate(made.traffic.exchanges.ids.to_pylist())}  # pyright: ignore
    rows = findings.exchanges.to_pylist()
    return np.array([place[r["exchange_id"]] for r in rows if r["campaign_id"] == name], int)


def accounts_with(made: Made, kind: str, key: int) -> set[str]:
    """Who has an object, by its uses."""
    x, ids = made.traffic.incidence, made.traffic.accounts.ids
    mine = (x.obj_key[x.obj] == key) & (x.obj_kind[x.obj] == x.kinds.index(kind))
    return {ids[a] for a in x.account[mine]}


def test_frames_are_those_that_say_most(findings: Findings, made: Made):
    """Counts are the campaign's own; samples are of the family, of different members."""
    x, ids = made.traffic.exchanges, np.array(made.traffic.accounts.ids)
    names = findings.campaigns.to_pylist()
    told = findings.frames.to_pylist()
    assert {row["campaign_id"] for row in told} == {
        c["campaign_id"] for c in names if c["kind"] == "distillation"
    }
    for campaign in {row["campaign_id"] for row in told}:
        rows = attributed(findings, made, campaign)
        family, account, ts = x["family"][rows], x.account[rows], x["ts"][rows]
        frames = [row for row in told if row["campaign_id"] == campaign]
        people = len(made.traffic.accounts)
        found = {}
        for f in set(family.tolist()) - {0}:
            mine = set(ids[account[family == f]].tolist())
            users = len(mine | accounts_with(made, "family", f))
            found[f"{f:016x}"] = len(mine) * np.log10(people / users)
        best = sorted(found.values(), reverse=True)[:MOST_FRAMES]
        assert [found[f["frame_id"]] for f in frames] == pytest.approx(best)
        for frame in frames:
            key = int(frame["frame_id"], 16)
            mine = family == key
            assert frame["exchanges"] == mine.sum()
            everybody = accounts_with(made, "family", key)
            assert frame["others"] == len(everybody - set(ids[account[mine]].tolist()))
            assert frame["first_ts"].timestamp() * 1e6 == pytest.approx(ts[mine].min(), abs=1)
            assert frame["last_ts"].timestamp() * 1e6 == pytest.approx(ts[mine].max(), abs=1)
            shown = [x.ids.to_pylist().index(name) for name in frame["sample"]]  # pyright: ignore
            assert shown
            assert set(shown) <= set(rows[mine].tolist())
            assert len(set(x.account[shown])) == len(shown)
            assert set(frame["sketch"]) == set(x["bands"][np.array(shown)].ravel().tolist())


def test_objects_are_shared_by_members(findings: Findings, made: Made):
    """Each is of at least two members; how many have it, and how many others, is counted right."""
    told = findings.objects.to_pylist()
    members = {row["campaign_id"]: set() for row in told}
    for row in findings.members.to_pylist():
        members.setdefault(row["campaign_id"], set()).add(row["account_id"])
    for row in told:
        have = accounts_with(made, row["kind"], int(row["object_id"], 16))
        own = have & members[row["campaign_id"]]
        assert row["accounts"] == len(own) >= 2
        assert row["others"] == len(have - own)
        assert row["account_id"] in own
        if row["kind"] in made.traffic.exchanges.keys:
            places = [made.traffic.exchanges.ids.to_pylist().index(e) for e in row["sample"]]  # pyright: ignore
            key = int(row["object_id"], 16)
            assert (made.traffic.exchanges[row["kind"]][np.array(places, int)] == key).all()
        else:
            assert row["exchanges"] is None
            assert row["sample"] == []
    by_kind = [(row["campaign_id"], row["kind"]) for row in told]
    assert max(by_kind.count(pair) for pair in by_kind) <= MOST_OBJECTS
    paid = [row for row in told if row["kind"] == "payment"]
    assert [row["accounts"] for row in paid] == [5]


def test_a_campaign_without_anything_in_common_has_none():
    """No frames and no objects: empty tables of the contract's columns."""
    made = Log().outsiders().made()
    findings = conclude(made.traffic, made.candidates(), {})
    assert findings.frames.num_rows == findings.objects.num_rows == 0
