"""What tests, rival explanations and acts are, told to somebody who never saw the project.

Sentences are ours and hold figures only, never words of the findings: those come from logs, and may
name customers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from stillwatch.cases.states import State
from stillwatch.console.wording import count, percent


def whole(value: float) -> str:
    """A whole number."""
    return count(round(value))


def decimal(value: float) -> str:
    """A number with two digits after the point."""
    return f"{value:.2f}"


class Told(NamedTuple):
    """A sentence with a place for the figure of each of `keys` of an evidence's detail."""

    sentence: str
    keys: tuple[str, ...]
    say: tuple[Callable[[Any], str], ...]


class TestWords(NamedTuple):
    """What a test asks, what it would look like by chance (the null), and its figures."""

    asks: str
    null: str
    told: tuple[Told, ...]


_ORIGIN = {
    "network": "a network",
    "client": "client software",
    "device": "a device",
    "payment": "a payment instrument",
    "signup_network": "a network of registration",
    "email_domain": "a domain of e-mail",
    "cohort": "a time of registration",
}

TESTS = {
    "exchangeability": TestWords(
        "Two people never ask for the same mix of things in the same words. Accounts that one "
        "queue of work feeds can't help it: each is a sample of the same distribution.",
        "The null is accounts outside the campaign that use the model for the same kinds of work: "
        "how many of them come as close to the members as the members come to each other?",
        (
            Told(
                "Of {} accounts outside, {} come as close.",
                ("outsiders_compared", "p"),
                (whole, percent),
            ),
        ),
    ),
    "shared_objects": TestWords(
        "The members send prompts of the same frames, which hardly anybody else sends.",
        "The null is sets of as many accounts drawn from outside, thousands of times.",
        (
            Told(
                "{} of the members' exchanges are of a frame family that another member sent too, "
                "of {} families; in sets drawn outside it is {}.",
                ("share_of_exchanges", "shared_families", "share_in_drawn_sets"),
                (percent, whole, percent),
            ),
            Told(
                "Two members' requests have the same settings in {} of pairs; in sets drawn "
                "outside it is {}.",
                ("same_settings", "same_settings_in_drawn_sets"),
                (percent, percent),
            ),
        ),
    ),
    "work_allocation": TestWords(
        "Work that is dealt out by a program comes in even loads, and on the same days.",
        "The null is as many accounts outside: how often are their loads as even, and how well do "
        "their busy days agree?",
        (
            Told("The members' loads vary by {} of their mean.", ("load_variation",), (percent,)),
            Told(
                "A member's busy days agree with the others' at a correlation of {}; outside it "
                "is {}.",
                ("daily_correlation", "daily_correlation_outside"),
                (decimal, decimal),
            ),
        ),
    ),
    "harvest_signs": TestWords(
        "Answers that are gathered to train a model are worth training on, asked for once, in one "
        "turn, and never followed up.",
        "The null is each account outside: how often does it show as many of these signs?",
        (
            Told(
                "{} of the exchanges show the signs; outside it is {}.",
                ("share_of_exchanges", "share_outside"),
                (percent, percent),
            ),
            Told(
                "{} of a member's threads got long answers that nobody paused to read; outside it "
                "is {}.",
                ("share_of_threads", "share_outside"),
                (percent, percent),
            ),
        ),
    ),
    "shared_origin": TestWords(
        "The members come from the same places: networks, clients, devices, payments.",
        "The null is accounts outside, and how many rare ways of access they share with each "
        "other. What is common counts for little.",
        tuple(
            Told(f"Members that share {what}: {{}}.", (f"accounts_sharing_{kind}",), (whole,))
            for kind, what in _ORIGIN.items()
        ),
    ),
    "told_by_peers": TestWords(
        "Other providers told of a campaign, and these accounts send what it is told by. That is "
        "where was looked; its weight is bounded, however many tell of it.",
        "The null is the accounts that nothing explains: how many of them send the like, and how "
        "often does a typical one? Where many do, what was told is dropped.",
        (
            Told(
                "{} accounts stand out by frames or networks, {} by content, of {} looked at.",
                ("accounts_by_marks", "accounts_by_content", "accounts_looked_at"),
                (whole, whole, whole),
            ),
        ),
    ),
}
"""By kind of evidence."""

RIVALS = {
    "fleet": (
        "One owner runs all of these accounts, openly.",
        "That needs an organisation that the members say they belong to.",
    ),
    "class": (
        "Students of one class are set the same tasks.",
        "A class comes from one place, at the same hours, and repeats its tasks.",
    ),
    "benchmark": (
        "Many people run one public benchmark.",
        "A benchmark's questions are asked once by each who runs it, and by outsiders too.",
    ),
    "popular_software": (
        "The accounts use software that writes their prompts for them.",
        "Its system prompts and tools would be seen with many accounts outside.",
    ),
    "reseller": (
        "A reseller, or a pool of accounts, carries many people's work.",
        "What such accounts have in common is a mix of everybody's work, and this isn't.",
    ),
    "customer": (
        "One honest customer of a reseller is dealt over its accounts.",
        "That would be a small part of what the accounts send, with few signs of harvesting.",
    ),
    "plain_use": (
        "The accounts do the same kind of work, and gather nothing.",
        "Plain use shows no more signs of harvesting than anybody's does.",
    ),
    "overlap": (
        "Each account has work of its own, and parts of it are the same.",
        "Then the members' work wouldn't be one and the same.",
    ),
}
"""By the detector's name of a rival: what it says, and what would have to be seen for it."""

OTHER_RIVAL = ("Another honest explanation that the detector weighed.", "")

STATES = {
    State.NEW: "Nobody has reviewed this case yet: what follows is what the detector found.",
    State.IN_REVIEW: "This case is in review and not decided: what follows is what the detector "
    "found.",
    State.CONFIRMED: "Reviewers confirmed this case.",
    State.REJECTED: "Reviewers rejected this case: what follows is what the detector found, and "
    "not what the reviewers hold to be true.",
    State.APPEALED: "This case was confirmed and is under appeal: no decision stands.",
    State.CLOSED: "This case is closed without a decision.",
}

ACTS = {
    "open": "Opened from the detector's findings",
    "update": "Brought up to date with new findings",
    "grow": "Accounts joined that the decision doesn't speak of",
    "review": "Taken into review",
    "confirm": "Confirmed",
    "reject": "Rejected",
    "appeal": "Appealed",
    "close": "Closed",
    "undo": "The last change of state was undone",
    "merge": "Another case was merged into this one",
    "merged": "Merged into another case",
    "split": "Accounts were split off",
    "split_off": "Split off another case",
}
"""Acts of the ledger that a report tells one by one."""

SHARED = {
    "network": "networks",
    "client": "client programs",
    "device": "devices",
    "system": "system prompts",
    "toolset": "sets of tools",
    "payment": "payment instruments",
    "signup_network": "networks of registration",
    "email_domain": "domains of e-mail",
    "cohort": "times of registration",
}
"""By kind of object, what it is called where only its count is told."""

FEW = 10


def others(number: int) -> str:
    """How many others there are, so that few enough to be known are not told.

    >>> others(3), others(1234)
    ('fewer than ten', '1,234')
    """
    return "fewer than ten" if number < FEW else count(number)
