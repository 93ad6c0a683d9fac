"""Iceberg tables: the data files of the newest snapshot that were not read before, with pyiceberg.

`iceberg+s3://bucket/table` (or `iceberg+file:///table`) reads the newest metadata that lies in the
table's folder; `iceberg://CATALOGUE/namespace.table` asks a catalogue that pyiceberg's own
configuration names, which knows for sure. Rows that a snapshot deleted are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint, mark
from stillwatch.warehouses.delta import extra_missing
from stillwatch.warehouses.layout import ICEBERG_METADATA
from stillwatch.warehouses.part import Part
from stillwatch.warehouses.spool import batches_to_parts
from stillwatch.warehouses.storage import RIGHTS, iceberg_options, open_storage


def iceberg_parts(address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    """Parts of what is new in the table at `address`; raises `WarehouseFailed`, `ExtraMissing`."""
    try:
        from pyiceberg.exceptions import (
            NoSuchNamespaceError,
            NoSuchTableError,
            RESTError,
            ValidationError,
        )
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan
    except ImportError:
        raise extra_missing("Iceberg tables", "pyiceberg") from None
    faults = (
        *(NoSuchNamespaceError, NoSuchTableError, RESTError, ValidationError),
        *(pa.ArrowException, OSError, ValueError, KeyError, NotImplementedError),
    )
    try:
        table = _table(address)
        tasks = sorted(table.scan().plan_files(), key=lambda task: task.file.file_path)
    except faults as fault:
        raise address.failed(f"can't be read as an Iceberg table ({fault})", RIGHTS) from None
    scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
    new = [(mark(task.file.file_path), task) for task in tasks]

    def batches() -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
        for known, task in new:
            if known not in had.done:
                yield known, scan.to_record_batches([task])

    try:
        yield from batches_to_parts(batches(), address, had, spool)
    except faults as fault:
        raise address.failed(f"can't be read ({fault})", RIGHTS) from None


def _table(address: Address) -> Any:
    from pyiceberg.catalog import load_catalog
    from pyiceberg.table import StaticTable

    if address.inner is None:
        return load_catalog(address.host).load_table(address.path.strip("/"))
    newest = newest_metadata(*open_storage(address))
    if newest is None:
        raise ValueError("there is no metadata/*.metadata.json")
    place = newest if address.inner == "file" else f"{address.inner}://{newest}"
    return StaticTable.from_metadata(place, iceberg_options(address))


def newest_metadata(storage: fs.FileSystem, top: str) -> str | None:
    """The path of a table's metadata with the highest number, `None` where there is none."""
    found = storage.get_file_info(fs.FileSelector(f"{top}/metadata", allow_not_found=True))
    numbered = [
        (int(told[1]), info.mtime_ns or 0, info.path)
        for info in found
        if (told := ICEBERG_METADATA.search(info.path))
    ]
    return max(numbered)[2] if numbered else None
