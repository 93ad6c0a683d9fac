"""Objects: the SQL step of each kind against counting by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.engine.duck import Duck
from stillwatch.profiles.objects import (
    OBJECT_KINDS,
    REGISTRATION_OBJECTS,
    SIGNAL_OBJECTS,
    WORK,
    incidence_sql,
)


def drawn(kinds: tuple[str, ...], n: int, seed: int = 0) -> pa.Table:
    """Accounts and keys, a fifth of them unknown, some used by one account only."""
    rng = np.random.default_rng(seed)
    columns = {"account": rng.integers(0, 12, n)}
    for kind in kinds:
        keys = rng.integers(1, 30, n).astype(np.uint64) * np.uint64(0xF000000000000001)
        columns[kind] = np.where(rng.random(n) < 0.2, np.uint64(0), keys)
    return pa.table(columns)


def brute_force(table: pa.Table, kind: str) -> list[tuple[int, int, int]]:
    """Object, account and exchanges of what two share, by counting."""
    uses = Counter(
        (key, account)
        for key, account in zip(table[kind].to_pylist(), table["account"].to_pylist(), strict=True)
        if key
    )
    accounts = Counter(key for key, _ in uses)
    return [(k, a, n) for (k, a), n in sorted(uses.items()) if accounts[k] >= 2]


@pytest.mark.parametrize("kind", OBJECT_KINDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_uses_are_those_that_counting_finds(kind: str, threads: int):
    """Each shared object's uses, in any order; what nobody shares or is unknown is left out."""
    tables = {
        "signals": drawn(SIGNAL_OBJECTS, 150),
        "registrations": drawn(REGISTRATION_OBJECTS, 60, seed=1),
    }
    duck = Duck(threads)
    out = duck.run(tables, incidence_sql(kind))
    duck.close()
    assert out.schema.names == ["object", "account", "exchanges"]
    source = tables["signals" if kind in SIGNAL_OBJECTS else "registrations"]
    expected = brute_force(source, kind)
    found = [tuple(row[name] for name in out.schema.names) for row in out.to_pylist()]
    assert sorted(found) == expected
    assert len(expected) > 5


def test_kinds_are_named_once_and_work_is_among_them():
    """A kind's code is its place, so no kind may stand twice."""
    assert len(set(OBJECT_KINDS)) == len(OBJECT_KINDS)
    assert set(WORK) <= set(SIGNAL_OBJECTS)
