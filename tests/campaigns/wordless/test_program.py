"""One program: which threads are its own, and who carries them."""

from __future__ import annotations

import numpy as np

from stillwatch.campaigns.wordless.program import beside, carried
from stillwatch.campaigns.wordless.works import works
from tests.campaigns.wordless.made import Silent, places, some_works

NOBODY = np.zeros(0, np.int64)


def many(*parts: tuple[int, int, int, int]) -> tuple[list[int], list[int], list[int]]:
    """Account, settings and unread of threads, by parts (account, settings, unread, how many)."""
    rows = [(a, s, u) for a, s, u, n in parts for _ in range(n)]
    account, settings, unread = zip(*rows, strict=True)
    return list(account), list(settings), list(unread)


def test_the_spare_and_the_reader_are_no_members():
    """Of five that carry it, one that doesn't, and one with its settings who reads the answers."""
    carriers = [(a, 9, 1, 30) for a in range(5)] + [(a, 3, 0, 20) for a in range(5)]
    others = [(5, 3, 0, 50), (6, 9, 0, 50)] + [(a, 20 + a, 0, 50) for a in range(10, 60)]
    work = some_works(*many(*carriers, *others))
    found = carried(work, np.arange(7), NOBODY, np.arange(10, 60), 60)
    assert found.accounts.tolist() == [0, 1, 2, 3, 4]
    theirs = found.posterior >= 0.8
    assert set(work.account[theirs]) == {0, 1, 2, 3, 4}
    assert set(work.keys[work.settings[theirs]].tolist()) == {9}


def test_what_outsiders_do_as_often_is_nobodys():
    """The posterior is 1 - q / p, with the shares outside and inside."""
    inside = [(a, 9, 1, 10) for a in range(6)] + [(a, 3, 0, 10) for a in range(6)]
    outside = [(a, 9, 1, 2) for a in range(6, 56)] + [(a, 4, 0, 8) for a in range(6, 56)]
    work = some_works(*many(*inside, *outside))
    found = carried(work, np.arange(6), NOBODY, np.arange(6, 56), 56)
    assert not len(found.accounts)


def test_beside_are_those_who_share_two_rare_ways():
    """One hosting prefix in common is any customer's; a card besides is not."""
    log = Silent(1).pool("m", 3, own=0.4, networks=2).honest(600)
    first = log.names.index("h-000") + 1
    log.registered[first] = {"payment": 100}
    for row in log.rows:
        if row["account"] in (first, first + 1):
            row["network"] = 300
    traffic = log.traffic()
    found = beside(traffic, places(traffic, "m"))
    assert [traffic.accounts.ids[a] for a in found] == ["h-000"]


def test_one_beside_is_a_member_only_by_the_work():
    """Who shares the pool's ways but has own work isn't drawn in; who carries its work is."""
    log = Silent(2).pool("m", 20, own=0.4).honest(100)
    traffic = log.traffic()
    work, m = works(traffic.exchanges), places(traffic, "m")
    found = carried(
        work, m[:15], np.append(places(traffic, "h")[:5], m[15:]), places(traffic, "h"), 120
    )
    assert set(found.accounts) == set(m)
