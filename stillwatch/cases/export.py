r"""A ledger as a file that anybody can verify without the database.

One entry a line in canonical JSON, then a last line with the number of entries and the hash of the
last one, the *head*. Whoever is told the head by another way knows that nothing was cut off.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stillwatch.cases.canonical import GENESIS, canonical
from stillwatch.cases.ledger import entries
from stillwatch.cases.store import Store

FORMAT = "stillwatch-ledger-1"


def footer(count: int, head: str) -> str:
    """The last line of an export."""
    return canonical({"entries": count, "format": FORMAT, "head": head})


def export_ledger(store: Store, out: str | Path) -> tuple[int, str]:
    """Write the whole ledger to `out`, which holds the old file or the new one, never half.

    The number of entries, and the head.
    """
    out = Path(out)
    count, head = 0, GENESIS
    handle, scratch = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            with store.reading() as connection:
                for entry in entries(connection):
                    file.write(canonical(entry._asdict()) + "\n")
                    count, head = count + 1, entry.hash
            file.write(footer(count, head) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(out)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return count, head
