"""What is decided on whom, by the scenarios that the people who run it fear."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest

from stillwatch import tables
from stillwatch.policy import Plan, plan

from .made import DAY, KEY, NOW, case, enforced, known, members, policy, reversed_, standings

STAFF = [f"Initech-{i}" for i in range(200)]
"""Every account of an enterprise."""
STRICT = {"breaker.share_of_org": 0.5}
GUILTY = [f"guilty-{i}" for i in range(30)]


def made(*args: Any, now: dt.datetime = NOW, earlier: pa.Table | None = None) -> Plan:
    """A plan with the tests' key."""
    return plan(args[0], args[1], now, KEY, earlier)


def detail(decisions: pa.Table, account: str) -> dict[str, Any]:
    """What a decision remembers."""
    at = decisions["account_id"].to_pylist().index(account)
    return json.loads(decisions["detail"][at].as_py())


def test_a_wrong_finding_over_an_enterprise_is_stopped_and_told() -> None:
    """All 200 accounts of a customer are found guilty: none is acted on, nor anybody else new."""
    found = members(STAFF) + members(GUILTY, campaign="cmp-2")
    wrong = known(found, orgs={"Initech": 200}, others=1000, cases=case("open", 12))
    planned = made(wrong, policy(STRICT))
    assert set(standings(planned.decisions).values()) == {"held"}
    assert set(planned.decisions["reason"].to_pylist()) == {"breaker_open"}
    (trip,) = planned.trips
    assert (trip.bound, trip.whom, trip.accounts, trip.of) == ("share_of_org", "Initech", 200, 200)
    assert trip.seen == pytest.approx(1.0)
    assert "200 accounts of organisation Initech" in trip.says
    assert "Decide case 12" in trip.todo
    assert planned.record()["trips"][0]["cases"] == (12,)


def test_what_was_in_force_before_a_trip_goes_on() -> None:
    """The campaign that was rightly acted on yesterday isn't let go by today's wrong finding."""
    rightly = members(GUILTY, campaign="cmp-2")
    said = policy(STRICT)
    yesterday = made(known(rightly, others=1000), said, now=NOW - DAY)
    wrong = known(rightly + members(STAFF), orgs={"Initech": 200}, others=1000)
    planned = made(wrong, said, earlier=yesterday.decisions)
    standing = standings(planned.decisions)
    assert {standing[a] for a in GUILTY} == {"in_force"}
    assert {standing[a] for a in STAFF} == {"held"}
    # and once people have rejected the case, there is nothing to stop
    cleared = known(
        rightly + members(STAFF), orgs={"Initech": 200}, others=1000, cases=case("rejected")
    )
    after = made(cleared, said, earlier=planned.decisions)
    assert after.trips == ()
    assert set(standings(after.decisions)) == set(GUILTY)


def test_an_enforcement_of_people_outranks_the_breaker() -> None:
    """When people confirm that a whole organisation harvests, its accounts are acted on."""
    theirs = known(members(STAFF), orgs={"Initech": 200}, enforced=enforced(STAFF, "suspend"))
    planned = made(theirs, policy(STRICT))
    assert planned.trips == ()
    assert set(standings(planned.decisions).values()) == {"in_force"}
    assert set(planned.decisions["reason"].to_pylist()) == {"enforced"}
    assert set(planned.decisions["action"].to_pylist()) == {"suspend"}


def test_a_harder_rule_waits_for_a_trip_and_the_milder_one_goes_on() -> None:
    """An account that is slowed down isn't shut out on a day when something is wrong."""
    rules = """
[[rules]]
name = "sure"
when = { member_confidence = 0.95 }
action = "deny"
for_days = 30
reason = "r"
[[rules]]
name = "likely"
action = "throttle"
for_days = 30
reason = "r"
"""
    said = policy(STRICT, rules=rules)
    before = made(known(members(GUILTY, confidence=0.9), others=1000), said, now=NOW - DAY)
    worse = members(GUILTY, confidence=0.96) + members(STAFF, campaign="cmp-2")
    planned = made(known(worse, orgs={"Initech": 200}, others=1000), said, earlier=before.decisions)
    actions = dict(
        zip(
            planned.decisions["account_id"].to_pylist(),
            planned.decisions["action"].to_pylist(),
            strict=True,
        )
    )
    assert {actions[a] for a in GUILTY} == {"throttle"}
    assert {standings(planned.decisions)[a] for a in GUILTY} == {"in_force"}


def test_a_jump_trips_and_a_first_plan_cannot() -> None:
    """Ten times as many accounts overnight are a matter for people."""
    said = policy({"breaker.jump": 5, "breaker.jump_accounts": 50})
    many = members([f"a-{i}" for i in range(300)])
    assert made(known(many), said).trips == ()
    few = made(known(many[:30]), said, now=NOW - DAY)
    planned = made(known(many), said, earlier=few.decisions)
    (trip,) = planned.trips
    assert (trip.bound, trip.accounts, trip.seen) == ("jump", 270, 9.0)
    again = made(known(many), said, now=NOW + DAY, earlier=planned.decisions)
    assert [trip.bound for trip in again.trips] == ["jump"], "not by waiting does it become usual"


def test_the_first_rule_that_matches_decides() -> None:
    """Order is all: a rule above shadows one below, and an account takes its surest membership."""
    rules = """
[[rules]]
name = "coders"
when = { capabilities = ["coding"], capability_share = 0.5, accounts = 2 }
action = "withhold"
for_days = 3
reason = "r"
[rules.scope]
models = ["big"]
[[rules]]
name = "rest"
action = "observe"
for_days = 3
reason = "r"
"""
    both = [
        {"account": "a", "campaign": "cmp-1", "confidence": 0.5},
        {"account": "a", "campaign": "cmp-2", "confidence": 0.9},
        {"account": "b", "campaign": "cmp-2", "confidence": 0.7},
        {"account": "c", "campaign": "cmp-3"},
    ]
    rows = made(known(both), policy(rules=rules)).decisions.to_pylist()
    told = [(r["account_id"], r["rule"], r["campaign_id"], r["models"]) for r in rows]
    assert told == [
        ("a", "coders", "cmp-2", ["big"]),
        ("b", "coders", "cmp-2", ["big"]),
        ("c", "rest", "cmp-3", None),
    ]


def test_allow_lists_outrank_rules_and_people_and_say_so() -> None:
    """By account, organisation and program; the decision is kept, and stands allowed."""
    said = policy(
        {
            "allow.accounts": ["by-name"],
            "allow.orgs": ["Initech"],
            "allow.programs": ["security_research"],
        }
    )
    rows = [
        {"account": "by-name"},
        {"account": "by-org", "org": "Initech"},
        {"account": "by-program"},
        {"account": "nobody's"},
    ]
    planned = made(
        known(rows, program={"by-program": "security_research"}, enforced=enforced(["by-org"])),
        said,
    )
    standing = standings(planned.decisions)
    assert standing == {
        "by-name": "allowed",
        "by-org": "allowed",
        "by-program": "allowed",
        "nobody's": "in_force",
    }
    reasons = planned.decisions["reason"].to_pylist()
    assert reasons.count("allow_listed") == 3


def test_a_reversal_outranks_rules_but_no_new_decision_of_people() -> None:
    """A person took it back; until that ends rules leave the account alone, people may not."""
    back = reversed_(["a", "b"], days=5)
    found = known(members(["a", "b", "c"]), reversals=back, enforced=enforced(["b"]))
    assert standings(made(found, policy()).decisions) == {
        "a": "reversed",
        "b": "in_force",
        "c": "in_force",
    }
    gone = made(known(others=3, reversals=reversed_(["new"])), policy()).decisions
    assert gone.select(["account_id", "decision_id", "standing"]).to_pylist() == [
        {"account_id": "new", "decision_id": "reversed-new", "standing": "reversed"}
    ], "also one that only a gate knew"
    later = known(members(["a"], last=NOW + 6 * DAY), reversals=back)
    assert standings(made(later, policy(), now=NOW + 6 * DAY).decisions) == {"a": "in_force"}


@pytest.mark.parametrize(
    ("state", "wanted", "decided"),
    [
        ("open", "any", True),
        ("confirmed", "any", True),
        ("rejected", "any", False),
        ("appealed", "any", False),
        ("closed", "any", False),
        ("open", "confirmed", False),
        ("confirmed", "confirmed", True),
        ("confirmed", "open", False),
        (None, "none", True),
        (None, "confirmed", False),
    ],
)
def test_rules_keep_to_what_people_have_said(state: str, wanted: str, decided: bool) -> None:
    """No rule touches what people rejected, closed or have under appeal."""
    rules = f"""
[[rules]]
name = "r"
when = {{ case = "{wanted}" }}
action = "deny"
for_days = 3
reason = "r"
"""
    cases = {"cases": case(state)} if state else {}
    planned = made(known(members(["a"]), **cases), policy(rules=rules))
    assert bool(planned.decisions.num_rows) is decided


def test_an_account_that_joined_after_the_decision_is_not_confirmed_by_it() -> None:
    """The case is confirmed; one account of it came later, another was split off and rejected."""
    rules = """
[[rules]]
name = "confirmed"
when = { case = "confirmed" }
action = "deny"
for_days = 3
reason = "r"
[[rules]]
name = "rest"
action = "observe"
for_days = 3
reason = "r"
"""
    cases = pa.concat_tables(
        [
            case("confirmed"),
            case("open", account="late"),
            case("rejected", number=8, account="apart"),
        ]
    )
    rows = made(known(members(["a", "late", "apart"]), cases=cases), policy(rules=rules)).decisions
    assert rows.select(["account_id", "rule", "case_id"]).to_pylist() == [
        {"account_id": "a", "rule": "confirmed", "case_id": 7},
        {"account_id": "late", "rule": "rest", "case_id": 7},
    ]


def test_what_needs_approval_waits_until_people_enforce_it() -> None:
    """It uses no budget while it waits, and is in force as theirs."""
    rules = """
[[rules]]
name = "r"
action = "suspend"
for_days = 3
reason = "r"
approval = "required"
"""
    said = policy({"budget.accounts_a_day": 0}, rules=rules)
    planned = made(known(members(["a", "b"])), said)
    assert set(standings(planned.decisions).values()) == {"waiting"}
    assert planned.trips == ()
    after = made(known(members(["a", "b"]), enforced=enforced(["a"])), said)
    assert standings(after.decisions) == {"a": "in_force", "b": "waiting"}


def test_a_dry_run_decides_all_and_does_nothing() -> None:
    """Budgets are used as if it were live, so that the figures mean something."""
    found = known(members(GUILTY), enforced=enforced(["someone"]))
    planned = made(found, policy({"budget.accounts_a_day": 10}, live=False))
    rows = planned.decisions
    assert rows.filter(pa.compute.equal(rows["standing"], "in_force")).num_rows == 0
    standing = list(standings(rows).values())
    assert standing.count("dry_run") == 11
    assert standing.count("held") == 20


def test_going_live_acts_on_no_more_than_a_day_allows() -> None:
    """A dry run of weeks doesn't let everybody be hit on the first day."""
    dry = made(known(members(GUILTY)), policy(live=False), now=NOW - DAY)
    live = made(
        known(members(GUILTY)), policy({"budget.accounts_a_day": 10}), earlier=dry.decisions
    )
    assert list(standings(live.decisions).values()).count("in_force") == 10


def test_a_day_is_a_day_however_often_it_is_planned() -> None:
    """Findings that change every hour can't spend the day's budget again and again."""
    said = policy({"budget.accounts_a_day": 10})
    hit: set[str] = set()
    earlier = None
    for hour in range(12):
        names = [f"wave{hour}-{i}" for i in range(10)]
        now = NOW + dt.timedelta(hours=hour)
        planned = made(known(members(names, last=now)), said, now=now, earlier=earlier)
        hit |= {a for a, standing in standings(planned.decisions).items() if standing == "in_force"}
        earlier = planned.decisions
    assert len(hit) == 10
    assert planned.used["accounts_a_day"] == (10, 10)
    tomorrow = NOW + dt.timedelta(hours=30)
    planned = made(known(members(["x"], last=tomorrow)), said, now=tomorrow, earlier=earlier)
    assert standings(planned.decisions) == {"x": "in_force"}, "and nothing is remembered for ever"


def test_delays_are_drawn_once_and_say_nothing() -> None:
    """Within the rule's range, different for each account, and not moved by another plan."""
    rules = """
[[rules]]
name = "r"
action = "deny"
for_days = 30
reason = "r"
delay_hours = [6, 48]
"""
    said, found = policy(rules=rules), known(members([f"a-{i}" for i in range(400)]))
    first = made(found, said).decisions
    hours = [(since - NOW) / dt.timedelta(hours=1) for since in first["since"].to_pylist()]
    assert min(hours) >= 6
    assert max(hours) <= 48
    # 400 draws fall on every eighth of the range
    assert {int((h - 6) / 42 * 8) for h in hours} == set(range(8))
    again = made(found, said, now=NOW + dt.timedelta(hours=7), earlier=first).decisions
    assert again["since"].equals(first["since"])
    assert again["decision_id"].equals(first["decision_id"])
    other = plan(found, said, NOW, b"another key of tests, 32 bytes  ").decisions
    assert not set(other["decision_id"].to_pylist()) & set(first["decision_id"].to_pylist())


def test_a_decision_ends_some_days_after_its_account_was_last_seen() -> None:
    """Who stops is let go; who goes on is kept, and a finding of long ago decides nothing."""
    found = known(members(["stopped"], last=NOW - 3 * DAY))
    said = policy(rules='[[rules]]\nname="r"\naction="deny"\nfor_days=5\nreason="r"\n')
    first = made(found, said).decisions
    assert first["until"].to_pylist() == [NOW + 2 * DAY]
    assert made(found, said, now=NOW + DAY, earlier=first).decisions.num_rows == 1
    assert made(found, said, now=NOW + 2 * DAY, earlier=first).decisions.num_rows == 0
    goes_on = known(members(["stopped"], last=NOW + DAY), until=NOW + DAY)
    later = made(goes_on, said, now=NOW + DAY, earlier=first).decisions
    assert later["until"].to_pylist() == [NOW + 6 * DAY]
    assert later["since"].equals(first["since"])


def test_a_decision_outlasts_a_judgement_that_is_less_sure() -> None:
    """For a day, as it was and with what it was found by; then its account is let go."""
    said = policy()
    first = made(known(members(["a", "b"])), said).decisions
    rows, now = first, NOW
    for hours, standing in ((6, "in_force"), (18, "in_force"), (24, None)):
        now = NOW + dt.timedelta(hours=hours)
        rows = made(known(members(["b"]), until=now), said, now=now, earlier=rows).decisions
        assert standings(rows).get("a") == standing
        assert standings(rows)["b"] == "in_force"
        if standing:
            for column in ("decision_id", "since", "until", "confidence", "campaign_id"):
                assert rows[column][0] == first[column][0]
            assert detail(rows, "a")["found"] == detail(first, "a")["found"]
    again = made(known(members(["a", "b"])), said, now=now, earlier=first).decisions
    assert detail(again, "a")["found"] > detail(first, "a")["found"]


@pytest.mark.parametrize("state", ["rejected", "appealed", "closed"])
def test_what_people_say_ends_at_once_what_isnt_found_any_more(state: str) -> None:
    """A case decided otherwise, a reversal, an allow-list, and a rule that is gone."""
    first = made(known(members(["a"])), policy()).decisions
    now = NOW + dt.timedelta(hours=1)

    def next_of(said: Any = None, rules: str | None = None, **more: pa.Table) -> dict[str, str]:
        chosen = policy(said) if rules is None else policy(said, rules=rules)
        planned = made(known(until=now, **more), chosen, now=now, earlier=first)
        return standings(planned.decisions)

    assert next_of() == {"a": "in_force"}
    assert next_of(cases=case("open")) == {"a": "in_force"}
    assert next_of(cases=case(state)) == {"a": "ended"}
    assert next_of(reversals=reversed_(["a"])) == {"a": "reversed"}
    assert next_of({"allow.accounts": ["a"]}) == {"a": "allowed"}
    rule = '[[rules]]\nname="{}"\naction="deny"\nfor_days=5\nreason="r"\nkeep_hours={}\n'
    assert next_of(rules=rule.format("other", 24)) == {"a": "ended"}
    assert next_of(rules=rule.format("all", 0)) == {"a": "ended"}


def test_a_harder_rule_bites_at_once_where_an_account_knows_already() -> None:
    """Between two rules there is no gap in which nothing is done."""
    rules = """
[[rules]]
name = "sure"
when = { member_confidence = 0.95 }
action = "deny"
for_days = 30
reason = "r"
delay_hours = [24, 24]
[[rules]]
name = "likely"
action = "throttle"
for_days = 30
reason = "r"
"""
    said = policy(rules=rules)
    mild = made(known(members(["a"], confidence=0.9)), said, now=NOW - DAY).decisions
    hard = made(known(members(["a"], confidence=0.96)), said, earlier=mild).decisions
    assert hard.select(["rule", "since"]).to_pylist() == [{"rule": "sure", "since": NOW}]
    fresh = made(known(members(["a"], confidence=0.96)), said).decisions
    assert fresh["since"].to_pylist() == [NOW + DAY]


def test_honest_traffic_is_what_isnt_the_campaigns() -> None:
    """A reseller's account has a hundred customers; shutting it out costs them."""
    said = policy({"budget.honest_exchanges_a_day": 5})
    rows = [
        {"account": "pure", "exchanges": 100, "confidence": 0.9},
        {"account": "resold", "exchanges": 10, "confidence": 0.99},
    ]
    planned = made(known(rows), said)
    assert standings(planned.decisions) == {"pure": "in_force", "resold": "held"}
    # ten days: 90 others and 1% of ten; and 10% of a hundred
    assert detail(planned.decisions, "resold")["honest_a_day"] == pytest.approx(9.01)
    assert detail(planned.decisions, "pure")["honest_a_day"] == pytest.approx(1.0)
    assert detail(planned.decisions, "resold")["held_by"] == "budget.honest_exchanges_a_day"


def test_the_least_certain_are_held_first() -> None:
    """And whoever is acted on already stays."""
    said = policy({"budget.accounts_a_day": 2, "budget.share_of_accounts": 0.03})
    rows = [{"account": f"a-{i}", "confidence": 0.9 + i / 100} for i in range(5)]
    first = made(known(rows, others=95), said)
    in_force = {a for a, s in standings(first.decisions).items() if s == "in_force"}
    assert in_force == {"a-3", "a-4"}
    rows += [{"account": "surer", "confidence": 0.999}]
    later = made(known(rows, others=94), said, now=NOW + DAY, earlier=first.decisions)
    in_force = {a for a, s in standings(later.decisions).items() if s == "in_force"}
    assert in_force == {"a-3", "a-4", "surer"}


def test_a_row_of_the_future_makes_nobody_inactive() -> None:
    """One wrong clock, and shares are still of everybody."""
    facts = known(members(["a"]), others=99)
    rows = facts.accounts.to_pylist()
    rows[0]["last_ts"] = NOW + 30_000 * DAY
    wrong = pa.Table.from_pylist(rows, tables.STANDING)
    said = policy({"budget.share_of_accounts": 0.01, "breaker.share_of_accounts": 0.05})
    planned = made(dataclasses.replace(facts, accounts=wrong, until=None), said)
    assert planned.used["share_of_accounts"] == (0.01, 0.01)
    assert standings(planned.decisions) == {"a": "in_force"}


def test_hostile_names_are_names() -> None:
    """Ids of a log may hold anything, and be long."""
    names = ['"},{"', "a\x1b[2J", "\u202eevil", "", "x" * 1_000_000, "'; drop table", "a\x00b"]
    planned = made(known(members(names)), policy())
    assert sorted(planned.decisions["account_id"].to_pylist()) == sorted(names)
    assert all(json.loads(each) for each in planned.decisions["detail"].to_pylist())
    assert len(set(planned.decisions["decision_id"].to_pylist())) == len(names)


def test_nothing_known_is_nothing_decided() -> None:
    """An empty log, and findings whose members are of no campaign."""
    assert made(known(others=0), policy()).decisions.num_rows == 0
    found = known(members(["a"]))
    orphan = made(type(found)(found.campaigns.slice(0, 0), found.members, found.accounts), policy())
    assert orphan.decisions.schema.equals(tables.DECISIONS)
    assert orphan.decisions.num_rows == 0


def test_a_confidence_that_is_no_number_is_none() -> None:
    """Findings that are damaged don't get anybody banned."""
    rules = (
        '[[rules]]\nname="r"\naction="deny"\nfor_days=5\nreason="r"\n'
        "when = { member_confidence = 0.5 }\n"
    )
    rows = members(["nan"], confidence=float("nan")) + members(["inf"], confidence=float("inf"))
    assert made(known(rows), policy(rules=rules)).decisions.num_rows == 0


def test_two_rows_of_one_account_are_refused() -> None:
    """In what gives an account one."""
    rows = pa.concat_tables([enforced(["a"]), enforced(["a"])])
    with pytest.raises(ValueError, match="more than one row"):
        made(known(members(["a"]), enforced=rows), policy())
    with pytest.raises(ValueError, match="16 bytes"):
        plan(known(members(["a"])), policy(), NOW, b"short")
