"""Files that hold the other part of a file's records, told by name: exporters write one a kind.

`observations/11-28.jsonl` goes with `traces/11-28.jsonl`, and `spans.jsonl` with `logs.jsonl`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.csv_records import read_csv
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.parquet_records import read_parquet
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import read_objects

MAX_FILES = 8
"""Read for one file at most, the nearest by name first: exports rotate, so few are far."""


def files_beside(path: Path, own: Sequence[str], other: Sequence[str]) -> list[Path]:
    """Files named by a word of `other`, where `path` or its folder is named by a word of `own`.

    The file of the same name otherwise comes first, then those before it, the last first, then
    those after it.
    """
    for mine in own:
        for theirs in other:
            renamed = _word(mine).sub(theirs, path.name)
            if renamed != path.name:
                twin, kind = path.with_name(renamed), _word(theirs)
            elif path.parent.name:
                folder = _word(mine).sub(theirs, path.parent.name)
                twin, kind = path.parent.with_name(folder) / path.name, re.compile("")
            else:
                continue
            if twin != path and (files := _by_nearness(twin, kind)):
                return files[:MAX_FILES]
    return []


def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z]){word}(?![a-z])", re.IGNORECASE)


def _by_nearness(twin: Path, kind: re.Pattern[str]) -> list[Path]:
    try:
        files = sorted(
            file
            for file in twin.parent.iterdir()
            if file.suffix == twin.suffix and kind.search(file.name) and file.is_file()
        )
    except OSError:
        return []  # there is no such folder, or it is none of ours to read
    before = [file for file in files if file < twin]
    return [*(f for f in files if f == twin), *reversed(before), *(f for f in files if f > twin)]


def payloads_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects in `path`; what can't be read is passed over: it is told where `path` is read."""
    faults = ChunkBuilder(str(path), pa.schema([]))
    name = path.name.lower()
    if name.endswith(".parquet"):
        for rows, _, _ in read_parquet(path, faults):
            yield from rows
    elif ".csv" in name:
        for _, rows, _ in read_csv(path, faults):
            yield from rows
    else:
        for records in read_objects(path):
            for raw in records.raw:
                try:
                    yield decode_object(raw)[0]
                except Refused:
                    continue
