"""`policy publish` and `resume`, as the engineer runs them who owns the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from stillwatch.gateway.breaker import read_breaker
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.state import State
from stillwatch.privacy.names import name_of
from tests import fabricated
from tests.cli.conftest import Ran
from tests.cli.test_policy import AT, WIDE

Run = Callable[..., Ran]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A live policy that slows down whoever is found."""
    path = tmp_path / "policy.toml"
    path.write_text(WIDE)
    return path


@pytest.fixture
def findings(tmp_path: Path) -> Path:
    """Findings as they lie on disk."""
    return fabricated.findings().save(tmp_path / "findings")


def test_what_is_published_holds_at_once(
    run: Run, tmp_path: Path, findings: Path, policy: Path
) -> None:
    """In a folder that is made, by a gate that is opened after or before."""
    gate = tmp_path / "gate"
    done = run("policy", "publish", findings, "--gate", gate, "--policy", policy, "--at", AT)
    assert (done.code, "Table 1 is published." in done.out) == (0, True)
    opened = Gate(gate)
    assert opened.standing() is not None
    done = run(
        *("policy", "publish", findings, "--gate", gate, "--policy", policy, "--at", AT, "--json")
    )
    told = json.loads(done.out)
    assert (told["table"], told["policy"]["live"], told["known_work"]) == (2, True, [])
    assert told["false_rate"] == 1e-4
    standing = opened.standing()
    assert standing is not None
    assert (standing.table_version, standing.policy_version) == (2, 4)


def test_a_fault_publishes_nothing(run: Run, tmp_path: Path, findings: Path) -> None:
    """A bad policy, and findings that aren't there, leave what held."""
    bad = tmp_path / "bad.toml"
    bad.write_text("version = 0")
    gate = tmp_path / "gate"
    assert run("policy", "publish", findings, "--gate", gate, "--policy", bad).code == 19
    assert run("policy", "publish", tmp_path / "none", "--gate", gate).code == 3
    assert not gate.exists()


def test_the_breaker_is_closed_with_a_reason(
    run: Run, tmp_path: Path, findings: Path, policy: Path
) -> None:
    """Which is kept; and a folder that is none is told."""
    gate = tmp_path / "gate"
    run("policy", "publish", findings, "--gate", gate, "--policy", policy, "--at", AT)
    State(gate / "state").open_breaker(1_780_000_000_000_000, 77, 1234)
    assert read_breaker(gate).open
    done = run("policy", "resume", "--gate", gate, "--reason", "looked at", "--by", "lea")
    assert (done.code, "open since 2026-05-28" in done.out) == (0, True)
    assert not read_breaker(gate).open
    (line,) = (gate / "breaker.jsonl").read_text().splitlines()
    assert {"event": "closed", "by": "lea", "reason": "looked at"}.items() <= json.loads(
        line
    ).items()
    assert run("policy", "resume", "--gate", tmp_path, "--reason", "x").code == 22


def test_names_are_not_published(run: Run, tmp_path: Path) -> None:
    """A gateway knows accounts as they are: a table of names would stop nobody, and say nothing."""
    found = fabricated.findings()
    names = [
        name_of(account, "account_id", bytes(32))
        for account in found.members["account_id"].to_pylist()
    ]
    place = found.members.schema.get_field_index("account_id")
    field = found.members.schema.field(place)
    members = found.members.set_column(place, field, pa.array(names, field.type))
    folder = replace(found, members=members).save(tmp_path / "named")
    done = run("policy", "publish", folder, "--gate", tmp_path / "gate")
    assert done.code == 24
    assert "have names in place of accounts" in done.err
    assert not (tmp_path / "gate").exists()
