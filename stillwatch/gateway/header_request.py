"""A request where only headers are seen: at Envoy, nginx and APISIX."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from stillwatch.gateway.request import Request
from stillwatch.gateway.settings import HeaderNames
from stillwatch.sources.addresses import nearest_address
from stillwatch.sources.coerce import SECRET_HEADERS


def headers_to_request(headers: Mapping[str, str], names: HeaderNames) -> Request | None:
    """The request that `headers` (by lower-case name) tell of; `None` where they name nobody."""
    account = _first(headers, names.account) or _credential(headers, names.credential)
    if account is None:
        return None
    return Request(
        account_id=account,
        ts=time.time_ns() // 1000,
        call_id=_first(headers, names.call),
        key_id=_credential(headers, names.credential),
        org_id=_first(headers, names.org),
        model=_first(headers, names.model),
        ip=_address(headers, names),
        user_agent=_first(headers, ("user-agent",)),
        ja4=_first(headers, names.ja4),
        device_id=_first(headers, names.device),
        headers={name: held for name, held in headers.items() if name not in SECRET_HEADERS},
    )


def hashed(credential: str) -> str:
    """A credential as LiteLLM names a key: SHA-256 in hex, of the token without its scheme.

    >>> hashed("Bearer sk-1") == hashed("sk-1")
    True
    """
    scheme, _, token = credential.strip().partition(" ")
    secret = (
        token.strip() if token and scheme.lower() in ("bearer", "basic") else credential.strip()
    )
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        if held := headers.get(name, "").strip():
            return held
    return None


def _credential(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    found = _first(headers, names)
    return None if found is None else hashed(found)


def _address(headers: Mapping[str, str], names: HeaderNames) -> str | None:
    found = _first(headers, names.ip)
    if found is None:
        return None
    return nearest_address(found, names.hops)
