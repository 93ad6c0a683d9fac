"""Findings: the tables of one run, of a campaign, a reseller's pool, and those dismissed."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stillwatch import tables
from stillwatch.campaigns.conclude import conclude
from stillwatch.findings import Findings, read_findings
from stillwatch.traffic import Candidates, Group
from tests.campaigns.made import CODE, DAY_US, Log, Made
from tests.campaigns.test_rivals import pool_of

SCHEMAS = {
    "campaigns": tables.CAMPAIGNS,
    "members": tables.MEMBERS,
    "exchanges": tables.ATTRIBUTED,
    "evidence": tables.EVIDENCE,
    "daily": tables.DAILY,
    "links": tables.LINKS,
    "accounts": tables.STANDING,
    "works": tables.WORKS,
    "frames": tables.FRAMES,
    "objects": tables.OBJECTS,
}
HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\u202e\n\t\"',;--\u2028{}%s𝔘"


def busy() -> Log:
    """Two campaigns (m, n), a reseller's pool (p), seven seats of a chat product (q), customers.

    Five of m's accounts are paid for by one instrument.
    """
    log = pool_of(Log(3).outsiders(80))
    log.names = {name.replace("m-", "p-"): key for name, key in log.names.items()}
    log.campaign()
    for i in range(5):
        log.register(f"m-00{i}", payment=9)
    log.campaign(members=7, start="n", topic=46, each=60, capability=CODE["coding"])
    return log.campaign(members=7, start="q", topic=50, capability=CODE["chat"])


@pytest.fixture(scope="module")
def made() -> Made:
    """That log's traffic."""
    return busy().made()


@pytest.fixture(scope="module")
def findings(made: Made) -> Findings:
    """What a run that found the groups makes of it."""
    return conclude(made.traffic, made.candidates("m", "n", "q", networks=("p", "m")), {"a": 1})


def of_kind(findings: Findings, kind: str) -> list[dict]:
    """Campaigns of a kind, in order."""
    return [row for row in findings.campaigns.to_pylist() if row["kind"] == kind]


def members(findings: Findings, campaign: str) -> list[str]:
    """Ids of a campaign's members."""
    rows = findings.members.to_pylist()
    return [r["account_id"] for r in rows if r["campaign_id"] == campaign]


def test_tables_are_of_the_contract(findings: Findings):
    """Columns, types and nulls of every table, as the contract has them."""
    for name, schema in SCHEMAS.items():
        table = getattr(findings, name)
        assert table.schema.equals(schema), name
        table.validate(full=True)
        for field in schema:
            if not field.nullable:
                assert table[field.name].null_count == 0, (name, field.name)
    assert findings.run["a"] == 1


def test_both_campaigns_and_the_pool_are_found_and_nothing_else(findings: Findings, made: Made):
    """The larger campaign comes first, then the smaller, then the pool; the chat seats are none."""
    ids = made.traffic.accounts.ids
    flagged = of_kind(findings, "distillation")
    assert sorted(members(findings, flagged[0]["campaign_id"]))[0] == "n-000"
    found = [members(findings, row["campaign_id"]) for row in findings.campaigns.to_pylist()]
    assert found == [[i for i in ids if i.startswith(start)] for start in ("n", "m", "p")]
    assert [row["kind"] for row in findings.campaigns.to_pylist()] == [
        "distillation",
        "distillation",
        "reseller",
    ]


def test_campaign_rows_add_up(findings: Findings, made: Made):
    """Members, exchanges, times and shares of each campaign are those of the other tables.

    Attributed exchanges are in the order of the log.
    """
    x = made.traffic.exchanges
    place = {name: i for i, name in enumerate(x.ids.to_pylist())}
    for row in of_kind(findings, "distillation"):
        name = row["campaign_id"]
        attributed = [e for e in findings.exchanges.to_pylist() if e["campaign_id"] == name]
        rows = np.array([place[e["exchange_id"]] for e in attributed])
        assert (np.diff(rows) > 0).all()
        assert row["accounts"] == len(members(findings, name))
        assert row["exchanges"] == len(attributed)
        assert made.common[rows].mean() > 0.97
        assert row["first_ts"].timestamp() * 1e6 == pytest.approx(x["ts"][rows].min(), abs=1)
        assert row["last_ts"].timestamp() * 1e6 == pytest.approx(x["ts"][rows].max(), abs=1)
        shares = dict(row["capabilities"])
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        sought = "coding" if members(findings, name)[0] == "n-000" else "mathematical_reasoning"
        assert next(iter(shares)) == sought
        assert shares[sought] > 0.9
        mine = [m for m in findings.members.to_pylist() if m["campaign_id"] == name]
        assert sum(m["exchanges"] for m in mine) == row["exchanges"]
        assert min(m["first_ts"] for m in mine) == row["first_ts"]
        assert all(0 < m["confidence"] <= row["confidence"] <= 1 for m in mine)
        assert all(0 < e["confidence"] <= row["confidence"] for e in attributed)
        assert f"{row['accounts']:,} accounts" in row["summary"]


def test_no_exchange_is_attributed_twice_nor_to_a_network(findings: Findings):
    """Each at most once, to a distillation campaign, and by a member of it."""
    ids = findings.exchanges["exchange_id"].to_pylist()
    assert len(ids) == len(set(ids)) > 700
    flagged = {row["campaign_id"] for row in of_kind(findings, "distillation")}
    assert set(findings.exchanges["campaign_id"].to_pylist()) == flagged


def test_evidence_says_why(findings: Findings, made: Made):
    """Each campaign has its five tests and its rivals, each member his row; all can be read."""
    ids = set(made.traffic.exchanges.ids.to_pylist())
    for row in findings.evidence.to_pylist():
        detail = json.loads(row["detail"])
        assert detail["says"]
        assert np.isfinite(row["weight"])
        assert set(row["sample"]) <= ids
        assert row["kind"] != "rival" or (row["weight"] <= 0 and 0 <= detail["fit"] <= 1)
    for row in findings.campaigns.to_pylist():
        name = row["campaign_id"]
        mine = [e for e in findings.evidence.to_pylist() if e["campaign_id"] == name]
        whole = [e["kind"] for e in mine if e["account_id"] is None]
        own = [e["account_id"] for e in mine if e["account_id"] is not None]
        assert own == members(findings, name)
        if row["kind"] == "distillation":
            assert set(whole) == {
                "exchangeability",
                "shared_objects",
                "work_allocation",
                "harvest_signs",
                "shared_origin",
                "rival",
            }
            assert whole.count("rival") == 8
            assert all(e["sample"] for e in mine if e["kind"] == "membership")


def test_membership_counts_what_is_attributed(findings: Findings, made: Made):
    """A member's own row names his attributed exchanges, all he has, and some that show it."""
    by_account: dict[str, int] = {}
    place = {name: i for i, name in enumerate(made.traffic.exchanges.ids.to_pylist())}
    accounts = made.traffic.accounts
    for row in findings.exchanges.to_pylist():
        name = accounts.ids[made.traffic.exchanges.account[place[row["exchange_id"]]]]
        by_account[name] = by_account.get(name, 0) + 1
    flagged = {row["campaign_id"] for row in of_kind(findings, "distillation")}
    seen = 0
    for row in findings.evidence.to_pylist():
        if row["kind"] == "membership" and row["campaign_id"] in flagged:
            detail, a = json.loads(row["detail"]), accounts.ids.index(row["account_id"])
            assert detail["attributed"] == by_account[row["account_id"]]
            assert detail["exchanges"] == accounts.exchanges[a]
            assert 0 < row["weight"] <= 4
            shown = [place[e] for e in row["sample"]]
            assert (made.traffic.exchanges.account[shown] == a).all()
            seen += 1
    assert seen == 17


def test_daily_counts_every_exchange_once(findings: Findings, made: Made):
    """All traffic by day; a campaign's own rows are its attributed exchanges."""
    daily = findings.daily
    assert pc.sum(daily["exchanges"]).as_py() == len(made.traffic.exchanges)
    for row in of_kind(findings, "distillation"):
        mine = daily.filter(pc.equal(daily["campaign_id"], row["campaign_id"]))
        assert pc.sum(mine["exchanges"]).as_py() == row["exchanges"]
    days = np.unique(made.traffic.exchanges["ts"] // DAY_US)
    said = set(daily["day"].cast(pa.int32()).to_pylist())
    assert said == set(days.tolist())
    assert set(daily["model"].to_pylist()) == {"model-5"}


def test_everybody_stands_somewhere(findings: Findings, made: Made):
    """One row an account, in order: members, the network's, those explained, and those alone."""
    rows = findings.accounts.to_pylist()
    assert [row["account_id"] for row in rows] == made.traffic.accounts.ids
    word = {"m": "member", "n": "member", "p": "network", "q": "rival:plain_use", "c": "alone"}
    for row in rows:
        assert row["verdict"] == word[row["account_id"][0]]
        assert (row["group_id"] is None) == (row["account_id"][0] in "qc")
        detail = json.loads(row["detail"])
        assert set(detail) == {"says", "for", "against", "figures", "nearest", "objects"}
        assert all(t["weight"] >= 0 and t["says"] for t in detail["for"])
        assert all(t["weight"] <= 0 and t["says"] for t in detail["against"])
        assert detail["figures"]["exchanges"] == row["exchanges"]
        assert sum(dict(row["capabilities"]).values()) == pytest.approx(1, abs=1e-4)
        assert bool(detail["for"]) == (row["verdict"] in ("member", "network"))
        assert bool(detail["against"]) or row["verdict"] in ("member", "network")
    names = {row["account_id"]: row["group_id"] for row in rows}
    for row in findings.members.to_pylist():
        assert names[row["account_id"]] == row["campaign_id"]


def test_standing_tells_how_far_from_the_nearest_campaign(findings: Findings):
    """Members lie nearer to their campaign than any customer, and it is the one they are in."""
    near: dict[str, list[float]] = {"member": [], "alone": []}
    for row in findings.accounts.to_pylist():
        figures = json.loads(row["detail"])["figures"]
        if row["verdict"] in near:
            near[row["verdict"]].append(figures["mmd2_to_nearest_campaign"])
        if row["verdict"] == "member":
            assert figures["nearest_campaign"] == row["group_id"]
    assert len(near["member"]) == 17
    assert max(near["member"]) < min(near["alone"])


def test_links_are_inside_a_campaign_and_tell_why(findings: Findings):
    """Pairs of its members, each once, of finite weight; a shared object is named."""
    pairs = [(r["campaign_id"], r["account_a"], r["account_b"]) for r in findings.links.to_pylist()]
    assert len(pairs) == len(set(pairs)) == len({(c, *sorted(p)) for c, *p in pairs})
    for row in findings.links.to_pylist():
        mine = members(findings, row["campaign_id"])
        assert row["account_a"] != row["account_b"]
        assert {row["account_a"], row["account_b"]} <= set(mine)
        assert np.isfinite(row["weight"])
        assert row["weight"] > 0
        assert row["why"].startswith("alike in content")
    linked = {a for r in findings.links.to_pylist() for a in (r["account_a"], r["account_b"])}
    assert {name for name in linked if name[0] in "mn"} == {
        r["account_id"] for r in findings.members.to_pylist() if r["account_id"][0] in "mn"
    }
    paid = {f"m-00{i}" for i in range(5)}
    for row in findings.links.to_pylist():
        same = {row["account_a"], row["account_b"]} <= paid
        assert ("same payment instrument" in row["why"]) == same
    assert any("payment" in row["why"] for row in findings.links.to_pylist())
    assert any("shared frame families" in r["why"] for r in findings.links.to_pylist())


def test_order_of_rows_changes_no_table(findings: Findings):
    """The same log shuffled: the same findings, row by row, but for the order of exchanges."""
    other = busy().made(shuffle=4)
    again = conclude(other.traffic, other.candidates("m", "n", "q", networks=("p", "m")), {})
    for name in SCHEMAS:
        ours, theirs = getattr(findings, name).to_pylist(), getattr(again, name).to_pylist()
        if name == "exchanges":
            ours, theirs = (sorted(t, key=itemgetter("exchange_id")) for t in (ours, theirs))
        assert len(ours) == len(theirs), name
        for a, b in zip(ours, theirs, strict=True):
            for key, value in a.items():
                if isinstance(value, float):
                    assert b[key] == pytest.approx(value, abs=1e-9), (name, key)
                elif key != "sample":
                    assert b[key] == value, (name, key)


def test_a_campaign_keeps_its_name_as_its_log_grows():
    """More of its exchanges, and members and customers who come later: the same campaign."""
    log = Log().outsiders().campaign()
    made = log.made()
    before = conclude(made.traffic, made.candidates("m"), {}).campaigns.to_pylist()
    old = len(log.rows)
    log.campaign(each=20, own=0, days=(20, 21, 23))
    log.campaign(members=3, start="m-a-late", own=0, topic=40, days=(20, 21, 23))
    log.outsiders(10)
    for row in log.rows[old:]:
        row["ts"] += 10 * DAY_US
    grown = log.made()
    after = conclude(grown.traffic, grown.candidates("m"), {}).campaigns.to_pylist()
    assert after[0]["exchanges"] > before[0]["exchanges"]
    assert after[0]["accounts"] > before[0]["accounts"]
    assert [row["campaign_id"] for row in after] == [row["campaign_id"] for row in before]


def test_a_campaign_and_a_network_of_the_same_accounts_have_names_of_their_own(findings: Findings):
    """No two rows share a name."""
    ids = findings.campaigns["campaign_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 3
    assert all(len(i) == 12 and i.startswith("c-") for i in ids)


@pytest.mark.parametrize("twist", [lambda i: f"{i}{HOSTILE}", lambda i: f"{HOSTILE}{i}" * 40])
def test_hostile_account_ids_go_through_unharmed(twist: Callable[[str], str], tmp_path):
    """Control characters, markup and quotes in ids: letter by letter the same in all tables."""
    log = Log().outsiders(30).campaign(network=5, pool=None, members=12)
    log.names = {twist(name): key for name, key in log.names.items()}
    made = log.made()
    hostile = sorted(list(log.names)[30:])
    inside = [i for i, name in enumerate(made.traffic.accounts.ids) if name in hostile]
    nearest = made.candidates().nearest
    group = Group(np.array(inside), ("twins",))
    found = conclude(made.traffic, Candidates([group], [], nearest), {})
    assert found.campaigns.num_rows == 1
    found.save(tmp_path / "out")
    again = read_findings(tmp_path / "out")
    assert again.accounts["account_id"].to_pylist() == sorted(log.names)
    assert sorted(again.members["account_id"].to_pylist()) == hostile
    own = [a for a in again.evidence["account_id"].to_pylist() if a is not None]
    assert sorted(own) == hostile
    assert set(again.links["account_a"].to_pylist()) <= set(hostile)
    for row in again.accounts.to_pylist():
        assert json.loads(row["detail"])["nearest"][0]["account_id"] in log.names
    assert not any("<script>" in row["summary"] for row in again.campaigns.to_pylist())


def test_without_candidates_everybody_is_alone(honest: Made):
    """No group, no campaign: empty tables of the right schema, and a row for each account."""
    heard: list[int] = []
    found = conclude(honest.traffic, honest.candidates(), {}, heard.append)
    for name in ("campaigns", "members", "exchanges", "evidence", "links"):
        assert getattr(found, name).num_rows == 0
        assert getattr(found, name).schema.equals(SCHEMAS[name])
    assert set(found.accounts["verdict"].to_pylist()) == {"alone"}
    assert found.daily["campaign_id"].null_count == found.daily.num_rows
    assert heard == []


def test_few_outsiders_are_told_and_every_group_is_heard_of():
    """With nineteen accounts outside, nothing is judged and the run says so."""
    made = Log().outsiders(19).campaign().made()
    run, heard = {}, []
    found = conclude(made.traffic, made.candidates("m", networks=("m",)), run, heard.append)
    assert run["outsiders"] == 19
    assert "19 accounts" in run["notes"][0]
    assert sum(heard) == 2
    assert "distillation" not in found.campaigns["kind"].to_pylist()
