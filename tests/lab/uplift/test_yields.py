"""The arena's report becomes training sets; what is no such report is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import InputNotFound, LabRefused
from stillwatch.lab.uplift.yields import Haul, hauls


def _outcome(kinds: dict[str, int], blunted: int = 0) -> dict[str, Any]:
    answers = sum(kinds.values())
    return {"answers": answers, "answers_by_kind": kinds, "answers_blunted": blunted}


def _report(tmp_path: Path, duels: list[dict[str, Any]], goal: int = 20_000) -> Path:
    path = tmp_path / "arena.json"
    path.write_text(json.dumps({"operator": {"answers": goal}, "duels": duels}))
    return path


def test_answers_are_shares_of_the_goal_by_kind(tmp_path: Path) -> None:
    """Undefended it had all; defended a tenth of its maths and a half of its agents' work."""
    free = _outcome({"agentic": 8_000, "maths": 12_000})
    held = _outcome({"agentic": 4_000, "maths": 1_200}, blunted=1_300)
    path = _report(tmp_path, [{"seed": 7, "undefended": free, "defended": held}])
    assert hauls(path, 4_000) == [
        Haul("chains", "undefended", 7, 4_000, 0, {"maths": 12_000}),
        Haul("chains", "defended", 7, 400, 100, {"maths": 1_200}),
        Haul("calls", "undefended", 7, 4_000, 0, {"agentic": 8_000}),
        Haul("calls", "defended", 7, 2_000, 500, {"agentic": 4_000}),
    ]
    measures = [haul.served("full") for haul in hauls(path, 4_000)]
    assert measures == ["full@4000", "blunted-100@400", "full@4000", "blunted-500@2000"]
    assert hauls(path, 4_000)[1].served("summary") == "summary@400"


def test_nothing_got_through_is_no_training_set(tmp_path: Path) -> None:
    """And an undefended operator that didn't reach its goal has less than all."""
    free, held = _outcome({"maths": 5_000}), _outcome({})
    path = _report(tmp_path, [{"seed": 1, "undefended": free, "defended": held}])
    first, second = hauls(path, 4_000)
    assert (first.answers, second.answers, second.served("full")) == (1_000, 0, None)


def test_a_duel_without_a_defence_has_one_arm(tmp_path: Path) -> None:
    """As `--no-defence` writes it."""
    path = _report(
        tmp_path, [{"seed": 1, "undefended": _outcome({"maths": 5}), "defended": None}], goal=5
    )
    assert [haul.arm for haul in hauls(path, 100)] == ["undefended"]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "nonsense", "[" * 100_000, '{"duels": []}', '{"duels": [1]}',
        '{"operator": {"answers": -1}, "duels": [{}]}',
        '{"operator": {"answers": 5}, "duels": []}',
        '{"operator": {"answers": 5}, "duels": [{"seed": 1}]}',
        '{"operator": {"answers": 5}, "duels": [{"seed": 1, "undefended": {"answers": 1}}]}',
        '{"operator": {"answers": 5}, "duels": [{"seed": 1, "undefended": {"answers": 1, '
        '"answers_by_kind": {"maths": 1e400}, "answers_blunted": 0}}]}',
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    """With the file's name, and never with a traceback."""
    path = tmp_path / "arena.json"
    path.write_text(text)
    with pytest.raises(LabRefused, match=r"arena\.json"):
        hauls(path, 4_000)
    with pytest.raises(InputNotFound):
        hauls(tmp_path / "none.json", 4_000)
