"""Hostile records of every format: no crash, everything accounted for, nothing sound lost.

`scripts/fuzz_sources.py` does the same with as many inputs as one likes.
"""

from __future__ import annotations

import pytest

from stillwatch.sources import REGISTRY, Format
from tests.sources.fuzz import fuzz


@pytest.mark.parametrize("format", REGISTRY, ids=lambda format: format.name)
def test_hostile_records(format: Format) -> None:
    """Some hundreds of mutated records a format, most of them told with a reason or kept."""
    told = fuzz(format, 400, seed=11)
    assert sum(told.values()) > 20
