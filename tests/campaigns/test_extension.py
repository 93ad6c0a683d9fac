"""Beyond the groups: pieces are joined, crowds parted, and the work is found elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns import judgement
from stillwatch.campaigns.conclude import conclude
from stillwatch.campaigns.extension import in_place_of, keep_found, same
from stillwatch.campaigns.judgement import Verdict
from stillwatch.campaigns.rivals import Rival
from stillwatch.findings import Findings
from stillwatch.statistics.mmd import Samples
from stillwatch.traffic import Candidates, Group, Nearest
from tests.campaigns.made import CODE, Log, Made

NEAREST = Nearest(np.zeros(0, np.int64), *(np.zeros((0, 5), t) for t in "qdd"))


def found(made: Made, *groups: list[str]) -> Findings:
    """What a run makes of groups of these accounts."""
    place = {name: i for i, name in enumerate(made.traffic.accounts.ids)}
    of = [Group(np.array(sorted(place[n] for n in names)), ("given",)) for names in groups]
    of.sort(key=lambda g: (-len(g.accounts), g.accounts.tolist()))
    return conclude(made.traffic, Candidates(of, [], NEAREST), {})


def flagged(findings: Findings) -> list[set[str]]:
    """The members of each campaign, largest campaign first."""
    rows = findings.members.to_pylist()
    names = dict.fromkeys(row["campaign_id"] for row in rows)
    sets = [{r["account_id"] for r in rows if r["campaign_id"] == name} for name in names]
    return sorted(sets, key=lambda s: (-len(s), sorted(s)))


def members(prefix: str, numbers: range) -> list[str]:
    """Names as `Log.campaign` gives them."""
    return [f"{prefix}-{i:03d}" for i in numbers]


@pytest.fixture(scope="module")
def large() -> Made:
    """A campaign of 40 accounts among 120 customers."""
    return Log(6).outsiders(120).campaign(members=40).made()


def test_accounts_that_no_group_holds_are_found_by_their_work(large: Made):
    """A group of 20 of a campaign's 40 accounts: the others are members too, nobody else is."""
    findings = found(large, members("m", range(20)))
    (campaign,) = flagged(findings)
    assert campaign <= set(members("m", range(40)))
    assert len(campaign) >= 38
    assert findings.run["passes"] > 1


def test_a_campaign_found_in_a_part_of_a_group_goes_beyond_it(
    large: Made, monkeypatch: pytest.MonkeyPatch
):
    """Twelve of a group's thirty accounts are looked at: the rest and the ten outside are found."""
    monkeypatch.setattr(judgement, "LOOKED_AT", 12)
    findings = found(large, members("m", range(30)))
    (campaign,) = flagged(findings)
    assert campaign <= set(members("m", range(40)))
    assert len(campaign) >= 38
    assert findings.run["passes"] > 1
    assert findings.exchanges.num_rows > 0.95 * 40 * len(campaign)


def test_accounts_of_few_exchanges_are_found_by_their_work_too():
    """Six exchanges each, too few to be an outsider, by the campaign's exits: members.

    Who does the like by another way is none, as it may be chance, and no customer of six is.
    """
    log = Log(6).outsiders(120).campaign(members=30)
    exits = next(row["network"] for row in log.rows if row["common"])
    log.campaign(members=12, each=6, own=0, start="m-new", days=(9, 10), network=exits)
    log.campaign(members=3, each=6, own=0, start="n-away", days=(9, 10), network=log.key())
    for i in range(12):
        log.customer(f"few-{i:02d}", 6)
    (campaign,) = flagged(found(log.made(), members("m", range(30))))
    assert len([name for name in campaign if name.startswith("m-new")]) >= 10
    assert all(name.startswith("m-") for name in campaign)


def test_pieces_of_one_campaign_are_joined(large: Made):
    """Two groups of 20: one campaign of 40."""
    findings = found(large, members("m", range(20)), members("m", range(20, 40)))
    assert flagged(findings) == [set(members("m", range(40)))]


def two_campaigns() -> Made:
    """Two campaigns after different things, of 14 and 12 accounts."""
    log = Log(8).outsiders(120).campaign(members=14)
    return log.campaign(members=12, start="n", topic=46, capability=CODE["coding"]).made()


@pytest.mark.parametrize("together", [False, True])
def test_two_campaigns_stay_two(together: bool):
    """Found as two groups they aren't joined, found as one it is parted: no campaign has both."""
    first, second = members("m", range(14)), members("n", range(12))
    campaigns = flagged(
        found(two_campaigns(), *([first + second] if together else [first, second]))
    )
    assert all(c <= set(first) or c <= set(second) for c in campaigns)
    assert len(set().union(*campaigns)) >= 24


def test_one_pass_is_enough_where_nothing_is_beyond(large: Made):
    """A group that holds the whole campaign: judged once."""
    assert found(large, members("m", range(40))).run["passes"] == 1


def verdict(kind: str, accounts: list[int], group: list[int] | None = None) -> Verdict:
    """A verdict of no more than its kind and accounts."""
    none = np.zeros(0, np.int64)
    rival = Rival("chance", 1.0, (), "")
    nothing = Samples(np.zeros(1), np.zeros((1, 256)), np.zeros(1))
    return Verdict(
        Group(np.array(group or accounts), ("x",)), kind, 1.0, 0.9, np.array(accounts),
        np.ones(len(accounts)), none, np.zeros(0), {}, [rival], rival, nothing,
    )  # fmt: skip


def told(verdicts: list[Verdict]) -> list[tuple[str, list[int], list[int]]]:
    """Kinds, groups and members."""
    return [(v.kind, v.group.accounts.tolist(), v.accounts.tolist()) for v in verdicts]


def test_a_campaign_is_not_lost_by_being_widened(large: Made):
    """The wider group is dismissed: the campaign stays, and what is left of the group beside it."""
    before = [verdict("distillation", [1, 2, 3, 4, 5]), verdict("rival:class", [8, 9])]
    after = [verdict("rival:reseller", [1, 2, 3, 4, 5, 6, 7]), verdict("rival:class", [8, 9])]
    assert told(keep_found(large.traffic, before, after)) == [
        ("distillation", [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ("rival:reseller", [6, 7], [6, 7]),
        ("rival:class", [8, 9], [8, 9]),
    ]


def test_a_campaign_is_lost_too_where_the_wider_group_is_about_others(large: Made):
    """Being in a group that is a campaign of others doesn't keep it: its members must be."""
    before = [verdict("distillation", [1, 2, 3, 4, 5])]
    after = [verdict("distillation", [6, 7, 8, 9, 10], list(range(1, 11)))]
    assert told(keep_found(large.traffic, before, after)) == [
        ("distillation", [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ("distillation", [6, 7, 8, 9, 10], [6, 7, 8, 9, 10]),
    ]


def test_what_is_left_of_a_lost_campaign_must_be_enough(large: Made):
    """Three of five accounts that are left over are no campaign."""
    before = [verdict("distillation", [1, 2, 3, 4, 5])]
    after = [verdict("distillation", [4, 5, 6, 7, 8])]
    assert keep_found(large.traffic, before, after)[0].accounts.tolist() == [4, 5, 6, 7, 8]
    assert len(keep_found(large.traffic, before, after)) == 1


def test_a_lost_campaign_takes_nothing_from_one_that_is_found(large: Made):
    """An account that another campaign has by now stays there."""
    before = [verdict("distillation", [1, 2, 3, 4, 5, 6])]
    after = [verdict("distillation", [6, 7, 8]), verdict("rival:reseller", [1, 2, 3, 4, 5])]
    assert told(keep_found(large.traffic, before, after)) == [
        ("distillation", [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ("distillation", [6, 7, 8], [6, 7, 8]),
    ]


def test_a_wider_campaign_replaces_the_pieces(large: Made):
    """Two campaigns that were joined aren't kept beside what they became."""
    before = [verdict("distillation", [1, 2]), verdict("distillation", [3, 4])]
    wider = verdict("distillation", [1, 2, 3, 4, 5])
    assert told(keep_found(large.traffic, before, [wider])) == told([wider])


def test_what_is_left_of_a_parted_group_keeps_its_verdict(large: Made):
    """Accounts of no part stay as they were; where no part is a campaign nothing changes."""
    whole, part = verdict("rival:overlap", [1, 2, 3, 4, 5]), verdict("distillation", [2, 3])
    dismissed = verdict("rival:chance", [4, 5])
    assert told(in_place_of(large.traffic, whole, [part, dismissed])) == [
        ("rival:overlap", [1, 4, 5], [1, 4, 5]),
        ("distillation", [2, 3], [2, 3]),
    ]
    assert in_place_of(large.traffic, whole, [dismissed]) == [whole]
    campaign = verdict("distillation", [1, 4], [1, 2, 3, 4, 5])
    assert told(in_place_of(large.traffic, campaign, [part])) == [
        ("distillation", [1, 4, 5], [1, 4]),
        ("distillation", [2, 3], [2, 3]),
    ]


def test_sameness_is_of_accounts():
    """However they were found."""
    a, b = Group(np.array([1, 2]), ("x",)), Group(np.array([1, 2]), ("y",))
    assert same([a], [b])
    assert not same([a], [])
    assert not same([a], [Group(np.array([1, 3]), ("x",))])


def test_who_is_excused_is_drawn_into_no_campaign():
    """Accounts of an organisation that says so, dismissed as its fleet, though they work alike."""
    log = Log(11).outsiders(80).campaign(members=14)
    log.campaign(members=8, start="f", pool=None, own=0)
    for i in range(8):
        log.register(f"f-{i:03d}", org=777)
    log.orgs[777] = "o"
    made = log.made()
    findings = found(made, members("m", range(14)), members("f", range(8)))
    assert set().union(*flagged(findings)) <= set(members("m", range(14)))


def test_a_rare_content_cell_is_no_reason_to_fail():
    """Two large groups with trees: what one's model was taught on is not all that it is asked."""
    log = Log(3).outsiders(60).campaign(members=30, each=75, own=5)
    log.campaign(members=28, start="d", topic=50, each=75, own=5)
    made = log.made()
    findings = found(made, members("m", range(30)), members("d", range(28)))
    assert set(members("m", range(30))) <= set().union(*flagged(findings))


def test_outsiders_are_not_used_up():
    """A campaign isn't extended where too few would be left to compare with."""
    made = Log(6).outsiders(16).campaign(members=30).made()
    findings = found(made, members("m", range(20)))
    assert findings.run["passes"] == 1
    assert not any("are needed" in note for note in findings.run.get("notes", []))
    assert len(flagged(findings)[0]) == 20
