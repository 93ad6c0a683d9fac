"""Policies and decisions in sentences."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stillwatch.policy import plan
from stillwatch.policy.words import STANDINGS, explained, notes_on, rule_words

from .made import DAY, KEY, NOW, case, enforced, known, members, policy, reversed_


def row_of(planned: Any, account: str) -> dict[str, Any]:
    """A decision as it is explained."""
    rows = {row["account_id"]: row for row in planned.decisions.to_pylist()}
    return {**rows[account], "detail": json.loads(rows[account]["detail"])}


def test_a_rule_that_never_decides_is_told() -> None:
    """The one above it matches all that it does; one that asks for another kind doesn't."""
    rules = """
[[rules]]
name = "wide"
when = { member_confidence = 0.5, capabilities = ["coding", "chat"] }
action = "throttle"
for_days = 1
reason = "r"
[[rules]]
name = "shadowed"
when = { member_confidence = 0.9, capabilities = ["coding"], case = "confirmed" }
action = "deny"
for_days = 1
reason = "r"
[[rules]]
name = "other"
when = { kind = "reseller", member_confidence = 0.9, capabilities = ["coding"] }
action = "deny"
for_days = 1
reason = "r"
[[rules]]
name = "all"
when = { member_confidence = 0.9 }
action = "deny"
for_days = 1
reason = "r"
"""
    (note,) = notes_on(policy(rules=rules))
    assert note.startswith("rule shadowed never decides: wide stands above")


def test_what_is_probably_not_meant_is_told() -> None:
    """A budget that the breaker makes pointless, and no rules at all."""
    said = {"budget.share_of_org": 0.5, "breaker.share_of_org": 0.3}
    notes = notes_on(policy(said, rules=""))
    assert any("budget.share_of_org (0.5) is never used up" in note for note in notes)
    assert any("no rules" in note for note in notes)


def test_rules_read_as_sentences() -> None:
    """All that a rule can ask for."""
    rules = """
[[rules]]
name = "r"
action = "step_up"
for_days = 2
reason = "r"
delay_hours = [1, 3]
approval = "required"
scope = { models = ["big"] }
[rules.when]
campaign_confidence = 0.9
accounts = 5
exchanges = 10
capabilities = ["tool_use"]
case = "open"
"""
    assert rule_words(policy(rules=rules).rules[0]) == (
        "An account of a campaign, where the campaign's confidence is 0.9 or more, the campaign "
        "has 5 accounts or more, 10 exchanges of it are the campaign's or more, 10% or more of it "
        "seeks tool use, its case is open: ask it to prove who it is, for 2 days after it was last "
        "seen, beginning 1 to 3 hours after it was decided, only for big, once people have "
        "approved it."
    )


def test_every_standing_is_explained() -> None:
    """Why, and what would change it; each says something of its own."""
    approval = """
[[rules]]
name = "ask"
when = { accounts = 3 }
action = "suspend"
for_days = 3
reason = "r"
approval = "required"
[[rules]]
name = "do"
action = "deny"
for_days = 3
reason = "r"
"""
    rows = [
        *members(["w1", "w2", "w3"], campaign="cmp-2"),
        {"account": "sure", "confidence": 0.99},
        {"account": "less", "confidence": 0.9},
    ]
    facts = known(rows, cases=case("open"), enforced=enforced(["e"]), reversals=reversed_(["r"]))
    said = {"budget.accounts_a_day": 1, "allow.accounts": ["w1"]}
    live = plan(facts, policy(said, rules=approval), NOW, KEY)
    dry = plan(facts, policy(said, live=False, rules=approval), NOW, KEY)
    tomorrow = NOW + DAY / 2
    ended = plan(known(others=1), policy(said), tomorrow, KEY, live.decisions)
    told = {}
    for planned, account, now in (
        (live, "sure", NOW),
        (live, "less", NOW),
        (live, "w1", NOW),
        (live, "w2", NOW),
        (live, "r", NOW),
        (dry, "sure", NOW),
        (ended, "sure", tomorrow),
    ):
        row = row_of(planned, account)
        why, change = explained(row, planned.record(), now)
        assert why
        assert change
        assert not [line for line in (*why, *change) if "{" in line]
        told[row["standing"]] = (" ".join(why), " ".join(change))
    assert told.keys() == STANDINGS.keys()
    assert "held by budget.accounts_a_day" in told["held"][0]
    assert f"policy reverse {row_of(live, 'sure')['decision_id']}" in told["in_force"][1]
    assert "case 7" in told["in_force"][1]
    assert "live = true" in told["dry_run"][1]
    why, change = explained(row_of(live, "e"), live.record(), NOW)
    assert why[0] == "People decided on it: enforcement 1, deny."
    assert any("enforce lift" in line for line in change)


def test_who_is_held_by_the_breaker_hears_what_tripped() -> None:
    """Not the budget's words, and what people are to do."""
    facts = known(members([f"big-{i}" for i in range(30)]), orgs={"big": 30}, cases=case("open"))
    planned = plan(facts, policy({"breaker.share_of_org": 0.5}), NOW, KEY)
    why, change = explained(row_of(planned, "big-1"), planned.record(), NOW)
    assert any("30 accounts of organisation big" in line for line in why)
    assert change[0].startswith("Decide case 7")


@pytest.mark.parametrize("hours", [0, 30])
def test_a_decision_that_has_not_begun_says_so(hours: int) -> None:
    """In force on paper, with its delay before it."""
    rules = (
        '[[rules]]\nname="r"\naction="deny"\nfor_days=3\nreason="r"\n'
        f"delay_hours = [{hours}, {hours}]\n"
    )
    planned = plan(known(members(["a"])), policy(rules=rules), NOW, KEY)
    why, _ = explained(row_of(planned, "a"), planned.record(), NOW)
    assert any("begins at 2026-03-03 12:00 UTC" in line for line in why) is bool(hours)
