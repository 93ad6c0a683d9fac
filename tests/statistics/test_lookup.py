"""Places among known keys, against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics.lookup import places_among


@pytest.mark.parametrize("known", [0, 1, 2, 1000])
@pytest.mark.parametrize("largest", [2**10, 2**64 - 1])
def test_places_are_those_of_a_dictionary(known: int, largest: int):
    """Keys that are there and keys that aren't, small ones and those of all 64 bits, 0 too."""
    rng = np.random.default_rng(known)
    keys = np.unique(rng.integers(0, largest, 3 * known + 9, np.uint64, endpoint=True))
    keys = rng.permutation(np.union1d(keys, np.zeros(1, np.uint64)))
    there = keys[:known]
    asked = rng.choice(keys, 5000)
    place = {key: i for i, key in enumerate(there.tolist())}
    assert places_among(there, asked).tolist() == [place.get(key, -1) for key in asked.tolist()]
