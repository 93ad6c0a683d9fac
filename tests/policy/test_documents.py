"""docs/policy.md can't drift from what a policy may say."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from stillwatch.ladder import Action
from stillwatch.policy import file
from stillwatch.policy.words import STANDINGS

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
TABLES = {
    "": file.Policy,
    "rules.": file.Rule,
    "when.": file.When,
    "scope.": file.Scope,
    "budget.": file.Budget,
    "breaker.": file.Breaker,
    "allow.": file.AllowList,
    "throttle.": file.Throttle,
    "recognition.": file.Recognition,
}
KEYS = [(prefix, field) for prefix, kind in TABLES.items() for field in fields(kind)]


@pytest.mark.parametrize(("prefix", "field"), KEYS, ids=lambda part: getattr(part, "name", part))
def test_every_key_is_documented_with_its_default(prefix: str, field: Any) -> None:
    """A row of a table, and where the default is a number, a text or a truth, that one."""
    rows = [line for line in TEXT.splitlines() if re.match(r"\| `", line)]
    key = f"`{prefix}{field.name}`"
    (row,) = [line for line in rows if key in line.split("|")[1]]
    said = row.split("|")[2].strip().strip("`")
    if field.default is MISSING:
        assert said == "", row
    elif isinstance(field.default, Enum):
        assert json.loads(said) == field.default.value
    elif isinstance(field.default, int | float):
        assert json.loads(said) == field.default
    elif field.default and isinstance(field.default, tuple):
        assert tuple(json.loads(said)) == field.default


def test_no_key_is_documented_that_is_none() -> None:
    """Rows of the file's tables name keys that there are."""
    known = {f"{prefix}{field.name}" for prefix, field in KEYS}
    part = TEXT.split("## The file")[1].split("## Simulation")[0]
    named = re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \|", part, re.MULTILINE)
    assert {key for row in named for key in re.findall(r"[\w.]+", row)} == known


def test_standings_and_actions_are_documented() -> None:
    """Each word, in the tables that users look it up in."""
    assert set(re.findall(r"^\| `(\w+)` \| ", TEXT.split("## Budgets")[0], re.MULTILINE)) == set(
        STANDINGS
    )
    (row,) = [line for line in TEXT.splitlines() if line.startswith("| `rules.action`")]
    assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == set(Action)
