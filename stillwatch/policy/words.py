"""A policy and its decisions in sentences, for people who must answer for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from stillwatch.display import plain
from stillwatch.ladder import Action
from stillwatch.policy.file import Approval, CaseWanted, Kind, Policy, Rule, When

STANDINGS = {
    "in_force": "in force",
    "dry_run": "would be in force",
    "waiting": "waiting for approval",
    "held": "held",
    "allowed": "on an allow-list",
    "reversed": "taken back",
    "ended": "ended today",
}
"""What each standing of `tables.DECISIONS` is called."""

_ACTIONS = {
    Action.OBSERVE: "note it, and do nothing",
    Action.THROTTLE: "slow it down",
    Action.STEP_UP: "ask it to prove who it is",
    Action.WITHHOLD: "leave parts of answers out",
    Action.DENY: "refuse its requests",
    Action.SUSPEND: "suspend it",
}

_CASES = {
    CaseWanted.ANY: "",
    CaseWanted.NONE: "there is no case yet",
    CaseWanted.OPEN: "its case is open",
    CaseWanted.CONFIRMED: "people have confirmed its case",
}


def rule_words(rule: Rule) -> str:
    """A rule in a sentence.

    >>> rule_words(Rule(name="r", action=Action.DENY, for_days=30, reason="found"))
    'An account of a campaign: refuse its requests, for 30 days after it was last seen.'
    """
    asked = _asked(rule.when)
    whom = "An account of a campaign" if rule.when.kind == Kind.DISTILLATION else "A reseller's"
    whom += f", where {', '.join(asked)}" if asked else ""
    parts = [f"{whom}: {_ACTIONS[rule.action]}, for {rule.for_days:g} days after it was last seen"]
    least, most = rule.delay_hours
    if most:
        parts.append(f"beginning {least:g} to {most:g} hours after it was decided")
    if rule.scope.surfaces or rule.scope.models:
        parts.append("only for " + ", ".join([*rule.scope.surfaces, *rule.scope.models]))
    if rule.approval == Approval.REQUIRED:
        parts.append("once people have approved it")
    return ", ".join(parts) + "."


def _asked(when: When) -> list[str]:
    asked = [
        (when.campaign_confidence, f"the campaign's confidence is {when.campaign_confidence:g}"),
        (when.member_confidence, f"its membership's confidence is {when.member_confidence:g}"),
        (when.accounts > 1, f"the campaign has {when.accounts:,} accounts"),
        (when.exchanges, f"{when.exchanges:,} exchanges of it are the campaign's"),
    ]
    told = [f"{words} or more" for holds, words in asked if holds]
    if when.capabilities:
        named = " or ".join(name.replace("_", " ") for name in when.capabilities)
        told.append(f"{when.capability_share:.0%} or more of it seeks {named}")
    if _CASES[when.case]:
        told.append(_CASES[when.case])
    return told


def notes_on(policy: Policy) -> list[str]:
    """What is allowed in a policy and probably not meant."""
    notes = []
    for at, rule in enumerate(policy.rules):
        above = next((r for r in policy.rules[:at] if _covers(r.when, rule.when)), None)
        if above is not None:
            notes.append(
                f"rule {plain(rule.name, 60)} never decides: {plain(above.name, 60)} stands above "
                "it and matches all that it does"
            )
    budget, breaker = policy.budget, policy.breaker
    for bound in ("share_of_accounts", "share_of_org"):
        if getattr(budget, bound) > getattr(breaker, bound):
            notes.append(
                f"budget.{bound} ({getattr(budget, bound):g}) is never used up: the breaker trips "
                f"at {getattr(breaker, bound):g}"
            )
    if not policy.rules:
        notes.append("there are no rules: only what people decide in cases is done")
    return notes


def _covers(one: When, other: When) -> bool:
    """Whether `one` matches whatever `other` does."""
    return (
        one.kind == other.kind
        and one.campaign_confidence <= other.campaign_confidence
        and one.member_confidence <= other.member_confidence
        and one.accounts <= other.accounts
        and one.exchanges <= other.exchanges
        and one.case in (CaseWanted.ANY, other.case)
        and (
            not one.capabilities
            or (
                bool(other.capabilities)
                and set(other.capabilities) <= set(one.capabilities)
                and one.capability_share <= other.capability_share
            )
        )
    )


def explained(
    decision: Mapping[str, Any], record: Mapping[str, Any], now: dt.datetime
) -> tuple[list[str], list[str]]:
    """Why a decision (a row of `tables.DECISIONS`) stands as it does, and what would change it.

    `detail` is decoded; `record` is of the last plan, and its decisions may be others by now.
    """
    detail = decision["detail"]
    why = [_ground(decision, record, detail)]
    if decision["campaign_id"]:
        sure = detail.get("campaign_confidence")
        why.append(
            f"It is a member of campaign {plain(decision['campaign_id'], 80)} with confidence "
            f"{decision['confidence']:.3f}"
            + (f", and the campaign is one with {sure:.3f}." if sure is not None else ".")
        )
    if "exchanges_a_day" in detail:
        why.append(
            f"It sends {detail['exchanges_a_day']:,.1f} exchanges a day, of which "
            f"{detail['honest_a_day']:,.1f} are expected to be honest."
        )
    stands, change = _STANDS[decision["standing"]]
    said = {
        "since": _minute(decision["since"]),
        "until": _minute(decision["until"]),
        "bound": detail.get("held_by", "a bound"),
        "case": f"case {decision['case_id']}" if decision["case_id"] else "its case",
        "id": decision["decision_id"],
    }
    if decision["standing"] == "in_force" and decision["since"] > now:
        stands = "It is decided, and begins at {since}."
    why.append(stands.format(**said))
    if decision["standing"] == "held" and str(said["bound"]).startswith("breaker."):
        why += [trip["says"] + "." for trip in record.get("trips", [])]
        change = [trip["todo"] + "." for trip in record.get("trips", [])] or change
    elif decision["standing"] == "in_force" and decision["reason"] == "enforced":
        change = _ENFORCED
    return why, [line.format(**said) if "{" in line else line for line in change]


def _ground(
    decision: Mapping[str, Any], record: Mapping[str, Any], detail: Mapping[str, Any]
) -> str:
    action = decision["action"].replace("_", " ")
    rule = plain(decision["rule"], 80)
    if decision["reason"] == "known_work":
        return (
            f"The gateway recognised a known campaign's work in its first requests, and did: "
            f"{action}."
        )
    if "campaign_confidence" not in detail:
        return f"People decided on it: {rule}, {action}."
    says = [each["says"] for each in record.get("rules", []) if each["name"] == decision["rule"]]
    return f"Rule {rule} says {action}." + (f" {says[0]}" if says else "")


_LET_GO = "A lead can take it back: `stillwatch policy reverse {id}`."
_STANDS: dict[str, tuple[str, list[str]]] = {
    "in_force": (
        "It is in force since {since}.",
        [
            "It ends at {until}, unless the account is seen in the campaign again.",
            _LET_GO,
            "Rejecting {case} ends it with the next publishing, for all of its accounts.",
        ],
    ),
    "dry_run": (
        "The policy isn't live: it would be in force from {since}, and nothing is done.",
        ["`live = true` in the policy puts it in force, within the day's budget."],
    ),
    "waiting": (
        "It waits for a person's approval.",
        ["An enforcement that covers it: `stillwatch policy plan FINDINGS --propose`."],
    ),
    "held": (
        "It is held by {bound}: more than that isn't done.",
        [
            "It is in force as soon as that budget has room; the surest accounts come first.",
            "Confirming {case} and an enforcement, which no budget holds.",
        ],
    ),
    "allowed": (
        "An allow-list names the account, its organisation or its program: nothing is done.",
        ["Taking it off the policy's [allow]."],
    ),
    "reversed": (
        "A person took the rules' decision back: nothing is done.",
        ["The end of the reversal, or a new enforcement in {case}."],
    ),
    "ended": (
        "Nothing is decided on it any more; the day's budget remembers that it was acted on.",
        ["A finding that a rule matches."],
    ),
}
_ENFORCED = [
    "It ends at {until}.",
    "A lead can lift it: `stillwatch enforce lift`.",
    "Reopening {case} or an appeal suspends it.",
]


def _minute(when: dt.datetime) -> str:
    return when.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
