"""Absorption: members' new work, newcomers by the campaign's work, and everybody else let be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.campaigns.absorption import Arrived, absorb
from stillwatch.campaigns.conclude import conclude
from stillwatch.campaigns.keeping import from_kept, to_kept
from stillwatch.campaigns.precedent import Grounds, Judgement, grounds_of
from stillwatch.profiles.threads import threads
from stillwatch.traffic import Exchanges
from tests.campaigns.made import CODE, DAY_US, HOUR_US, TOPICS, Log, Made

WORK = {
    "topic": TOPICS,
    "capability": CODE["mathematical_reasoning"],
    "turns": 1,
    "max_tokens": 8192,
    "thinking": 1,
}


def judged(made: Made, *groups: str) -> Judgement:
    """A judgement in full of the accounts that start so, as groups."""
    kept: list[Grounds] = []
    findings = conclude(
        made.traffic,
        made.candidates(*groups),
        {},
        hand_on=lambda *found: kept.append(grounds_of(*found)),
    )
    return Judgement(findings, kept[0], len(made.traffic.exchanges))


def arrived(made: Made, begin: int, old: int = 0) -> Arrived:
    """The exchanges of a grown log from row `begin` on, and `old` before them."""
    exchanges = made.traffic.exchanges
    part = slice(begin - old, None)
    keys = {name: np.asarray(column[part]) for name, column in exchanges.keys.items()}
    account, everyone = exchanges.account[part], len(made.traffic.accounts)
    told = (keys[name] for name in ("ts", "exchange", "conversation", "client", "turns"))
    keys["thread"], followed = threads(account, *told, everyone)
    rows = Exchanges(account, keys, exchanges.content[part], exchanges.ids[part], followed)
    return Arrived(rows, made.traffic.accounts, {5: "model-5"}, old, made.traffic.scale)


def work(log: Log, account: str, exchanges: int, day: int = 15, **columns) -> None:
    """New exchanges of the campaign's work."""
    for i in range(exchanges):
        told = {"frame": log.key(), "opening": log.rows[-1].get("opening", 0)} | WORK
        about = TOPICS + int(log.rng.integers(3))
        ts = day * DAY_US + int(log.rng.integers(0, 20 * HOUR_US)) + i
        log.send(account, common=True, **(told | {"topic": about, "ts": ts} | columns))


def members(judgement: Judgement) -> set[str]:
    """Ids of members of campaigns."""
    return set(judgement.findings.members["account_id"].to_pylist())


@pytest.fixture
def log() -> Log:
    """A campaign of 20 accounts among 120 customers, not grown yet."""
    return Log(6).outsiders(120).campaign(members=20)


def test_what_members_send_is_told_apart(log: Log):
    """Their work is attributed, their own traffic isn't; an outsider's isn't either."""
    before = judged(log.made(), "m")
    n = len(log.rows)
    for m in range(10):
        work(log, f"m-{m:03d}", 6)
        log.customer(f"m-{m:03d}", 6)
    log.customer("c-000", 12)
    grown = log.made()
    after = absorb(arrived(grown, n), before, {})
    assert members(after) == members(before)
    new = after.findings.exchanges.slice(before.findings.exchanges.num_rows)
    ids = np.array(grown.traffic.exchanges.ids.to_pylist())[n:]
    common = set(ids[grown.common[n:]])
    told = set(new["exchange_id"].to_pylist())
    assert len(told & common) >= 0.9 * len(common)
    assert len(told - common) <= 0.1 * len(told)
    assert after.absorbed == len(ids)


def test_who_does_the_work_joins_with_what_was_pending(log: Log):
    """An account that nobody knew: one exchange is no reason, twelve more are, and all count.

    So for a customer only where the work is enough of what it sends.
    """
    before = judged(log.made(), "m")
    n = len(log.rows)
    work(log, "new", 2, 15)
    work(log, "c-001", 2, 15)
    first = absorb(arrived(log.made(), n), before, {})
    assert members(first) == members(before)
    assert first.grounds.pending.num_rows >= 2
    standing = {r["account_id"]: r for r in first.findings.accounts.to_pylist()}
    assert standing["new"]["verdict"] == "alone"
    n = len(log.rows)
    work(log, "new", 12, 16)
    second = absorb(arrived(log.made(), n), first, {})
    assert members(second) == members(before) | {"new"}
    (row,) = [r for r in second.findings.members.to_pylist() if r["account_id"] == "new"]
    assert row["exchanges"] == 14
    assert set(second.grounds.pending["account_id"].to_pylist()) <= {"c-001"}
    standing = {r["account_id"]: r for r in second.findings.accounts.to_pylist()}
    assert standing["new"]["verdict"] == "member"
    assert standing["new"]["group_id"] == row["campaign_id"]
    assert standing["c-001"]["verdict"] == "alone"


def test_other_work_of_the_same_form_is_no_campaign_s(log: Log):
    """About something else than members' parts are: not a member, however much of it."""
    before = judged(log.made(), "m")
    n = len(log.rows)
    for _ in range(30):
        work(log, "else", 1, topic=3)
    work(log, "same", 30)
    after = absorb(arrived(log.made(), n), before, {})
    assert members(after) == members(before) | {"same"}


def test_whom_an_owner_explains_is_left_alone(log: Log):
    """An account that stands as a fleet's is drawn in by nothing."""
    before = judged(log.made(), "m")
    accounts = before.findings.accounts.to_pylist()
    for row in accounts:
        if row["account_id"] == "c-002":
            row["verdict"] = "rival:fleet"
    standing = before.findings.accounts.from_pylist(accounts, before.findings.accounts.schema)
    excused = replace(before, findings=replace(before.findings, accounts=standing))
    n = len(log.rows)
    work(log, "c-002", 200)
    work(log, "c-003", 200)
    after = absorb(arrived(log.made(), n), excused, {})
    assert members(after) == members(before) | {"c-003"}


def test_what_goes_on_has_the_fate_of_what_it_continues(log: Log):
    """A later turn of an attributed thread is attributed whatever it looks like by itself."""
    log.send("m-000", conversation=77, common=True, ts=15 * DAY_US, frame=log.key(), **WORK)
    n = len(log.rows)
    before = judged(log.made(), "m")
    assert before.grounds.fates[-1] == 1
    like = {"topic": 2, "capability": CODE["chat"], "max_tokens": 256, "turns": 40}
    log.send("m-000", conversation=77, ts=15 * DAY_US + 1, frame=log.key(), **like)
    log.send("m-000", conversation=78, ts=15 * DAY_US + 2, frame=log.key(), **like)
    grown = log.made()
    after = absorb(arrived(grown, n, old=1), before, {})
    new = after.findings.exchanges.slice(before.findings.exchanges.num_rows)
    assert new["exchange_id"].to_pylist() == [grown.traffic.exchanges.ids[n].as_py()]
    assert after.grounds.fates[-2:].tolist() == [1, 0]


def test_a_judgement_is_kept_whole(log: Log):
    """As tables, arrays and facts, and back: it absorbs as the one that was kept."""
    before = judged(log.made(), "m")
    tables, arrays, facts = to_kept(before)
    again = from_kept(tables, arrays, facts)
    n = len(log.rows)
    work(log, "new", 12)
    one, other = (absorb(arrived(log.made(), n), j, {"x": 1}) for j in (before, again))
    for (name, table), (_, same) in zip(
        to_kept(one)[0].items(), to_kept(other)[0].items(), strict=True
    ):
        assert table.equals(same), name
    for name, array in to_kept(one)[1].items():
        np.testing.assert_array_equal(array, to_kept(other)[1][name])
    assert to_kept(one)[2] == to_kept(other)[2]


def test_grounds_count_threads_and_exchanges(log: Log):
    """Threads by account, those attributed among them, and exchanges by what they seek."""
    made = log.made()
    before = judged(made, "m")
    exchanges, ids = made.traffic.exchanges, made.traffic.accounts.ids
    told = set(before.findings.exchanges["exchange_id"].to_pylist())
    names = exchanges.ids.to_pylist()
    for a in (0, len(ids) - 1):
        rows = np.flatnonzero(exchanges.account == a)
        threads = {int(exchanges["thread"][r]) for r in rows}
        hit = {int(exchanges["thread"][r]) for r in rows if names[r] in told}
        assert before.grounds.load[a] == len(threads)
        assert before.grounds.hits[a] == len(hit)
        assert before.grounds.sought[a].sum() == len(rows)
    assert before.may_absorb(before.judged // 10)
    assert not before.may_absorb(before.judged // 10 + 1)


def test_where_there_is_no_campaign_everybody_stays_alone():
    """Honest traffic and more of it: counted, and nobody's."""
    log = Log(6).outsiders(60)
    before = judged(log.made())
    n = len(log.rows)
    log.customer("c-000", 20)
    log.customer("new", 20)
    after = absorb(arrived(log.made(), n), before, {})
    findings = after.findings
    assert findings.campaigns.num_rows == findings.members.num_rows == 0
    assert findings.exchanges.num_rows == findings.evidence.num_rows == 0
    standing = {r["account_id"]: r for r in findings.accounts.to_pylist()}
    assert {row["verdict"] for row in standing.values()} == {"alone"}
    assert standing["new"]["exchanges"] == 20
    assert sum(findings.daily["exchanges"].to_pylist()) == len(log.rows)
