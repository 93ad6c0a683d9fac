"""The shared token that keeps strangers out of a service that is reached by a network."""

from __future__ import annotations

import hmac
from pathlib import Path

from stillwatch.errors import AccessRefused, InputNotFound
from stillwatch.gateway.plain_asgi import Scope
from stillwatch.gateway.settings import LOOPBACK

OWN = b"x-stillwatch-token"
"""Where `authorization` and `x-api-key` are a client's own, as at adapters that see headers."""

LEAST = 16


def read_token(path: Path) -> str:
    """The token that stands in a file.

    Raises `InputNotFound` where it can't be read and `AccessRefused` where it can be guessed.
    """
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise InputNotFound(path, f"can't be read ({fault})", "Name a file with a token") from None
    if len(token) < LEAST or not token.isascii() or any(c.isspace() for c in token):
        raise AccessRefused(
            path,
            f"holds no token of at least {LEAST} letters and digits",
            "Make one: openssl rand -hex 32",
        )
    return token


def check_bind(host: str, token: str | None, open_: bool) -> None:
    """Refuse to listen to a network without a token, unless told to; raises `AccessRefused`."""
    if token is None and not open_ and host not in LOOPBACK:
        raise AccessRefused(
            f"--host {host}",
            "would let anybody on the network ask and feed the log",
            "Give --token-file, or say --open where a network policy keeps others out",
        )


def may_enter(scope: Scope, token: bytes) -> bool:
    """Whether a request carries the token; takes as long whatever it carries."""
    for name, value in scope["headers"]:
        if name in (b"x-api-key", OWN):
            given = value
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            given = value[7:]
        else:
            continue
        if hmac.compare_digest(given.strip(), token):
            return True
    return False
