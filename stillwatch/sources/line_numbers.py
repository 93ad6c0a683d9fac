"""On which line a section of a file begins: counted only where a line has to be told."""

from __future__ import annotations

import threading

from stillwatch.sources.records import count_breaks
from stillwatch.tables import PIECE_BYTES, Section

MOST_KNOWN = 64
"""Of how many files it is known how far their lines are counted."""

_known: dict[tuple[int, int, int], tuple[int, int]] = {}
"""By device, inode and time of change: a place in a file, and how many lines end before it."""
_mutex = threading.Lock()


def lines_before(section: Section) -> int:
    """How many lines of the file end before `section`, as far as the file can be read.

    Counted on from an earlier section's beginning: else a file of many faults would be read as
    often as it has sections.
    """
    if not section.begin:
        return 0
    with _mutex:
        try:
            return _counted(section)
        except OSError:
            return 0


def _counted(section: Section) -> int:
    with section.path.open("rb", buffering=0) as raw:
        about = section.path.stat()
        file = about.st_dev, about.st_ino, about.st_mtime_ns
        place, lines = _known.pop(file, (0, 0))
        if place > section.begin:
            place = lines = 0
        raw.seek(place)
        while data := raw.read(min(PIECE_BYTES, section.begin - place)):
            place += len(data)
            lines += count_breaks(data)
    _known[file] = place, lines
    while len(_known) > MOST_KNOWN:
        _known.pop(next(iter(_known)))
    return lines
