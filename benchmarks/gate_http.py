"""How fast the gate's service answers at a fixed rate, beside an empty answer of the same server.

    python -m benchmarks.gate_http [--rate 2000] [--seconds 10] [--rounds 3] [--table GATE]

Starts the service as users do, pinned to core 0, with the gate of tests (decides by name) or, with
`--table`, the real one; the load comes from a process pinned to core 1. In turn, `--rounds` times:
an empty handler of the same server (an ASGI application that reads the body and answers 200), and
`POST /v1/decide` by account. The load is open: request number n is due at n / rate, whatever came
back before, and its latency counts from when it was due, so that a stall is counted on everybody
whom it held up. Prints one JSON document: p50, p99 and worst in milliseconds, CPU seconds of the
server per 1,000 requests, and the ratios of the medians over rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

CONNECTIONS = 32
WARM_S = 2.0
BODY = json.dumps(
    {
        "account_id": "acct-000123",
        "call_id": "2db1b52c-20e3-425b-a72f-41967aa5e08a",
        "model": "m1",
        "prompt": "Summarise these minutes in five sentences, for somebody who wasn't there.",
        "turns": 3,
        "max_tokens": 1024,
        "temperature": 0.7,
        "ip": "203.0.113.9",
        "user_agent": "OpenAI/Python 3.5",
    }
).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self, free: asyncio.Queue[Connection], taken: list[float]) -> None:
        self._free, self._taken = free, taken
        self._due = 0.0
        self._held = b""

    def connection_made(self, transport: Any) -> None:
        """Ready."""
        self._transport = transport

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that was due at `due`."""
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """The answer, or a part of it."""
        self._held += data
        head, found, rest = self._held.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        self._held = b""
        self._taken.append(time.perf_counter() - self._due)
        self._free.put_nowait(self)


async def load(port: int, rate: float, seconds: float) -> list[float]:
    """Latencies in seconds of `rate` requests a second for `seconds`."""
    request = (
        b"POST /v1/decide HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY
    )
    free: asyncio.Queue[Connection] = asyncio.Queue()
    taken: list[float] = []
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        _, made = await loop.create_connection(lambda: Connection(free, taken), "127.0.0.1", port)
        free.put_nowait(made)
    began = time.perf_counter() + 0.05
    for number in range(int(rate * seconds)):
        due = began + number / rate
        while (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait if wait > 1e-3 else 0)
        (await free.get()).ask(request, due)
    while len(taken) < int(rate * seconds):
        await asyncio.sleep(0.01)
    return taken


async def empty(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and answers as many bytes as a decision has."""
    if scope["type"] != "http":
        return
    await receive()
    body = b" " * 320
    headers = [(b"content-type", b"application/json"), (b"content-length", b"320")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(kind: str, table: str | None) -> None:
    """The server under test, on a socket of its own; prints its port and its process."""
    from stillwatch.gateway import worker
    from stillwatch.gateway.settings import Settings

    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listening.getsockname()[1], os.getpid(), flush=True)
    if kind == "empty":
        worker.run_app(empty, listening)
        return
    fake = Settings(Path("."), gate="tests.gateway.fakes:Empty")
    made = Settings(Path(table)) if table else fake
    worker.run_app(worker.open_service(made, 0)[1], listening)


def measured(kind: str, options: argparse.Namespace, counts: str) -> dict[str, float]:
    """One round against one server."""
    command = ["taskset", "-c", "0", sys.executable, "-m", "benchmarks.gate_http", "--serve", kind]
    if options.table:
        command += ["--table", options.table]
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": counts}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            port, process = map(int, server.stdout.readline().split())
            _run(port, options.rate, WARM_S)
            before = _cpu_s(process)
            taken = _run(port, options.rate, options.seconds)
            spent = _cpu_s(process) - before
        finally:
            server.terminate()
    requests = taken.pop("requests")
    return {**taken, "cpu_s_per_1000": spent / requests * 1e3}


def _run(port: int, rate: float, seconds: float) -> dict[str, float]:
    command = ["taskset", "-c", "1", sys.executable, "-m", "benchmarks.gate_http"]
    command += ["--load", str(port), "--rate", str(rate), "--seconds", str(seconds)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table")
    parser.add_argument("--serve", choices=("empty", "decide"))
    parser.add_argument("--load", type=int)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.table)
        return
    if options.load:
        import uvloop

        ms = np.array(uvloop.run(load(options.load, options.rate, options.seconds))) * 1e3
        p50, p99, worst = np.percentile(ms, (50, 99, 100)).tolist()
        print(json.dumps({"requests": len(ms), "p50_ms": p50, "p99_ms": p99, "worst_ms": worst}))
        return
    rounds: dict[str, list[dict[str, float]]] = {"empty": [], "decide": []}
    for _ in range(options.rounds):
        for kind, held in rounds.items():
            with tempfile.TemporaryDirectory() as counts:
                held.append(measured(kind, options, counts))
    middle = {
        kind: {name: statistics.median(one[name] for one in held) for name in held[0]}
        for kind, held in rounds.items()
    }
    ratio = {
        name: round(middle["decide"][name] / middle["empty"][name], 3)
        for name in ("p50_ms", "p99_ms", "cpu_s_per_1000")
    }
    told = {
        "rate": options.rate,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "gate": "published" if options.table else "of tests",
        **{kind: {n: round(v, 4) for n, v in held.items()} for kind, held in middle.items()},
        "ratio": ratio,
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
