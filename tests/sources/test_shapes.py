"""Many records at once give what one by one gives: the same rows, and the same reasons."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

from stillwatch.sources import REGISTRY, Format, read_exchanges, shapes
from stillwatch.sources.formats import Around, Reader
from tests.sources.fuzz import mostly_sound, mutations, records_of
from tests.sources.reading import Reading, gather

SHAPED = [format for format in REGISTRY if format.reader(Around()).shape is not None]


class Shaped:
    """A format's reader with another shape."""

    def __init__(self, reader: Reader, shape: shapes.Shape | None) -> None:
        self.add, self.finish, self.shape = reader.add, reader.finish, shape


def general(format: Format) -> Format:
    """`format`, read the general way only."""
    return replace(format, reader=lambda around: Shaped(format.reader(around), None))


def both(path: Path, format: Format) -> tuple[Reading, Reading]:
    """What `path` reads as, many at once and one by one; rows that are joined have no order."""
    fast = gather(read_exchanges(path, format=replace(format, reader=watched(format)[0])))
    slow = gather(read_exchanges(path, format=general(format)))
    if format.joins:
        for reading in fast, slow:
            reading.kept = reading.kept.sort_by("exchange_id")
    return fast, slow


def watched(format: Format) -> tuple[Callable[[Around], Reader], list[int]]:
    """What makes its readers, and how many records each of their runs had.

    A shape that stumbles would only cost time: here it fails the test.
    """
    usual: list[int] = []

    def made(around: Around) -> Reader:
        reader = format.reader(around)
        assert reader.shape is not None
        shape = copy(reader.shape)
        columns, opened = shape.columns, shape.opened

        def told(records: list[Any]) -> list[Any]:
            try:
                return opened(records) if opened else records
            except Exception as fault:
                raise SystemExit(f"{format.name}: {fault!r}") from fault

        def counted(records: list[Any]) -> Any:
            try:
                found = columns(records)
            except shapes.Unusual:
                raise
            except Exception as fault:
                raise SystemExit(f"{format.name}: {fault!r}") from fault
            usual.append(len(records))
            return found

        shape.columns, shape.opened = counted, told
        return Shaped(reader, shape)

    return made, usual


def told(reading: Reading) -> list[tuple[Any, ...]]:
    """Lines, reasons and excerpts of what was quarantined, of one line in any order."""
    entries = [tuple(entry.values())[1:] for entry in reading.quarantined.to_pylist()]
    return sorted(entries, key=lambda entry: (entry[0], entry[1], entry[3] or ""))


@pytest.fixture
def _each_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "WORTHWHILE", 1)


@pytest.mark.usefixtures("_each_is_worthwhile")
@pytest.mark.parametrize("format", SHAPED, ids=lambda format: format.name)
def test_sound_records(format: Format, tmp_path: Path) -> None:
    """A log of sound records is read at once, to the same rows."""
    records = records_of(format, 300, 7)
    path = write(tmp_path, [json.dumps(record, default=str).encode() for record in records])
    fast, slow = both(path, format)
    assert fast.kept.equals(slow.kept)
    assert (told(fast), fast.repaired) == (told(slow), slow.repaired)
    assert usual_share(path, format) > 0.25


@pytest.mark.usefixtures("_each_is_worthwhile")
@pytest.mark.parametrize("format", SHAPED, ids=lambda format: format.name)
@pytest.mark.parametrize("seed", range(3))
def test_hostile_records(format: Format, seed: int, tmp_path: Path) -> None:
    """Whatever of hostile records is read at once comes out as it does one by one.

    But for what isn't looked at any more: bytes that are no text in fields that nobody uses count
    as mended one by one only, and a number there that no float can hold costs the row.
    """
    lines = list(islice(mutations(format, seed), 1000))
    fast, slow = both(write(tmp_path, lines), format)
    assert_same(fast, slow)


@pytest.mark.parametrize("format", SHAPED, ids=lambda format: format.name)
@pytest.mark.parametrize("seed", range(3))
def test_hostile_records_among_sound_ones(format: Format, seed: int, tmp_path: Path) -> None:
    """Records that are joined may each be of either kind, and runs have any length."""
    lines = list(mostly_sound(format, 200, seed))
    fast, slow = both(write(tmp_path, lines), format)
    assert_same(fast, slow)
    assert fast.kept.num_rows > 50


@pytest.mark.parametrize("format", REGISTRY, ids=lambda format: format.name)
def test_what_was_read_is_let_go(format: Format, tmp_path: Path) -> None:
    """A reader goes with its file, without a search for cycles: a folder may hold thousands."""
    readers: list[ref[Reader]] = []

    def made(around: Around) -> Reader:
        reader = format.reader(around)
        readers.append(ref(reader))
        return reader

    path = write(tmp_path, list(mostly_sound(format, 100, 1)))
    gc.disable()
    try:
        gather(read_exchanges(path, format=replace(format, reader=made)))
        assert [reader() for reader in readers] == [None]
    finally:
        gc.enable()


def assert_same(fast: Reading, slow: Reading) -> None:
    """Rows, quarantine and repairs are equal."""
    for one, other in zip(fast.rows, slow.rows, strict=False):
        assert one == other
    assert told(fast) == told(slow)
    assert fast.kept.equals(slow.kept)
    spared = slow.repaired.pop("utf8", 0) - fast.repaired.pop("utf8", 0)
    assert spared >= 0
    assert fast.repaired == slow.repaired


def write(folder: Path, lines: Sequence[bytes]) -> Path:
    """A log of `lines`."""
    path = folder / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def usual_share(path: Path, format: Format) -> float:
    """The share of the records of `path` that are read at once."""
    reader, usual = watched(format)
    gather(read_exchanges(path, format=replace(format, reader=reader)))
    return sum(usual) / path.read_bytes().count(b"\n")


TORN = (
    [b"{0}{1}", b"", b"{2}", b"{3}", b'{"exchange_id": "x"}'],
    [b"{0}", b'{"exchange_id": "x"}', b"{1}{2}", b"", b"{3}"],
    [b"{0}", b"{1}{2}", b'{"exchange_id": 5}', b"", b"{3}"],
    [b"{0}", b"{1}{2}", b'{"exchange_id": "x"', b"", b"{3}"],
    [b'{"exchange_id": "x"}{0}', b"", b"{1}"],
)
"""Lines of two records beside blank ones, as two writers leave them: as many records as lines."""


@pytest.mark.parametrize("torn", TORN)
@pytest.mark.parametrize("format", SHAPED, ids=lambda format: format.name)
def test_torn_lines(tmp_path: Path, format: Format, torn: list[bytes]) -> None:
    """What stands on lines of its own is kept, whatever else; nothing is told of another's text."""
    sound = [json.dumps(record).encode() for record in records_of(format, 400, 3)]
    lines = [re.sub(rb"\{(\d)\}", lambda found: sound[int(found[1])], line) for line in torn]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([*sound[10:], *lines, b""]))
    got = gather(read_exchanges(path, format=format))
    whole = tmp_path / "b.jsonl"
    whole.write_bytes(b"\n".join([*sound[10:], *(line for line in lines if line in sound), b""]))
    alone = set(gather(read_exchanges(whole, format=format)).kept["exchange_id"].to_pylist())
    assert alone <= set(got.kept["exchange_id"].to_pylist())
    starts = [line[:150].decode() for line in lines if line not in sound]
    for entry in got.quarantined.to_pylist():
        if entry["excerpt"] is not None and not format.joins:
            assert any(entry["excerpt"].startswith(start[:100]) for start in starts)
