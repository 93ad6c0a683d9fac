"""Mixtures: shares are kept, every example comes, and a batch depends on its step alone."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.mixing import check_mixture, mixed
from stillwatch.lab.tasks.task import Example

SOURCES = {
    "own": [Example((2,), (10 + n,)) for n in range(5)],
    "teacher": [Example((3,), (100 + n,)) for n in range(40)],
    "public": [Example((4,), (1000 + n,)) for n in range(7)],
}


def _drawn(weights: dict[str, float] | None, steps: int, size: int = 8) -> list[list[int]]:
    batches = mixed(SOURCES, weights, size, seed=3)
    return [[int(row[1]) for row in batches(step).ids] for step in range(steps)]


def test_shares_are_kept_to_within_a_few_at_any_time() -> None:
    """Also after few steps; within a source everything comes as often as anything else."""
    weights = {"own": 1.0, "teacher": 2.0, "public": 1.0}
    items = [item for batch in _drawn(weights, 50) for item in batch]
    for until in (40, 100, 400):
        own = sum(item < 100 for item in items[:until])
        teacher = sum(100 <= item < 1000 for item in items[:until])
        assert abs(own - until / 4) <= 3
        assert abs(teacher - until / 2) <= 3
    counts = Counter(items)
    teacher = [counts[100 + n] for n in range(40)]
    assert max(teacher) - min(teacher) <= 1


def test_a_batch_depends_on_its_step_alone() -> None:
    """Drawn from the middle on it is the same as drawn from the beginning."""
    weights = {"own": 0.3, "teacher": 0.7}
    batches = mixed(SOURCES, weights, 8, seed=3)
    late = [batches(step).ids.tolist() for step in (9, 4)]
    again = mixed(SOURCES, weights, 8, seed=3)
    whole = [again(step).ids.tolist() for step in range(10)]
    assert late == [whole[9], whole[4]]


def test_without_weights_all_come_alike() -> None:
    """One pass has each example once, whatever its source."""
    items = [item for batch in _drawn(None, 13, size=4) for item in batch]
    assert sorted(items) == sorted(e.completion[0] for one in SOURCES.values() for e in one)


@pytest.mark.parametrize(
    "weights",
    [{"other": 1.0}, {"own": -1.0}, {"own": 0.0}, {"own": float("nan")}, {"own": 1.0}],
)
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float]) -> None:
    """With what to write instead."""
    with pytest.raises(LabRefused, match="own=1"):
        check_mixture(weights)


def test_a_mixture_of_what_is_not_there_is_refused() -> None:
    """Where the one source with a weight is empty."""
    with pytest.raises(LabRefused, match="nothing is left"):
        mixed({**SOURCES, "public": []}, {"public": 1.0}, 4, seed=0)
