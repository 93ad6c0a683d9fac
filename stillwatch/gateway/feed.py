"""`POST /v1/feed/litellm`: LiteLLM's log callback in, rows of the contract on disk.

Payloads are large and decisions are quick, so they are taken apart in a process of its own, and
written by a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stillwatch.display import plain
from stillwatch.gateway.feed_files import FeedFiles
from stillwatch.gateway.metrics import Metrics
from stillwatch.gateway.orphans import end_with_parent
from stillwatch.sources.feed import FeedLines, litellm_to_lines

log = logging.getLogger("stillwatch.gateway")

MOST_FED = 256 << 20
"""Bytes of one body."""

AT_ONCE = 4
"""Bodies that are held in memory at a time; others wait for their turn."""


class Feed:
    """The log of one worker."""

    def __init__(self, folder: Path, worker: int, seal_after_s: float) -> None:
        self._files = FeedFiles(folder, worker, seal_after_s)
        self._writer = ThreadPoolExecutor(1, "feed")
        self._parser: ProcessPoolExecutor | None = None
        self._ticking: asyncio.Task[None] | None = None
        self.turns = asyncio.Semaphore(AT_ONCE)

    async def take(self, body: bytes) -> FeedLines:
        """Write what `body` holds; raises `OSError` where the disk doesn't take it."""
        taken = await self._parse(body)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._files.append, taken)
        if self._ticking is None:
            self._ticking = loop.create_task(self._tick())
        return taken

    async def _parse(self, body: bytes) -> FeedLines:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            if self._parser is None:
                self._parser = ProcessPoolExecutor(
                    1, get_context("spawn"), end_with_parent, (os.getpid(),)
                )
            parser = self._parser
            try:
                return await loop.run_in_executor(parser, litellm_to_lines, body)
            except BrokenProcessPool:
                if self._parser is parser:
                    self._parser = None
        return FeedLines(b"", 0, [("unparsed", body)])

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            try:
                await loop.run_in_executor(self._writer, self._files.tick)
            except OSError as fault:
                log.error("the feed's file can't be written: %s", plain(fault))

    def close(self) -> None:
        """Seal what is open."""
        if self._ticking is not None:
            self._ticking.cancel()
        with contextlib.suppress(OSError):
            self._writer.submit(self._files.seal).result()
        self._writer.shutdown()
        if self._parser is not None:
            self._parser.shutdown(wait=False, cancel_futures=True)


def feed_route(feed: Feed, metrics: Metrics) -> Route:
    """The route that takes payloads in."""

    async def take(request: HttpRequest) -> Response:
        async with feed.turns:
            try:
                body = await _bounded(request)
            except ClientDisconnect:
                return _fault(400, "body", "broke off")
            if body is None:
                return _fault(413, "body", f"is longer than {MOST_FED:,} bytes; send fewer at once")
            try:
                taken = await feed.take(body)
            except OSError as fault:
                log.error("the feed can't be written: %s", plain(fault))
                return _fault(503, "log", "can't be written; send it again")
        refused = dict(Counter(reason for reason, _ in taken.refused))
        metrics.fed(taken.rows, refused)
        return JSONResponse({"written": taken.rows, "quarantined": refused})

    return Route("/v1/feed/litellm", take, methods=["POST"])


async def _bounded(request: HttpRequest) -> bytes | None:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_FED:
            return None
        parts.append(part)
    return b"".join(parts)


def _fault(status: int, where: str, what: str) -> Response:
    return JSONResponse({"error": {"where": where, "what": what}}, status)
