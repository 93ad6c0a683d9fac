"""The defence that users have, in small: what it is told, and what comes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stillwatch.arena.published import Published, defended_by, in_an_arena
from stillwatch.arena.reviewing import Reviewers
from stillwatch.cases import Store
from stillwatch.cases.facts import case_facts
from stillwatch.gateway.request import Request
from stillwatch.policy import default_policy, read_policy
from tests import fabricated
from tests.arena.conftest import SMALL, Plays, small

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
POLICY = Path(__file__).parents[2] / "benchmarks" / "arena.toml"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store of cases."""
    opened = Store.open(tmp_path / "cases.db", create=True)
    yield opened
    opened.close()


def test_reviewers_confirm_what_they_had_for_a_day(store: Store) -> None:
    """Accounts that join are confirmed a day later in their turn; networks are no case."""
    findings = fabricated.findings()
    kinds = {c["campaign_id"]: c["kind"] for c in findings.campaigns.to_pylist()}
    members = findings.members.to_pylist()
    late = next(m for m in members if kinds[m["campaign_id"]] == "distillation")
    early = replace(findings, members=findings.members.filter([m != late for m in members]))
    reviewers = Reviewers(store, days=1)
    seen = []
    for day, found in enumerate((early, early, findings, findings)):
        reviewers.review(found, NOW + dt.timedelta(days=day))
        facts = case_facts(store)
        seen.append(
            (
                {f.state for f in facts if f.account_id is None},
                {(f.account_id, f.state) for f in facts if f.account_id is not None},
            )
        )
    nobody: set[tuple[str, str]] = set()
    assert seen[0] == ({"open"}, nobody)
    assert seen[1] == ({"confirmed"}, nobody)
    assert seen[2] == ({"confirmed"}, {(late["account_id"], "open")})
    assert seen[3] == ({"confirmed"}, nobody)
    assert {f.campaign_id for f in case_facts(store)} == {
        campaign for campaign, kind in kinds.items() if kind == "distillation"
    }


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
    fresh = Published(tmp_path, default_policy())
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
