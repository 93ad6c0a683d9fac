"""A console that can't start says so, and makes nobody whose password nobody sees."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from tests import fabricated
from tests.cli.conftest import Ran


def test_a_port_that_is_taken(run: Callable[..., Ran], tmp_path: Path):
    """The command line is wrong, another port would do, and no administrator was made."""
    fabricated.findings().save(tmp_path / "findings")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, store = taken.getsockname()[1], tmp_path / "cases.db"
        ran = run("serve", tmp_path / "findings", "--store", store, "--port", port)
    assert ran.code == 2
    assert "choose another --port" in " ".join(ran.err.replace("│", " ").split())
    assert not store.exists()


def test_findings_that_are_not_there(run: Callable[..., Ran], tmp_path: Path):
    """Refused, and no administrator was made."""
    store = tmp_path / "cases.db"
    ran = run("serve", tmp_path / "none", "--store", store, "--port", 0)
    assert ran.code == 3
    assert not store.exists()
