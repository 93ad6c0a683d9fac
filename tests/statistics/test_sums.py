"""Sums by account against NumPy."""

from __future__ import annotations

import numpy as np

from stillwatch.statistics.sums import sums_by_account


def drawn(n: int = 300, everyone: int = 12) -> tuple[np.ndarray, np.ndarray, int]:
    """Accounts and embeddings, a fifth of them without text."""
    rng = np.random.default_rng(4)
    content = rng.integers(-127, 128, (n, 32)).astype(np.int8)
    content[rng.random(n) < 0.2] = 0
    return rng.integers(0, everyone, n), content, everyone


def test_sums_are_those_of_numpy():
    """Only the named rows of the named accounts, in the accounts' order; without text, nothing."""
    account, content, everyone = drawn()
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(account))[:150]
    accounts = np.array([7, 2, 11, 5])
    total, squares, used = sums_by_account(account, content, rows, accounts, everyone)
    wide = content.astype(np.int64)
    for i, a in enumerate(accounts):
        mine = rows[(account[rows] == a) & wide[rows].any(1)]
        assert total[i].tolist() == wide[mine].sum(0).tolist()
        assert squares[i] == (wide[mine] ** 2).sum()
        assert used[i] == len(mine)
    assert used.sum() > 30


def test_order_of_rows_does_not_matter_and_nothing_is_nothing():
    """Integers add up to the same in any order; no rows, or no accounts, give zeros."""
    account, content, everyone = drawn()
    rows, accounts = np.arange(len(account)), np.arange(everyone)
    forward = sums_by_account(account, content, rows, accounts, everyone)
    backward = sums_by_account(account, content, rows[::-1].copy(), accounts, everyone)
    assert all((a == b).all() for a, b in zip(forward, backward, strict=True))
    none = sums_by_account(account, content, rows[:0], accounts, everyone)
    assert not any(part.any() for part in none)
    nobody = sums_by_account(account, content, rows, accounts[:0], everyone)
    assert [len(part) for part in nobody] == [0, 0, 0]
