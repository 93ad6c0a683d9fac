"""A provider of OpenID Connect on loopback that checks its clients; a test can turn it bad."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "stillwatch"
SECRET = "s3cret%+/:x"
BACK = "https://watch.example.com/sign-in/openid/back"


@cache
def first_key() -> RSAKey:
    """The key that every provider begins with; a key takes a tenth of a second to make."""
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


class TestProvider:
    """Signs what `claims` says with `key`; `answers` replaces the answer at a path."""

    __test__ = False

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key: RSAKey | ECKey = first_key()
        self.algorithm = "RS256"
        self.published: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.discovery: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.secret: str | None = SECRET
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}

    def sign_in(self, address: str) -> dict[str, str]:
        """What a browser does with `address` when the person agrees; the query that comes back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert address.startswith(self.issuer + "/authorize?")
        assert asked["client_id"] == CLIENT
        assert asked["redirect_uri"] == BACK
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def token(self, nonce: str | None) -> str:
        """An ID token for this sign-in, with the claims that the test wants on top."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "u-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada",
        }
        return self.sign(_without_none(claims | self.claims))

    def signed(self, claims: dict[str, Any]) -> str:
        """`claims`, signed as an honest provider does."""
        header = {"alg": self.algorithm, "kid": self.key.kid, "x-more": "unknown"}
        registry = jwt.JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return jwt.encode(header, claims, self.key, registry=registry)

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return _without_none(
            {
                "issuer": self.issuer,
                "authorization_endpoint": self.issuer + "/authorize",
                "token_endpoint": self.issuer + "/token",
                "jwks_uri": self.issuer + "/keys",
                "userinfo_endpoint": self.issuer + "/me" if self.userinfo is not None else None,
            }
            | self.discovery
        )

    def redeem(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        """The token endpoint: a code once, for the client, with its verifier."""
        if self.secret is None:
            known = authorization is None and form.get("client_id") == CLIENT
        elif self.metadata().get("token_endpoint_auth_methods_supported"):
            known = (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)
        else:
            pair = base64.b64decode((authorization or "").removeprefix("Basic ")).decode()
            known = [unquote_plus(part) for part in pair.split(":")] == [CLIENT, self.secret]
        if not known:
            return 401, {
                "error": "invalid_client",
                "error_description": "who\x1b[31m \u202eare you",
            }
        asked = self.codes.pop(form["code"], None)
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        if (
            asked is None
            or form["redirect_uri"] != asked["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).decode().rstrip("=") != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {
            "token_type": "Bearer",
            "access_token": "a-token",
            "id_token": self.token(asked.get("nonce")),
        }


@contextmanager
def serving() -> Iterator[TestProvider]:
    """A provider on a free port of loopback, stopped at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    provider = server.provider = TestProvider(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that stands in for the provider's own; `_` in a header's name is a hyphen."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:  # pytest's output stays quiet
        pass

    def do_GET(self) -> None:
        provider = self._asked()
        if self.path in provider.answers:
            provider.answers[self.path](self)
        elif self.path == "/.well-known/openid-configuration":
            self._json(200, provider.metadata())
        elif self.path == "/keys":
            self._json(200, {"keys": provider.published})
        elif self.path == "/me" and self.headers["Authorization"] == "Bearer a-token":
            self._json(200, provider.userinfo or {})
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        provider = self._asked()
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path in provider.answers:
            provider.answers[self.path](self)
        else:
            self._json(*provider.redeem(dict(parse_qsl(body)), self.headers["Authorization"]))

    def _asked(self) -> TestProvider:
        provider = self.server.provider  # type: ignore[attr-defined]
        provider.asked.append(self.path)
        return provider

    def _json(self, status: int, fields: dict[str, Any]) -> None:
        answering(status, json.dumps(fields).encode(), Content_Type="application/json")(self)


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
