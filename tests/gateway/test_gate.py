"""The gate: what is in force is done, to nobody else, and whatever fails lets requests go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.answer import Reason, Verdict
from stillwatch.gateway.breaker import EVENTS, close_breaker, read_breaker
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.request import Request
from stillwatch.gateway.works.recogniser import Recogniser, Recognition
from stillwatch.ladder import Action
from tests.gateway.made import DAY, LIVE, NOW, decision, publish, request


def test_each_action_has_its_status_and_verdict(tmp_path: Path) -> None:
    """And everybody else is let through, with nothing said of them."""
    wanted = {
        "observe": (200, Verdict.WARN),
        "throttle": (429, Verdict.DENY),
        "step_up": (401, Verdict.ESCALATE),
        "withhold": (200, Verdict.MODIFY),
        "deny": (403, Verdict.DENY),
        "suspend": (403, Verdict.DENY),
    }
    publish(tmp_path, *(decision(f"acc-{a}", a, since=NOW) for a in wanted))
    gate = Gate(tmp_path)
    for action, (status, verdict) in wanted.items():
        answer = gate.decide(request(f"acc-{action}"))
        assert (answer.action, answer.status, answer.verdict) == (action, status, verdict)
        assert answer.reasons == (Reason.MEMBER,)
        assert answer.decision_id == f"d-acc-{action}"
        assert answer.campaign_id == "c-one"
        assert 0 < answer.ttl_s <= DAY.total_seconds()
        assert (answer.retry_after_s is not None) is (action == "throttle")
        assert bool(answer.withhold) is (action == "withhold")
    other = gate.decide(request("acc"))
    assert (other.status, other.verdict, other.score) == (200, Verdict.ALLOW, 0.0)
    assert other.reasons == (Reason.NOTHING_KNOWN,)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"standing": "dry_run"}, Reason.DRY_RUN),
        ({"standing": "waiting"}, Reason.WAITING),
        ({"standing": "held", "reason": "budget_spent"}, Reason.BUDGET_SPENT),
        ({"standing": "allowed"}, Reason.ALLOW_LISTED),
        ({"standing": "reversed"}, Reason.REVERSED),
        ({"since": NOW + DAY / 2}, Reason.NOT_YET),
        ({"until": NOW - DAY / 2}, Reason.NOTHING_KNOWN),
        ({"surfaces": ["api"]}, Reason.NOTHING_KNOWN),
        ({"models": ["lumen-4"]}, Reason.NOTHING_KNOWN),
    ],
)
def test_what_is_not_in_force_is_not_done(tmp_path: Path, row: dict, reason: Reason) -> None:
    """And the answer says why."""
    publish(tmp_path, decision("acc", **row))
    answer = Gate(tmp_path).decide(request("acc", surface="app", model="lumen-3"))
    assert (answer.action, answer.status) == (None, 200)
    assert answer.reasons[0] == reason


@pytest.mark.parametrize(
    "row", [{"action": "observe"}, {"since": NOW + DAY, "until": NOW + 2 * DAY}]
)
def test_a_finding_doesn_t_let_go_whom_the_gate_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: dict
) -> None:
    """Found by a judgement, but only observed, or not yet acted on; a person's word lets go."""

    def known(by: Recogniser, asked: Request, slot: Any, *_: float) -> Recognition:
        by.names, slot["evidence"], slot["stamp"] = ["c-one"], 5.0, by.stamp
        return Recognition(0, 5.0, 3, 3, "seat")

    monkeypatch.setattr(Recogniser, "__len__", lambda _: 1)
    monkeypatch.setattr(Recogniser, "look", known)
    denying = replace(LIVE, recognition=replace(LIVE.recognition, action=Action.DENY))
    publish(tmp_path, policy=denying)
    gate = Gate(tmp_path)
    assert gate.decide(request("head", prompt="work")).status == 403
    publish(tmp_path, decision("head", **row), policy=denying)
    assert gate.decide(request("head", 60, prompt="work")).reasons == (Reason.KNOWN_WORK,)
    publish(tmp_path, decision("head", standing="reversed"), policy=denying)
    assert gate.decide(request("head", 120, prompt="work")).status == 200


def test_a_slowed_account_is_let_through_now_and_then(tmp_path: Path) -> None:
    """One request in a minute, and it is told when."""
    publish(tmp_path, decision("acc", "throttle", since=NOW))
    gate, other = Gate(tmp_path, 0), Gate(tmp_path, 1)
    first = gate.decide(request("acc", 1))
    assert (first.status, first.retry_after_s) == (429, 59)
    assert other.decide(request("acc", 60)).status == 200
    assert gate.decide(request("acc", 61)).status == 429
    assert other.decide(request("acc", 121)).status == 200


def test_a_new_table_holds_from_the_next_request_on(tmp_path: Path) -> None:
    """Also for gates that are running, and a table that is damaged doesn't."""
    publish(tmp_path, decision("acc"))
    gate = Gate(tmp_path)
    assert gate.decide(request("acc")).status == 403
    publish(tmp_path)
    assert gate.decide(request("acc")).status == 200
    version = publish(tmp_path, decision("acc"))
    whole = (tmp_path / f"table.{version}").read_bytes()
    (tmp_path / f"table.{version}").write_bytes(whole[:-10])
    answer = gate.decide(request("acc"))
    assert (answer.status, answer.table_version) == (200, version - 1)
    assert publish(tmp_path, decision("acc")) == version + 1
    assert gate.decide(request("acc")).status == 403


def test_before_anything_is_published_everybody_goes_on(tmp_path: Path) -> None:
    """A gate may start first."""
    publish(tmp_path / "other")
    (tmp_path / "gate").mkdir()
    for name in ("key", "current"):
        (tmp_path / "gate" / name).write_bytes(bytes(32 if name == "key" else 8))
    gate = Gate(tmp_path / "gate")
    assert gate.decide(request("acc")).status == 200
    assert gate.standing() is None
    publish(tmp_path / "gate", decision("acc"))
    assert gate.decide(request("acc")).status == 403


def test_the_breaker_opens_for_all_and_people_close_it(tmp_path: Path) -> None:
    """Refusals of many accounts open it; then nothing is done; it stays so until it is closed."""
    bounds = replace(LIVE.breaker, refused_share=0.05, least_requests=200, window_s=300)
    members = [f"m-{i}" for i in range(40)]
    publish(tmp_path, *map(decision, members), policy=replace(LIVE, breaker=bounds))
    gate = Gate(tmp_path)
    for i in range(400):
        assert gate.decide(request(f"honest-{i}", i / 10)).status == 200
    told = [gate.decide(request(m, 40)) for m in members]
    refused = [answer.status for answer in told].count(403)
    assert 15 <= refused <= 25
    assert told[-1].reasons == (Reason.BREAKER_OPEN, Reason.MEMBER)
    assert told[-1].would == "deny"
    assert read_breaker(tmp_path).open
    assert Gate(tmp_path, 1).decide(request(members[0], 50)).status == 200
    assert close_breaker(tmp_path, "lea", "looked at").requests > 400
    assert gate.decide(request(members[0], 60)).status == 403
    lines = (tmp_path / EVENTS).read_text().splitlines()
    assert ["opened" in lines[0], "closed" in lines[1], len(lines)] == [True, True, 2]


def test_one_account_that_hammers_opens_no_breaker(tmp_path: Path) -> None:
    """It is refused as often as it likes, and nobody is let through for it."""
    bounds = replace(LIVE.breaker, refused_share=0.2, least_requests=200, window_s=300)
    publish(tmp_path, decision("m"), policy=replace(LIVE, breaker=bounds))
    gate = Gate(tmp_path)
    for i in range(400):
        gate.decide(request(f"honest-{i}", i / 10))
    assert {gate.decide(request("m", 40 + i / 100)).status for i in range(2_000)} == {403}
    assert not read_breaker(tmp_path).open


def test_a_fault_lets_the_request_go_on(tmp_path: Path, monkeypatch, caplog) -> None:
    """And is logged, but not once a request."""
    publish(tmp_path, decision("acc"))
    gate = Gate(tmp_path)
    monkeypatch.setattr("stillwatch.gateway.gate.account_digest", None)
    for _ in range(100):
        answer = gate.decide(request("acc"))
        assert (answer.status, answer.reasons) == (200, (Reason.FAULT,))
    assert 1 <= len(caplog.records) <= 8


def test_decisions_are_looked_up_however_old(tmp_path: Path) -> None:
    """Those of tables that are gone too."""
    publish(tmp_path, decision("acc", surfaces=["api"]))
    for _ in range(5):
        publish(tmp_path)
    gate = Gate(tmp_path)
    found = gate.look_up("d-acc")
    assert found is not None
    assert (found["account_id"], found["action"], found["surfaces"]) == ("acc", "deny", ["api"])
    assert gate.look_up("d-nobody") is None
    assert gate.look_up(gate.decide(request("x")).decision_id) is not None


ANY = st.one_of(st.none(), st.text(max_size=40))


@settings(max_examples=150)
@given(
    account=st.text(max_size=40),
    ts=st.integers(-(2**40), 2**53),
    columns=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(
                ("org_id", "surface", "model", "prompt", "ip", "user_agent", "ja4"), ANY
            ),
            "turns": st.one_of(st.none(), st.integers(-5, 2**31 - 1)),
            "max_tokens": st.one_of(st.none(), st.integers(-5, 2**31 - 1)),
            "tools": st.one_of(st.none(), st.lists(st.text(max_size=5)).map(tuple)),
        },
    ),
)
def test_no_request_is_too_odd(tmp_path_factory, account: str, ts: int, columns: dict) -> None:
    """Whatever is in it, it is decided on, and nobody who isn't in the table is refused."""
    folder = tmp_path_factory.getbasetemp() / "odd"
    if not folder.exists():
        publish(folder, decision("acc"))
    answer = Gate(folder).decide(Request(account, ts, **columns))
    assert answer.reasons != (Reason.FAULT,)
    assert (answer.status == 403) <= (account == "acc")
