"""A file in sections reads as the whole of it does: the same rows, reasons and lines."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from stillwatch.sources import REGISTRY, Format, line_numbers, read_exchanges, sections_of
from stillwatch.sources.line_numbers import lines_before
from stillwatch.sources.streams import pieces
from stillwatch.tables import Chunk, Section
from tests.sources.fuzz import mutations, records_of
from tests.sources.logs import make_exchanges, to_lines, write_log
from tests.sources.reading import Reading, gather

BY_LINE = [format for format in REGISTRY if format.columns and not format.joins]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections of a kilobyte, if lines are as short."""
    monkeypatch.setattr("stillwatch.sources.sections.SECTION_BYTES", 1000)


def test_lines_are_counted_once_a_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many chunks have something to tell."""
    asked: list[Section] = []

    def noted(section: Section) -> int:
        asked.append(section)
        return lines_before(section)

    monkeypatch.setattr("stillwatch.sources.read.lines_before", noted)
    monkeypatch.setattr("stillwatch.sources.records.pieces", partial(pieces, piece_bytes=5000))
    monkeypatch.setattr("stillwatch.sources.sections.SECTION_BYTES", 20_000)
    path = tmp_path / "a.jsonl"
    lines = to_lines(make_exchanges(300)).splitlines(keepends=True)
    path.write_bytes(b"".join(line + b'{"id": 1}\n' for line in lines))
    sections = sections_of(path)
    for section in sections:
        chunks = list(read_exchanges(path, begin=section.begin, end=section.end))
        telling = sum(chunk.quarantined.num_rows > 0 for chunk in chunks)
        assert section is sections[-1] or telling > 2
    assert asked == [Section(path, section.begin, section.end) for section in sections]


def test_packed_files_have_no_parts(tmp_path: Path) -> None:
    """Who asks for one is told, and not given something else."""
    path = write_log(make_exchanges(9), tmp_path / "a.jsonl.gz")
    with pytest.raises(ValueError, match="is packed"):
        list(read_exchanges(path, begin=5))


def in_sections(path: Path, format: Format, order: random.Random | None = None) -> Reading:
    """What the sections of `path` read as, in whatever order they are read."""
    sections = sections_of(path, format=format)
    assert len(sections) > 5
    read: dict[Section, list[Chunk]] = {}
    for section in order.sample(sections, len(sections)) if order else sections:
        bounds = {"begin": section.begin, "end": section.end}
        read[section] = list(read_exchanges(path, format=format, **bounds))
        size = sum(chunk.size for chunk in read[section])
        assert size == (section.end or path.stat().st_size) - section.begin
    return gather(chunk for section in sections for chunk in read[section])


def same(path: Path, format: Format, order: random.Random | None = None) -> Reading:
    """What the sections of `path` read as, which is what all of it reads as."""
    whole, apart = gather(read_exchanges(path, format=format)), in_sections(path, format, order)
    assert apart.kept.equals(whole.kept)
    assert Counter(map(str, apart.quarantined.to_pylist())) == Counter(
        map(str, whole.quarantined.to_pylist())
    )
    assert apart.repaired == whole.repaired
    return apart


@pytest.mark.parametrize("format", BY_LINE, ids=lambda format: format.name)
def test_records_of_every_format(tmp_path: Path, format: Format) -> None:
    """Sound ones, and hostile ones among them."""
    path = tmp_path / "a.jsonl"
    sound = [json.dumps(record).encode() for record in records_of(format, 200, 7)]
    hostile = mutations(format, 7)
    rng = random.Random(7)
    lines = [next(hostile) if rng.random() < 0.2 else line for line in sound]
    path.write_bytes(b"\n".join([*sound[:3], *lines]))
    got = same(path, format, rng)
    assert got.read >= 150
    assert got.kept.num_rows >= 100


@pytest.mark.parametrize("seed", range(8))
def test_odd_lines(tmp_path: Path, seed: int) -> None:
    """Blank, broken and long ones, with other line breaks, and a last one that has none."""
    rng = random.Random(seed)
    path = tmp_path / "a.jsonl"
    lines = to_lines(make_exchanges(300, seed)).splitlines(keepends=True)
    odd = [b"\n", b"\r\n", b" \n", b'{"broken\n', b"x" * 2500 + b"\n", b"[]\n", b"\xff\n", b"{}\n"]
    text = b"".join(rng.choice(odd) if rng.random() < 0.3 else line for line in lines)
    path.write_bytes(
        lines[0] + (text if seed % 2 else text[: rng.randrange(len(text) // 2, len(text))])
    )
    same(path, REGISTRY[0], rng)


def test_lines_that_are_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is longer than sections belongs to that which it begins in."""
    for reads in "read_blocks", "split_block":
        monkeypatch.setattr(f"stillwatch.sources.records.{reads}.__defaults__", (1 << 20,))
    path = tmp_path / "a.jsonl"
    lines = to_lines(make_exchanges(60)).splitlines(keepends=True)
    lines[20:20] = [b'{"long": "' + b"x" * 5_000_000 + b'"}\n']
    path.write_bytes(b"".join(lines))
    assert same(path, REGISTRY[0]).quarantined["line"].to_pylist() == [21]


@pytest.mark.parametrize("ends", [b"", b"\n", b"\n\n"])
def test_sections_are_all_of_a_file(tmp_path: Path, ends: bytes) -> None:
    """One after the other, each of whole lines and of at least so many bytes, but for the last."""
    path = tmp_path / "a.jsonl"
    text = to_lines(make_exchanges(100)).rstrip(b"\n") + ends
    path.write_bytes(text)
    sections = sections_of(path)
    ended = [section.end for section in sections[:-1]]
    assert [section.begin for section in sections] == [0, *ended]
    assert sections[-1].end is None
    for section in sections[:-1]:
        held = text[section.begin : section.end]
        assert held.endswith(b"\n")
        assert len(held) >= 1000
        assert held.rfind(b"\n", 0, -1) < 1000
    path.write_bytes(text + b"\n" + text)
    assert sections_of(path)[: len(ended)] == sections[:-1]


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_no_section_of_nothing(tmp_path: Path, spare: int) -> None:
    """Where a line ends just where a section could, or the file does."""
    path = tmp_path / "a.jsonl"
    line = b'{"exchange_id": "a", "account_id": "b", "created_at": "'
    line += b"x" * (500 + spare - len(line) - 3) + b'"}\n'
    assert len(line) == 500 + spare
    path.write_bytes(line * 6)
    sections = sections_of(path)
    lines = [2, 2, 2] if spare >= 0 else [3, 3]
    ends = [section.end or len(line) * 6 for section in sections]
    held = [(end - section.begin) / len(line) for section, end in zip(sections, ends, strict=True)]
    assert held == lines


def test_what_is_read_as_a_whole(tmp_path: Path) -> None:
    """Packed files, tables, documents, nothing known, and formats that join records."""
    table = make_exchanges(200)
    lines = to_lines(table)
    objects = b"[" + b",\n".join(lines.splitlines()) + b"]"
    made = {
        "a.jsonl.gz": gzip.compress(lines, 0),
        "a.jsonl": objects,
        "a.csv": b"exchange_id,ts,account_id\n" + b"a,b,c\n" * 1000,
        "b.jsonl": b"[\n" + objects[1:],
        "nothing": b"no log\n" * 1000,
        "short.jsonl": lines[:1000],
    }
    for name, text in made.items():
        (tmp_path / name).write_bytes(text)
        assert sections_of(tmp_path / name) == [Section(tmp_path / name)], name
    parquet = write_log(table, tmp_path / "a.parquet")
    assert sections_of(parquet) == [Section(parquet)]
    for format in REGISTRY:
        if not format.columns:
            continue
        path = tmp_path / format.name
        path.write_text("\n".join(map(json.dumps, records_of(format, 60, 1))))
        for asked in ("auto", format.name):
            assert sections_of(path, format=asked)[0].whole == format.joins, (format.name, asked)


def test_lines_are_counted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the nearest place before, also where the file has grown; one written anew, anew."""
    counted: list[int] = []
    count = line_numbers.count_breaks

    def noted(data: bytes) -> int:
        counted.append(len(data))
        return count(data)

    monkeypatch.setattr(line_numbers, "count_breaks", noted)
    path = tmp_path / "a.jsonl"
    text = b"".join(b"x" * (n % 50) + b"\n" for n in range(5000))
    path.write_bytes(text)
    places = [0, 700, 20_000, 90_000, len(text)]
    for place in places:
        assert lines_before(Section(path, place)) == text.count(b"\n", 0, place)
    assert sum(counted) == len(text)
    for place in (20_000, 90_000, 700):
        assert lines_before(Section(path, place)) == text.count(b"\n", 0, place)
    path.write_bytes(text + text)
    grown = len(text) + 9
    assert lines_before(Section(path, grown)) == (text + text).count(b"\n", 0, grown)
    assert sum(counted) == grown
    assert lines_before(Section(path, 80_000)) == text.count(b"\n", 0, 80_000)
    assert sum(counted) == grown + 60_000
    path.write_bytes(text[::-1])
    assert lines_before(Section(path, 70_000)) == text[::-1].count(b"\n", 0, 70_000)
    path.unlink()
    assert lines_before(Section(path, 70_000)) == 0


def test_a_part_that_is_read_on(tmp_path: Path) -> None:
    """A section after its first rows, as a file."""
    path = write_log(make_exchanges(400), tmp_path / "a.jsonl")
    section = sections_of(path)[3]
    bounds = {"begin": section.begin, "end": section.end}
    chunks = list(read_exchanges(path, **bounds))
    whole = pa.Table.from_batches([chunk.kept for chunk in chunks])
    assert whole.num_rows
    assert gather(read_exchanges(path, chunks[0].read, **bounds)).read == sum(
        chunk.read for chunk in chunks[1:]
    )
