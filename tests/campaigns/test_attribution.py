"""Attribution: common work is told from the members' own traffic, thread by thread."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.attribution import (
    Attribution,
    Background,
    attribute,
    attributed_outside,
    background,
    content_cells,
    usual_rate,
)
from tests.campaigns.made import CODE, DAY_US, Log, Made


def fitted(made: Made, group: str = "m") -> Attribution:
    """The fit of one group against everybody else."""
    return attribute(made.traffic.exchanges, made.rows(group), everybody_else(made, group))


def everybody_else(made: Made, group: str) -> Background:
    """What a group is fitted against."""
    cells = content_cells(made.traffic.exchanges, made.order)
    return background(made.traffic.exchanges, made.others(group).rows, cells)


def split(made: Made, fit: Attribution) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors of common work and of own traffic, as the truth has them."""
    common = made.common[fit.rows]
    return fit.posterior[common], fit.posterior[~common]


def test_common_work_is_told_from_own_traffic(plain: Made):
    """Nearly all common exchanges are attributed and hardly any of the members' own."""
    fit = fitted(plain)
    common, own = split(plain, fit)
    assert (len(common), len(own)) == (400, 150)
    assert (fit.posterior >= 0).all()
    assert (fit.posterior <= 1).all()
    assert (common >= 0.8).mean() > 0.95
    assert (own >= 0.8).mean() < 0.05
    assert 0 <= fit.false_rate < 0.02


def test_rows_are_the_group_s(plain: Made):
    """A fit speaks of all exchanges of the group, row by row, and of no others."""
    fit = fitted(plain)
    assert fit.rows.tolist() == plain.rows("m").tolist()
    assert len(fit.posterior) == len(fit.rows)


def test_order_of_the_log_does_not_matter(plain: Made):
    """The same log in another order of rows: the same posteriors."""
    other = Log().outsiders().campaign().made(shuffle=5)
    assert other.traffic.exchanges.ids.to_pylist() != plain.traffic.exchanges.ids.to_pylist()
    said = []
    for made in (plain, other):
        fit = fitted(made)
        ids = made.traffic.exchanges.ids.take(fit.rows).to_pylist()
        said.append((ids, fit.posterior))
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
    fit = fitted(made)
    thread = made.traffic.exchanges["thread"][fit.rows]
    for t in np.unique(thread):
        assert len(np.unique(fit.posterior[thread == t])) == 1
    follow_up = made.common[fit.rows] & (made.traffic.exchanges["turns"][fit.rows] == 3)
    assert follow_up.sum() == 60
    assert (fit.posterior[follow_up] >= 0.8).mean() > 0.9


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
    fit = fitted(log.made())
    np.testing.assert_allclose(fit.posterior, fitted(plain).posterior, atol=1e-6)


def test_camouflage_that_all_share_is_left_to_the_start():
    """Chat that is dealt out too is common as well; a start that doubts it leaves it out."""
    log = Log(5).outsiders(60)
    log.campaign(members=12, each=40, own=0)
    log.campaign(members=12, each=40, own=0, topic=3, capability=CODE["chat"])
    made = log.made()
    rows = made.rows("m")
    chat = made.traffic.exchanges["capability"][rows] == CODE["chat"]
    doubt = np.where(np.arange(len(CODE)) == CODE["chat"], 0.1, 1.0)
    told = attribute(made.traffic.exchanges, rows, everybody_else(made, "m"), doubt).posterior
    assert (told[~chat] >= 0.8).mean() > 0.9
    assert told[chat].mean() < told[~chat].mean() - 0.5


def test_common_work_is_told_outside_the_group():
    """A model finds the work of members that no group holds, and hardly takes anybody else's."""
    log = Log(4).outsiders().campaign(members=14)
    made = log.made()
    group = np.array([n for n in made.traffic.accounts.ids if n.startswith("m-")][:10])
    inside = np.isin(np.array(made.traffic.accounts.ids), group)
    of_group = inside[made.traffic.exchanges.account[made.order]]
    cells = content_cells(made.traffic.exchanges, made.order)
    against = background(made.traffic.exchanges, made.order[~of_group], cells)
    fit = attribute(made.traffic.exchanges, made.order[of_group], against)
    hit = attributed_outside(made.traffic.exchanges, against, fit.model, 0.7)
    common = made.common[against.threads.begins]
    assert common.sum() > 100
    assert hit[common].mean() > 0.9
    assert hit[~common].mean() < 0.05
    assert usual_rate(against.threads.account, hit) < 0.05


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
