"""Thousands of damaged inputs: nothing crashes, and every row read is kept or has its reason."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.sources import read_exchanges
from stillwatch.tables import EXCHANGES
from tests.sources.logs import make_exchanges, to_lines
from tests.sources.reading import gather


def damage(data: bytes, rng: random.Random) -> bytes:
    """One of: some bits flipped, an end cut off, bytes spliced in, taken out, or swapped about."""
    out = bytearray(data)
    kind = rng.randrange(5)
    at = rng.randrange(len(out))
    if kind == 0:
        for _ in range(rng.randint(1, 8)):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del out[at:]
    elif kind == 2:
        out[at:at] = rng.randbytes(rng.randint(1, 40))
    elif kind == 3:
        del out[at : at + rng.randint(1, 40)]
    else:
        to = rng.randrange(len(out))
        out[at : at + 8], out[to : to + 8] = out[to : to + 8], out[at : at + 8]
    return bytes(out)


def swap_types(line: bytes, rng: random.Random) -> bytes:
    """Values exchanged for values of other types."""
    for _ in range(rng.randint(1, 3)):
        part = rng.choice(
            [b'"', b"null", b"true", b"0", b"[]", b"{}", b"1e999", b'"\\ud800"', b"-"]
        )
        spots = [i for i, c in enumerate(line) if c == 0x3A]
        if spots:
            at = rng.choice(spots) + 1
            end = line.find(b",", at)
            line = line[:at] + part + (line[end:] if end > 0 else b"")
    return line


def test_ten_thousand_damaged_lines(tmp_path: Path) -> None:
    """Each line is kept or quarantined, once, with a reason; undamaged ones are all kept."""
    rng = random.Random(7)
    log = make_exchanges(12_000)
    lines = to_lines(log).splitlines()
    sound = set()
    for place in range(len(lines)):
        if place < 10_000:
            hurt = swap_types if rng.random() < 0.3 else damage
            lines[place] = hurt(lines[place], rng).replace(b"\n", b" ")
        else:
            sound.add(f"ex-{place:09d}")
    rng.shuffle(lines)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    got = gather(read_exchanges(path))
    assert got.read == sum(1 for line in lines if line.strip())
    assert sound <= set(got.kept["exchange_id"].to_pylist())
    assert sum(got.reasons.values()) > 2000
    known = {"not_json", "not_an_object"}
    for reason in got.reasons:
        head, _, column = reason.partition(":")
        assert reason in known or (
            head in ("missing", "bad_type", "bad_value") and column in EXCHANGES.names
        )


@pytest.mark.parametrize("seed", range(8))
def test_damaged_compressed_lines(tmp_path: Path, seed: int) -> None:
    """A damaged stream gives what came before the damage, and says what is wrong."""
    import gzip

    import zstandard

    rng = random.Random(seed)
    lines = to_lines(make_exchanges(1500, seed))
    for name, packed in (
        ("a.jsonl.gz", gzip.compress(lines)),
        ("b.jsonl.zst", zstandard.compress(lines)),
    ):
        path = tmp_path / name
        for _ in range(12):
            path.write_bytes(damage(packed, rng))
            gather(read_exchanges(path))


@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_damaged_parquet_files(tmp_path: Path, seed: int) -> None:
    """50 files a seed, some with page checksums: no crash, and every row is accounted for."""
    rng = random.Random(seed)
    log = make_exchanges(400, seed)
    path = tmp_path / "a.parquet"
    quarantined = 0
    for turn in range(50):
        pq.write_table(
            log,
            path,
            row_group_size=rng.choice([100, 400]),
            compression=rng.choice(["zstd", "snappy", "none"]),
            write_page_checksum=rng.random() < 0.5,
            use_dictionary=rng.random() < 0.5,
        )
        sound = path.read_bytes()
        path.write_bytes(footer_damage(sound, rng) if turn % 4 == 0 else damage(sound, rng))
        got = gather(read_exchanges(path))
        quarantined += sum(got.reasons.values()) > 0
        assert got.read >= 1
    assert quarantined > 10


def footer_damage(data: bytes, rng: random.Random) -> bytes:
    """Bits flipped where a Parquet file describes itself."""
    out = bytearray(data)
    size = int.from_bytes(out[-8:-4], "little")
    for _ in range(rng.randint(1, 4)):
        out[rng.randrange(len(out) - 8 - size, len(out) - 4)] ^= 1 << rng.randrange(8)
    return bytes(out)


@pytest.mark.parametrize("seed", range(3))
def test_parquet_columns_of_swapped_types(tmp_path: Path, seed: int) -> None:
    """Any column may hold any type: rows are kept or quarantined, never lost."""
    rng = random.Random(seed)
    log = make_exchanges(50, seed)
    path = tmp_path / "a.parquet"
    others = [
        pa.array(range(50)),
        pa.array([str(i) for i in range(50)]),
        pa.array([i / 7 for i in range(50)]),
        pa.array([bool(i % 2) for i in range(50)]),
        pa.array([[i] for i in range(50)]),
        pa.array([{"a": i, "b": str(i)} for i in range(50)]),
        pa.array([bytes([200, i]) for i in range(50)]),
        pa.array([[("k", i)] for i in range(50)], pa.map_(pa.string(), pa.int32())),
        pa.array(range(50), pa.date32()),
        pa.array(range(50), pa.duration("us")),
        pa.array(range(50), pa.decimal128(20, 3)),
        pa.array(range(50), pa.time64("us")),
        pa.array([f"{i % 3}" for i in range(50)]).dictionary_encode(),
        pa.nulls(50),
    ]
    for _ in range(40):
        table = log
        for name in rng.sample(EXCHANGES.names, rng.randint(1, 6)):
            table = table.set_column(table.schema.get_field_index(name), name, rng.choice(others))
        pq.write_table(table, path)
        assert gather(read_exchanges(path)).read == 50
