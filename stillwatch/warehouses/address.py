"""Where a warehouse is: a URL, with what must not be shown kept apart from what may.

A URL may hold a password or a signature. What is shown, written down or raised is only ever
`Address.shown`, and texts of other libraries go through `Address.without_secrets`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from stillwatch.errors import WarehouseFailed

OBJECTS = ("s3", "gs", "az", "abfs", "abfss", "file")
TABLES = ("delta", "iceberg")
DATABASES = ("postgresql", "postgres", "clickhouse", "clickhouses")
SCHEMES = (*OBJECTS, "https", "http", *TABLES, *DATABASES)

_SCHEME = re.compile(r"([a-z][a-z0-9]{0,15})(?:\+([a-z][a-z0-9]{0,15}))?://")
_SHOWN = ("table", "query", "cursor", "overlap_s", "region", "endpoint_override", "scheme")
"""Options that say what is read, and hold no secret."""
_HARMLESS = ("host", "port", "user", "dbname", "sslmode", "account", "connect_timeout")
"""Not shown, for they say who reads and how, and no secret either."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Address:
    """A warehouse's address in parts; `repr` shows no secret."""

    scheme: str
    inner: str | None
    """After `delta+` or `iceberg+`: where the table's files are."""
    host: str
    path: str
    options: dict[str, str] = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(repr=False)
    url: str = field(repr=False)
    """All of it, without `delta+` or `iceberg+`: for the library that connects, nobody else."""

    def without_secrets(self, text: object) -> str:
        """`text` on one line, with no part of it that was secret in the address."""
        plain = " ".join(str(text).split())
        for secret in sorted(self.secrets, key=len, reverse=True):
            plain = plain.replace(secret, "***")
        return plain[:500]

    def failed(self, what: object, todo: str) -> WarehouseFailed:
        """The error to raise where this warehouse can't be read."""
        return WarehouseFailed(self.shown, self.without_secrets(what), todo)


def is_address(text: str | Path) -> bool:
    """Whether `text` is a URL of a warehouse, and no path.

    >>> [is_address(text) for text in ("s3://b/logs/", "delta+s3://b/t", "logs/s3", "C://x")]
    [True, True, False, False]
    """
    found = _SCHEME.match(str(text))
    return found is not None and found[1] in SCHEMES


def parse_address(text: str) -> Address:
    """`text` taken apart. Raises `WarehouseFailed` where it is no address that can be read.

    >>> parse_address("postgresql://ann:secret@db/logs?table=t&sslpassword=x").shown
    'postgresql://db/logs?table=t'
    """
    found = _SCHEME.match(text)
    if found is None or found[1] not in SCHEMES:
        raise WarehouseFailed(
            "the address", "is of no warehouse", f"Begin it with one of {', '.join(SCHEMES)}"
        )
    scheme, inner = found[1], found[2]
    url = text.removeprefix(f"{scheme}+") if inner else text
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        password = parts.password
    except ValueError:
        raise WarehouseFailed(
            f"{scheme}://", "is no address", "Write % signs for what has a meaning of its own"
        ) from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if scheme == "http" and host not in _LOOPBACK:
        raise WarehouseFailed(f"http://{host}", "would be read in the clear", "Use https")
    told = {name: value for name, value in options.items() if name in _SHOWN}
    hidden = [value for name, value in options.items() if name not in _SHOWN + _HARMLESS]
    hidden += [password] if password else []
    where = f"{host}:{port}" if port else host
    asked = urlencode(told, safe="/,:.")
    shown = f"{parts.scheme}://{where}{parts.path.rstrip('/')}" + (f"?{asked}" if asked else "")
    return Address(
        scheme,
        inner,
        where,
        parts.path,
        options,
        f"{scheme}+{shown}" if inner else shown,
        tuple({held for secret in hidden for held in (secret, unquote(secret)) if len(held) > 2}),
        url,
    )
