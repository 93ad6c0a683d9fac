"""The objects of a file, whatever it is, without any format: for samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stillwatch.errors import FormatUnknown, InputNotFound
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.read import Record, parts
from stillwatch.sources.recognise import recognise
from stillwatch.tables import EXCHANGES, Section


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of `path`, bad ones passed over; raises `InputNotFound` and `FormatUnknown`."""
    if not path.is_file():
        raise InputNotFound(path, "is no file", "Name one file of the log")
    found = recognise(path)
    if found is None:
        raise FormatUnknown(path, "is neither Parquet, JSON nor CSV", "Name another sample")
    some = False
    for records, _ in parts(Section(path), found.layout, ChunkBuilder(str(path), EXCHANGES)):
        for record in records:
            if isinstance(record, Record):
                some = True
                yield record.payload
    if not some:
        raise FormatUnknown(path, "holds no record that can be read", "Name another sample")
