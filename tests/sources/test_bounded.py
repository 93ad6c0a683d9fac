"""Memory stays bounded whatever a file holds, and the rows beside the bad part are read."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from stillwatch.sources import read_exchanges, recognise
from tests.sources.house_styles import STYLES, exchanges
from tests.sources.logs import make_exchanges, to_lines
from tests.sources.reading import gather

MIB = 1 << 20
SIZE = 64 * MIB
ROOM = 250 * MIB
"""How much more a process may take for `SIZE` of anything than for ten rows."""

READ = """
import sys
from pathlib import Path
from stillwatch.sources import read_exchanges
kept, reasons = 0, set()
for chunk in read_exchanges(Path(sys.argv[1])):
    kept += chunk.kept.num_rows
    reasons |= set(chunk.quarantined["reason"].to_pylist())
peak = next(l for l in open("/proc/self/status") if l.startswith("VmHWM:"))
print(kept, int(peak.split()[1]) * 1024, *sorted(reasons))
"""


def measure(path: Path) -> tuple[int, int, set[str]]:
    """Rows kept, peak bytes and reasons, of a process of its own."""
    command = [sys.executable, "-c", READ, str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(out[0]), int(out[1]), set(out[2:])


def pieces(kind: str) -> Iterator[bytes]:
    """`SIZE` bytes of something that nobody should log, a megabyte at a time."""
    if kind == "one line":
        yield b'{"prompt": "'
        for _ in range(SIZE // MIB):
            yield b"x" * MIB
        yield b'"}\n'
    elif kind == "one object over lines":
        yield b'[\n{\n"prompt": ["'
        for _ in range(SIZE // MIB):
            yield b"x\n" * (MIB // 2)
        yield b'"]}]\n'
    else:
        unit = {"zeros": b"\x00", "blank": b" \n", "objects": b"{}\n", "quotes": b'"'}[kind]
        for _ in range(SIZE // MIB if kind != "objects" else 4):
            yield unit * (MIB // len(unit))
        yield b"\n"


@pytest.mark.parametrize(
    ("kind", "packing"),
    [
        ("one line", "plain"),
        ("one line", "gzip"),
        ("one object over lines", "zstd"),
        ("zeros", "gzip"),
        ("blank", "zstd"),
        ("objects", "plain"),
        ("quotes", "zstd"),
    ],
)
def test_a_bomb(kind: str, packing: str, tmp_path: Path) -> None:
    """Lines and objects of 64 MiB, plain or packed by hundreds to one: told, let go."""
    path = tmp_path / "a.jsonl"
    sound = to_lines(make_exchanges(10))
    _, usual, _ = measure(_write(path, [sound], "plain"))
    before = [] if kind == "one object over lines" else [sound]
    _write(path, [*before, *pieces(kind)], packing)
    kept, peak, reasons = measure(path)
    assert kept == len(before) * 10
    assert peak - usual < ROOM
    assert bool(reasons) == (kind != "blank")
    assert not reasons & {"failed"}


def _write(path: Path, data: list[bytes], packing: str) -> Path:
    makers = {"plain": open, "gzip": gzip.open, "zstd": zstandard.open}
    with makers[packing](path, "wb") as out:
        for piece in data:
            out.write(piece)
    return path


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    """In CSV it could swallow the rest of the file: it costs at most a record's length."""
    path = tmp_path / "a.csv"
    header = "exchange_id,ts,account_id,model,prompt\n"
    row = "e{},1793527200,a,m,{}\n"
    with path.open("w") as out:
        out.write(header + row.format(0, "fine") + row.format(1, '"open'))
        for number in range(2, 60):
            out.write(row.format(number, "x" * MIB))
    got = gather(read_exchanges(path))
    assert "too_long" in got.reasons
    assert got.kept["exchange_id"].to_pylist()[0] == "e0"
    assert got.kept.num_rows > 20


@pytest.mark.parametrize("name", STYLES)
def test_a_log_of_ones_own_is_nobodys(name: str, tmp_path: Path) -> None:
    """No format claims a log that only shares a name or two with it."""
    write, _ = STYLES[name]
    found = recognise(write(exchanges(5, seed=1), tmp_path / "a.json"))
    assert found is not None
    assert not found.told
