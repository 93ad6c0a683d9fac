"""Asks an ASGI application without a server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

from stillwatch.gateway.desk import Desk
from stillwatch.gateway.failing_open import FailOpen
from stillwatch.gateway.feed import Feed
from stillwatch.gateway.metrics import Metrics
from stillwatch.gateway.serves import Serves
from stillwatch.gateway.service import Service
from stillwatch.gateway.settings import Settings
from tests.gateway.fakes import ByName


class Got(NamedTuple):
    """A reply."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def service(gate: Serves | None = None, feed: Feed | None = None, **changes: Any) -> Service:
    """A service over `gate` with `changes` to its settings."""
    gate = gate or ByName()
    settings = Settings(Path("unused"), **changes)
    metrics = Metrics()
    desk = Desk(FailOpen(gate, settings.deadline_ms / 1e3), metrics)
    return Service(gate, desk, metrics, settings, feed)


async def send(
    app: Any,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | list[tuple[bytes, bytes]] | None = None,
    method: str = "POST",
    pieces: int = 1,
) -> Got:
    """One request, its body in `pieces` parts."""
    if headers is None or isinstance(headers, dict):
        headers = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    step = max(1, -(-len(body) // pieces))
    parts = [body[i : i + step] for i in range(0, len(body), step)] or [b""]
    waiting = [
        {"type": "http.request", "body": part, "more_body": i + 1 < len(parts)}
        for i, part in enumerate(parts)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, take)
    names = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    whole = b"".join(message.get("body", b"") for message in sent[1:])
    return Got(sent[0]["status"], names, whole)


def ask(*args: Any, **kwargs: Any) -> Got:
    """`send`, on a loop of its own."""
    return asyncio.run(send(*args, **kwargs))


def decide(app: Any, **request: Any) -> Got:
    """`POST /v1/decide`."""
    return ask(app, "/v1/decide", json.dumps(request).encode())
