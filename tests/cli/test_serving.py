"""The demo's server gives out one page, to this machine only."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.cli.serving import server_for


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server over a folder that also holds a secret."""
    (tmp_path / "index.html").write_text("<h1>page</h1>")
    (tmp_path / "secret.parquet").write_text("secret")
    with server_for(tmp_path / "index.html") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert server.server_address[0] == "127.0.0.1"
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ask(port: int, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status == 200:
        assert "default-src 'none'" in (answer.getheader("Content-Security-Policy") or "")
    connection.close()
    return answer.status, body


def test_the_page(port: int) -> None:
    """At `/`, and at its name."""
    assert ask(port, "/") == (200, "<h1>page</h1>")
    assert ask(port, "/index.html", host=f"localhost:{port}") == (200, "<h1>page</h1>")
    assert ask(port, "/", method="HEAD") == (200, "")


@pytest.mark.parametrize(
    "path",
    [
        "/secret.parquet",
        "/../secret.parquet",
        "/%2e%2e/secret.parquet",
        "//secret.parquet",
        "/log/",
    ],
)
def test_nothing_else(port: int, path: str) -> None:
    """No path reaches the folder."""
    status, body = ask(port, path)
    assert status == 404
    assert body.find("<h1>page") < 0


def test_other_names_and_methods_are_refused(port: int) -> None:
    """A web site that rebinds its name to 127.0.0.1 gets nothing; nor does a POST."""
    assert ask(port, "/", host="evil.example")[0] == 421
    assert ask(port, "/", method="POST")[0] == 501
