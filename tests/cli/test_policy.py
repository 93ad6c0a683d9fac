"""`policy`, as those use it who write a policy, and those who are asked why."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillwatch import errors
from stillwatch.cases import Store, case_accounts
from stillwatch.cases.access import Role, add_person
from stillwatch.planning import plan_for
from stillwatch.policy import default_text, read_policy
from stillwatch.worlds import make_world
from tests import fabricated
from tests.cli.conftest import Ran
from tests.policy.published import publish

Run = Callable[..., Ran]

AT = "2026-02-19"
"""A day after the fabricated log ends."""
WIDE = """
version = 4
name = "wide"
live = true
[budget]
share_of_accounts = 1
honest_exchanges_a_day = 1e6
[breaker]
share_of_accounts = 1
[[rules]]
name = "all"
action = "throttle"
for_days = 30
reason = "was found"
"""
ASK = WIDE.replace('reason = "was found"', 'reason = "was found"\napproval = "required"')


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A live policy that slows down whoever is found."""
    path = tmp_path / "policy.toml"
    path.write_text(WIDE)
    return path


@pytest.fixture
def gate(tmp_path: Path, policy: Path) -> Path:
    """A gateway's folder with that policy's plan on the fabricated findings."""
    at = dt.datetime.fromisoformat(AT).replace(tzinfo=dt.UTC)
    made = plan_for(None, fabricated.findings(), read_policy(policy), now=at)
    return publish(tmp_path / "gate", made)


def document(ran: Ran) -> Any:
    """What a command said with --json."""
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_check_tells_all_that_is_wrong(run: Run, tmp_path: Path) -> None:
    """A line each, and code 19; with --json as a list."""
    bad = tmp_path / "bad.toml"
    bad.write_text('version = 1\nname = "x"\nlive = 3\n[budgets]\n\x1b = 1\n'.replace("\x1b", "a"))
    ran = run("policy", "check", bad)
    assert ran.code == errors.PolicyInvalid.exit_code == 19
    assert ran.out.splitlines() == [
        "line 3, live must be true or false, not 3",
        "line 4, budgets is no key that is known here (did you mean budget?)",
    ]
    told = json.loads(run("policy", "check", bad, "--json").out)
    assert len(told["faults"]) == 2
    ran = run("policy", "show", bad)
    assert (ran.code, ran.err.count("\n")) == (19, 1)
    assert "has 2 faults" in ran.err


def test_check_of_a_good_one(run: Run, policy: Path) -> None:
    """What is probably not meant is told with it."""
    text = policy.read_text() + '[[rules]]\nname="b"\naction="deny"\nfor_days=1\nreason="r"\n'
    policy.write_text(text)
    ran = run("policy", "check", policy)
    assert ran.code == 0
    assert ran.out.startswith("wide, version 4 (")
    assert "but rule b never decides: all stands above it" in ran.out


def test_the_default_file_is_a_good_one(run: Run, tmp_path: Path) -> None:
    """Written as it is shipped, comments and all."""
    ran = run("policy", "show", "--default")
    assert ran.out == default_text()
    path = tmp_path / "mine.toml"
    path.write_text(ran.out)
    assert run("policy", "check", path).code == 0
    shown = run("policy", "show").out
    assert shown == run("policy", "show", path).out
    assert "a dry run: all is decided, nothing is done" in shown
    assert "4. suspected: An account of a campaign: note it, and do nothing" in shown
    assert document(run("policy", "show", path, "--json"))["breaker"]["jump"] == 5.0


def test_plan_tells_counts_and_budgets(
    run: Run, folder: Path, policy: Path, tmp_path: Path
) -> None:
    """And writes decisions where asked; nothing is published."""
    out = tmp_path / "decisions.parquet"
    ran = run("policy", "plan", folder, "--policy", policy, "--at", AT, "--out", out)
    assert ran.code == 0, ran.err
    assert "held" in ran.out
    assert "accounts_a_day: 200 of 200" in ran.out
    told = document(run("policy", "plan", folder, "--policy", policy, "--at", AT, "--json"))
    by = {row["standing"]: row["accounts"] for row in told["counts"]}
    assert by == {"in_force": 200, "held": 76}
    assert pq.read_table(out).num_rows == 276
    assert told["policy"]["live"] is True


def test_a_trip_is_the_first_thing_that_is_said(run: Run, folder: Path) -> None:
    """With the default policy in a world that is a quarter campaigns."""
    ran = run("policy", "plan", folder, "--policy", _strict(folder), "--at", AT)
    assert ran.code == 0
    assert ran.out.startswith("STOPPED: nothing new is in force.\nRules would act on ")
    assert "allow-list" in ran.out


def _strict(folder: Path) -> Path:
    path = folder.parent / "strict.toml"
    path.write_text(WIDE.replace("[breaker]\nshare_of_accounts = 1", "[breaker]\n"))
    return path


def test_old_findings_are_told(run: Run, folder: Path) -> None:
    """Today nothing is decided on accounts that were last seen in February."""
    ran = run("policy", "plan", folder)
    assert "Nothing is decided on anybody." in ran.out
    assert "The findings end at 2026-02-18" in ran.out


def test_a_plan_goes_on_from_what_is_published(
    run: Run, folder: Path, policy: Path, gate: Path
) -> None:
    """The day's budget is spent already."""
    args = ("policy", "plan", folder, "--policy", policy, "--at", "2026-02-19T05:00:00Z")
    told = document(run(*args, "--gate", gate, "--json"))
    by = {row["standing"]: row["accounts"] for row in told["counts"]}
    assert by == {"in_force": 200, "held": 76}
    args = ("policy", "plan", folder, "--policy", policy, "--at", "2026-02-20T05:00:00Z")
    told = document(run(*args, "--gate", gate, "--json"))
    assert told["counts"][0]["accounts"] == 276


@pytest.fixture
def team(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run`, with a store that knows people and has its first case confirmed."""
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    run("cases", "open", folder)
    run("cases", "act", 1, "review", "--seen", 1, "--reason", "r")
    assert run("cases", "act", 1, "confirm", "--seen", 2, "--reason", "r").code == 0
    store = Store.open(tmp_path / "cases.db")
    for name, role in (("ada", Role.ADMINISTRATOR), ("lea", Role.LEAD), ("ana", Role.ANALYST)):
        add_person(store, name, role, "ada")
    store.close()
    return run


def test_a_decision_is_explained_taken_back_and_stays_so(
    team: Run, folder: Path, policy: Path, gate: Path
) -> None:
    """From the id that a customer was told, to the next plan."""
    rows = pq.read_table(gate / "decisions.parquet").to_pylist()
    row = next(row for row in rows if row["standing"] == "in_force")
    said = team("policy", "explain", row["decision_id"], "--gate", gate).out
    assert row["account_id"] in said
    assert "Rule all says throttle." in said
    assert "What would change it:" in said
    same = document(team("policy", "explain", row["account_id"], "--gate", gate, "--json"))
    assert same["decision"]["decision_id"] == row["decision_id"]
    asked = ("policy", "reverse", row["decision_id"], "--gate", gate, "--reason", "a class")
    ran = team(*asked, "--actor", "ana")
    assert (ran.code, "needs the role lead" in ran.err) == (errors.AccessRefused.exit_code, True)
    ran = team(*asked, "--actor", "lea")
    assert ran.out.startswith(f"decision {row['decision_id']}: reversed until 20")
    assert team(*asked, "--actor", "lea").code == errors.CaseRefused.exit_code
    args = ("policy", "plan", folder, "--policy", policy, "--at", "2026-02-20", "--json")
    told = document(team(*args, "--gate", gate))
    by = {row["standing"]: row["accounts"] for row in told["counts"]}
    assert by == {"in_force": 275, "reversed": 1}
    team("ledger", "export", "--out", gate / "ledger.jsonl")
    assert '"act":"reverse","actor":"lea"' in (gate / "ledger.jsonl").read_text()


def test_what_people_decided_is_lifted_not_reversed(
    team: Run, folder: Path, policy: Path, tmp_path: Path
) -> None:
    """And whoever isn't decided on is said not to be."""
    who = case_accounts(Store.open(tmp_path / "cases.db"), 1)[:3]
    names = [word for account in who for word in ("--account", account)]
    propose = ("enforce", "propose", 1, "deny", *names, "--seen", 3, "--reason", "r")
    assert "in force" in team(*propose, "--actor", "lea").out
    store = Store.open(tmp_path / "cases.db")
    at = dt.datetime.fromisoformat(AT).replace(tzinfo=dt.UTC)
    made = plan_for(None, fabricated.findings(), read_policy(policy), store=store, now=at)
    store.close()
    gate = publish(tmp_path / "gate", made)
    told = document(team("policy", "explain", who[0], "--gate", gate, "--json"))
    assert told["decision"]["reason"] == "enforced"
    reverse = ("policy", "reverse", who[0], "--gate", gate, "--reason", "r", "--actor", "lea")
    ran = team(*reverse)
    assert (ran.code, "enforce lift" in ran.err) == (errors.UnknownName.exit_code, True)
    ran = team("policy", "explain", "nobody\x1b[2J", "--gate", gate)
    assert ran.code == errors.UnknownName.exit_code
    assert "\x1b" not in ran.err
    nowhere = team("policy", "explain", "x", "--gate", tmp_path / "none")
    assert nowhere.code == errors.TableBroken.exit_code


def test_what_waits_is_proposed_once(team: Run, folder: Path, tmp_path: Path) -> None:
    """For the confirmed case; others are told, and a second time there is nothing to propose."""
    path = tmp_path / "ask.toml"
    path.write_text(ASK.replace("for_days = 30", "for_days = 366"))
    args = ("policy", "plan", folder, "--policy", path, "--propose", "--actor", "ana")
    ran = team(*args)
    assert ran.code == 0, ran.err
    assert "Proposed enforcement 1: throttle, 210 accounts of case 1, proposed" in ran.out
    assert "Not proposed for 48 accounts: case 2 is new, not confirmed" in ran.out
    again = document(team(*args, "--json"))["proposed"]
    assert again["made"] == []
    assert {"accounts": 210, "why": "an enforcement is proposed already"} in again["left"]
    approve = ("enforce", "approve", 1, "--seen", 1, "--reason", "looked", "--actor", "lea")
    assert team(*approve).code == 0
    told = document(team("policy", "plan", folder, "--policy", path, "--json"))
    by = {row["standing"]: row["accounts"] for row in told["counts"]}
    assert by == {"in_force": 210, "waiting": 66}


def test_options_that_make_no_sense(run: Run, folder: Path, policy: Path) -> None:
    """Refused with what to do."""
    assert "needs --store" in run("policy", "plan", folder, "--propose").err
    assert run("policy", "show", policy, "--default").code == 2
    asked = ("policy", "plan", folder, "--propose", "--store", "x.db", "--at", AT)
    assert "leave --at out" in run(*asked).err
    assert run("policy", "plan", folder, "--lake", folder).code == errors.UnknownName.exit_code


def test_simulate_as_a_table_and_for_machines(run: Run, policy: Path, tmp_path: Path) -> None:
    """On a small labelled world."""
    make_world("plain", tmp_path / "log", scale=0.0005, seed=3)
    args = ("policy", "simulate", tmp_path / "log", "--policy", policy, "--every-days", 30)
    ran = run(*args, "--threads", 1)
    assert ran.code == 0, ran.err
    assert "wide, version 4" in ran.out
    assert "Campaign large: " in ran.out
    assert "At the hardest throttle: " in ran.out
    told = document(run(*args, "--threads", 1, "--json"))
    assert told["labelled"] is True
    assert sum(leak["let_through"] for leak in told["leaks"]) < sum(
        leak["exchanges"] for leak in told["leaks"]
    )
