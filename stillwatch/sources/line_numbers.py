"""On which line a section of a file begins: counted only where a line has to be told."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right

import xxhash

from stillwatch.sources.records import count_breaks
from stillwatch.tables import PIECE_BYTES, Section

MOST_FILES = 64
"""Of how many files it is known how many lines end before the places that were counted to."""

HEAD_BYTES = 4096

_known: dict[tuple[int, int, int], tuple[list[int], list[int]]] = {}
"""By device, inode and a digest of the beginning: places in order, and the lines before each."""
_mutex = threading.Lock()


def lines_before(section: Section) -> int:
    """How many lines of the file end before `section`; 0 where it can't be read any more.

    Counted on from the nearest place before: so that a process counts each byte once, in whatever
    order its threads ask, also while the file grows.
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
        about = os.fstat(raw.fileno())
        file = about.st_dev, about.st_ino, xxhash.xxh3_64_intdigest(raw.read(HEAD_BYTES))
        places, lines = _known[file] = _known.pop(file, ([0], [0]))
        while len(_known) > MOST_FILES:
            _known.pop(next(iter(_known)))
        last = bisect_right(places, section.begin) - 1
        place, found = places[last], lines[last]
        raw.seek(place)
        while data := raw.read(min(PIECE_BYTES, section.begin - place)):
            place += len(data)
            found += count_breaks(data)
    if place > places[last]:
        places.insert(last + 1, place)
        lines.insert(last + 1, found)
    return found
