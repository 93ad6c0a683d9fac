"""Works: which threads got a long answer that nobody took the time to read."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.wordless.works import LONG_TOKENS, PAUSE_US, unread_rates, works
from tests.campaigns.wordless.made import Silent, some_works


@pytest.mark.parametrize(
    ("tokens", "pauses", "unread"),
    [(LONG_TOKENS, 0, True), (LONG_TOKENS - 1, 0, False), (5_000, 1, False)],
)
def test_unread_is_long_and_without_a_pause(tokens: int, pauses: int, unread: bool):
    """A short answer isn't worth keeping, and who comes back after minutes may have read."""
    log = Silent()
    log.thread(log.account("a"), 5, tokens, pauses, 1)
    exchanges = log.traffic().exchanges
    assert works(exchanges).unread.tolist() == [unread]
    assert exchanges["thread"].tolist() == [0] * (1 + pauses)


def test_steps_of_a_program_are_no_pause():
    """Tool results that come back in seconds are read by nobody."""
    log = Silent()
    log.thread(log.account("a"), 5, 900, 3, 1)
    for step, row in enumerate(log.rows):
        row["ts"] = step * 9_000_000
    assert works(log.traffic().exchanges).unread.tolist() == [True]


def test_unknown_lengths_are_not_long():
    """Where a log doesn't tell lengths, no thread is a sign."""
    log = Silent().honest(3)
    assert not works(log.traffic("output_tokens").exchanges).unread.any()


def test_threads_have_the_numbers_of_the_traffic():
    """Each one's account, settings and answers, against a search of its rows."""
    exchanges = Silent(3).honest(12).traffic().exchanges
    found, thread = works(exchanges), exchanges["thread"]
    assert len(found.account) == len(exchanges.threads) > 50
    for number in range(len(found.account)):
        rows = np.flatnonzero(thread == number)
        rows = rows[np.argsort(exchanges["ts"][rows])]
        paused = (np.diff(exchanges["ts"][rows]) > PAUSE_US).any()
        long = exchanges["output_tokens"][rows].max() >= LONG_TOKENS
        assert found.unread[number] == (long and not paused)
        assert found.account[number] == exchanges.account[rows[0]]
        assert found.keys[found.settings[number]] == exchanges["settings"][rows[0]]
    assert 0 < found.unread.sum() < len(found.unread)


def test_rates_are_by_account():
    """Each account's own share; none where there is no thread."""
    rates = unread_rates(some_works([0, 0, 2], [1, 1, 1], [1, 0, 1]), 3)
    assert rates[[0, 2]].tolist() == [0.5, 1.0]
    assert np.isnan(rates[1])
