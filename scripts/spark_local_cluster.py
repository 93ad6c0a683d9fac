"""Check that findings on Apache Spark are those of the embedded engine.

Runs PySpark as a cluster of two executors of one core and 1 GiB on this machine, each a Java
process with Python workers of its own, all on the loopback interface. In an environment of its own,
since PySpark and its Connect client are one package by name; with Java 17:

    python -m venv spark
    spark/bin/pip install -c constraints.txt -e . 'pyspark[connect]>=4.2,<5'
    spark/bin/python scripts/spark_local_cluster.py                 # a classic session
    spark/bin/python scripts/spark_local_cluster.py --connect       # through Spark Connect
    spark/bin/python scripts/spark_local_cluster.py --lose plain    # an executor is killed

Prints a line a world. Exits with 1 where a table differs, where fewer than two worker processes
made signals, or where an executor that was to be killed wasn't.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyspark

from stillwatch.findings import Findings
from stillwatch.lake import Lake, segment
from stillwatch.pipeline import detect, ingest
from stillwatch.worlds import make_world

GROUP_ROWS = 8192
"""Rows of a fragment, for several of them in a small world."""

HERE = "127.0.0.1"

SETTINGS = f"""
spark.ui.enabled false
spark.driver.host {HERE}
spark.driver.bindAddress {HERE}
"""


def main() -> int:
    """Compare each world; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worlds", nargs="*", default=["plain", "camouflage20_own", "no_text"])
    parser.add_argument("--scale", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--master", default="local-cluster[2,1,1024]")
    parser.add_argument("--connect", action="store_true", help="through Spark Connect")
    parser.add_argument("--lose", action="store_true", help="kill an executor of each world's run")
    asked = parser.parse_args()
    segment.GROUP_ROWS = GROUP_ROWS
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        _configure(Path(scratch) / "conf")
        with _server(asked.master) if asked.connect else nullcontext(asked.master) as engine:
            print(f"PySpark {pyspark.__version__}, {asked.master}, by {engine}", flush=True)
            for world in asked.worlds:
                log, lake = Path(scratch) / world, Path(scratch) / f"{world}.lake"
                make_world(world, log, scale=asked.scale, seed=asked.seed)
                ingest([log], lake=lake)
                good &= _same(world, lake, engine, asked.lose)
    return 0 if good else 1


def _configure(folder: Path) -> None:
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text(SETTINGS)
    os.environ |= {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": HERE,
        # Executors would take the first python3 of the path, which has no Stillwatch.
        "PYSPARK_PYTHON": sys.executable,
    }


@contextmanager
def _server(master: str) -> Iterator[str]:
    """The URL of a Spark Connect server on `master`."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    home = Path(pyspark.__file__).parent
    settings = {"binding.address": HERE, "binding.port": port}
    more = [f"--conf=spark.connect.grpc.{name}={value}" for name, value in settings.items()]
    process = subprocess.Popen(
        ["bash", str(home / "sbin/start-connect-server.sh"), "--master", master, *more],
        env=os.environ | {"SPARK_HOME": str(home), "SPARK_NO_DAEMONIZE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(port, process)
        yield f"sc://{HERE}:{port}"
    finally:
        # The shell that starts it waits for Java, and executors leave with it.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(port: int, process: subprocess.Popen) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex((HERE, port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("Spark's Connect server didn't start within a minute: is Java 17 here?")


def _same(world: str, lake: Path, engine: str, lose: bool) -> bool:
    """Whether all tables are the same, and two workers or more were seen; tells of it."""
    here, here_s = _timed(lake, "duckdb")
    # What one engine made, the other would take.
    shutil.rmtree(lake / "signals")
    lost: list[int] = []
    if lose:
        threading.Thread(target=_lose, args=(lost,), daemon=True).start()
    there, there_s = _timed(lake, engine)
    ours, theirs = _tables(here), _tables(there)
    differing = [name for name in ours if not ours[name].equals(theirs[name])]
    workers = there.run["workers"]
    print(
        f"{world}: {here.run['exchanges_detected']} exchanges in {len(Lake.open(lake).fragments())}"
        f" fragments, {here.campaigns.num_rows} campaigns and networks; "
        f"{sum(table.num_rows for table in ours.values())} rows of {len(ours)} tables, those that "
        f"differ: {differing or 'none'}; {workers} worker processes"
        f"{f', executor {lost[0]} killed' if lost else ''}; "
        f"{here_s:.1f} s here, {there_s:.1f} s there",
        flush=True,
    )
    return not differing and workers >= 2 and bool(lost) == lose


def _timed(lake: Path, engine: str) -> tuple[Findings, float]:
    began = time.perf_counter()
    found = detect(lake, engine=engine, threads=2, anew=True)
    return found, time.perf_counter() - began


def _tables(findings: Findings) -> dict[str, pa.Table]:
    every = {field.name: getattr(findings, field.name) for field in fields(findings)}
    return {name: table for name, table in every.items() if isinstance(table, pa.Table)}


def _lose(lost: list[int]) -> None:
    """Kill one of our executors a second after Python workers of both are at work."""
    while True:
        ours = _descendants()
        executors = [pid for pid, line in ours.items() if "CoarseGrainedExecutorBackend" in line]
        busy = [pid for pid, line in ours.items() if "pyspark.worker" in line]
        # Each executor has a daemon that forks its workers.
        if len(executors) == 2 and len(busy) >= 4:
            time.sleep(1)
            os.kill(executors[0], signal.SIGKILL)
            lost.append(executors[0])
            return
        time.sleep(0.1)


def _descendants() -> dict[int, str]:
    """Command lines of all processes that this one is an ancestor of."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2]
            parents[int(folder.name)] = int(state.split()[1])
            lines[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue
    ours = {os.getpid()}
    while found := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= found
    return {pid: lines[pid] for pid in ours if pid in lines}


if __name__ == "__main__":
    sys.exit(main())
