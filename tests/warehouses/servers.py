"""Servers of the tests' own on loopback: object storage that speaks S3, and ClickHouse over HTTP.

Both are small and stop with the test. The first answers what Arrow's and Delta's own clients ask
when they read; behind the second is ClickHouse's own engine (chdb), so that the SQL is run, not
compared.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of a server with `handler`, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class Quiet(BaseHTTPRequestHandler):
    """Answers without a word on standard error."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """One whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def s3_of(folder: Path, asked: list[str]) -> type[Quiet]:
    """S3 over the folders in `folder`, each a bucket; keys that were got are put in `asked`."""

    class S3(Quiet):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True)
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            if key:
                self._object(folder / bucket / key, key)
            elif (folder / bucket).is_dir():
                self._list(folder / bucket, query)
            else:
                self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")

        def _object(self, path: Path, key: str) -> None:
            if not path.is_file():
                self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            data = path.read_bytes()
            held = {
                "ETag": f'"{path.stat().st_mtime_ns}"',
                "Last_Modified": formatdate(path.stat().st_mtime, usegmt=True),
                "Accept_Ranges": "bytes",
            }
            if self.command == "HEAD":
                self.answer(200, b"", Content_Length=str(len(data)), **held)
                return
            asked.append(key)
            given = self.headers.get("Range")
            if given is None:
                self.answer(200, data, **held)
                return
            first, _, last = given.removeprefix("bytes=").partition("-")
            begin = int(first) if first else len(data) - int(last)
            end = min(int(last), len(data) - 1) if first and last else len(data) - 1
            held["Content_Range"] = f"bytes {begin}-{end}/{len(data)}"
            self.answer(206, data[begin : end + 1], **held)

        def _list(self, bucket: Path, query: dict[str, list[str]]) -> None:
            prefix = query.get("prefix", [""])[0]
            delimiter = query.get("delimiter", [""])[0]
            found, folders = [], set()
            for path in sorted(bucket.rglob("*")):
                key = path.relative_to(bucket).as_posix()
                if not path.is_file() or not key.startswith(prefix):
                    continue
                rest = key[len(prefix) :]
                if delimiter and delimiter in rest:
                    folders.add(prefix + rest.split(delimiter)[0] + delimiter)
                    continue
                state = path.stat()
                when = formatdate(state.st_mtime, usegmt=True)
                iso = _iso(state.st_mtime)
                found.append(
                    f"<Contents><Key>{escape(key)}</Key><LastModified>{iso}</LastModified>"
                    f'<ETag>"{state.st_mtime_ns}"</ETag><Size>{state.st_size}</Size>'
                    f"<StorageClass>STANDARD</StorageClass></Contents><!-- {when} -->"
                )
            common = "".join(
                f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
                for name in sorted(folders)
            )
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>'
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{bucket.name}</Name><Prefix>{escape(prefix)}</Prefix>"
                f"<KeyCount>{len(found) + len(folders)}</KeyCount><MaxKeys>1000</MaxKeys>"
                f"<IsTruncated>false</IsTruncated>{''.join(found)}{common}</ListBucketResult>"
            )
            self.answer(200, body.encode(), Content_Type="application/xml")

    return S3


def _iso(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*$", re.IGNORECASE)


def clickhouse_of(session: Any, asked: list[str]) -> type[Quiet]:
    """ClickHouse's HTTP interface over a session of chdb; statements are put in `asked`."""
    lock = threading.Lock()

    class ClickHouse(Quiet):
        def do_GET(self) -> None:
            self.answer(200, b"Ok.\n")

        def do_POST(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            statement = query.get("query", [""])[0] + body.decode()
            password = self.headers.get("X-ClickHouse-Key") or ""
            if self.headers.get("Authorization"):
                from base64 import b64decode

                password = b64decode(self.headers["Authorization"].split()[1]).decode()
            if "wrong-pass" in password:
                self.answer(403, b"Code: 516. DB::Exception: bad password wrong-pass")
                return
            asked.append(statement)
            told = _FORMAT.search(statement)
            bare = statement[: told.start()] if told else statement
            try:
                database = query.get("database", ["default"])[0]
                with lock:
                    session.query(f"use `{database}`")
                    done = session.query(bare, told[1] if told else "TabSeparated")
                self.answer(200, done.bytes(), X_ClickHouse_Summary="{}")
            except Exception as fault:
                self.answer(404, str(fault).encode())

    return ClickHouse
