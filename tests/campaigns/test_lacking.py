"""What a log lacks is said in the run's record."""

from __future__ import annotations

from dataclasses import replace

from stillwatch.campaigns.lacking import lacking
from tests.campaigns.wordless.made import Silent


def test_a_log_that_has_all_gets_no_note():
    """Text, ways of access, registrations, and enough outsiders."""
    assert lacking(replace(Silent().honest(5).traffic(), text=True), 20) == []


def test_each_lack_is_named():
    """Text, access, registrations, outsiders: a sentence each."""
    log = Silent().honest(5)
    log.registered = {key: {} for key in log.registered}
    notes = lacking(log.traffic("network"), 3)
    for word in (
        "Only 3 accounts",
        "No exchange has text",
        "no network can be found",
        "registered",
    ):
        assert sum(word in note for note in notes) >= 1, word
    assert len(notes) == 4
