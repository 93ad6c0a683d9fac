"""The defence that users have, in small: what it is told, and what comes of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from stillwatch.arena.published import Published, defended_by, in_an_arena
from stillwatch.arena.reviewing import Reviewers
from stillwatch.gateway.request import Request
from stillwatch.policy import default_policy, read_policy
from stillwatch.policy.known import CASE_FACTS
from tests import fabricated
from tests.arena.conftest import SMALL, Plays, small

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
POLICY = Path(__file__).parents[2] / "benchmarks" / "arena.toml"


def test_reviewers_confirm_what_they_had_for_a_day() -> None:
    """Accounts that joined since stay open; networks are no case."""
    findings = fabricated.findings()
    kinds = {c["campaign_id"]: c["kind"] for c in findings.campaigns.to_pylist()}
    members = findings.members.to_pylist()
    mine = [m for m in members if kinds[m["campaign_id"]] == "distillation"]
    late = mine[0]
    early = replace(
        findings,
        members=findings.members.filter([m != late for m in members]),
    )
    reviewers = Reviewers(days=1)
    first = reviewers.facts(early, NOW)
    assert first.schema == CASE_FACTS
    assert set(first["state"].to_pylist()) == {"open"}
    after = reviewers.facts(findings, NOW + dt.timedelta(days=1)).to_pylist()
    confirmed = {r["account_id"] for r in after if r["state"] == "confirmed"}
    pairs = {(m["campaign_id"], m["account_id"]) for m in mine if m != late}
    assert confirmed == {account for _, account in pairs}
    assert {r["campaign_id"] for r in after} <= {c for c, k in kinds.items() if k != "reseller"}


def test_nothing_found_is_no_case() -> None:
    """An empty table of the same columns."""
    findings = fabricated.findings()
    nothing = replace(findings, campaigns=findings.campaigns[:0], members=findings.members[:0])
    assert Reviewers().facts(nothing, NOW) == CASE_FACTS.empty_table()


def test_a_policy_is_played_live_and_otherwise_as_it_is() -> None:
    """Only shares of all accounts are lifted."""
    played = in_an_arena(default_policy())
    assert played.live
    assert (played.budget.share_of_accounts, played.breaker.share_of_accounts) == (1.0, 1.0)
    assert played.rules == default_policy().rules
    assert played.budget.accounts_a_day == default_policy().budget.accounts_a_day
    assert read_policy(POLICY).live


def test_before_the_first_table_everything_goes_on(tmp_path: Path) -> None:
    """Nothing is known yet."""
    fresh = Published(tmp_path / "gate", default_policy(), Reviewers())
    assert fresh.decide(Request("a", 1)).action is None


def test_an_operator_without_moves_is_stopped(plays: Plays, tmp_path: Path) -> None:
    """What is found is denied from the next day on, equally in equal plays, and nobody else is."""
    strategy = small(moves=frozenset(), answers=3_000, seats=40)
    setting = replace(SMALL, scale=0.001)
    one, other = (
        plays(strategy, defended_by(POLICY, 2)(tmp_path / name), setting) for name in "ab"
    )
    assert one.outcome.answers < 0.8 * strategy.answers
    assert one.outcome.honest("touched") == 0
    assert one.outcome.to_dict() == other.outcome.to_dict()
    assert set(one.log.exchanges["status"].to_pylist()) >= {200, 403}
