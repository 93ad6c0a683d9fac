"""Workers, as processes: sharing a port and their counts, ended and started again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.gateway.serving import ROOT, Running, free_port, gate_service

DECISIONS = re.compile(r'^stillwatch_decisions_total\{action="deny".*\} ([\d.]+)$', re.MULTILINE)


def decide(running: Running, account: str, timeout: float = 10) -> httpx.Response:
    """One decision on a connection of its own."""
    body = {"account_id": account}
    return httpx.post(f"{running.url}/v1/decide", json=body, trust_env=False, timeout=timeout)


def workers(running: Running) -> set[int]:
    """The processes of the workers."""
    path = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    return {
        child
        for child in map(int, path.read_text().split())
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    }


def until(what: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if what():
                return
        except (httpx.HTTPError, FileNotFoundError):
            pass
        time.sleep(0.1)
    raise AssertionError("it didn't come to be")


def test_counts_are_of_all_workers_together(tmp_path: Path) -> None:
    """Whichever is asked; and a count outlives its worker."""
    with gate_service(tmp_path, workers=2) as running:
        assert len(workers(running)) == 2
        for _ in range(30):
            assert decide(running, "deny-1").json()["action"] == "deny"

        def counted() -> float:
            page = httpx.get(f"{running.url}/metrics", trust_env=False).text
            return sum(map(float, DECISIONS.findall(page)))

        until(lambda: counted() == 30.0)  # counts are written now and then
        assert {counted() for _ in range(8)} == {30.0}
        (one, *_) = workers(running)
        os.kill(one, signal.SIGKILL)
        until(lambda: len(workers(running) - {one}) == 2)
        until(lambda: counted() == 30.0)


def test_a_gate_that_hangs_costs_one_worker(tmp_path: Path) -> None:
    """Whoever asked is cut off, which lets it go on; another worker answers soon."""
    with gate_service(tmp_path) as running:
        before = workers(running)
        with pytest.raises(httpx.TransportError):
            decide(running, "hang")
        until(lambda: decide(running, "deny-1").json()["action"] == "deny")
        assert not workers(running) & before
    assert "a decision hangs" in (tmp_path / "service.log").read_text()


def test_all_end_together(tmp_path: Path) -> None:
    """On SIGTERM, and also where the process that started them is killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with gate_service(tmp_path, workers=2) as running:
            started = workers(running)
            running.process.send_signal(number)
            until(lambda started=started: not any(Path(f"/proc/{w}").exists() for w in started))
            running.process.wait(20)
            assert running.process.returncode == (0 if number == signal.SIGTERM else -9)


def test_ctrl_c_ends_all_without_a_word(tmp_path: Path) -> None:
    """It reaches every process of the terminal at once, the feed's too."""
    with gate_service(tmp_path, workers=2, feed=str(tmp_path / "LOG")) as running:
        httpx.post(f"{running.url}/v1/feed/litellm", content=b"[]", trust_env=False)
        os.killpg(running.process.pid, signal.SIGINT)
        assert running.process.wait(20) == 0
    assert (tmp_path / "service.log").read_text() == ""


def test_the_real_server_reads_what_is_sent_over_a_wire(tmp_path: Path) -> None:
    """Chunked bodies, one connection for many requests, and bytes that aren't HTTP."""
    with gate_service(tmp_path) as running:
        with httpx.Client(trust_env=False) as client:
            parts = iter([b'{"account_', b'id": "deny-1"}'])
            got = client.post(f"{running.url}/v1/decide", content=parts)
            assert got.json()["action"] == "deny"
            assert client.get(f"{running.url}/auth/nginx").status_code == 204
            assert client.get(f"{running.url}/readyz").json()["table_version"] == 7
        with socket.create_connection(("127.0.0.1", running.port), 5) as raw:
            raw.sendall(b"\x00\x01nonsense\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 400")


def command(*given: str) -> subprocess.CompletedProcess[str]:
    """`stillwatch gate`, as users type it."""
    line = [sys.executable, "-m", "stillwatch", "gate", *given]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)


def test_refusals_of_the_command(tmp_path: Path) -> None:
    """One line that says where, what and what to do, and an exit code."""
    got = command("--table", str(tmp_path / "none"))
    assert (got.returncode, "is no folder" in got.stderr) == (3, True)
    got = command("--table", str(tmp_path), "--host", "0.0.0.0")
    assert (got.returncode, "--token-file" in got.stderr) == (18, True)
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        got = command("--table", str(tmp_path), "--port", str(port))
    assert (got.returncode, "can't be listened on" in got.stderr) == (20, True)
    assert "Traceback" not in got.stderr
