"""Files that are absorbed in sections: the same rows, whoever reads which, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

import stillwatch as sw
from stillwatch.errors import InputNotFound
from stillwatch.lake import IngestReport, Lake, load_manifest
from stillwatch.privacy import new_keys
from stillwatch.sources import format_named, read_exchanges, sections_of
from stillwatch.tables import Chunk, Section
from tests.lake.absorbing import absorb, rows_of
from tests.lake.test_reader_process import as_it_is, helped
from tests.sources.fuzz import records_of
from tests.sources.logs import make_exchanges, to_lines, write_log

__all__ = ["helped"]

NATIVE = format_named("native")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections of some ten exchanges, and a task each."""
    monkeypatch.setattr("stillwatch.sources.sections.SECTION_BYTES", 20_000)
    monkeypatch.setattr("stillwatch.lake.ingest.MIN_TASK_BYTES", 1)


def in_sections(lake: Lake, *paths: Path, threads: int = 1, manner: str = "") -> IngestReport:
    """Ingest `paths`, as `stillwatch ingest` does."""
    return lake.ingest(
        paths, read_exchanges, threads=threads, manner=manner, sections_of=sections_of
    )


def new_lake(path: Path) -> Lake:
    """An empty one."""
    return Lake.create_or_open(path, durable=False)


def make_log(path: Path, n: int = 1000, seed: int = 0) -> Path:
    """So many exchanges, with copies and a damaged line after each hundred."""
    log = make_exchanges(n, seed)
    with path.open("wb") as out:
        for at in range(0, n, 100):
            out.write(to_lines(pa.concat_tables([log.slice(at, 100), log.slice(at, 5)])))
            out.write(b'{"broken\n')
    return path


def of_one_copy(lake: Lake) -> list[str]:
    """Ids in the lake's order, without those that `make_log` copies: who comes first is kept."""
    ids = [row["exchange_id"] for rows in lake.scan(["exchange_id"]) for row in rows.to_pylist()]
    return [name for name in ids if int(name[-2:]) >= 5]


def slowly(path: Path, start: int, **section: int) -> Iterator[Chunk]:
    """As `read_exchanges`, slow enough for all readers to get some."""
    time.sleep(0.2)
    return read_exchanges(path, start, **section)


def test_the_lake_is_the_same(tmp_path: Path, helped: list[Path]) -> None:
    """As by reading the file whole: rows, their order, quarantine with lines, and counts."""
    path = make_log(tmp_path / "a.jsonl")
    whole = new_lake(tmp_path / "whole")
    absorb(whole, path)
    alone = new_lake(tmp_path / "alone")
    report = in_sections(alone, path)
    assert (report.files, report.skipped, report.kept, report.duplicates) == (1, 0, 1000, 50)
    assert report.bytes == path.stat().st_size
    assert len(load_manifest(tmp_path / "alone").segments) > 5
    assert as_it_is(alone)[1:] == as_it_is(whole)[1:]
    assert rows_of(alone).equals(rows_of(whole))
    assert not helped
    lake = new_lake(tmp_path / "helped")
    lake.ingest([path], slowly, threads=3, sections_of=sections_of)
    assert helped
    assert as_it_is(lake)[1:] == as_it_is(alone)[1:]
    assert rows_of(lake).equals(rows_of(alone))
    assert of_one_copy(lake) == of_one_copy(alone)
    assert in_sections(lake, path).skipped == 1
    assert lake.counts()["files"] == 1


def test_a_file_that_has_grown(tmp_path: Path) -> None:
    """Only its end is read again; a file counts as skipped where there is nothing new in it."""
    grown = make_log(tmp_path / "a.jsonl", 2000)
    lines = grown.read_bytes().splitlines(keepends=True)
    grown.write_bytes(b"".join(lines[:1500]))
    other = make_log(tmp_path / "b.jsonl", 300, seed=1)
    lake = new_lake(tmp_path / "lake")
    had = in_sections(lake, grown).read
    grown.write_bytes(b"".join(lines))
    report = in_sections(lake, grown, other)
    assert (report.files, report.skipped) == (2, 0)
    assert report.read - 318 < 2120 - had + 60
    assert rows_of(lake).num_rows == 2000
    assert in_sections(lake, grown, other).skipped == 2
    assert lake.counts()["files"] == 2
    counts = lake.counts()
    assert counts["read"] == counts["kept"] + sum(counts["quarantined"].values())


def test_sections_of_the_same_lines(tmp_path: Path) -> None:
    """Each counts: a log may hold nothing but one line over and over."""
    path = tmp_path / "a.jsonl"
    line = to_lines(make_exchanges(1))
    path.write_bytes((b"[]" + b" " * 97 + b"\n") * 2000 + line)
    lake = new_lake(tmp_path / "lake")
    whole = new_lake(tmp_path / "whole")
    absorb(whole, path)
    in_sections(lake, path, threads=2)
    assert lake.counts() == whole.counts()
    assert in_sections(lake, path).skipped == 1
    assert in_sections(lake, path, manner="other").skipped == 0


def test_a_file_that_is_in_as_a_whole(tmp_path: Path) -> None:
    """By an ingest that knew of no sections: it is known, and goes on where that stopped."""
    path = make_log(tmp_path / "a.jsonl")
    lake = new_lake(tmp_path / "lake")
    absorb(lake, path)
    before = lake.counts()
    assert in_sections(lake, path).skipped == 1
    assert lake.counts() == before


def test_what_a_file_begins_with(tmp_path: Path) -> None:
    """In another format, its sections are others: nothing that was refused stays out."""
    lines = [msgspec.json.encode(record) + b"\n" for record in records_of(NATIVE, 200, 1)]
    foreign = msgspec.json.encode(records_of(format_named("litellm"), 1, 1)[0])
    path = tmp_path / "a.jsonl"
    path.write_bytes(foreign + b"\n" + b"".join(lines))
    lake = new_lake(tmp_path / "lake")
    first = in_sections(lake, path)
    assert sum(first.quarantined.values()) >= 200
    path.write_bytes(b" " * len(foreign) + b"\n" + b"".join(lines))
    in_sections(lake, path)
    assert lake.rows == 200


@pytest.mark.parametrize("threads", [1, 4])
def test_files_of_the_same_content(tmp_path: Path, threads: int) -> None:
    """One of two is skipped, whoever was first; so is a path that is named twice."""
    one = make_log(tmp_path / "a.jsonl")
    other = tmp_path / "b.jsonl"
    other.write_bytes(one.read_bytes())
    lake = new_lake(tmp_path / "lake")
    report = in_sections(lake, one, other, other, threads=threads)
    assert (report.files, report.skipped, report.kept) == (3, 2, 1000)
    assert in_sections(lake, one, one, threads=threads).skipped == 2


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("put", [b"", b"x" * 5_000_000])
def test_a_file_that_is_replaced_meanwhile(tmp_path: Path, put: bytes, copied: bool) -> None:
    """Moved away, or copied and rewritten in its place: told, and what it was can be read on."""
    path = make_log(tmp_path / "a.jsonl")
    size = path.stat().st_size
    lake = new_lake(tmp_path / "lake")

    def rotating(path: Path, start: int, **section: Any) -> Iterator[Chunk]:
        yield from read_exchanges(path, start, **section)
        if section["begin"] > size // 2:
            away = tmp_path / "a.jsonl.1"
            away.write_bytes(path.read_bytes()) if copied else path.rename(away)
            path.write_bytes(put)

    with pytest.raises(InputNotFound, match=r"a\.jsonl: was replaced or cut short"):
        lake.ingest([path], rotating, sections_of=sections_of)
    assert 0 < lake.rows < 1000
    in_sections(lake, tmp_path / "a.jsonl.1")
    assert lake.rows == 1000
    assert lake.counts()["quarantined"] == {"not_json": 10, "duplicate": 50}


def test_a_file_that_goes_before_it_is_cut(tmp_path: Path) -> None:
    """The fault is the file's and not the lake's."""
    path = make_log(tmp_path / "a.jsonl")

    def gone(path: Path) -> list[Section]:
        path.unlink()
        return sections_of(path)

    with pytest.raises(InputNotFound, match=r"a\.jsonl: can't be read"):
        new_lake(tmp_path / "lake").ingest([path], read_exchanges, sections_of=gone)


def test_the_ways_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the pipeline: with names, with a mapping, and in a format that is asked for."""
    path = make_log(tmp_path / "a.jsonl")
    renamed = tmp_path / "mapped.jsonl"
    renamed.write_bytes(path.read_bytes().replace(b'"exchange_id"', b'"number"'))
    mapping = tmp_path / "mapping.toml"
    columns = {name: name for name in ("ts", "account_id", "model", "prompt")}
    columns["exchange_id"] = "number"
    lines = [f'{name} = "{at}"' for name, at in columns.items()]
    mapping.write_text("\n".join(["[columns]", *lines]))
    new_keys(tmp_path / "keys.json", tmp_path / "owner.json")
    ways: dict[str, tuple[Path, dict[str, Any]]] = {
        "plain": (path, {}),
        "names": (path, {"pseudonyms": tmp_path / "keys.json"}),
        "asked": (path, {"format": "contract"}),
        "mapped": (renamed, {"mapping": mapping}),
    }
    for name, (log, asked) in ways.items():
        report = sw.ingest([log], lake=tmp_path / name, **asked)
        assert len(load_manifest(tmp_path / name).absorbed) > 5, name
        assert report.bytes == log.stat().st_size
        assert sw.ingest([log], lake=tmp_path / name, **asked).skipped == 1
        with monkeypatch.context() as whole:
            whole.setattr("stillwatch.sources.sections.SECTION_BYTES", 1 << 40)
            assert sw.ingest([log], lake=tmp_path / f"{name}-whole", **asked) == report
        told, wanted = (
            Lake.open(tmp_path / made).quarantine()["line"].to_pylist()
            for made in (name, f"{name}-whole")
        )
        assert sorted(told) == sorted(wanted), name
        assert {106 * n for n in range(1, 11)} <= set(told), name


class Stopped(Exception):
    """An ingest that is stopped."""


@pytest.mark.parametrize("after", [0, 1, 5])
def test_one_that_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """In one of its sections: what is committed is read no second time."""
    monkeypatch.setattr("stillwatch.lake.segment.SEGMENT_ROWS", 5)
    monkeypatch.setattr("stillwatch.sources.builder.MAX_ROWS", 5)
    path = make_log(tmp_path / "a.jsonl")
    whole = new_lake(tmp_path / "whole")
    in_sections(whole, path)
    lake = new_lake(tmp_path / "lake")
    begun: list[int] = []

    def stopping(path: Path, start: int, begin: int, end: int | None) -> Iterator[Chunk]:
        begun.append(begin)
        for chunk in read_exchanges(path, start, begin=begin, end=end):
            yield chunk
            if len(begun) > after:
                raise Stopped

    with pytest.raises(Stopped):
        lake.ingest([path], stopping, sections_of=sections_of)
    assert len(begun) == after + 1
    in_sections(lake, path, threads=2)
    assert lake.counts() == whole.counts()
    assert rows_of(lake).equals(rows_of(whole))


def test_short_files_have_one(tmp_path: Path) -> None:
    """Which is asked for as files always were."""
    path = write_log(make_exchanges(5), tmp_path / "a.jsonl")
    lake = new_lake(tmp_path / "lake")
    asked: list[Any] = []

    def noted(*given: Any) -> Iterator[Chunk]:
        asked.append(given)
        return read_exchanges(*given)

    lake.ingest([path], noted, sections_of=sections_of)
    assert lake.rows == 5
    assert asked == [(path, 0)]
