"""Whatever is done to an exported ledger is found, and located."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from stillwatch.cases import State, Store, change_state, comment, export_ledger, get_case, verify
from stillwatch.cases.canonical import canonical, hash_entry
from stillwatch.errors import InputNotFound

CHANGES = 1000


@pytest.fixture
def export(store: Store, tmp_path: Path) -> Path:
    """A ledger of some length, with unusual text in it."""
    case = get_case(store, 1)
    case = change_state(store, case.seen, State.IN_REVIEW, "ana", "mine")
    for word in ("plain", "x\x1b[2Jé\u202e", '"quotes" \\ and\nlines', "😀" * 30):
        case = comment(store, case.seen, word, "béla")
    export_ledger(store, tmp_path / "ledger.jsonl")
    return tmp_path / "ledger.jsonl"


def test_a_thousand_single_bytes(export: Path) -> None:
    """Each is one problem (two where a line was cut in two), at the line of the byte."""
    whole = export.read_bytes()
    assert verify(export).problems == []
    rng = random.Random(7)
    fields: set[str | None] = set()
    for _ in range(CHANGES):
        at = rng.randrange(len(whole))
        byte = rng.choice([value for value in range(256) if value != whole[at]])
        export.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
        problems = verify(export).problems
        line = whole[:at].count(b"\n") + 1
        lines = [problem.line for problem in problems]
        assert lines in ([line], [line, line + 1]), (at, byte, problems)
        assert len(lines) == 1 or byte == 10
        fields.update(problem.field for problem in problems)
    assert {"hash", "prev", "seq", "head"} <= fields


def test_every_byte_of_a_line_by_a_digit_a_letter_and_a_space(export: Path) -> None:
    """No place in a line is overlooked, whatever JSON would forgive there."""
    whole = export.read_bytes()
    start = whole.index(b"\n") + 1
    end = whole.index(b"\n", start) + 1
    for at in range(start, end):
        for byte in b"1a ":
            if byte != whole[at]:
                export.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
                assert [problem.line for problem in verify(export).problems] == [2]


@pytest.mark.parametrize("at", range(9))
def test_a_line_removed_or_repeated(export: Path, at: int) -> None:
    """Each is found at the line where it shows."""
    lines = export.read_bytes().splitlines(keepends=True)
    assert len(lines) == 9
    export.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    assert verify(export).problems[0].line == at + 1
    export.write_bytes(b"".join([*lines[: at + 1], *lines[at:]]))
    assert verify(export).problems[0].line == at + 2


def test_two_lines_swapped(export: Path) -> None:
    """Found at the first of them."""
    lines = export.read_bytes().splitlines(keepends=True)
    lines[3], lines[4] = lines[4], lines[3]
    export.write_bytes(b"".join(lines))
    assert [problem.line for problem in verify(export).problems] == [4, 5]


def test_truncation(export: Path) -> None:
    """At a line's end, inside a line, and to nothing."""
    whole = export.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(0, len(whole), 97):
        export.write_bytes(whole[:length])
        (problem,) = verify(export).problems
        assert problem.line == whole[:length].count(b"\n") + 1
    export.write_bytes(b"".join(lines[:-1]))
    assert verify(export).problems[0].line == len(lines)


def test_truncation_with_a_forged_end(export: Path) -> None:
    """Only the head that was told by another way shows it."""
    lines = export.read_bytes().splitlines(keepends=True)
    head = json.loads(lines[-1])["head"]
    shorter = json.loads(lines[-3])["hash"]
    last = canonical({"entries": 7, "format": "stillwatch-ledger-1", "head": shorter}) + "\n"
    export.write_bytes(b"".join(lines[:-2]) + last.encode())
    assert verify(export).problems == []
    (problem,) = verify(export, head).problems
    assert problem.field == "head"


def test_an_entry_written_anew(export: Path) -> None:
    """With a fitting hash, it is the next line that doesn't follow."""
    lines = export.read_bytes().splitlines(keepends=True)
    fields = {**json.loads(lines[4]), "actor": "mallory"}
    fields["hash"] = hash_entry(fields)
    lines[4] = canonical(fields).encode() + b"\n"
    export.write_bytes(b"".join(lines))
    (problem,) = verify(export).problems
    assert (problem.line, problem.field) == (6, "prev")


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"[]\n", b"[" * 100_000 + b"\n", b"1e999\n", b'{"a":NaN}\n', b"\xff\x00\n"]
)
def test_what_is_no_ledger(tmp_path: Path, line: bytes) -> None:
    """A problem at line 1, and no traceback."""
    (tmp_path / "x").write_bytes(line)
    assert verify(tmp_path / "x").problems[0].line == 1


def test_no_file(tmp_path: Path) -> None:
    """Said as every missing path is."""
    with pytest.raises(InputNotFound):
        verify(tmp_path / "nothing")
