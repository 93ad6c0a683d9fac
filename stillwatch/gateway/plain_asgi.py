"""ASGI by hand, for paths where a framework would cost more than the work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_READ = 16 << 20
"""Bytes of a body that are read; what comes after is not waited for."""

BODY_WITHIN_S = 5.0


class Reply(NamedTuple):
    """What goes back: header names and values are of our own making, never of a client's text."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    kind: bytes = b"application/json"


async def read_body(receive: Receive, most: int = MOST_READ) -> bytes:
    """The body, or as much of it as comes within `most` bytes and `BODY_WITHIN_S` seconds."""
    message = await receive()
    body = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            while message.get("more_body") and size < most:
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
    except TimeoutError:
        pass
    return b"".join(parts)


async def respond(send: Send, reply: Reply) -> None:
    """Send `reply` whole."""
    headers = [
        (b"content-type", reply.kind),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request by lower-case name; the last one of a name counts."""
    return {
        name.decode("latin-1").lower(): value.decode("utf-8", "replace")
        for name, value in scope["headers"]
    }
