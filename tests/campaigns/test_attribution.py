"""Attribution: common work is told from the members' own traffic, thread by thread."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns import attribution
from stillwatch.campaigns.attribution import (
    Asked,
    Attribution,
    Background,
    asked,
    attribute,
    background,
    carried,
    scanned,
    told_of,
    usual_rate,
)
from tests.campaigns.made import CODE, DAY_US, Log, Made


def fitted(made: Made, group: str = "m") -> Attribution:
    """The fit of one group against everybody else."""
    return attribute(threads_of(made, made.places(group)), everybody_else(made, group))


def threads_of(made: Made, accounts: np.ndarray) -> Asked:
    """All threads of some accounts."""
    x = made.traffic.exchanges
    return asked(x, made.ground.codes, x.threads.of(accounts))


def everybody_else(made: Made, group: str) -> Background:
    """What a group is fitted against."""
    return background(made.traffic.exchanges, made.ground, made.others(group).accounts)


def by_row(made: Made, fit: Attribution) -> tuple[np.ndarray, np.ndarray]:
    """The group's exchanges, thread by thread, and the posterior of each."""
    threads = made.traffic.exchanges.threads
    return threads.rows(fit.threads), np.repeat(fit.told, threads.lengths(fit.threads))


def split(made: Made, fit: Attribution) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors of exchanges of common work and of own traffic, as the truth has them."""
    rows, posterior = by_row(made, fit)
    common = made.common[rows]
    return posterior[common], posterior[~common]


def test_common_work_is_told_from_own_traffic(plain: Made):
    """Nearly all common exchanges are attributed and hardly any of the members' own."""
    fit = fitted(plain)
    common, own = split(plain, fit)
    assert (len(common), len(own)) == (400, 150)
    assert (fit.told >= 0).all()
    assert (fit.told <= 1).all()
    assert (common >= 0.8).mean() > 0.95
    assert (own >= 0.8).mean() < 0.05
    assert 0 <= fit.false_rate < 0.02


def test_threads_are_the_group_s(plain: Made):
    """A fit speaks of all threads of the group, each of its account, and of no others."""
    fit = fitted(plain)
    rows, _ = by_row(plain, fit)
    assert rows.tolist() == plain.rows("m").tolist()
    assert len(fit.told) == len(fit.account) == len(fit.threads)
    begins = plain.traffic.exchanges.threads.begins(fit.threads)
    assert fit.account.tolist() == plain.traffic.exchanges.account[begins].tolist()


def test_order_of_the_log_does_not_matter(plain: Made):
    """The same log in another order of rows: the same posteriors."""
    other = Log().outsiders().campaign().made(shuffle=5)
    assert other.traffic.exchanges.ids.to_pylist() != plain.traffic.exchanges.ids.to_pylist()
    said = []
    for made in (plain, other):
        rows, posterior = by_row(made, fitted(made))
        ids = made.traffic.exchanges.ids.take(rows).to_pylist()
        said.append((ids, posterior))
    assert said[0][0] == said[1][0]
    np.testing.assert_allclose(said[0][1], said[1][1], rtol=0, atol=1e-9)


def test_exchanges_of_a_thread_share_their_fate():
    """Follow-ups that look like anybody's go with the thread's beginning."""
    log = Log(3).outsiders().campaign()
    for m in range(10):
        for i in range(6):
            row = dict(
                next(r for r in log.rows if r["common"] and r["account"] == 7 + 13 * (60 + m))
            )
            talk = log.key()
            told = {k: row[k] for k in ("opening", "capability", "network", "thinking")}
            told |= {"conversation": talk, "max_tokens": 8192, "topic": 40 + i % 3}
            at = row["ts"] + i * 1_000_000
            log.send(f"m-{m:03d}", common=True, **told, turns=1, ts=at, frame=log.key())
            # A follow-up without a sign of the common work: chat, small, about something else.
            log.send(
                f"m-{m:03d}", common=True, conversation=talk, topic=m, turns=3, capability=8,
                ts=at + 500_000, frame=log.key(), opening=log.key(), max_tokens=1024,
            )  # fmt: skip
    made = log.made()
    rows, posterior = by_row(made, fitted(made))
    follow_up = made.common[rows] & (made.traffic.exchanges["turns"][rows] == 3)
    assert follow_up.sum() == 60
    assert (posterior[follow_up] >= 0.8).mean() > 0.9


def test_what_all_of_the_group_has_does_not_tell_its_parts_apart():
    """One opening on all of a relay's exchanges, unknown outside, makes nobody's traffic common."""
    log = Log().outsiders().campaign()
    for row in log.rows:
        if row["account"] >= log.names["m-000"]:
            row |= {"opening": 12345, "system": 777, "toolset": 778}
    common, own = split(made := log.made(), fitted(made))
    assert (common >= 0.8).mean() > 0.95
    assert (own >= 0.8).mean() < 0.02


def test_camouflage_of_four_in_five_leaves_the_common_work_found():
    """Members with four exchanges of their own for each common one: it is still told apart."""
    log = Log(8).outsiders().campaign(each=20, own=80)
    made = log.made()
    common, own = split(made, fitted(made))
    assert (common >= 0.8).mean() > 0.9
    assert (own >= 0.8).mean() < 0.05


@pytest.mark.parametrize("day", [1, 12])
def test_time_is_no_feature(plain: Made, day: int):
    """When common work is sent doesn't decide what is common."""
    log = Log().outsiders().campaign()
    for row in log.rows:
        if row["common"]:
            row["ts"] = day * DAY_US + row["ts"] % DAY_US
    told = []
    for made in (plain, log.made()):
        rows, posterior = by_row(made, fitted(made))
        told.append(posterior[np.argsort(rows)])
    np.testing.assert_allclose(*told, atol=1e-6)


def test_camouflage_that_all_share_is_left_to_the_start():
    """Chat that is dealt out too is common as well; a start that doubts it leaves it out."""
    log = Log(5).outsiders(60)
    log.campaign(members=12, each=40, own=0)
    log.campaign(members=12, each=40, own=0, topic=3, capability=CODE["chat"])
    made = log.made()
    x, doubt = made.traffic.exchanges, np.where(np.arange(len(CODE)) == CODE["chat"], 0.1, 1.0)
    fit = attribute(threads_of(made, made.places("m")), everybody_else(made, "m"), doubt)
    told, chat = fit.told, x["capability"][x.threads.begins(fit.threads)] == CODE["chat"]
    assert (told[~chat] >= 0.8).mean() > 0.9
    assert told[chat].mean() < told[~chat].mean() - 0.5


def test_common_work_is_told_outside_the_group():
    """A model finds the work of members that no group holds, and hardly takes anybody else's."""
    log = Log(4).outsiders().campaign(members=14)
    made = log.made()
    x, group = made.traffic.exchanges, made.places("m")[:10]
    outside = np.setdiff1d(np.arange(len(made.traffic.accounts)), group)
    against = background(x, made.ground, outside)
    fit = attribute(threads_of(made, group), against)
    hit = told_of(against, fit.model, 0.7) >= 0.5
    common = made.common[x.threads.begins(against.threads)]
    assert common.sum() > 100
    assert hit[common].mean() > 0.9
    assert hit[~common].mean() < 0.05
    assert usual_rate(against.account, hit) < 0.05


@pytest.fixture(scope="module")
def large() -> Made:
    """A campaign of 72 accounts, enough of them for trees."""
    return Log(4).outsiders().campaign(members=72).made()


@pytest.mark.parametrize("known", [60, 20])
def test_what_was_learnt_of_some_members_is_carried_to_the_others(large: Made, known: int):
    """By trees, or where those that are known are too few for trees, by the first look."""
    x, places = large.traffic.exchanges, large.places("m")
    fit = attribute(threads_of(large, places[:known]), everybody_else(large, "m"))
    assert bool(fit.model.trees) == (known == 60)
    rest = threads_of(large, places[known:])
    told = carried(rest, fit.model, np.full(len(rest.threads), 0.87))
    common = large.common[x.threads.begins(rest.threads)]
    assert (told[common] >= 0.8).mean() > 0.95
    assert (told[~common] >= 0.8).mean() < 0.05


def test_threads_are_told_by_parts_as_all_at_once(large: Made, monkeypatch: pytest.MonkeyPatch):
    """However many are scored at a time."""
    x, places = large.traffic.exchanges, large.places("m")
    fit = attribute(threads_of(large, places[:60]), everybody_else(large, "m"))
    assert fit.model.trees
    threads = asked(x, large.ground.codes, np.arange(len(x.threads))[::3])
    share = np.full(len(threads.threads), 0.5)
    whole = [told_of(threads, fit.model, 0.5), carried(threads, fit.model, share)]
    monkeypatch.setattr(attribution, "SCORED", 100)
    parts = [told_of(threads, fit.model, 0.5), carried(threads, fit.model, share)]
    np.testing.assert_array_equal(parts, whole)
    # The trees are asked of what the first look takes, and then they decide.
    taken = whole[0] >= 0.5
    np.testing.assert_array_equal(whole[0][taken], whole[1][taken])


def test_the_background_is_of_evenly_spaced_outsiders(plain: Made, monkeypatch: pytest.MonkeyPatch):
    """All threads of all of them, or every other thread of every third account."""
    x, others = plain.traffic.exchanges, plain.places("c")
    whole = everybody_else(plain, "m")
    assert whole.threads.tolist() == x.threads.of(others).tolist()
    monkeypatch.setattr(attribution, "FIT_ACCOUNTS", 20)
    few = x.threads.of(others[::3])
    monkeypatch.setattr(attribution, "FIT_THREADS", len(few) // 2)
    against = everybody_else(plain, "m")
    assert against.threads.tolist() == few[::2].tolist()
    assert np.isin(against.account, others[::3]).all()
    assert (against.account == x.account[x.threads.begins(against.threads)]).all()
    assert (against.codes == plain.ground.codes[against.threads]).all()


def test_of_each_account_some_threads_are_scanned(plain: Made, monkeypatch: pytest.MonkeyPatch):
    """All of who has few, ten evenly spaced ones of anybody else."""
    monkeypatch.setattr(attribution, "SCANNED", 10)
    x, accounts = plain.traffic.exchanges, plain.places("c")[5:25]
    expected = []
    for a in accounts:
        theirs = x.threads.of(np.array([a])).tolist()
        kept = min(10, len(theirs))
        expected += [theirs[i * len(theirs) // kept] for i in range(kept)]
    assert scanned(x, accounts).tolist() == expected
    assert 100 < len(expected) < len(x.threads.of(accounts))


@pytest.mark.parametrize(
    ("hits", "rate"),
    [
        ([[0] * 10, [0] * 10, [1] * 10], 0.0),
        ([[1] + [0] * 9, [1] * 10, [0] * 10], 0.1),
        ([[1] * 3, [0] * 3], 0.5),
        ([], 0.0),
    ],
)
def test_the_usual_rate_is_the_typical_account_s(hits: list[list[int]], rate: float):
    """One account full of hits doesn't move it; accounts of few threads count only together."""
    account = np.repeat(np.arange(len(hits)), [len(h) for h in hits])
    hit = np.array([h for of_account in hits for h in of_account], bool)
    assert usual_rate(account, hit) == pytest.approx(rate)
