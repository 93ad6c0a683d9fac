"""Hostile mutations of any format's records, the same for the same seed, and what reading owes.

Each record is changed in its structure (types, names, nesting, numbers, text that isn't text) and
then, sometimes, in its bytes. Among them stand sound records, of which none may be lost.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stillwatch.sources import Format, read_exchanges
from stillwatch.sources.formats import Around, Each
from tests.sources import cloud_writers, writers
from tests.sources.logs import make_exchanges, to_objects
from tests.sources.reading import gather

SOUND = 20
A_FILE = 1000

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**200,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "0",
    "null",
    "NaN",
    "\x00",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe",
    "\ud800",
    "<script>alert(1)</script>",
    "{" * 500,
    '{"a": [1, {"b": "' + "c" * 300,
    "[[" * 200 + "]]" * 200,
    "{'a': None}",
    "9" * 400,
    "2026-13-45T99:99:99Z",
    "0000-00-00",
    "1" * 5000,
    "%s%n{0}{1}",
    [],
    [[]],
    [None],
    {},
    {"": ""},
    {"type": "text", "text": None},
    {"type": {"a": 1}, "role": ["user"]},
    [{"role": "user", "content": [{"type": "text", "text": 5}]}],
)


def deep(rng: random.Random) -> Any:
    """Something nested deeper than any software writes."""
    value: Any = "x"
    for _ in range(rng.choice([30, 300, 3000])):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def records_of(format: Format, n: int, seed: int, first: int = 0) -> list[dict[str, Any]]:
    """Sound records of `format`, made from `n` exchanges whose ids count from `first`."""
    table = make_exchanges(n, seed, first)
    rows = table.to_pylist()
    if format.name == "contract":
        return [json.loads(json.dumps(row, default=str)) for row in to_objects(table)]
    if format.name in writers.WRITERS:
        return list(writers.WRITERS[format.name](rows))
    return _written(format.name, rows)


def _written(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    write = {
        "bedrock": cloud_writers.write_bedrock,
        "cloudtrail": cloud_writers.write_bedrock,  # which has its trail beside it
        "vertex": cloud_writers.write_vertex,
        "azure_apim": cloud_writers.write_azure,
    }[name]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        write(rows, Path(folder))
        for path in sorted(Path(folder).rglob("*.json*")):
            mine = "cloudtrail" in str(path).lower()
            if path.parent.name == "data" or mine != (name == "cloudtrail"):
                continue
            data = path.read_bytes()
            for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
                value = json.loads(line)
                found += value if isinstance(value, list) else [value]
    return found


def mutations(format: Format, seed: int) -> Iterator[bytes]:
    """Lines without end, none of them blank."""
    rng = random.Random(f"{format.name} {seed}")
    records = records_of(format, 200, seed, first=10**6)
    while True:
        record = copy.deepcopy(rng.choice(records))
        for _ in range(rng.randint(1, 4)):
            _change(record, rng)
        data = _line(record, rng.random() < 0.5)
        if rng.random() < 0.3:
            data = _damaged(data, rng)
        data = data.replace(b"\n", b" ").replace(b"\r", b" ")
        if data.strip(b" \t"):
            yield data


def mostly_sound(format: Format, n: int, seed: int) -> Iterator[bytes]:
    """The records of `n` exchanges in order, one in ten of them changed."""
    rng = random.Random(f"{format.name} {seed}")
    for record in records_of(format, n, seed):
        if rng.random() < 0.1:
            _change(record, rng)
        yield _line(record, rng.random() < 0.5)


def _line(record: dict[str, Any], escaped: bool) -> bytes:
    try:
        line = json.dumps(record, default=str, ensure_ascii=escaped)
    except RecursionError:
        line = '{"a": ' * 2000 + "1" + "}" * 2000
    return line.encode("utf-8", "surrogatepass")


def _change(record: dict[str, Any], rng: random.Random) -> None:
    """Change one node, at whatever depth."""
    holder: Any = record
    while True:
        places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not places:
            return
        place = rng.choice(places)
        inner = holder[place]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            break
        holder = inner
    kind = rng.randrange(6)
    if kind == 0:
        del holder[place]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(["", "role", "content", "id", "\u202e", place + "x"])] = holder.pop(place)
    elif kind == 2:
        holder[place] = [inner, inner] if rng.random() < 0.5 else {"text": inner}
    elif kind == 3 and isinstance(inner, str):
        at = rng.randint(0, len(inner))
        holder[place] = inner[:at] + str(rng.choice(HOSTILE)) + inner[at:]
    elif kind == 4 and rng.random() < 0.2:
        holder[place] = deep(rng)
    else:
        holder[place] = copy.deepcopy(rng.choice(HOSTILE))


def _damaged(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    at = rng.randrange(len(out))
    kind = rng.randrange(4)
    if kind == 0:
        out[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del out[at:]
    elif kind == 2:
        out[at:at] = rng.randbytes(rng.randint(1, 20))
    else:
        del out[at : at + rng.randint(1, 20)]
    return bytes(out)


def fuzz(format: Format, inputs: int, seed: int = 0) -> Counter[str]:
    """Read `inputs` mutated records; counts of what became of them, by reason or `kept`.

    Raises `AssertionError` where a sound record is lost, a record isn't accounted for, or our own
    code stumbled.
    """
    told: Counter[str] = Counter()
    made = mutations(format, seed)
    sound = records_of(format, SOUND, seed)
    lines = [json.dumps(record, default=str).encode() for record in sound]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        wanted = set(gather(read_exchanges(path, format=format)).kept["exchange_id"].to_pylist())
        assert format.name == "cloudtrail" or len(wanted) == SOUND
        for first in range(0, inputs, A_FILE):
            hurt = [next(made) for _ in range(min(A_FILE, inputs - first))]
            mixed = [*hurt, *lines]
            if not format.joins:
                random.Random(first).shuffle(mixed)
            path.write_bytes(b"\n".join(mixed) + b"\n")
            got = gather(read_exchanges(path, format=format))
            lost = wanted - set(got.kept["exchange_id"].to_pylist())
            assert not lost, f"{format.name}, inputs {first} to {first + len(hurt)}: lost {lost}"
            assert "failed" not in got.reasons, got.quarantined.to_pylist()
            if isinstance(format.reader(Around()), Each):
                assert got.read == len(mixed), (format.name, first, got.read, len(mixed))
            told.update(got.reasons)
            told["kept"] += got.kept.num_rows
    return told
