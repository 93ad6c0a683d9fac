"""Workers on one socket: started, watched, started again, and stopped together."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from prometheus_client.multiprocess import mark_process_dead

from stillwatch.errors import ExtraMissing, GateFailed
from stillwatch.gateway.metrics import SHARED
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.worker import run_worker

log = logging.getLogger("stillwatch.gateway")

STOP_WITHIN_S = 10.0
AGAIN_AFTER_S = 1.0


def serve(settings: Settings, ready: Callable[[str, int, int | None], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told host, port and gRPC port once all answer.

    Raises `GateFailed` where the address is taken or a worker can't start, and `ExtraMissing` where
    gRPC is asked for and isn't installed.
    """
    if settings.grpc_port is not None:
        _check_grpc()
    stopping = threading.Event()
    with contextlib.ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, lambda *_: stopping.set())
            stack.callback(signal.signal, number, before)
        counts = tempfile.mkdtemp(prefix="stillwatch-gate-")
        stack.callback(shutil.rmtree, counts, True)
        listening = stack.enter_context(_listen(settings.host, settings.port))
        grpc = _reserve(settings, stack)
        crew = _Crew(settings, listening, grpc, counts)
        stack.callback(crew.stop)
        crew.start()
        ready(settings.host, listening.getsockname()[1], grpc)
        while not stopping.is_set():
            crew.look_after(stopping)


def _check_grpc() -> None:
    if not all(map(importlib.util.find_spec, ("grpc", "envoy_data_plane"))):
        what = "needs packages that aren't installed"
        raise ExtraMissing("--grpc-port", what, "Install stillwatch[gate], or use Envoy by HTTP")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as fault:
        what = f"can't be listened on ({fault.strerror or fault})"
        raise GateFailed(f"{host}:{port}", what, "Choose another --host or --port") from None


def _reserve(settings: Settings, stack: contextlib.ExitStack) -> int | None:
    """The gRPC port, held so that nobody else takes it; workers listen on it side by side."""
    if settings.grpc_port is None:
        return None
    held = stack.enter_context(
        socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    )
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        held.bind((settings.host, settings.grpc_port))
    except OSError as fault:
        where = f"{settings.host}:{settings.grpc_port}"
        what = f"can't be listened on ({fault.strerror or fault})"
        raise GateFailed(where, what, "Choose another --grpc-port") from None
    return held.getsockname()[1]


class _Crew:
    """The workers, by number."""

    def __init__(
        self, settings: Settings, listening: socket.socket, grpc: int | None, counts: str
    ) -> None:
        self._settings, self._listening, self._grpc, self._counts = (
            settings,
            listening,
            grpc,
            counts,
        )
        self._spawn = multiprocessing.get_context("spawn")
        self._workers: dict[int, BaseProcess] = {}
        self._told: dict[int, Connection] = {}

    def start(self) -> None:
        """Start all, and wait until they answer."""
        for number in range(self._settings.workers):
            self._start(number)
        for number, end in self._told.items():
            fault = _first_word(end)
            if fault is not None:
                raise GateFailed(f"worker {number}", fault, "See what it logged above")

    def look_after(self, stopping: threading.Event) -> None:
        """Wait a little, and start again whoever ended."""
        wait([worker.sentinel for worker in self._workers.values()], 0.5)
        for number, worker in list(self._workers.items()):
            if worker.is_alive() or stopping.is_set():
                continue
            mark_process_dead(worker.pid, self._counts)
            log.error("worker %d ended with %s; another one starts", number, worker.exitcode)
            stopping.wait(AGAIN_AFTER_S)
            if not stopping.is_set():
                self._start(number)

    def stop(self) -> None:
        """Ask all to end, and end those that don't."""
        for worker in self._workers.values():
            worker.terminate()
        end = time.monotonic() + STOP_WITHIN_S
        for worker in self._workers.values():
            worker.join(max(0.0, end - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()

    def _start(self, number: int) -> None:
        ours, theirs = self._spawn.Pipe(duplex=False)
        os.environ[SHARED] = self._counts
        try:
            worker = self._spawn.Process(
                target=run_worker,
                args=(self._settings, number, self._listening, self._grpc, theirs),
                name=f"stillwatch-gate-{number}",
            )
            worker.start()
        finally:
            del os.environ[SHARED]
        theirs.close()
        self._workers[number], self._told[number] = worker, ours


def _first_word(end: Connection) -> str | None:
    """What a worker says when it starts: `None` that it answers, else why it can't."""
    try:
        return end.recv()
    except EOFError:
        return "ended before it answered"
