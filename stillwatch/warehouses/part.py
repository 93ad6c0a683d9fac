"""What a warehouse hands out at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stillwatch.warehouses.checkpoint import Checkpoint

Wanted = Callable[[str], bool]
"""Whether a file of this name is one that sources read."""

PART_BYTES = 256 << 20
"""About what a part holds on disk while it is read."""
PART_FILES = 2000


class Part(NamedTuple):
    """Files to read, and what was had once they are in."""

    folder: Path
    """Where the files lie, laid out as they were."""
    shown: str
    """What the folder stands for: its files are told by this and their place in it."""
    after: Checkpoint
