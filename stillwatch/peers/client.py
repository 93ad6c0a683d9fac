"""Asking a peer: over TLS, within bounds, and believing nothing that it says of itself.

Redirects aren't followed, answers are taken in the plain (a compressed one could be any size), and
a peer that hangs or never ends is left after a while. Its token is sent to its own address only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stillwatch.display import plain
from stillwatch.errors import ExtraMissing, InputNotFound, PeerRefused
from stillwatch.peers.objects import NotTaken, as_version, check_object, read_envelope, read_json
from stillwatch.peers.taxii.media import TAXII

if TYPE_CHECKING:
    import httpx

    from stillwatch.peers.objects import StixObject
    from stillwatch.peers.registry import Peer

WAIT_S = 20.0
"""How long a connection or a read may take."""
WHOLE_S = 120.0
"""How long an answer as a whole may take."""
MOST_BYTES = 32 << 20
"""Most bytes of an answer."""
MOST_PAGES = 1_000
PER_PAGE = 500
_LONGEST_TOKEN = 4_096
_LATER = "Try again later; if it stays so, ask whoever runs the peer"


@dataclass(frozen=True)
class Page:
    """One page of a collection: objects that can be kept, why others can't, and how far it goes."""

    objects: list[StixObject]
    refused: list[str]
    reached: str


class Client:
    """A peer's API root, as long as `connected` keeps it open."""

    def __init__(self, peer: Peer, root: str, token: str | None, http: httpx.Client) -> None:
        self._peer, self._root, self._http = peer, root, http
        self._headers = {"Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def collections(self) -> list[str]:
        """Ids of the collections that may be read."""
        found = self._document("collections/").get("collections", [])
        if not isinstance(found, list) or len(found) > 1_000:
            raise self._fault("has no list of collections")
        ids = [one.get("id") for one in found if isinstance(one, dict) and one.get("can_read")]
        good = [one for one in ids if isinstance(one, str) and _is_name(one)]
        return sorted(set(good))

    def pages(self, collection: str, after: str | None) -> Iterator[Page]:
        """What a collection has since `after`, page by page."""
        query: dict[str, str] = {"limit": str(PER_PAGE), "match[version]": "all"}
        if after is not None:
            query["added_after"] = after
        for _ in range(MOST_PAGES):
            body, headers = self._ask("GET", f"collections/{collection}/objects/", query=query)
            try:
                values, envelope = read_envelope(body)
            except NotTaken as fault:
                raise self._fault(f"answered with something else: {fault}") from None
            if not values:
                return
            reached = as_version(headers.get("X-TAXII-Date-Added-Last"))
            if reached is None:
                raise self._fault("doesn't say when its objects were added")
            if after is not None and reached <= after:
                raise self._fault("tells the same page again and again")
            after = reached
            yield _page(values, reached)
            if envelope.get("more") is not True:
                return
            # `added_after` goes on as well as `next` does, and also after we were interrupted.
            query["added_after"] = reached
        raise self._fault(f"has more than {MOST_PAGES} pages")

    def post(self, path: str, body: bytes, content_type: str, accept: str) -> bytes:
        """The answer to something that is sent."""
        return self._ask("POST", path, body=body, content_type=content_type, accept=accept)[0]

    def _document(self, path: str) -> dict[str, Any]:
        try:
            found = read_json(self._ask("GET", path)[0])
        except NotTaken:
            found = None
        if not isinstance(found, dict):
            raise self._fault("answered with something else than a JSON object")
        return found

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = TAXII,
        accept: str = TAXII,
    ) -> tuple[bytes, Mapping[str, str]]:
        import httpx

        headers = {**self._headers, "Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        until = monotonic() + WHOLE_S
        try:
            with self._http.stream(
                method, self._root + path, params=query, content=body, headers=headers
            ) as response:
                sent = self._read(response, until)
                if response.status_code not in (200, 202):
                    raise self._fault(_said(response.status_code, sent))
                return sent, dict(response.headers.items()) | _titled(response.headers)
        except httpx.TimeoutException:
            raise self._fault(f"didn't answer within {WAIT_S:.0f} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as fault:
            raise self._fault(f"can't be reached ({plain(str(fault), 200)})") from None

    def _read(self, response: httpx.Response, until: float) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._fault("compressed an answer although it was asked not to")
        body = bytearray()
        for part in response.iter_raw():
            body += part
            if len(body) > MOST_BYTES:
                raise self._fault(f"answered with more than {MOST_BYTES >> 20} MiB")
            if monotonic() > until:
                raise self._fault(f"didn't finish within {WHOLE_S:.0f} seconds")
        return bytes(body)

    def _fault(self, what: str) -> PeerRefused:
        return PeerRefused(self._peer, what, _LATER)


@contextmanager
def connected(peer: Peer) -> Iterator[Client]:
    """A client of a peer.

    Raises `PeerRefused` for one without an address, `InputNotFound` where its token's file is gone,
    and `ExtraMissing` without the packages of `stillwatch[peers]`.
    """
    try:
        import httpx
    except ModuleNotFoundError:
        raise ExtraMissing(
            "peers", "asking them needs httpx", "Run pip install 'stillwatch[peers]'"
        ) from None
    if peer.url is None:
        raise PeerRefused(
            peer, "only comes to us, and has no address", "Remove it and add it with --url"
        )
    token = None if peer.token_file is None else _token(Path(peer.token_file))
    local = urlsplit(peer.url).scheme == "http"
    with httpx.Client(timeout=WAIT_S, follow_redirects=False, trust_env=not local) as http:
        yield Client(peer, peer.url, token, http)


def _page(values: list[Any], reached: str) -> Page:
    objects, refused = [], []
    for value in values:
        try:
            objects.append(check_object(value))
        except NotTaken as fault:
            refused.append(str(fault))
    return Page(objects, refused, reached)


def _token(path: Path) -> str:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise InputNotFound(path, "can't be read as a token", "Put the token there") from None
    if not text or len(text) > _LONGEST_TOKEN or not text.isprintable() or " " in text:
        raise InputNotFound(path, "holds no token", "Put the token there, and nothing else")
    return text


def _said(status: int, body: bytes) -> str:
    """A refusal in a peer's own words, made safe."""
    try:
        title = json.loads(body)["title"]
    except (ValueError, TypeError, KeyError, RecursionError):
        title = None
    words = f": {plain(title, 200)}" if isinstance(title, str) else ""
    return f"answered with HTTP {status}{words}"


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    """The one header that is asked for, by the name that it is asked for by."""
    name = "X-TAXII-Date-Added-Last"
    return {name: headers[name]} if name in headers else {}


def _is_name(text: str) -> bool:
    """Whether an id is one segment of a path, and nothing else."""
    return 0 < len(text) <= 100 and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)
