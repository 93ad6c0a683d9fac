"""Names that last: through growth, new heads, joining, parting, and other people's work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stillwatch.campaigns.conclude import conclude
from stillwatch.campaigns.continuity import free_name, named, works_table
from stillwatch.campaigns.judgement import Verdict
from stillwatch.campaigns.parts import work_of
from stillwatch.campaigns.rivals import Rival
from stillwatch.findings import Findings
from stillwatch.traffic import Group
from tests.campaigns.made import Log, Made


def found(made: Made, *groups: str, earlier: Findings | None = None) -> tuple[Findings, dict]:
    """Findings of a run and its record."""
    run: dict = {}
    return conclude(made.traffic, made.candidates(*groups), run, earlier=earlier), run


def one(findings: Findings) -> str:
    """The name of the only campaign."""
    (row,) = findings.campaigns.to_pylist()
    assert row["kind"] == "distillation"
    return row["campaign_id"]


def verdict(made: Made, accounts: np.ndarray) -> Verdict:
    """A campaign of these accounts and all that they sent."""
    rows = made.traffic.exchanges.rows_of(accounts)
    return Verdict(
        group=Group(accounts, ()),
        kind="distillation",
        margin=3.0,
        confidence=0.99,
        accounts=accounts,
        confidences=np.full(len(accounts), 0.99),
        rows=rows,
        posterior=np.zeros(0),
        tests={},
        rivals=[],
        winner=Rival("chance", 1.0, (), "By chance."),
        work=work_of(made.traffic, rows, accounts),
    )


def renamed(findings: Findings, name: str) -> Findings:
    """The same findings, their only campaign under another name: so that none is met by chance."""
    old = one(findings)
    swapped = {}
    for table in ("campaigns", "members", "exchanges", "evidence", "works"):
        rows = getattr(findings, table).to_pylist()
        for row in rows:
            assert row["campaign_id"] == old
            row["campaign_id"] = name
        swapped[table] = getattr(findings, table).from_pylist(
            rows, schema=getattr(findings, table).schema
        )
    return replace(findings, **swapped)


def test_the_name_is_the_first_member_s_whatever_is_attributed():
    """Which of the members' exchanges are attributed changes as a log grows; who was first not."""
    made = Log().outsiders().campaign().made()
    findings, _ = found(made, "m")
    accounts = made.traffic.accounts
    members = [accounts.ids.index(a) for a in findings.members["account_id"].to_pylist()]
    places = np.array(sorted(members))
    first = places[np.argmin(accounts.first[places])]
    later = places[places != first]

    def name_of(members: np.ndarray) -> str:
        return named(made.traffic, [verdict(made, members)], None, {})[0][0]

    assert name_of(places) == name_of(np.array([first, *later[:3]])) == one(findings)
    assert name_of(later) != one(findings)


def test_a_campaign_keeps_an_earlier_name():
    """By its members, where both runs read the same accounts."""
    made = Log().outsiders().campaign().made()
    first, _ = found(made, "m")
    again, run = found(made, "m", earlier=renamed(first, "c-earlier"))
    assert one(again) == "c-earlier"
    assert run["earlier"] == {"kept": ["c-earlier"], "regrown": [], "joined": {}, "gone": []}
    for table in ("members", "exchanges", "evidence", "works"):
        assert set(getattr(again, table)["campaign_id"].to_pylist()) == {"c-earlier"}


def test_heads_that_grow_back_are_the_same_campaign():
    """All accounts are new, and the work is what it was."""
    old, _ = found(Log().outsiders().campaign(each=60).made(), "m")
    new = Log(9).outsiders().campaign(each=60, start="n").made()
    findings, run = found(new, "n", earlier=renamed(old, "c-earlier"))
    assert one(findings) == "c-earlier"
    assert run["earlier"]["regrown"] == ["c-earlier"]


def test_other_work_by_other_accounts_is_another_campaign():
    """Another queue: the earlier campaign is gone."""
    old, _ = found(Log().outsiders().campaign(each=60).made(), "m")
    new = Log(9).outsiders().campaign(each=60, start="n", topic=50).made()
    findings, run = found(new, "n", earlier=renamed(old, "c-earlier"))
    assert one(findings) != "c-earlier"
    assert run["earlier"] == {"kept": [], "regrown": [], "joined": {}, "gone": ["c-earlier"]}


def as_earlier(made: Made, findings: Findings, **parts: np.ndarray) -> Findings:
    """Findings in which the accounts of each of `parts` were a campaign of that name."""
    pairs = [(name, verdict(made, accounts)) for name, accounts in parts.items()]
    campaign, member = findings.campaigns.to_pylist()[0], findings.members.to_pylist()[0]
    ids = made.traffic.accounts.ids
    campaigns = [campaign | {"campaign_id": name} for name in parts]
    members = [
        member | {"campaign_id": name, "account_id": ids[a]}
        for name, accounts in parts.items()
        for a in accounts
    ]
    return replace(
        findings,
        campaigns=findings.campaigns.from_pylist(campaigns, schema=findings.campaigns.schema),
        members=findings.members.from_pylist(members, schema=findings.members.schema),
        works=works_table(made.traffic, pairs),
    )


def test_of_two_that_are_joined_the_larger_one_s_name_stays():
    """And the record says what became of the other."""
    made = Log().outsiders().campaign(members=20).made()
    findings, _ = found(made, "m")
    places = made.places("m")
    earlier = as_earlier(made, findings, small=places[:8], large=places[8:])
    run: dict = {}
    names = named(made.traffic, [verdict(made, places)], earlier, run)
    assert [name for name, _ in names] == ["large"]
    assert run["earlier"] == {
        "kept": ["large"],
        "regrown": [],
        "joined": {"small": "large"},
        "gone": [],
    }


def test_of_a_campaign_that_parts_the_larger_part_keeps_the_name():
    """And no two campaigns share one, though the smaller part holds the member who was first."""
    made = Log().outsiders().campaign(members=14).made()
    findings, _ = found(made, "m")
    places = made.places("m")
    first = places[np.argmin(made.traffic.accounts.first[places])]
    small = np.array(sorted([first, *places[places != first][:4]]))
    parts = [verdict(made, small), verdict(made, np.setdiff1d(places, small))]
    run: dict = {}
    names = [name for name, _ in named(made.traffic, parts, findings, run)]
    assert names[1] == one(findings) != names[0]
    assert run["earlier"]["kept"] == [one(findings)]


def test_a_name_made_anew_is_nobody_s():
    """Neither that of an earlier campaign nor one that was made anew before."""
    used = {"c-0000000000"}
    for _ in range(20):
        name = free_name("c-0000000000", used)
        assert name not in used
        used.add(name)
    assert free_name("c-1111111111", used) == "c-1111111111"
