"""What detection costs by size: time, memory and scores from a lake, and the bare scan beside it.

    python -m benchmarks.scale --scales 0.025 0.05 0.1 0.2 0.4 0.8     # 1 to 32 million exchanges
    python -m benchmarks.scale --scales 1 --record benchmarks/results/seed.json

Makes the world `plain` at each scale (1 is the world `seed`), ingests it, and measures `detect` in
a process of its own, from the bare lake; with `--again` once more, with the signals that the first
run left. The bare scan (every column's Parquet decode plus xxh3 of each text, one thread) is
measured just before. Over several sizes it fits the exponents of time and memory by least squares
on logarithms. Prints one JSON document, and a line a size to stderr; `--texts` names published
prompts (about 600 bytes an exchange with their system prompts) and `--lake` a lake that is there
already, whose log it takes the labels from (`--log`).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import stillwatch as sw
from benchmarks.detect import bare_scan

GIB = 2**30


def detect_once(lake: Path, log: Path, threads: int) -> dict:
    """One detection in a process of its own, scored against the labels of `log`."""
    command = [sys.executable, __file__, "--child", str(lake), str(log), str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def child(lake: str, log: str, threads: int) -> dict:
    """What `detect_once` reports, measured in this process."""
    began = time.perf_counter()
    findings = sw.detect(lake, threads=threads, anew=True)
    wall, peak = time.perf_counter() - began, findings.run["peak_memory_bytes"]
    score = sw.score(log, findings).to_dict()
    return {
        "wall_s": round(wall, 1),
        "peak_gib": round(peak / GIB, 2),
        "exchanges": findings.run["exchanges_detected"],
        "accounts": findings.accounts.num_rows,
        "stages_s": findings.run["seconds"],
        "campaigns": [
            {k: row[k] for k in ("kind", "confidence", "accounts", "exchanges")}
            for row in findings.campaigns.to_pylist()
        ],
        "score": score,
    }


def measure(lake: Path, log: Path, threads: int, again: bool) -> dict:
    """One size: the bare scan, a first detection, and another one if asked for."""
    shutil.rmtree(lake / "signals", ignore_errors=True)
    scan = bare_scan(lake)
    first = detect_once(lake, log, threads)
    result = {
        **first,
        "exchanges_a_second": round(first["exchanges"] / first["wall_s"]),
        "text_bytes_an_exchange": round(scan["text_bytes"] / scan["exchanges"], 1),
        "bare_scan_s": round(scan["seconds"], 1),
        "ratio_to_bare_scan": round(first["wall_s"] / scan["seconds"], 2),
        "stages_to_bare_scan": {
            name: round(seconds / scan["seconds"], 2) for name, seconds in first["stages_s"].items()
        },
    }
    if again:
        second = detect_once(lake, log, threads)
        result["again"] = {k: second[k] for k in ("wall_s", "peak_gib", "stages_s")}
        result["same_again"] = second["score"] == first["score"]
    return result


def exponents(sizes: list[dict]) -> dict[str, float]:
    """Slopes of log time and log memory over log exchanges."""
    n = np.log([size["exchanges"] for size in sizes])
    return {
        name: round(float(np.polyfit(n, np.log([size[key] for size in sizes]), 1)[0]), 3)
        for name, key in (("time", "wall_s"), ("memory", "peak_gib"))
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=float, nargs="+", default=[0.025, 0.05, 0.1])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--again", action="store_true", help="detect once more, signals at hand")
    parser.add_argument("--record", type=Path, help="a file to keep the last size's figures in")
    options = parser.parse_args()
    sizes = []
    for scale in [math.nan] if options.lake else options.scales:
        with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as scratch:
            lake, log = options.lake or Path(scratch) / "lake", options.log or Path(scratch) / "log"
            if not options.lake:
                sw.make_world("plain", log, scale=scale, seed=options.seed, texts=options.texts)
                sw.ingest([log], lake=lake)
                shutil.rmtree(log / "exchanges")
            sizes.append(measure(lake, log, options.threads, options.again))
        told = {k: sizes[-1][k] for k in ("exchanges", "wall_s", "peak_gib", "ratio_to_bare_scan")}
        print(json.dumps(told), file=sys.stderr, flush=True)
    result = {
        "threads": options.threads,
        "seed": options.seed,
        "texts": "published" if options.texts or options.lake else "built in",
        "sizes": sizes,
    }
    if len(sizes) > 2:
        result["exponents"] = exponents(sizes)
    if options.record:
        options.record.parent.mkdir(parents=True, exist_ok=True)
        options.record.write_text(json.dumps(sizes[-1], indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    else:
        main()
