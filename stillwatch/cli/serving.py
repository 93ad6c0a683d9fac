"""Serve one page to this machine, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def server_for(page: Path) -> ThreadingHTTPServer:
    """A server on a free port of 127.0.0.1 that answers for `page` alone.

    The file is read once: no path of a request ever reaches the file system. Requests that name
    another host are refused, so that a web site can't read the page by rebinding its name.
    """
    return ThreadingHTTPServer(("127.0.0.1", 0), _handler(page.read_bytes()))


def serve(page: Path, ready: Callable[[str], None]) -> None:
    """Serve `page` until Ctrl-C; `ready` is told the address once it answers."""
    with server_for(page) as server:
        ready(f"http://127.0.0.1:{server.server_address[1]}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _handler(content: bytes) -> type[BaseHTTPRequestHandler]:
    class OnePage(BaseHTTPRequestHandler):
        server_version = "stillwatch"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, body: bool) -> None:
            host = self.headers.get("Host", "").rsplit(":", 1)[0]
            if host not in ("127.0.0.1", "localhost"):
                self.send_error(421)
                return
            if self.path not in ("/", "/index.html"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    return OnePage
