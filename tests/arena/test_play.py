"""Plays: what is sent, who sees what, and what comes of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace
from itertools import pairwise

import pytest

from stillwatch.arena.defence import ALLOWED, NoDefence
from stillwatch.arena.moves import Style
from stillwatch.arena.operator import Seen
from stillwatch.arena.play import QUIET_DAYS, Setting
from stillwatch.errors import ArenaRefused
from stillwatch.gateway.answer import Answer, Reason
from stillwatch.gateway.request import Request
from stillwatch.ladder import Action
from tests.arena.conftest import SMALL, Plays, Styles, small
from tests.arena.defences import Always, By, doing


def even(request: Request) -> bool:
    """Half of all accounts, by chance."""
    return sum(request.account_id.encode()) % 2 == 0


def test_undefended_it_reaches_its_goal(styles: Styles) -> None:
    """All it wants, of the kinds that it wants, in the days that it has, for less than it has."""
    outcome = styles[Style()].outcome
    assert outcome.answers == outcome.strategy.answers
    assert set(outcome.haul) <= set(outcome.strategy.campaign.mix)
    assert outcome.dollars < outcome.strategy.dollars
    assert len(outcome.days) == SMALL.days - QUIET_DAYS
    assert min(day.answered for day in outcome.days) > 0.6 * outcome.answers / len(outcome.days)
    assert (outcome.honest("touched"), outcome.honest("given_up")) == (0, 0)


def test_equal_arguments_give_equal_plays(plays: Plays) -> None:
    """Outcome and log, with an operator that meets resistance and draws lots."""
    deny = doing(Action.DENY)
    one, other = (
        plays(small("adaptive"), By(lambda r: deny if even(r) else ALLOWED)) for _ in range(2)
    )
    assert one.outcome.to_dict() == other.outcome.to_dict()
    assert one.log.exchanges.equals(other.log.exchanges)
    assert one.log.accounts.equals(other.log.accounts)


def test_the_honest_are_the_same_whatever_is_played(plays: Plays, styles: Styles) -> None:
    """Another operator, another defence: honest requests keep every byte."""
    free = styles[Style()].log
    held = plays(small("adaptive"), Always(doing(Action.WITHHOLD))).log
    honest = (
        "select * replace (epoch_us(ts) as ts) from exchanges semi join "
        "(from roles where role <> 'distiller') using (account_id) order by exchange_id"
    )
    assert free.sql(honest) == held.sql(honest)


def test_denying_all_leaves_nothing(plays: Plays) -> None:
    """No answer to anybody: yield 0, all honest requests refused, all accounts denied."""
    outcome, log = plays(small(), Always(doing(Action.DENY)))
    assert outcome.answers == 0
    assert outcome.honest("refused") == outcome.requests == outcome.honest("given_up")
    assert outcome.honest("denied") == outcome.honest("accounts") > 0
    assert "answers" not in outcome.spent
    assert sum(day.burnt for day in outcome.days) > 0.9 * outcome.accounts > 20
    assert set(log.exchanges["status"].to_pylist()) == {403}
    assert set(log.exchanges["output_tokens"].to_pylist()) == {0}
    assert outcome.to_dict()["dollars_an_answer"] is None


def test_new_accounts_take_the_seats_of_the_refused(plays: Plays) -> None:
    """Replacing changes nothing else: they call from the same addresses and programs."""
    outcome, log = plays(small(), Always(doing(Action.DENY)))
    places, programs, accounts = log.sql(
        "select count(distinct ip), count(distinct (user_agent, ja4, headers)), "
        "count(distinct account_id) "
        "from exchanges semi join (from roles where role = 'distiller') using (account_id)"
    )[0]
    seats = outcome.strategy.seats
    assert accounts > 3 * seats
    assert places <= 3 * seats // 5
    assert 1 < programs <= seats


def test_honest_requests_that_are_slowed_come_again(plays: Plays) -> None:
    """The first sending of everything is slowed: all are counted once, none is given up."""
    seen: set[str | None] = set()

    def once(request: Request) -> Answer:
        if request.call_id in seen:
            return ALLOWED
        seen.add(request.call_id)
        return doing(Action.THROTTLE, retry_after_s=7)

    outcome, log = plays(small(), By(once))
    assert outcome.honest("slowed") == outcome.requests
    assert (outcome.honest("given_up"), outcome.honest("denied")) == (0, 0)
    assert len(set(log.exchanges["exchange_id"].to_pylist())) == len(log.exchanges)
    assert log.sql("select count(*) from exchanges where status = 429")[0][0] == len(seen)
    later = log.sql(
        "select count(*) from exchanges a join exchanges b on a.account_id = b.account_id and "
        "a.prompt = b.prompt and epoch_us(a.ts) + 7000000 = epoch_us(b.ts) where a.status = 429"
    )
    assert later[0][0] >= 0.99 * len(seen)


@pytest.mark.parametrize(
    ("action", "figure"), [(Action.STEP_UP, "stepped_up"), (Action.THROTTLE, "slowed")]
)
def test_what_stays_refused_is_given_up(plays: Plays, action: Action, figure: str) -> None:
    """Nobody waits for ever, and nobody but the denied are called so."""
    outcome = plays(small(), Always(doing(action))).outcome
    assert outcome.answers == 0
    assert outcome.honest(figure) == outcome.honest("given_up") > 0.98 * outcome.requests
    assert outcome.honest("denied") == 0


def test_blunted_answers_are_counted(plays: Plays) -> None:
    """Withholding lets everything through, and what is withheld is told."""
    outcome = plays(small(), Always(doing(Action.WITHHOLD, withhold=("reasoning",)))).outcome
    assert outcome.answers == outcome.strategy.answers
    assert sum(day.blunted for day in outcome.days) == outcome.answers
    assert outcome.honest("withheld") == outcome.requests
    assert outcome.honest("given_up") == 0


@pytest.mark.parametrize("name", ["default", "adaptive"])
@pytest.mark.parametrize("dollars", [3.0, 40.0, 90.0])
def test_the_purse_is_never_overspent(plays: Plays, name: str, dollars: float) -> None:
    """However little there is, and whatever is lost of it."""
    deny = doing(Action.DENY)
    strategy = small(name, dollars=dollars)
    outcome = plays(strategy, By(lambda r: deny if even(r) else ALLOWED)).outcome
    assert 0 <= outcome.dollars <= dollars
    assert (outcome.accounts > 0) == (dollars > 10)
    assert outcome.spent.get("answers", 0) == pytest.approx(0.0156 * outcome.answers)


def test_it_sees_only_what_a_client_sees(plays: Plays) -> None:
    """Scores, reasons, campaigns and what would have been done change nothing that it does."""
    assert {f.name for f in fields(Seen)} == {"number", "ts", "status", "retry_after_s", "whole"}
    deny = doing(Action.DENY)
    told = replace(
        doing(Action.SUSPEND, reasons=(Reason.MEMBER,), campaign_id="c-1", case_id=4),
        score=0.97,
        would=Action.SUSPEND,
        policy_version=9,
    )
    warned = replace(ALLOWED, action=Action.OBSERVE, would=Action.DENY, score=0.9)
    plain = plays(small("adaptive"), By(lambda r: deny if even(r) else ALLOWED))
    other = plays(small("adaptive"), By(lambda r: told if even(r) else warned))
    assert plain.log.exchanges.equals(other.log.exchanges)
    assert plain.outcome.days == other.outcome.days


def test_gates_are_asked_in_order_of_time(plays: Plays) -> None:
    """The clock never goes back, days end at midnight, and requests carry what a gateway has."""
    defence = Always(doing(Action.THROTTLE, retry_after_s=20))
    _, log = plays(small(), defence)
    times = [request.ts for request in defence.requests]
    assert times == sorted(times)
    assert len(defence.days) == SMALL.days
    assert all((day.hour, day.minute) == (0, 0) for day in defence.days)
    last = {r.call_id: r for r in defence.requests}[log.exchanges["exchange_id"][0].as_py()]
    row = {name: log.exchanges[name][0].as_py() for name in ("prompt", "ip", "model", "ja4")}
    assert row == {name: getattr(last, name) for name in row}


def test_without_moves_nobody_is_replaced(plays: Plays) -> None:
    """It goes on with what it has, and ends with nothing once that is gone."""
    strategy = small(moves=frozenset())
    outcome = plays(strategy, Always(doing(Action.DENY))).outcome
    assert outcome.accounts == strategy.seats
    assert [day.signed_up for day in outcome.days[1:]] == [0] * (len(outcome.days) - 1)
    assert sum(day.sent for day in outcome.days) <= 3 * strategy.seats


def test_it_learns_what_is_let_through(plays: Plays) -> None:
    """Where shared addresses give it away, an operator that may move apart does, and gets on."""
    longer, wants = replace(SMALL, days=16), {"answers": 2_400, "dollars": 400.0}
    known = plays(small(), NoDefence(), longer).log
    roles = known.sql("select account_id, role from roles")
    honest = {account for account, role in roles if role != "distiller"}
    users: dict[str | None, set[str]] = {}

    def by_address(request: Request) -> Answer:
        if request.account_id in honest:
            return ALLOWED
        used_by = users.setdefault(request.ip, set())
        used_by.add(request.account_id)
        return doing(Action.DENY) if len(used_by) > 2 else ALLOWED

    none = small("adaptive", moves=frozenset(), **wants)
    stubborn = plays(none, By(by_address), longer).outcome
    users.clear()
    adaptive = plays(small("adaptive", **wants), By(by_address), longer).outcome
    assert adaptive.answers > 1.5 * stubborn.answers
    living = adaptive.days[-1].styles
    assert 3 * sum(n for style, n in living.items() if style.apart) > living.total()


@pytest.mark.parametrize("learns", [1, 4])
def test_the_defence_learns_as_often_as_is_said(plays: Plays, learns: int) -> None:
    """The log grows before each time, by what came since."""
    watching = Always(ALLOWED)
    short = replace(SMALL, days=QUIET_DAYS + 2, learns=learns)
    plays(small("default"), watching, short)
    gaps = {after - before for before, after in pairwise(watching.days)}
    assert len(watching.days) == short.days * learns
    assert gaps == {dt.timedelta(hours=24 // learns)}


def test_what_can_t_be_played_is_refused() -> None:
    """The operator needs two days of its own, and a shift ends before the defence learns."""
    with pytest.raises(ArenaRefused, match="begins after"):
        Setting(days=QUIET_DAYS + 1)
    for learns in (0, 3, 8):
        with pytest.raises(ArenaRefused, match="times a day"):
            Setting(learns=learns)
