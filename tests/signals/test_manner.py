"""Manner: embeddings whose inner products count what two requests have in common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.signals.content import SCALE
from stillwatch.signals.extract import signals
from stillwatch.signals.manner import LENGTHS, has_text, manner, manners
from stillwatch.signals.settings import settings, temperatures
from tests.sources.logs import make_exchanges

FEATURES = 8
"""Settings, tools, model, surface, two lengths, turns, hour."""


def columns(**given: list[int]) -> dict[str, np.ndarray]:
    """Columns of as many exchanges as are given, alike in all that isn't."""
    n = len(next(iter(given.values())))
    usual = {"settings": 5, "toolset": 0, "model": 6, "surface": 7, "turns": 1, "ts": 0}
    usual |= {"input_tokens": 100, "output_tokens": 100}
    return {name: np.array(given.get(name, [value] * n)) for name, value in usual.items()}


def cosine(given: dict[str, np.ndarray]) -> float:
    """The inner product of two exchanges' embeddings."""
    a, b = manner(given).astype(float) / SCALE
    return float(a @ b)


@pytest.mark.parametrize(
    "name", ["settings", "toolset", "model", "surface", "input_tokens", "output_tokens", "turns"]
)
def test_each_difference_takes_one_feature(name: str):
    """Of eight features seven agree, up to the sketch's collisions."""
    assert cosine(columns(**{name: [9, 3_000]})) == pytest.approx(1 - 1 / FEATURES, abs=0.13)


def test_the_same_manner_is_the_same_vector():
    """Nothing but features counts; lengths within a bucket, hours within four, are alike."""
    assert cosine(columns(input_tokens=[1000, 1010], ts=[0, 3_600_000_000])) > 0.97


def test_without_settings_and_lengths_there_is_no_manner():
    """Model and hour alone make nobody known."""
    given = columns(settings=[0, 0], input_tokens=[-1, -1], output_tokens=[-1, 40])
    assert (manner(given) != 0).any(1).tolist() == [False, True]


def test_a_log_has_text_unless_hardly_any_row_has():
    """From one exchange in a hundred on."""
    for texts, expected in ((4, True), (3, False), (0, False)):
        frame = (np.arange(400) < texts).astype(np.uint64)
        assert has_text({"frame": frame}) == expected


def test_manners_come_in_blocks(monkeypatch: pytest.MonkeyPatch):
    """Together they are the manner of all rows."""
    monkeypatch.setattr("stillwatch.signals.manner.BLOCK", 20)
    told = signals(make_exchanges(50).combine_chunks().to_batches()[0])
    names = ("settings", "toolset", "model", "surface", "turns", "ts", *LENGTHS)
    given = {name: told.column(name).to_numpy() for name in names}
    np.testing.assert_array_equal(np.concatenate(list(manners(given))), manner(given))


def test_settings_are_one_key_of_three():
    """Any of the three makes another key; nothing known is no key."""
    most, warm = np.array([10, 10, 20, 10, -1], np.int32), np.array([70, 50, 70, 70, -1], np.int32)
    keys = settings(most, warm, np.array([1, 1, 1, 0, -1], np.int8))
    assert len(set(keys.tolist())) == 5
    assert keys[4] == 0


def test_temperatures_that_are_none_are_unknown():
    """Null, not a number, negative."""
    column = pa.array([0.7, None, float("nan"), -1.0, 0.0], pa.float32())
    assert temperatures(column).tolist() == [70, -1, -1, -1, 0]
