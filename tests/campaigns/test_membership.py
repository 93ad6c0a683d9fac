"""Membership: who does the common work, and who only stands near it."""

from __future__ import annotations

import numpy as np

from stillwatch.campaigns.attribution import Attribution, Model
from stillwatch.campaigns.membership import members
from tests.campaigns.made import CODE, TOPICS, Log, Made

NO_MODEL = Model(np.zeros((0, 0)), {}, ())


def by_truth(made: Made, group: str = "m", false_rate: float = 0.0) -> Attribution:
    """A fit that is right about every exchange."""
    rows = made.rows(group)
    return Attribution(rows, made.common[rows].astype(float), false_rate, NO_MODEL)


def names(made: Made, places: np.ndarray) -> list[str]:
    """Ids of places."""
    return [made.traffic.accounts.ids[a] for a in places]


def strays(log: Log, account: str, hits: int, own: int, topic: int = TOPICS) -> None:
    """An account of which `hits` exchanges are taken for common work."""
    log.customer(account, own)
    for i in range(hits):
        log.send(
            account, common=True, topic=topic + i % 3, capability=CODE["mathematical_reasoning"],
            ts=10**12 + i, frame=log.key(), turns=1,
        )  # fmt: skip


def test_all_who_do_the_common_work_are_members_and_surely(plain: Made):
    """Ten of ten, sorted, each with near certainty."""
    found, confidence = members(plain.traffic, by_truth(plain))
    assert found.tolist() == plain.places("m").tolist()
    assert ((confidence > 0.999) & (confidence <= 1)).all()


def test_an_account_with_none_of_the_common_work_is_no_member():
    """Grouped with the others, yet all of its traffic is its own."""
    log = Log(2).outsiders(30).campaign()
    log.customer("m-own", 60)
    made = log.made()
    assert len(made.places("m")) == 11
    found, _ = members(made.traffic, by_truth(made))
    assert names(made, found) == [f"m-{i:03d}" for i in range(10)]


def test_a_part_about_something_else_is_no_part_of_the_campaign():
    """As many attributed exchanges as anybody, of the same shape, but about other things."""
    log = Log(2).outsiders(30).campaign()
    log.campaign(members=1, start="m-else", topic=3)
    log.campaign(members=1, start="m-same")
    made = log.made()
    found, _ = members(made.traffic, by_truth(made))
    assert names(made, found) == [*(f"m-{i:03d}" for i in range(10)), "m-same-000"]


def test_two_exchanges_make_no_member_and_three_of_many_none_either():
    """Strays explain two hits always, and three among four hundred."""
    log = Log(4).outsiders(30).campaign()
    strays(log, "m-two", 2, 0)
    strays(log, "m-few", 3, 400)
    made = log.made()
    assert names(made, members(made.traffic, by_truth(made))[0])[-1] == "m-009"


def test_who_does_a_small_part_of_what_the_others_do_is_no_member():
    """A tenth of the common work's usual share is too little, half of it is enough."""
    log = Log(4).outsiders(30).campaign()
    strays(log, "m-tenth", 9, 240)
    strays(log, "m-half", 9, 15)
    made = log.made()
    found = names(made, members(made.traffic, by_truth(made))[0])
    assert "m-half" in found
    assert "m-tenth" not in found


def test_a_fit_that_strays_often_needs_more(plain: Made):
    """Where three of four own threads are taken for common work, nobody is proven a member."""
    assert len(members(plain.traffic, by_truth(plain, false_rate=0.02))[0]) == 10
    found, confidence = members(plain.traffic, by_truth(plain, false_rate=0.75))
    assert len(found) == len(confidence) == 0


def test_exchanges_less_than_likely_make_no_member(plain: Made):
    """Every exchange just below the threshold of attribution: there are no members."""
    rows = plain.rows("m")
    found, _ = members(plain.traffic, Attribution(rows, np.full(len(rows), 0.79), 0.0, NO_MODEL))
    assert len(found) == 0


def test_one_conversation_makes_no_member():
    """Twelve exchanges that are taken for common work, all of one talk: as one stray would."""
    log = Log(5).outsiders(30).campaign()
    log.customer("m-talk", 20)
    talk, opening = log.key(), log.key()
    for turn in range(12):
        log.send(
            "m-talk", common=True, topic=TOPICS, capability=CODE["mathematical_reasoning"],
            ts=10**12 + turn, frame=log.key(), turns=1 + 2 * turn, conversation=talk,
            opening=opening,
        )  # fmt: skip
    made = log.made()
    assert "m-talk" not in names(made, members(made.traffic, by_truth(made))[0])


def test_few_exchanges_make_a_member_only_of_who_comes_with_the_others():
    """Five of five each: through the campaign's exits a member, from anywhere else none."""
    log = Log(7).outsiders(30).campaign()
    exits = [row["network"] for row in log.rows if row["common"]]
    for account, network in (("m-with", exits[0]), ("m-away", log.key())):
        for i in range(5):
            log.send(
                account, common=True, topic=TOPICS + i % 3, ts=10**12 + i, frame=log.key(),
                capability=CODE["mathematical_reasoning"], turns=1, network=network,
            )  # fmt: skip
    made = log.made()
    found = names(made, members(made.traffic, by_truth(made))[0])
    assert "m-with" in found
    assert "m-away" not in found
