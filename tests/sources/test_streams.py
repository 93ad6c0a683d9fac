"""Files as streams of bytes."""

from __future__ import annotations

import gc
import gzip
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import zstandard

from stillwatch.sources import reasons, records
from stillwatch.sources.records import read_blocks
from stillwatch.sources.streams import STEP_BYTES, Piece, pieces

TEXT = np.random.default_rng(5).integers(97, 123, 3_000_000, np.uint8).tobytes()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_pieces_are_what_was_written(tmp_path: Path, pack) -> None:
    """However it was packed, with sizes that add up to the file's."""
    path = tmp_path / "a"
    path.write_bytes(pack(TEXT))
    made = list(pieces(path, 700_000))
    assert b"".join(piece.data for piece in made) == TEXT
    assert sum(piece.size for piece in made) == path.stat().st_size
    assert {len(piece.data) for piece in made[:-1]} == {700_000}


@pytest.mark.parametrize("whole", [0.2, 0.9])
def test_what_comes_before_a_break_is_kept(tmp_path: Path, whole: float) -> None:
    """But for the last step of unpacking; and the break is told."""
    packed = gzip.compress(TEXT)
    path = tmp_path / "a.gz"
    path.write_bytes(packed[: int(whole * len(packed))])
    *made, last = pieces(path, 1 << 30)
    assert last.fault == reasons.TRUNCATED
    got = b"".join(piece.data for piece in made)
    assert TEXT.startswith(got)
    assert len(got) > whole * len(TEXT) - 2 * STEP_BYTES


def test_a_stream_that_breaks_off_is_let_go(tmp_path: Path) -> None:
    """Without a search for cycles: a folder may hold a thousand such."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT)[:-1000])
    gc.collect()
    gc.disable()
    try:
        assert list(pieces(path))[-1].fault == reasons.TRUNCATED
        assert not gc.collect()
    finally:
        gc.enable()


def test_a_file_that_cant_be_read_on_tells_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that it got to, by its start."""
    made = [Piece(b"a\nbc", 2, None, 2), Piece(b"", 0, reasons.UNREADABLE_FILE)]
    monkeypatch.setattr(records, "pieces", lambda path, **_: iter(made))
    *_, last = read_blocks(Path("a"))
    assert last.faults == [records.Fault(2, reasons.UNREADABLE_FILE, b"bc")]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 5000])
@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_lines_are_counted(tmp_path: Path, size: int, share: float) -> None:
    """Of any length, and as many as letters; each block says where it begins."""
    rng = random.Random(size)
    text = "".join("\n" if rng.random() < share else "\u010a" for _ in range(size)).encode()
    (tmp_path / "a").write_bytes(text)
    blocks = list(read_blocks(tmp_path / "a"))
    ended = text.rfind(b"\n") + 1
    assert sum(block.lines for block in blocks) == text.count(b"\n") + (ended < len(text))
    line = 1
    for block in blocks:
        assert block.line == line
        line += bytes(block.data).count(b"\n")


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
@pytest.mark.parametrize("seed", range(20))
def test_blocks_are_whole_lines_of_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack, seed: int
) -> None:
    """Wherever pieces end: in a line, at its break, or in one that goes on over several pieces."""
    rng = random.Random(seed)
    text = "\n".join("x" * rng.choice((0, 1, 5, 39, 40, 41, 150)) for _ in range(60)).encode()
    (tmp_path / "a").write_bytes(pack(text))
    monkeypatch.setattr(records, "pieces", partial(pieces, piece_bytes=40))
    blocks = list(read_blocks(tmp_path / "a"))
    assert b"".join(block.data for block in blocks) == text
    assert sum(block.size for block in blocks) == (tmp_path / "a").stat().st_size
    assert all(bytes(block.data).endswith(b"\n") for block in blocks[:-1])
    assert [block.line for block in blocks] == [
        1 + text[: sum(len(block.data) for block in blocks[:i])].count(b"\n")
        for i in range(len(blocks))
    ]
