"""One worker: a gate, opened by its number, and the service over it."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import sys
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from stillwatch.errors import GateFailed, StillwatchError
from stillwatch.gateway.desk import Desk
from stillwatch.gateway.failing_open import FailOpen, watch
from stillwatch.gateway.feed import Feed
from stillwatch.gateway.metrics import Metrics
from stillwatch.gateway.orphans import end_with_parent
from stillwatch.gateway.plain_asgi import App
from stillwatch.gateway.serves import Serves
from stillwatch.gateway.service import Service
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.tracing import open_traces


def run_worker(
    settings: Settings, number: int, listening: socket.socket, grpc: int | None, told: Connection
) -> None:
    """Serve on `listening` until SIGTERM; `told` is sent `None` once it answers, else a fault."""
    logging.basicConfig(
        stream=sys.stderr, format=f"%(asctime)s worker {number} %(levelname)s %(message)s"
    )
    end_with_parent(os.getppid())
    try:
        asks, service, desk = open_service(settings, number)
    except StillwatchError as fault:
        told.send(str(fault))
        return
    watch(asks)
    server = _Worker(_config(service), settings, desk, grpc, told)
    server.run([listening])


def run_app(app: App, listening: socket.socket) -> None:
    """Serve any application as a worker does, in this process, until SIGTERM."""
    uvicorn.Server(_config(app)).run([listening])


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # ours is written with mutable mappings, as it is called
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )


def open_service(settings: Settings, number: int) -> tuple[FailOpen, Service, Desk]:
    """The service of worker `number`."""
    gate = open_gate(settings, number)
    metrics = Metrics()
    asks = FailOpen(gate, settings.deadline_ms / 1e3)
    desk = Desk(asks, metrics, open_traces())
    feed = Feed(settings.feed, number, settings.seal_after_s) if settings.feed else None
    return asks, Service(gate, desk, metrics, settings, feed), desk


def open_gate(settings: Settings, number: int) -> Serves:
    """The gate over the published table; raises `GateFailed` where its class isn't there."""
    module, _, name = settings.gate.partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise GateFailed(settings.gate, "is no gate", "Name one as module:Class") from None
    return kind(settings.table, worker=number)


class _Worker(uvicorn.Server):
    """uvicorn's server, which says when it answers and has a gRPC server beside it."""

    def __init__(
        self,
        config: uvicorn.Config,
        settings: Settings,
        desk: Desk,
        grpc: int | None,
        told: Connection,
    ) -> None:
        super().__init__(config)
        self._settings, self._desk, self._grpc, self._told = settings, desk, grpc, told
        self._beside: Any = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start answering, and say so."""
        await super().startup(sockets)
        if not self.started:
            self._told.send("can't listen")
            return
        if self._grpc is not None:
            from stillwatch.gateway.adapters.envoy_grpc import start

            self._beside = await start(self._settings, self._desk, self._grpc)
        self._told.send(None)
        self._told.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop both."""
        if self._beside is not None:
            await self._beside.stop(2.0)
        await super().shutdown(sockets)
