"""Which files hold the other part of a file's records."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.sources.counterparts import MAX_FILES, files_beside

SPANS, LOGS = ("traces", "spans"), ("logs",)


def touch(folder: Path, *names: str) -> None:
    """Empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("traces.jsonl", ["logs.jsonl"]),
        ("a/spans-2.jsonl", ["a/logs-2.jsonl", "a/logs-1.jsonl", "a/logs-3.jsonl"]),
        ("traces/b.jsonl", ["logs/a.jsonl", "logs/c.jsonl"]),
        ("otel.jsonl", []),
        ("contraces.jsonl", []),
    ],
)
def test_by_a_word_of_the_name_or_the_folder(tmp_path: Path, path: str, found: list[str]) -> None:
    """The same name first, then what is nearest; other kinds and other suffixes never."""
    touch(tmp_path, path, "logs.jsonl", "logs.json", "other.jsonl", "logs/a.jsonl", "logs/c.jsonl")
    touch(tmp_path, "a/logs-1.jsonl", "a/logs-2.jsonl", "a/logs-3.jsonl", "a/blogs-2.jsonl")
    told = files_beside(tmp_path / path, SPANS, LOGS)
    assert [str(file.relative_to(tmp_path)) for file in told] == found


def test_no_more_than_a_few(tmp_path: Path) -> None:
    """A year of hourly files isn't read for each of them."""
    touch(tmp_path, *(f"logs-{n:03}.jsonl" for n in range(50)), "traces-025.jsonl")
    told = files_beside(tmp_path / "traces-025.jsonl", SPANS, LOGS)
    assert [file.name for file in told] == [f"logs-{25 - n:03}.jsonl" for n in range(MAX_FILES)]


def test_a_path_that_is_none() -> None:
    """As where records come without a file."""
    assert files_beside(Path(), SPANS, LOGS) == []
    assert files_beside(Path("traces.jsonl"), SPANS, ("nowhere",)) == []
