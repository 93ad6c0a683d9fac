"""Media types of TAXII 2.1, and its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

TAXII = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"

_TAKEN = frozenset({"application/taxii+json", "*/*", "application/*"})


class Refusal(Exception):
    """A request that is refused: the HTTP `status`, and words for whoever sent it."""

    def __init__(self, status: int, title: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.headers = status, title, dict(headers or {})


def answered(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A document in TAXII's media type."""
    body = json.dumps(document, separators=(",", ":"))
    return Response(body, status, {**(headers or {}), "Content-Type": TAXII})


def refused(fault: Refusal) -> Response:
    """A refusal as TAXII's error message (section 3.6.1)."""
    error = {"title": fault.title, "http_status": str(fault.status)}
    return answered(error, fault.status, fault.headers)


def check_accept(accept: str) -> None:
    """Raise the refusal of a request that doesn't take TAXII 2.1 (section 1.6.8.1).

    >>> check_accept("application/taxii+json; version=2.1")
    """
    if not accept or any(_takes(part) for part in accept.split(",")):
        return
    raise Refusal(406, f"Accept {TAXII}")


def check_content_type(sent: str) -> None:
    """Raise the refusal of a body that isn't said to be TAXII 2.1."""
    name, version = _parsed(sent)
    if name != "application/taxii+json" or version not in (None, "2.1"):
        raise Refusal(415, f"Send {TAXII}")


def _takes(part: str) -> bool:
    name, version = _parsed(part)
    return name in _TAKEN and version in (None, "2.1")


def _parsed(text: str) -> tuple[str, str | None]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    versions = [p.partition("=")[2].strip(' "') for p in parameters if p.startswith("version")]
    return name, versions[0] if versions else None
