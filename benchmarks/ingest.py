"""How fast logs become a lake, against the bare work of reading the same files.

    python benchmarks/ingest.py [--exchanges N] [--prompt-bytes N] [--threads N] [--json]

Makes a log of random words (prompts of 600 bytes, responses of 300), then takes each measure in a
process of its own, so that its peak memory is its own. The bare measures are pyarrow's Parquet read
of all columns, one batch after another, and msgspec's typed decode of all lines, nothing kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from stillwatch.lake import Lake
from stillwatch.sources import find_log, read_exchanges
from stillwatch.sources.contract_json import contract_shape
from stillwatch.tables import EXCHANGES

FILES = 8
START_US = 1_788_000_000_000_000


def make_texts(n: int, size: int, rng: np.random.Generator) -> list[str]:
    """`n` texts of about `size` bytes from 20,000 made-up words, few of them alike."""
    letters = rng.integers(97, 123, (20_000, 12)).astype(np.uint8)
    words = [letters[i, : 2 + i % 11].tobytes().decode() for i in range(20_000)]
    pool = " ".join(words[i] for i in rng.zipf(1.3, 1 << 20) % 20_000)
    return [pool[at : at + size] for at in rng.integers(0, len(pool) - size, n).tolist()]


def make_part(n: int, first: int, prompt_bytes: int) -> pa.Table:
    """`n` exchanges with the columns that a gateway knows; others are null."""
    rng = np.random.default_rng(first)
    picks = {"u": 5000, "k": 6000, "m": 4, "a": 300, "s": 40}
    pick = {name: rng.integers(0, top, n).tolist() for name, top in picks.items()}
    columns: dict[str, Any] = {
        "exchange_id": [f"{i:032x}" for i in rng.integers(0, 2**62, n).tolist()],
        "ts": (START_US + np.sort(rng.integers(0, 86_400_000_000, n))).tolist(),
        "account_id": [f"acc-{i:06d}" for i in pick["u"]],
        "key_id": [f"key-{i:06d}" for i in pick["k"]],
        "model": [f"model-{i}" for i in pick["m"]],
        "system": [f"You are assistant number {i}. " * 8 for i in pick["s"]],
        "prompt": make_texts(n, prompt_bytes, rng),
        "response": make_texts(n, 300, rng),
        "turns": rng.integers(1, 20, n).tolist(),
        "tools": [["search", "run"] if i % 3 else None for i in pick["a"]],
        "input_tokens": rng.integers(1, 4000, n).tolist(),
        "output_tokens": rng.integers(1, 2000, n).tolist(),
        "status": [200] * n,
        "ip": [f"10.{i % 200}.{i % 7}.{i}" for i in rng.integers(0, 255, n).tolist()],
        "user_agent": [f"client/{i % 30}" for i in pick["a"]],
        "headers": [[("x-lang", "python"), ("x-version", str(i % 9))] for i in pick["a"]],
    }
    arrays = [pa.array(columns.get(f.name, [None] * n), f.type) for f in EXCHANGES]
    return pa.Table.from_arrays(arrays, schema=EXCHANGES)


def make_log(folder: Path, exchanges: int, prompt_bytes: int) -> None:
    """The same log as Parquet, JSON Lines and zstd-compressed JSON Lines, in `FILES` files each."""
    encoder = msgspec.json.Encoder()
    for name in ("parquet", "jsonl", "zst"):
        (folder / name).mkdir()
    for part in range(FILES):
        table = make_part(exchanges // FILES, part, prompt_bytes)
        pq.write_table(table, folder / "parquet" / f"{part}.parquet", compression="zstd")
        with (folder / "jsonl" / f"{part}.jsonl").open("wb") as out:
            for batch in table.to_batches(max_chunksize=10_000):
                for row in batch.to_pylist():
                    row["headers"] = dict(row["headers"])
                    said = {k: v for k, v in row.items() if v is not None}
                    out.write(encoder.encode(said) + b"\n")
        packed = zstandard.compress((folder / "jsonl" / f"{part}.jsonl").read_bytes(), 3)
        (folder / "zst" / f"{part}.jsonl.zst").write_bytes(packed)


def bare_parquet(log: Path, _: int) -> int:
    """Every column decoded and dropped."""
    total = 0
    for path in find_log([log / "parquet"]).exchanges:
        for batch in pq.ParquetFile(path).iter_batches(use_threads=False):
            total += batch.num_rows
    return total


def bare_lines(log: Path, _: int) -> int:
    """Every line decoded into a typed struct and dropped, four megabytes at a time."""
    total, decoder = 0, contract_shape(EXCHANGES).decoder
    for path in find_log([log / "jsonl"]).exchanges:
        with path.open("rb") as lines:
            while block := lines.readlines(4 << 20):
                total += len(decoder.decode_lines(b"".join(block)))
    return total


def ingest(form: str, compress: bool = True) -> Callable[[Path, int], int]:
    """Ingest one form into a fresh lake; `compress=False` as for a throwaway lake."""

    def measure(log: Path, threads: int) -> int:
        with tempfile.TemporaryDirectory(dir=log) as folder:
            lake = Lake.create_or_open(Path(folder) / "lake", durable=compress, compress=compress)
            lake.ingest(find_log([log / form]).exchanges, read_exchanges, threads=threads)
            return lake.rows

    return measure


MEASURES: dict[str, Callable[[Path, int], int]] = {
    "bare parquet": bare_parquet,
    "ingest parquet": ingest("parquet"),
    "ingest parquet, throwaway": ingest("parquet", compress=False),
    "bare jsonl": bare_lines,
    "ingest jsonl": ingest("jsonl"),
    "ingest jsonl.zst": ingest("zst"),
}


def measure_one(name: str, log: Path, threads: int) -> dict[str, Any]:
    """Run one measure here, twice: the first time compiles and warms."""
    wall = cpu = rows = 0.0
    for _ in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        rows = MEASURES[name](log, threads)
    return {
        "rows": rows,
        "seconds": round(time.perf_counter() - wall, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_bytes": peak_bytes(),
    }


def peak_bytes() -> int:
    """This process's peak of resident memory; `getrusage` would count its parent's too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    """Make the log, take the measures, print them."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--exchanges", type=int, default=400_000)
    options.add_argument("--prompt-bytes", type=int, default=600)
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--json", action="store_true")
    options.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        name, log = given.measure
        print(json.dumps(measure_one(name, Path(log), given.threads)))
        return
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        make_log(Path(folder), given.exchanges, given.prompt_bytes)
        for name in MEASURES:
            command = [sys.executable, __file__, "--threads", str(given.threads)]
            told = subprocess.run(
                [*command, "--measure", name, folder], capture_output=True, check=True
            )
            results[name] = json.loads(told.stdout)
    if given.json:
        print(json.dumps({"threads": given.threads, "measures": results}, indent=2))
        return
    for name, result in results.items():
        bare = results["bare parquet" if "parquet" in name else "bare jsonl"]
        print(
            f"{name:26} {result['rows'] / result['seconds']:>10,.0f} exchanges/s"
            f"  {result['seconds'] / bare['seconds']:5.2f} x bare"
            f"  {result['cpu_seconds'] / result['rows'] * 1e6:6.2f} CPU us each"
            f"  {result['peak_bytes'] / 2**20:6.0f} MiB peak"
        )


if __name__ == "__main__":
    main()
