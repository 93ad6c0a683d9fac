"""How fast campaigns are found: exchanges a second from a lake, by stage, against a bare scan.

    python benchmarks/detect.py --scale 0.05

Makes the world `plain`, ingests it into a lake, then measures in this process: the bare scan
(every column's Parquet decode plus xxh3 of each text) and `detect`, in turn, after a warm-up on a
small world that compiles the kernels. Prints one JSON document; the ratio is the claim, since the
scan runs on the same machine in the same minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import xxhash

import stillwatch as sw
from stillwatch.lake import Lake


def bare_scan(lake: Path) -> dict:
    """Seconds to decode all columns of a lake and hash every byte of text, on one thread."""
    began = time.perf_counter()
    rows = size = 0
    digest = xxhash.xxh3_64()
    for fragment in Lake.open(lake).fragments():
        batch = fragment()
        rows += batch.num_rows
        for name in ("prompt", "system", "response"):
            column = batch.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(pa.string())
            data = column.buffers()[2]
            if data is not None:
                digest.update(memoryview(data))
                size += data.size
    return {"seconds": time.perf_counter() - began, "exchanges": rows, "text_bytes": size}


def one_detect(lake: Path, threads: int) -> dict:
    """Seconds of one detection, by stage."""
    began = time.perf_counter()
    findings = sw.detect(lake, threads=threads, anew=True)
    return {
        "seconds": time.perf_counter() - began,
        "stages": findings.run["seconds"],
        "exchanges": findings.run["exchanges_detected"],
        "peak_memory_bytes": findings.run["peak_memory_bytes"],
        "campaigns": findings.campaigns.num_rows,
    }


def make_lake(folder: Path, scale: float, seed: int) -> Path:
    """A lake of the world `plain`, with the built-in texts."""
    sw.make_world("plain", folder / "log", scale=scale, seed=seed)
    sw.ingest([folder / "log"], lake=folder / "lake")
    return folder / "lake"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--lake", type=Path, help="a lake that is there already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as scratch:
        small = Path(scratch) / "small"
        one_detect(make_lake(small, 0.002, options.seed), options.threads)
        lake = options.lake or make_lake(Path(scratch) / "full", options.scale, options.seed)
        scans, runs = [], []
        for _ in range(options.runs):
            scans.append(bare_scan(lake))
            runs.append(one_detect(lake, options.threads))
    scan = statistics.median(s["seconds"] for s in scans)
    whole = statistics.median(r["seconds"] for r in runs)
    n = runs[0]["exchanges"]
    result = {
        "exchanges": n,
        "text_bytes_per_exchange": round(scans[0]["text_bytes"] / n, 1),
        "threads": options.threads,
        "exchanges_a_second": round(n / whole),
        "seconds": round(whole, 2),
        "bare_scan_seconds": round(scan, 2),
        "ratio_to_bare_scan": round(whole / scan, 2),
        "stages": {
            name: {
                "seconds": round(statistics.median(r["stages"][name] for r in runs), 2),
                "exchanges_a_second": round(n / statistics.median(r["stages"][name] for r in runs)),
            }
            for name in runs[0]["stages"]
        },
        "peak_memory_gib": round(max(r["peak_memory_bytes"] for r in runs) / 2**30, 2),
        "campaigns": runs[0]["campaigns"],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
