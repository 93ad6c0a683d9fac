"""Traffic: its threads against a search of all rows, and excerpts of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.profiles.threads import threads
from stillwatch.traffic import Exchanges, Threads

ACCOUNTS, ROWS = 9, 300
SILENT = (0, 4, 8)
"""Accounts that sent nothing: the first, one between, and the last."""


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Threads]:
    """The account, the key and the thread of each row, and the threads of all."""
    rng = np.random.default_rng(seed)
    account = rng.choice(np.setdiff1d(np.arange(ACCOUNTS), SILENT), ROWS)
    # Time and key agree, so that the order of keys is that of time.
    key = rng.permutation(ROWS)
    conversation = rng.integers(0, 12, ROWS).astype(np.uint64)
    thread, found = threads(
        account,
        key,
        key.astype(np.uint64),
        conversation,
        np.zeros(ROWS, np.uint64),
        np.ones(ROWS, np.int32),
        ACCOUNTS,
    )
    return account, key, thread, found


def rows_of(key: np.ndarray, chosen: np.ndarray) -> list[int]:
    """The rows of a mask, in order of time."""
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(key[rows])].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_threads_know_their_rows_accounts_and_lengths(seed: int):
    """Of some threads in any order, one of them twice: what a search of all rows finds of each."""
    account, key, thread, found = drawn(seed)
    assert len(found) == thread.max() + 1 == len(np.unique(thread))
    asked = np.random.default_rng(seed).permutation(len(found))[:20]
    asked = np.append(asked, asked[:1])
    rows = [rows_of(key, thread == t) for t in asked]
    assert found.rows(asked).tolist() == [row for part in rows for row in part]
    assert found.lengths(asked).tolist() == [len(part) for part in rows]
    assert found.begins(asked).tolist() == [part[0] for part in rows]
    assert found.account(asked).tolist() == [account[part[0]] for part in rows]
    assert found.begins(slice(3, 6)).tolist() == found.begins(np.array([3, 4, 5])).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_accounts_know_their_threads_and_rows(seed: int):
    """In the accounts' order, silent ones among them: threads by number, rows thread by thread."""
    account, key, thread, found = drawn(seed)
    asked = np.random.default_rng(seed).permutation(ACCOUNTS)[:7]
    theirs = [np.unique(thread[account == a]).tolist() for a in asked]
    assert found.of(asked).tolist() == [t for part in theirs for t in part]
    rows = [row for part in theirs for t in part for row in rows_of(key, thread == t)]
    assert found.rows_of(asked).tolist() == rows
    assert sorted(found.rows_of(np.arange(ACCOUNTS)).tolist()) == list(range(ROWS))


def test_who_is_silent_and_nobody_have_no_threads_and_no_rows():
    """Accounts without exchanges, and no accounts at all."""
    found = drawn(0)[-1]
    for accounts in (np.array(SILENT), np.zeros(0, np.int64)):
        assert len(found.of(accounts)) == len(found.rows_of(accounts)) == 0
    none = np.zeros(0, np.int64)
    assert len(found.rows(none)) == len(found.lengths(none)) == len(found.account(none)) == 0


@pytest.mark.parametrize("seed", range(4))
def test_an_excerpt_is_the_exchanges_of_some_accounts_numbered_by_thread(seed: int):
    """Whatever is asked of it is what is asked of all, of the rows that it says are its own."""
    account, key, thread, found = drawn(seed)
    ids = pa.array([f"e-{row}" for row in range(ROWS)])
    content = np.random.default_rng(seed).integers(-9, 9, (ROWS, 80)).astype(np.int8)
    everybody = Exchanges(account, {"ts": key, "thread": thread}, content, ids, found)
    few = np.array([0, 2, 3, 8])
    excerpt, rows = everybody.excerpt(few)
    assert rows.tolist() == found.rows_of(few).tolist()
    assert len(excerpt) == len(rows) > 0
    assert excerpt.account.tolist() == account[rows].tolist()
    assert excerpt["ts"][:].tolist() == key[rows].tolist()
    assert (excerpt.content[:] == content[rows]).all()
    assert excerpt.ids.take(pa.array([5, 1])).to_pylist() == [f"e-{rows[5]}", f"e-{rows[1]}"]
    assert rows[excerpt.rows_of(few[1:])].tolist() == found.rows_of(few[1:]).tolist()
    theirs = found.of(few)
    assert theirs[excerpt["thread"][:]].tolist() == thread[rows].tolist()
    every = np.arange(len(theirs))
    assert excerpt.threads.lengths(every).tolist() == found.lengths(theirs).tolist()
    assert excerpt.threads.account(every).tolist() == found.account(theirs).tolist()
    assert len(excerpt.threads.of(np.array([1, 4]))) == 0
