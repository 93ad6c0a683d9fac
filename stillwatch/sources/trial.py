"""What a mapping makes of a sample, fit to be shown: texts by their length, ids by their start."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from stillwatch.errors import InputNotFound
from stillwatch.sources.mapping import Mapping
from stillwatch.sources.recognise import read_exchanges

MAX_ROWS = 10_000

_WHOLE = {"ts", "model", "surface", "stop_reason", "country", "thinking", "temperature"}
_TEXTS = {"system", "prompt", "response"}


def try_mapping(mapping: Mapping, sample: Path, rows: int) -> dict[str, Any]:
    """Counts over the first `MAX_ROWS` records of `sample`, and its first `rows` rows, redacted.

    Raises `InputNotFound` where `sample` is no file.
    """
    if not sample.is_file():
        raise InputNotFound(sample, "is no file", "Name one file of the log")
    quarantined: Counter[str] = Counter()
    repaired: Counter[str] = Counter()
    filled: set[str] = set()
    shown: list[dict[str, Any]] = []
    read = kept = 0
    for chunk in read_exchanges(sample, format=mapping.format()):
        read += chunk.read
        kept += chunk.kept.num_rows
        repaired.update(chunk.repaired)
        for entry in chunk.quarantined.select(["reason", "rows"]).to_pylist():
            quarantined[entry["reason"]] += entry["rows"]
        columns = zip(chunk.kept.schema.names, chunk.kept.columns, strict=True)
        filled |= {name for name, held in columns if held.null_count < len(held)}
        shown += chunk.kept.slice(0, rows - len(shown)).to_pylist()
        if read >= MAX_ROWS:
            break
    return {
        "read": read,
        "kept": kept,
        "quarantined": dict(quarantined.most_common()),
        "repaired": dict(repaired.most_common()),
        "empty": sorted(mapping.filled - filled),
        "rows": [{k: _redacted(k, v) for k, v in row.items() if v is not None} for row in shown],
    }


def _redacted(name: str, value: Any) -> Any:
    if name in _WHOLE or isinstance(value, int | float | bool):
        return str(value)
    if name in _TEXTS:
        return f"{len(value)} characters, {len(value.split())} words"
    if isinstance(value, list):
        return f"{len(value)} of them"
    return f"{value[:4]}… ({len(value)} characters)"
