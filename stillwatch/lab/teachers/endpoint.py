"""A teacher behind an OpenAI-compatible endpoint of one's own: it answers in texts alone.

Asked as https://platform.openai.com/docs/api-reference/chat/create says: `messages` in, and
`choices[0].message.content` with its `finish_reason` out. Only an endpoint that one has a right to
distil is asked: whoever starts a run asserts it, and the card says so. The key comes from an
environment variable and is written nowhere. Redirects aren't followed.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stillwatch.display import plain
from stillwatch.errors import ExtraMissing, LabRefused
from stillwatch.lab.teachers.teacher import Answer, Draw, Identity, Reply, Unanswered, Weights

if TYPE_CHECKING:
    import httpx

KEY = "STILLWATCH_TEACHER_KEY"
"""The environment variable with the endpoint's key, where it wants one."""

_TRIES = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_WHOLE_S = 300.0
"""How long one answer may take as a whole."""
_MOST_BYTES = 4 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Later(Exception):
    """Worth another try, after `wait_s` where the endpoint said how long."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Endpoint:
    """`url` is what stands before `/chat/completions`; `model` is what the endpoint calls it."""

    url: str
    model: str
    concurrency: int = 4
    tries: int = _TRIES
    first_wait_s: float = _FIRST_WAIT_S

    def __post_init__(self) -> None:
        checked(self.url)
        try:
            import httpx  # noqa: F401
        except ModuleNotFoundError:
            todo = "Run pip install 'stillwatch[lab]'"
            raise ExtraMissing("endpoint", "asking one needs httpx", todo) from None

    @property
    def weights(self) -> Weights | None:
        """They are elsewhere."""
        return None

    @property
    def at_once(self) -> int:
        """A few rounds of what is asked side by side."""
        return 4 * self.concurrency

    @property
    def identity(self) -> Identity:
        """By its address and name: what is behind them can't be seen."""
        digest = hashlib.sha256(f"{self.url}\n{self.model}".encode()).hexdigest()
        return Identity("endpoint", self.model, digest, None, {"url": self.url})

    def answers(self, prompts: Sequence[str], draw: Draw) -> list[Reply]:
        """Replies, asked side by side.

        What is refused for good (401, 403, 404, another 4xx) raises `LabRefused`; what fails in
        every try is unanswered.
        """
        import httpx

        key = os.environ.get(KEY, "")
        if not key.isascii() or not key.isprintable():
            raise LabRefused(KEY, "holds what can't be a key", "Put the key there, nothing else")
        headers = {"Accept-Encoding": "identity"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )
        local = urlsplit(self.url).scheme == "http"
        with (
            httpx.Client(
                headers=headers, timeout=60.0, follow_redirects=False, trust_env=not local
            ) as http,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            over = Event()
            asked = [pool.submit(self._reply, http, prompt, draw, over) for prompt in prompts]
            try:
                return [one.result() for one in asked]
            finally:
                over.set()

    def _reply(self, http: httpx.Client, prompt: str, draw: Draw, over: Event) -> Reply:
        jitter, reason = random.Random(prompt), "wasn't asked"
        for attempt in range(self.tries):
            if over.is_set():
                break
            try:
                return self._ask(http, prompt, draw)
            except LabRefused:
                over.set()
                raise
            except _Later as fault:
                reason, wait_s = str(fault), fault.wait_s
            if attempt + 1 < self.tries:
                own_s = self.first_wait_s * 2**attempt * (1 + jitter.random())
                over.wait(min(max(own_s, wait_s or 0.0), _LONGEST_WAIT_S))
        return Unanswered(f"{reason}, {self.tries} times")

    def _ask(self, http: httpx.Client, prompt: str, draw: Draw) -> Reply:
        import httpx

        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": draw.longest,
            "temperature": draw.temperature,
            "seed": draw.seed,
        }
        try:
            with http.stream("POST", f"{self.url}/chat/completions", json=body) as response:
                said = _read(response)
                status, wait = response.status_code, response.headers.get("Retry-After", "")
        except (httpx.TransportError, httpx.DecodingError) as fault:
            raise _Later(f"can't be reached ({type(fault).__name__})") from None
        if status == 429 or status >= 500:
            raise _Later(f"answered with HTTP {status}", float(wait) if wait.isdecimal() else None)
        if status != 200:
            what = f"answered with HTTP {status}: {plain(said.decode('utf-8', 'replace'), 200)}"
            todo = f"Look at the address, the model's name, and the key in {KEY}"
            raise LabRefused(self.url, what, todo)
        return _taken(said)


def checked(url: str) -> str:
    """The address as it may be asked; raises `LabRefused` where it may not."""
    todo = "Name https://HOST/v1, or http://127.0.0.1:PORT/v1 on this machine"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise LabRefused(plain(url), "isn't an address", todo) from None
    if not host or parts.scheme not in ("http", "https"):
        raise LabRefused(plain(url), "isn't an address of an endpoint", todo)
    if parts.username is not None or parts.query or parts.fragment:
        # not told: it may hold a secret
        where = f"{parts.scheme}://{host}"
        raise LabRefused(where, "holds more than host and path", f"{todo}; a key goes to {KEY}")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise LabRefused(plain(url), "isn't encrypted, and isn't on this machine", todo)
    return url


def _read(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _Later("compressed its answer although it was asked not to")
    until, body = time.monotonic() + _WHOLE_S, bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > _MOST_BYTES:
            raise _Later(f"answered with more than {_MOST_BYTES >> 20} MiB")
        if time.monotonic() > until:
            raise _Later(f"didn't finish within {_WHOLE_S:.0f} seconds")
    return bytes(body)


def _taken(said: bytes) -> Reply:
    try:
        document: Any = json.loads(said)
        choice = document["choices"][0]
        text, why = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, RecursionError):
        raise _Later("answered with something else than JSON") from None
    except (KeyError, IndexError, TypeError, AttributeError):
        raise _Later("answered without choices") from None
    if not isinstance(text, str) or not text:
        return Unanswered(f"it has no text (finish_reason {plain(why, 40)})")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Unanswered("its text isn't Unicode")
    return Answer(text, why == "stop")
