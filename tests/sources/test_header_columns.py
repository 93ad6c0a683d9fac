"""Headers as columns are what they are one by one."""

from __future__ import annotations

import random

import pytest

from stillwatch.sources.coerce import SECRET_HEADERS
from stillwatch.sources.header_columns import header_columns

NAMES = ("x-a", "X-A", "User-Agent", "user-agent", "Authorization", "Ünusual", "x-b")


@pytest.mark.parametrize("seed", range(20))
def test_as_one_by_one(seed: int) -> None:
    """Whatever the records hold, none or all of them."""
    rng = random.Random(seed)
    names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
    given = [
        rng.choice(
            [None, {name: rng.choice(["", "ä", None]) for name in names if rng.random() < 0.5}]
        )
        for _ in range(rng.randint(0, 30))
    ]
    apart, others = header_columns(given, "user-agent")
    others.validate(full=True)
    for one, found, rest in zip(given, apart.to_pylist(), others.to_pylist(), strict=True):
        lower = {name.lower(): held for name, held in (one or {}).items()}
        assert found == lower.pop("user-agent", None)
        assert rest == ([(n, held) for n, held in lower.items() if n not in SECRET_HEADERS] or None)
