"""Membership: who does the common work, and who only stands near it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stillwatch.campaigns.attribution import Attribution, Model
from stillwatch.campaigns.membership import MOST_OF_ONE, Members, elsewhere, members, some_of
from tests.campaigns.made import CODE, TOPICS, Log, Made

NO_MODEL = Model(np.zeros((0, 0)), {}, ())


def by_truth(made: Made, group: str = "m", false_rate: float = 0.0) -> Attribution:
    """A fit that is right about every thread."""
    threads = made.traffic.exchanges.threads
    theirs = threads.of(made.places(group))
    told = made.common[threads.begins(theirs)].astype(float)
    return Attribution(theirs, threads.account(theirs), told, false_rate, NO_MODEL)


def of_truth(made: Made, **said) -> Members:
    """Who is a member by such a fit."""
    return members(made.traffic, by_truth(made, **said))


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
    found = of_truth(plain)
    assert found.accounts.tolist() == plain.places("m").tolist()
    assert ((found.confidences > 0.999) & (found.confidences <= 1)).all()


def test_an_account_with_none_of_the_common_work_is_no_member():
    """Grouped with the others, yet all of its traffic is its own."""
    log = Log(2).outsiders(30).campaign()
    log.customer("m-own", 60)
    made = log.made()
    assert len(made.places("m")) == 11
    assert names(made, of_truth(made).accounts) == [f"m-{i:03d}" for i in range(10)]


def test_a_part_about_something_else_is_no_part_of_the_campaign():
    """As many attributed exchanges as anybody, of the same shape, but about other things."""
    log = Log(2).outsiders(30).campaign()
    log.campaign(members=1, start="m-else", topic=3)
    log.campaign(members=1, start="m-same")
    made = log.made()
    assert names(made, of_truth(made).accounts) == [
        *(f"m-{i:03d}" for i in range(10)),
        "m-same-000",
    ]


def test_two_exchanges_make_no_member_and_three_of_many_none_either():
    """Strays explain two hits always, and three among four hundred."""
    log = Log(4).outsiders(30).campaign()
    strays(log, "m-two", 2, 0)
    strays(log, "m-few", 3, 400)
    made = log.made()
    assert names(made, of_truth(made).accounts)[-1] == "m-009"


def test_who_does_a_small_part_of_what_the_others_do_is_no_member():
    """A tenth of the common work's usual share is too little, half of it is enough."""
    log = Log(4).outsiders(30).campaign()
    strays(log, "m-tenth", 9, 240)
    strays(log, "m-half", 9, 15)
    made = log.made()
    found = names(made, of_truth(made).accounts)
    assert "m-half" in found
    assert "m-tenth" not in found


def test_a_fit_that_strays_often_needs_more(plain: Made):
    """Where three of four own threads are taken for common work, nobody is proven a member."""
    assert len(of_truth(plain, false_rate=0.02).accounts) == 10
    found = of_truth(plain, false_rate=0.75)
    assert len(found.accounts) == len(found.confidences) == 0


def test_exchanges_less_than_likely_make_no_member(plain: Made):
    """Every thread just below the threshold of attribution: there are no members."""
    fit = by_truth(plain)
    unsure = replace(fit, told=np.full(len(fit.threads), 0.79))
    assert len(members(plain.traffic, unsure).accounts) == 0


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
    assert "m-talk" not in names(made, of_truth(made).accounts)


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
    found = names(made, of_truth(made).accounts)
    assert "m-with" in found
    assert "m-away" not in found


def test_some_of_an_account_s_exchanges_are_evenly_spaced(plain: Made):
    """All of who has few; of who has many at most 128, in order, the first among them."""
    log = Log(9)
    for i in range(300):
        log.send("b", ts=i, turns=1)
    for account in ("a", "c"):
        for i in range(5):
            log.send(account, ts=i, turns=1)
    traffic = log.made().traffic
    rows = traffic.exchanges.rows_of(np.arange(3))
    some = some_of(traffic, rows)
    assert np.bincount(traffic.exchanges.account[some]).tolist() == [5, MOST_OF_ONE, 5]
    ts = traffic.exchanges["ts"][some]
    assert ts[:5].tolist() == ts[-5:].tolist() == list(range(5))
    assert ts[5:-5].tolist() == [i * 300 // MOST_OF_ONE for i in range(MOST_OF_ONE)]
    few = plain.rows("m")
    assert some_of(plain.traffic, few).tolist() == few.tolist()
    assert len(some_of(traffic, rows[:0])) == 0


def test_accounts_are_compared_with_those_whose_rows_are_given():
    """Newcomers against known members: about the same, or about something else.

    The other way round nobody is with the newcomers, who are compared with each other then.
    """
    log = Log(2).outsiders(30).campaign()
    log.campaign(members=2, start="n-else", topic=3, own=0)
    log.campaign(members=2, start="n-same", own=0)
    made = log.made()
    like = made.rows("m")
    like, theirs = like[made.common[like]], made.rows("n")
    newcomers = made.places("n")
    assert elsewhere(made.traffic, theirs, newcomers, like).tolist() == [True, True, False, False]
    alone = made.places("n-else")
    rows = made.rows("n-else")
    assert not elsewhere(made.traffic, rows, alone, rows).any()


def test_few_exchanges_of_a_newcomer_count_if_it_comes_with_a_member():
    """Five each, too few to compare: one by a device that one member uses, one by its own."""
    log = Log(7).outsiders(30).campaign()
    device = log.key()
    next(row for row in log.rows if row["common"])["device"] = device
    for account, own in (("n-with", device), ("n-away", log.key())):
        for i in range(5):
            log.send(account, common=True, topic=TOPICS, ts=i, turns=1, device=own)
    made = log.made()
    like = made.rows("m")
    like, newcomers = like[made.common[like]], made.places("n")
    assert names(made, newcomers) == ["n-away", "n-with"]
    assert elsewhere(made.traffic, made.rows("n"), newcomers, like).tolist() == [True, False]


def test_a_share_that_is_known_already_is_what_accounts_must_come_up_to(plain: Made):
    """Members do common work in about two threads of three: a typical tenth more changes nothing.

    Of one of whom it was six times as much nobody does a quarter.
    """
    fit, rows = by_truth(plain), plain.rows("m")
    like = some_of(plain.traffic, rows[plain.common[rows]])
    own = of_truth(plain)
    known = members(plain.traffic, fit, own.share + 0.1, like)
    assert known.accounts.tolist() == own.accounts.tolist()
    assert known.share == own.share + 0.1
    assert len(members(plain.traffic, fit, 6 * own.share, like).accounts) == 0
