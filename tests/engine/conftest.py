"""A Spark Connect server without a JVM, with two workers, each a process, for the Spark engine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.pods import Pods

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """Where it listens, its process, and what starts its workers."""

    url: str
    process: subprocess.Popen
    pods: Pods


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sail with two workers that do one task at a time, each of the three a process."""
    with started(tmp_path_factory.mktemp("sail")) as server:
        yield server


@contextmanager
def started(folder: Path) -> Iterator[Server]:
    """A server of one's own, whose logs lie in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pods = Pods(folder, {"PYTHONPATH": str(ROOT)})
    settings = {
        "KUBECONFIG": str(pods.kubeconfig),
        "SAIL_MODE": "kubernetes-cluster",
        "SAIL_CLUSTER__WORKER_INITIAL_COUNT": "2",
        "SAIL_CLUSTER__WORKER_MAX_COUNT": "2",
        "SAIL_CLUSTER__WORKER_TASK_SLOTS": "1",
        "SAIL_EXECUTION__DEFAULT_PARALLELISM": "2",
        "PYTHONPATH": str(ROOT),
    }
    log = folder / "log"
    command = [sys.executable, "-m", "pysail", "spark", "server", "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=out, stderr=out)
    try:
        _wait(port, process, log)
        yield Server(f"sc://127.0.0.1:{port}", process, pods)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        pods.close()


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"no server within 30 seconds: {log.read_text()}")
