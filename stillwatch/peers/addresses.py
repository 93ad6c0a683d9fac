"""Addresses of peers: https, or http on this machine; nothing that hides where it leads."""

from __future__ import annotations

from urllib.parse import urlsplit

from stillwatch.errors import PeerRefused

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
LONGEST = 2_000
_TODO = "Give its API root, as https://HOST/taxii2/stillwatch/"


def checked_root(url: str) -> str:
    """An address of an API root, ending in a slash; raises `PeerRefused`.

    >>> checked_root("https://peer.example/taxii2/stillwatch")
    'https://peer.example/taxii2/stillwatch/'
    """
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise PeerRefused("the peer's address", "isn't plain ASCII of some length", _TODO)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise PeerRefused(url, "is no address", _TODO) from None
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise PeerRefused(
            "the peer's address", "needs a host, and no user, password, query or fragment", _TODO
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise PeerRefused(url, "would be asked without TLS", _TODO)
    return url if url.endswith("/") else url + "/"
