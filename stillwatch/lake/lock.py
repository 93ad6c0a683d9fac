"""One writer at a time: a lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import LakeBusy


@contextmanager
def writing(lake: Path) -> Iterator[None]:
    """Hold the right to write to `lake`; raises `LakeBusy` at once where another process has it."""
    with (lake / "lock").open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            holder = held.read(32).strip() or "unknown"
            raise LakeBusy(
                lake,
                f"is being written to by process {holder}",
                "Wait until it is done, or end it: what it has committed stays",
            ) from None
        held.seek(0)
        held.truncate()
        held.write(str(os.getpid()))
        held.flush()
        yield
