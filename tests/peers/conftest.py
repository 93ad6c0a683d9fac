"""What tests of peers share: stores that know each other, and services that really listen."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from stillwatch.cases import Store
from stillwatch.peers.objects import StixObject, check_object
from stillwatch.peers.registry import add_peer, admit
from stillwatch.peers.service import create_app

ACTOR = "ana"


def stix(
    kind: str = "campaign",
    name: str = "one",
    version: str = "2026-01-05T06:00:00.000Z",
    **more: Any,
):
    """A small STIX object; the same name is the same object."""
    made = {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "created": "2026-01-05T06:00:00.000Z",
        "modified": version,
        "name": name,
    }
    return {**made, **more}


def checked(*values: dict[str, Any]) -> list[StixObject]:
    """Objects as they are kept."""
    return [check_object(value) for value in values]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of our own that nobody else writes to."""
    made = Store.open(tmp_path / "ours.db", create=True)
    yield made
    made.close()


@pytest.fixture
def token(store: Store) -> str:
    """The token that the peer `bo` comes in with."""
    add_peer(store, "bo", None, None, ACTOR)
    return admit(store, "bo", 1, ACTOR)


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """Serves an application on loopback, on a port of its own: its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: Any) -> str:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        for _ in range(500):
            if server.started:
                port = server.servers[0].sockets[0].getsockname()[1]
                return f"http://127.0.0.1:{port}"
            time.sleep(0.02)
        raise AssertionError("the service didn't start")

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def served(store: Store, serving: Callable[..., str]) -> str:
    """Our service's address; it has a store of its own over the same file."""
    return serving(create_app(Store.open(store.name)))


def lines(values: list[Any]) -> str:
    """Values as text that can be compared."""
    return "\n".join(sorted(json.dumps(value, sort_keys=True) for value in values))
