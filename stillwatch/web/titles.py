"""What states, acts and kinds are called on pages."""

from __future__ import annotations

from stillwatch.console.wording import rival_title

STATE_TITLES = {
    "new": "New",
    "in_review": "In review",
    "confirmed": "Confirmed",
    "rejected": "Rejected",
    "appealed": "Appealed",
    "closed": "Closed",
}

ACT_TITLES = {
    "open": "opened the case",
    "update": "updated it from findings",
    "grow": "added accounts that joined since the decision",
    "review": "took it into review",
    "confirm": "confirmed it",
    "reject": "rejected it",
    "appeal": "put it under appeal",
    "close": "closed it",
    "undo": "took the last change of state back",
    "assign": "assigned it",
    "comment": "commented",
    "tag": "put a tag on it",
    "untag": "took a tag off",
    "snooze": "let it rest",
    "merge": "merged another case into it",
    "merged": "merged it into another case",
    "split": "split accounts off",
    "split_off": "split it off another case",
    "propose": "proposed an enforcement",
    "approve": "approved an enforcement",
    "decline": "declined an enforcement",
    "withdraw": "withdrew an enforcement",
    "lift": "lifted an enforcement",
    "reverse": "took a rule's decision back",
}

BUDGET_TITLES = {
    "accounts_a_day": "Accounts newly acted on in 24 hours",
    "honest_exchanges_a_day": "Honest exchanges a day of those acted on, expected",
    "share_of_accounts": "Share of active accounts acted on",
    "share_of_org": "Largest share of an organisation acted on",
}

KIND_TITLES = {
    "network": "Network prefixes",
    "client": "Clients",
    "device": "Devices",
    "payment": "Payment instruments",
    "signup_network": "Sign-up networks",
    "email_domain": "Mail domains",
    "cohort": "Sign-up cohorts",
    "system": "System prompts",
    "toolset": "Tool sets",
}

DONE = {
    "state": "The case's state was changed.",
    "undo": "The last change of state was taken back.",
    "assign": "The case was assigned.",
    "comment": "The comment was added.",
    "tag": "The tags were changed.",
    "snooze": "The case rests until then.",
    "merge": "The cases were merged.",
    "split": "The accounts were split off.",
    "open": "Cases are as the findings have them.",
    "propose": "The enforcement was proposed.",
    "enforcement": "The enforcement was changed.",
    "password": "The password was changed. Other sessions have ended.",
    "revoke": "The token was revoked.",
    "people": "The change was made.",
}
"""What a page says after an act, by the word that its address then has."""


def verdict_title(verdict: str) -> str:
    """Where an account stands, in a few words.

    >>> verdict_title("rival:fleet")
    'Not flagged: a fleet of one owner'
    """
    if verdict.startswith("rival:"):
        title = rival_title(verdict.removeprefix("rival:"))
        return f"Not flagged: {title[:1].lower()}{title[1:]}"
    return {
        "member": "Flagged: a member of a campaign",
        "network": "Not flagged: shares access in a network",
        "alone": "Not flagged: no group works like it",
    }.get(verdict, verdict)
