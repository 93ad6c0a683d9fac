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


def test_text_in_part_is_said_with_its_share():
    """A third of the exchanges with text, and all with it."""
    traffic = replace(Silent().honest(5).traffic(), text=True)
    slices = replace(traffic.slices, exchanges=traffic.slices.exchanges / 3)
    (note,) = lacking(replace(traffic, slices=slices), 20)
    assert note.startswith("Only 33% of exchanges have text")
