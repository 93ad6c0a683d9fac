"""Tiny recipes: every part of a run, in a second or two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.lab.distilling.material import Counts  # noqa: E402
from stillwatch.lab.distilling.recipe import Recipe  # noqa: E402
from stillwatch.lab.small import Size  # noqa: E402
from stillwatch.lab.teachers.chains import Upbringing  # noqa: E402
from stillwatch.lab.training import Schedule  # noqa: E402

RAISED = Upbringing(
    size=Size(1, 16, 2), base_steps=10, base_texts=100, teacher_steps=10, teacher_texts=100
)
RECIPE = Recipe(
    counts=Counts(48, 12, 4, 0),
    fewer=(16,),
    schedule=Schedule(steps=6, batch=8, save_every=3),
    raised=RAISED,
)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny teacher is kept, for all tests."""
    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("lab_cache")


@pytest.fixture
def recipe() -> Recipe:
    """The chains teacher into the base, in six steps."""
    return RECIPE


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with some of it replaced."""
    return replace(recipe, **changes)
