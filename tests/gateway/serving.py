"""Processes of tests: started on free ports of the loopback address, and always stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

ROOT = Path(__file__).parents[2]
WITHIN_S = 60.0


class Running(NamedTuple):
    """A service that answers."""

    port: int
    grpc: int | None
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def gate_service(folder: Path, **settings: Any) -> Iterator[Running]:
    """The service over a gate of tests in `folder`."""
    given = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    command = [sys.executable, "-m", "tests.gateway.launch", str(folder), *given]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "service.log").open("a") as said:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "service.log").read_text()
        told = json.loads(line)
        yield Running(told["port"], told["grpc"], process)
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """End a process that a test started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def until_answers(url: str, process: subprocess.Popen[str], log: Path) -> None:
    """Wait until something answers at `url`."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False, timeout=2).status_code < 500:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])
