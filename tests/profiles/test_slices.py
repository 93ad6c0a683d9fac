"""Slices: sums by account and capability against NumPy, and their exact merging."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from stillwatch.engine.threads import map_ordered
from stillwatch.profiles import slices as stage
from stillwatch.profiles.slices import SliceSums
from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS
from stillwatch.traffic import WHOLE, Slices

LEAST = 3


def drawn(seed: int, n: int = 500, accounts: int = 15):
    """Account, capability, exchange and content of random exchanges, some without text."""
    rng = np.random.default_rng(seed)
    content = rng.integers(-127, 128, (n, CONTENT_COMPONENTS)).astype(np.int8)
    content[rng.random(n) < 0.2] = 0
    return (
        rng.integers(0, accounts, n),
        rng.integers(0, len(CAPABILITIES), n).astype(np.int8),
        rng.integers(0, 2**63, n).astype(np.uint64),
        content,
    )


def slices(accounts: int, account, capability, exchange, content, least: int, blocks: int = 1):
    """The slices of exchanges, added up in so many blocks, on two threads."""
    sums = SliceSums(accounts, account, capability, least)
    rows = np.array_split(np.arange(len(account)), blocks)
    columns = (account, capability, exchange, content)
    jobs = (
        partial(sums.add, *(column[part] for column in columns), first=place)
        for place, part in enumerate(rows)
    )
    for _ in map_ordered(jobs, threads=2):
        pass
    return sums.result()


def by_cell(found: Slices) -> dict[tuple[int, int], list]:
    """Figures by (account, capability)."""
    assert found.split.tolist() == list(range(len(found.account)))
    columns = (found.exchanges, found.total, found.squares, found.odd_exchanges, found.odd_total)
    rows = zip(*columns, found.odd_squares, strict=True)
    return {
        (int(a), int(c)): [np.asarray(v).tolist() for v in row]
        for a, c, row in zip(found.account, found.capability, rows, strict=True)
    }


@pytest.mark.parametrize("blocks", [1, 7])
@pytest.mark.parametrize("seed", range(3))
def test_sums_are_those_of_numpy(seed: int, blocks: int):
    """Every cell with enough exchanges, and no other, with the sums of its rows and of a half."""
    account, capability, exchange, content = drawn(seed)
    found = slices(15, account, capability, exchange, content, LEAST, blocks)
    wide = content.astype(np.int64)
    text = wide.any(1)
    odd = (exchange >> np.uint64(17)) & np.uint64(1) == 1
    expected = {}
    for a in range(15):
        for c in (WHOLE, *range(len(CAPABILITIES))):
            mine = (account == a) & ((capability == c) | (c == WHOLE))
            if mine.sum() >= LEAST:
                halves = []
                for part in (mine & text, mine & text & odd):
                    halves += [
                        int(part.sum()),
                        wide[part].sum(0).tolist(),
                        int((wide[part] ** 2).sum()),
                    ]
                expected[a, c] = halves
    assert by_cell(found) == expected
    assert len(expected) > 50


def test_of_many_accounts_evenly_spaced_ones_are_split(monkeypatch: pytest.MonkeyPatch):
    """At most so many, each in all its slices, with the same halves as where all are split."""
    columns = drawn(4)
    every = slices(15, *columns, LEAST)
    monkeypatch.setattr(stage, "SPLIT", 4)
    some = slices(15, *columns, LEAST)
    assert (some.total == every.total).all()
    split = np.isin(some.account, [0, 4, 8, 12])
    assert some.split.tolist() == np.flatnonzero(split).tolist()
    for name in ("odd_exchanges", "odd_total", "odd_squares"):
        assert (getattr(some, name) == getattr(every, name)[some.split]).all()


def test_slices_are_ordered_by_capability_then_account():
    """Whole accounts first; `of` names the places of one capability with enough text."""
    found = slices(15, *drawn(1), LEAST)
    pairs = list(zip(found.capability.tolist(), found.account.tolist(), strict=True))
    assert pairs == sorted(pairs)
    rows = found.of(3, 6)
    assert (found.capability[rows] == 3).all()
    assert (found.exchanges[rows] >= 6).all()
    assert len(rows) == ((found.capability == 3) & (found.exchanges >= 6)).sum() > 0


def test_order_of_rows_does_not_matter():
    """Integer sums are the same in any order."""
    columns = drawn(2)
    order = np.random.default_rng(0).permutation(len(columns[0]))
    shuffled = slices(15, *(column[order] for column in columns), LEAST)
    assert by_cell(shuffled) == by_cell(slices(15, *columns, LEAST))


def test_parts_merge_exactly():
    """Sums over two parts of the rows add up to the sums over all: days and workers can merge."""
    columns = drawn(3)
    whole = by_cell(slices(15, *columns, 0))
    first = by_cell(slices(15, *(column[:200] for column in columns), 0))
    second = by_cell(slices(15, *(column[200:] for column in columns), 0))
    assert whole.keys() == first.keys() == second.keys()
    for cell, figures in whole.items():
        merged = [np.add(a, b).tolist() for a, b in zip(first[cell], second[cell], strict=True)]
        assert merged == figures


def test_longest_sums_do_not_overflow():
    """A component at its largest, for as many exchanges as an account has in years."""
    n = 200_000
    content = np.full((n, CONTENT_COMPONENTS), 127, np.int8)
    account, capability = np.zeros(n, np.int64), np.zeros(n, np.int8)
    found = slices(1, account, capability, np.arange(n, dtype=np.uint64), content, LEAST)
    assert found.total[0].tolist() == [127 * n] * CONTENT_COMPONENTS
    assert found.squares[0] == 127**2 * n * CONTENT_COMPONENTS


def test_nothing_to_add_up():
    """No rows give no slices."""
    empty = (column[:0] for column in drawn(0))
    assert len(slices(15, *empty, LEAST).account) == 0
