"""Delta tables: the files of the newest version that were not read before, with deltalake.

Files that a version took out are never read, whatever still lies in the folder. A table that was
compacted has its old rows in new files: they are read again, and are the same exchanges.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from stillwatch.errors import ExtraMissing
from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint, mark
from stillwatch.warehouses.part import Part
from stillwatch.warehouses.spool import batches_to_parts
from stillwatch.warehouses.storage import RIGHTS, delta_options


def delta_parts(address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    """Parts of what is new in the table at `address`; raises `WarehouseFailed`, `ExtraMissing`."""
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ImportError:
        raise extra_missing("Delta tables", "deltalake") from None
    bare = address.url.partition("?")[0]
    place = address.path if (address.inner or address.scheme) == "file" else bare
    try:
        table = DeltaTable(place, storage_options=delta_options(address))
        held = table.to_pyarrow_dataset()
        fragments = sorted(held.get_fragments(), key=lambda fragment: fragment.path)
    except (DeltaError, pa.ArrowException, OSError, ValueError, TypeError) as fault:
        raise address.failed(f"can't be read as a Delta table ({fault})", RIGHTS) from None
    new = [(mark(part.path), part) for part in fragments if mark(part.path) not in had.done]

    def batches() -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
        for known, fragment in new:
            yield known, ds.Scanner.from_fragment(fragment, schema=held.schema).to_batches()

    try:
        yield from batches_to_parts(batches(), address, had, spool)
    except (DeltaError, pa.ArrowException, OSError) as fault:
        raise address.failed(f"can't be read ({fault})", RIGHTS) from None


def extra_missing(what: str, package: str) -> ExtraMissing:
    """The error to raise where the extra isn't installed."""
    return ExtraMissing(
        what, f"need the package {package}", "Install it: pip install 'stillwatch[warehouse]'"
    )
