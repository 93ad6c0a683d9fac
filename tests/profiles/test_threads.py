"""Threads: known by id, inferred without one, what must not be joined, and how they are kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from stillwatch.profiles.threads import OPEN, PATIENCE_US, threads
from stillwatch.traffic import Threads

ACCOUNTS = 8


class Log(NamedTuple):
    """Columns as `threads` takes them."""

    account: np.ndarray
    ts: np.ndarray
    exchange: np.ndarray
    conversation: np.ndarray
    context: np.ndarray
    turns: np.ndarray

    def take(self, order: np.ndarray) -> Log:
        """The rows in another order."""
        return Log(*(column[order] for column in self))


def log(*rows: tuple[int, int, int, int, int]) -> Log:
    """Rows of account, minute, conversation, context, turns."""
    account, minute, conversation, context, turns = np.array(rows, np.int64).T
    return Log(
        account,
        minute * 60_000_000,
        np.arange(len(rows)).astype(np.uint64),
        conversation.astype(np.uint64),
        context.astype(np.uint64),
        turns.astype(np.int32),
    )


def drawn(seed: int, n: int = 400) -> Log:
    """Random traffic in which much continues."""
    rng = np.random.default_rng(seed)
    return Log(
        rng.integers(0, 6, n),
        rng.integers(0, 3 * PATIENCE_US, n) // 1_000_000 * 1_000_000,
        rng.permutation(n).astype(np.uint64),
        np.where(rng.random(n) < 0.7, 0, rng.integers(1, 20, n)).astype(np.uint64),
        rng.integers(0, 3, n).astype(np.uint64),
        rng.integers(-1, 9, n).astype(np.int32),
    )


def followed(rows: Log) -> tuple[np.ndarray, Threads]:
    """What `threads` makes of the rows, among more accounts than there are rows of."""
    return threads(*rows, ACCOUNTS)


def parts(thread: np.ndarray) -> set[frozenset[int]]:
    """The grouping that thread numbers say, whatever the numbers are."""
    return {frozenset(np.flatnonzero(thread == t).tolist()) for t in np.unique(thread)}


def brute_force(rows: Log) -> set[frozenset[int]]:
    """Account by account in order of time: lists of threads, searched from the latest begun."""
    found: dict[object, list[int]] = {}
    order = sorted(
        range(len(rows.ts)), key=lambda i: (rows.account[i], rows.ts[i], rows.exchange[i])
    )
    begun: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for i in order:
        if rows.conversation[i]:
            known = ("known", rows.account[i], rows.conversation[i])
            found.setdefault(known, []).append(i)
            continue
        mine = begun.setdefault(int(rows.account[i]), [])
        for head in reversed(mine[-OPEN:]):
            before = last[head]
            if (
                rows.turns[i] > 1
                and rows.context[head] == rows.context[i]
                and rows.turns[before] >= 0
                and 1 <= rows.turns[i] - rows.turns[before] <= 3
                and rows.ts[i] - rows.ts[before] <= PATIENCE_US
            ):
                break
        else:
            head = i
            mine.append(i)
        last[head] = i
        found.setdefault(("begun", head), []).append(i)
    return {frozenset(rows) for rows in found.values()}


@pytest.mark.parametrize("seed", range(6))
def test_threads_are_those_of_the_brute_force(seed: int):
    """Random traffic is grouped as a plain reading of the rule groups it."""
    rows = drawn(seed)
    assert parts(followed(rows)[0]) == brute_force(rows)


@pytest.mark.parametrize("seed", range(4))
def test_order_of_rows_does_not_matter(seed: int):
    """Shuffled rows are grouped alike, and their threads have the same numbers and order."""
    rows = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(rows.ts))
    thread, found = followed(rows)
    again, shuffled = followed(rows.take(order))
    assert again.tolist() == thread[order].tolist()
    assert order[shuffled.order].tolist() == found.order.tolist()
    assert shuffled.first.tolist() == found.first.tolist()
    assert shuffled.starts.tolist() == found.starts.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_threads_are_numbered_by_account_then_by_when_they_begin(seed: int):
    """Their rows lie together, in order of time, then key; every account has its stretch."""
    rows = drawn(seed)
    thread, found = followed(rows)
    when = list(zip(rows.ts.tolist(), rows.exchange.tolist(), strict=True))
    begins = []
    for number in range(len(found)):
        mine = sorted(np.flatnonzero(thread == number), key=when.__getitem__)
        assert found.order[found.first[number] : found.first[number + 1]].tolist() == mine
        begins.append((int(rows.account[mine[0]]), *when[mine[0]]))
    assert begins == sorted(begins)
    of_account = [account for account, *_ in begins]
    assert found.starts.tolist() == np.searchsorted(of_account, range(ACCOUNTS + 1)).tolist()


def test_a_conversation_id_joins_whatever_else_differs():
    """One id is one thread, over contexts and hours; two ids are two, at the same moment."""
    rows = log((0, 0, 7, 1, 1), (0, 600, 7, 2, 9), (0, 1, 8, 1, 3), (0, 2, 0, 1, 3))
    assert parts(followed(rows)[0]) == {frozenset({0, 1}), frozenset({2}), frozenset({3})}


def test_a_conversation_that_goes_from_account_to_account_is_a_thread_of_each():
    """One id, sent by turns by two accounts: each account's part is a thread of its own."""
    rows = log((0, 0, 7, 1, 1), (1, 1, 7, 1, 3), (0, 2, 7, 1, 5), (1, 3, 7, 1, 7))
    thread, found = followed(rows)
    assert parts(thread) == {frozenset({0, 2}), frozenset({1, 3})}
    assert found.account(thread).tolist() == [0, 1, 0, 1]


def test_a_longer_request_soon_after_continues_the_shorter():
    """Two turns more, of the same software, within six hours."""
    rows = log((0, 0, 0, 1, 1), (0, 5, 0, 1, 3), (0, 300, 0, 1, 5))
    assert parts(followed(rows)[0]) == {frozenset({0, 1, 2})}


@pytest.mark.parametrize(
    "other",
    [(1, 5, 0, 1, 3), (0, 5, 0, 2, 3), (0, 361, 0, 1, 3), (0, 5, 0, 1, 1), (0, 5, 0, 1, 5),
     (0, 5, 0, 1, -1)],
    ids=["account", "context", "too late", "no longer", "too much longer", "unknown"],
)  # fmt: skip
def test_what_does_not_continue_begins_anew(other: tuple[int, int, int, int, int]):
    """Another account or software, too late, or not as many turns more as one answer adds."""
    assert len(parts(followed(log((0, 0, 0, 1, 1), other))[0])) == 2


def test_a_request_of_unknown_length_is_not_continued():
    """Where turns are unknown, nothing says that two more of them make the next request."""
    assert len(parts(followed(log((0, 0, 0, 1, -1), (0, 5, 0, 1, 2)))[0])) == 2


def test_two_open_threads_are_told_apart_by_their_software():
    """Interleaved conversations of two clients stay two threads."""
    rows = log((0, 0, 0, 1, 1), (0, 1, 0, 2, 1), (0, 2, 0, 1, 3), (0, 3, 0, 2, 3))
    assert parts(followed(rows)[0]) == {frozenset({0, 2}), frozenset({1, 3})}


@pytest.mark.parametrize(("others", "continues"), [(60, True), (64, False)])
def test_a_thread_is_remembered_through_sixty_others(others: int, continues: bool):
    """The account's latest 64 threads are open; one that began before them is forgotten."""
    rows = log(
        (0, 0, 0, 1, 1), *((0, 1, 0, 2, 1) for _ in range(others)), (0, 2, 0, 1, 3)
    )  # fmt: skip
    assert len(parts(followed(rows)[0])) == others + 2 - continues


def test_single_turns_and_no_rows():
    """A hundred single turns are a hundred threads; nothing is nothing."""
    rows = log(*((0, minute, 0, 1, 1) for minute in range(100)))
    assert len(parts(followed(rows)[0])) == 100
    thread, found = followed(rows.take(np.zeros(0, np.int64)))
    assert len(thread) == len(found) == len(found.order) == 0
    assert found.starts.tolist() == [0] * (ACCOUNTS + 1)
