"""`stillwatch arena`, as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

Run = Callable[..., Ran]
SMALL = ("--scale", "0.0005", "--days", "6")


def test_without_a_defence_it_tells_what_is_taken(run: Run) -> None:
    """Goal, purse and days; no word of a cut."""
    ran = run("arena", "--no-defence", "--operator", "default", "--seeds", "3, 4", *SMALL)
    assert ran.code == 0
    assert "wants 20,000 answers for at most $2,400" in ran.out
    assert ran.out.count("Seed ") == 2
    assert "answers by day" in ran.out
    assert "cut" not in ran.out.replace("shortcut", "")


def test_the_package_s_defence_is_played(run: Run) -> None:
    """Both plays of a seed, what the honest met, and one JSON document for machines."""
    ran = run("arena", "--operator", "default", "--moves", "none", "--json", *SMALL)
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["operator"]["moves"] == []
    (duel,) = told["duels"]
    assert duel["undefended"]["answers"] >= duel["defended"]["answers"] > 0
    assert duel["cut"] == pytest.approx(
        1 - duel["defended"]["answers"] / duel["undefended"]["answers"], abs=1e-4
    )
    assert (
        sum(f["requests"] for f in duel["defended"]["friction"].values()) == told["honest_requests"]
    )


def test_a_policy_file_is_read(run: Run, tmp_path: Path) -> None:
    """A wrong one is refused before anything is played; a strict one is felt."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("version = 1\nname = 'x'\nlife = true\n")
    ran = run("arena", "--policy", wrong, *SMALL)
    assert (ran.code, ran.out) == (19, "")
    assert "life" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--operator", "nobody"), 21, "no operator"),
        (("--moves", "bribe"), 21, "no move"),
        (("--seeds", "one"), 2, "are no seeds"),
        (("--seeds", "\u0661"), 2, "are no seeds"),
        (("--days", "5"), 2, "--days"),
    ],
)
def test_what_can_t_be_played_is_refused(
    run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """In one line that says what there is."""
    ran = run("arena", "--no-defence", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in " ".join(ran.err.split())
