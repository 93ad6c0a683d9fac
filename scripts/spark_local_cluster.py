"""Check that findings on Apache Spark are those of the embedded engine.

Runs classic PySpark 4 as a cluster of two executors of one core and 1 GiB on this machine, each a
Java process with Python workers of its own. In an environment of its own, since PySpark and its
Connect client are one package by name; with Java 17:

    python -m venv spark && spark/bin/pip install -c constraints.txt -e . 'pyspark>=4.2,<4.3' pandas
    spark/bin/python scripts/spark_local_cluster.py

Exits with 1 where a table differs, or where fewer than two worker processes made signals.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import pyarrow as pa

from stillwatch.findings import Findings
from stillwatch.lake import Lake, segment
from stillwatch.pipeline import detect, ingest
from stillwatch.worlds import make_world

GROUP_ROWS = 8192
"""Rows of a fragment, for several of them in a small world."""


def main() -> int:
    """Compare each world; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worlds", nargs="*", default=["plain", "camouflage20_own", "no_text"])
    parser.add_argument("--scale", type=float, default=0.0005)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--master", default="local-cluster[2,1,1024]")
    asked = parser.parse_args()
    # Executors would take the first python3 of the path, which has no Stillwatch.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    segment.GROUP_ROWS = GROUP_ROWS
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        for world in asked.worlds:
            log, lake = Path(scratch) / world, Path(scratch) / f"{world}.lake"
            make_world(world, log, scale=asked.scale, seed=asked.seed)
            ingest([log], lake=lake)
            here, here_s = _timed(lake, "duckdb")
            # What one engine made, the other would take.
            shutil.rmtree(lake / "signals")
            there, there_s = _timed(lake, asked.master)
            differing = _differing(here, there)
            workers = there.run["workers"]
            good &= not differing and workers >= 2
            print(
                f"{world}: {here.run['exchanges_detected']} exchanges in "
                f"{len(Lake.open(lake).fragments())} fragments, {here.campaigns.num_rows} "
                f"campaigns and networks; tables that differ: {differing or 'none'}; "
                f"{workers} worker processes; {here_s:.1f} s here, {there_s:.1f} s there",
                flush=True,
            )
    return 0 if good else 1


def _timed(lake: Path, engine: str) -> tuple[Findings, float]:
    began = time.perf_counter()
    found = detect(lake, engine=engine, threads=2, anew=True)
    return found, time.perf_counter() - began


def _differing(one: Findings, other: Findings) -> list[str]:
    names = [f.name for f in fields(one) if isinstance(getattr(one, f.name), pa.Table)]
    return [name for name in names if not getattr(one, name).equals(getattr(other, name))]


if __name__ == "__main__":
    sys.exit(main())
