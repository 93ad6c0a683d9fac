"""Verdicts without text: a campaign in a pool, and the honest pools that look like it."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.conclude import conclude
from stillwatch.findings import Findings
from stillwatch.traffic import Traffic
from tests.campaigns.wordless.made import Silent, found_as


def flagged(findings: Findings) -> set[str]:
    """Accounts in campaigns."""
    kind = dict(
        zip(
            findings.campaigns["campaign_id"].to_pylist(),
            findings.campaigns["kind"].to_pylist(),
            strict=True,
        )
    )
    members = findings.members.to_pylist()
    return {m["account_id"] for m in members if kind[m["campaign_id"]] == "distillation"}


def found(traffic: Traffic, *starts: str) -> Findings:
    """Findings, where these accounts come the same ways."""
    return conclude(traffic, found_as(traffic, *starts), {})


@pytest.mark.parametrize("seed", range(3))
def test_a_campaign_in_a_pool_is_found_and_its_spare_accounts_are_not(seed: int):
    """Sixty percent of a pool's work is one queue's, four of its accounts carry none of it."""
    traffic = Silent(seed).honest(150).pool("m", 40, own=0.4, spare=4).traffic()
    findings = found(traffic, "m")
    assert flagged(findings) == {f"m-{i:03}" for i in range(36)}
    assert any("No exchange has text" in note for note in findings.run["notes"])
    kinds = {e["kind"] for e in findings.evidence.to_pylist()}
    assert {"shared_objects", "harvest_signs", "rival"} <= kinds
    assert "only text could tell" in findings.campaigns["summary"][0].as_py()


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_pool_is_a_network_at_most(seed: int):
    """The same pool with ordinary customers alone."""
    findings = found(Silent(seed).honest(150).pool("r", 40).traffic(), "r")
    assert flagged(findings) == set()
    assert set(findings.campaigns["kind"].to_pylist()) <= {"reseller"}


def test_one_program_whose_answers_are_read_is_no_campaign():
    """A popular program's own settings, on a pool, by people: what settings say isn't enough."""
    log = Silent(3).honest(150).pool("r", 40)
    pool = {i for i, name in enumerate(log.names, 1) if name.startswith("r")}
    for row in log.rows:
        if row["account"] in pool:
            row["settings"] = 1
    assert flagged(found(log.traffic(), "r")) == set()


def test_long_answers_that_nobody_reads_are_no_campaign_alone():
    """A pool of unrelated programs, each with settings of its own."""
    log = Silent(4).honest(150).pool("r", 40, own=0.0)
    for row in log.rows:
        if row["settings"] < 100:
            row["settings"] = int(log.rng.integers(1_000, 1_200))
    assert flagged(found(log.traffic(), "r")) == set()


@pytest.mark.parametrize("what", ["org", "payment", "network"])
def test_one_owner_and_one_network_explain_it(what: str):
    """A company's own accounts, and a campus, are not flagged whatever they do."""
    log = Silent(5).honest(150).pool("m", 40, own=0.4, networks=1 if what == "network" else 0)
    for key, registration in log.registered.items():
        if what != "network" and log.names[key - 1].startswith("m"):
            registration[what] = 77
    assert flagged(found(log.traffic(), "m")) == set()


@pytest.mark.parametrize("hidden", ["settings", "output_tokens"])
def test_without_settings_or_lengths_nobody_is_flagged(hidden: str):
    """Either alone is not enough, and the run says what is missing."""
    findings = found(Silent(6).honest(150).pool("m", 40, own=0.4).traffic(hidden), "m")
    assert flagged(findings) == set()
    assert any(hidden in note for note in findings.run["notes"])


def test_a_handful_is_not_judged():
    """Nine accounts may be one customer's."""
    findings = found(Silent(7).honest(150).pool("m", 9, own=0.0).traffic(), "m")
    assert flagged(findings) == set()


def test_findings_do_not_depend_on_the_order_of_rows():
    """Same rows, other order, same members."""
    log = Silent(8).honest(100).pool("m", 30, own=0.4)
    first = found(log.traffic(), "m")
    # Keys go with places, so that exchanges are renamed too; who is flagged must not change.
    np.random.default_rng(1).shuffle(log.rows)
    assert flagged(found(log.traffic(), "m")) == flagged(first)
