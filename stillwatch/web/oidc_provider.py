"""What a provider of OpenID Connect says of itself, and its keys: fetched within bounds, and kept.

Nothing that a provider answers is followed or believed beyond what the standards ask for: redirects
aren't followed, an answer has at most 1 MiB, and http is for providers on this machine only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from stillwatch.display import plain
from stillwatch.errors import SignInRefused
from stillwatch.web.oidc_settings import check_address, is_loopback

WAIT_S = 10.0
"""How long a connection, a read, and an answer as a whole may take."""
MOST_BYTES = 1 << 20
"""Most bytes of an answer."""
MOST_AT_ONCE = 8
"""Most questions under way: a provider that hangs must not hold up all that a server does."""
KEPT_S = 3600.0
"""How long metadata and keys are believed: a key that was withdrawn works no longer than this."""
AGAIN_S = 60.0
"""Least time between two looks for a key that isn't known."""

_RSA_BITS = 2048
_TRY_LATER = "Try again; if it stays so, tell whoever runs it"
_ASK = "Ask an administrator to check the settings of [oidc] and the provider"


@dataclass(frozen=True)
class Metadata:
    """The part of a provider's discovery document that a sign-in needs."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    secret_in_body: bool
    says_issuer: bool


@dataclass(frozen=True)
class Answer:
    """A provider's answer: its HTTP status, and the JSON object that it is."""

    status: int
    fields: dict[str, Any]


class Provider:
    """The provider at `issuer`. Safe to use from several threads."""

    def __init__(self, issuer: str, client: httpx.Client) -> None:
        self.issuer = issuer
        self._client = client
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: list[tuple[str | None, RSAKey | ECKey]] = []
        self._looked = self._fetched = -inf
        self._looking = threading.Lock()
        self._asking = threading.BoundedSemaphore(MOST_AT_ONCE)

    def metadata(self) -> Metadata:
        """What discovery says, at most an hour old; raises `SignInRefused`."""
        kept = self._metadata
        if kept is None or monotonic() - kept[0] > KEPT_S:
            address = self.issuer.removesuffix("/") + "/.well-known/openid-configuration"
            kept = (monotonic(), self._checked(self._good("GET", address)))
            self._metadata = kept
        return kept[1]

    def keys(self, kid: str | None) -> list[RSAKey | ECKey]:
        """The keys named `kid`, or all where a token names none; raises `SignInRefused`.

        Keys are fetched when they are an hour old, or when none has this name and the last look was
        a minute ago or more: forged names can't make us ask more often.
        """
        if not self._looking.acquire(timeout=WAIT_S):
            raise self.refusal(f"didn't answer within {WAIT_S:.0f} seconds", _TRY_LATER)
        try:
            now = monotonic()
            stale = now - self._fetched >= KEPT_S
            if stale or (not self._named(kid) and now - self._looked >= AGAIN_S):
                self._looked = now
                self._keys, self._fetched = self._fetched_keys(), now
            return self._named(kid)
        finally:
            self._looking.release()

    def ask(
        self,
        method: str,
        address: str,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        bearer: str | None = None,
    ) -> Answer:
        """The provider's answer, whatever its status; raises `SignInRefused` where it is none."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        if not self._asking.acquire(blocking=False):
            raise self.refusal("is slow, and enough others wait for it", _TRY_LATER)
        until = monotonic() + WAIT_S
        try:
            with self._client.stream(
                method,
                address,
                data=form,
                headers=headers,
                auth=auth,
                timeout=WAIT_S,
                follow_redirects=False,
            ) as response:
                return Answer(response.status_code, self._object(response, until))
        except httpx.TimeoutException:
            raise self.refusal(f"didn't answer within {WAIT_S:.0f} seconds", _TRY_LATER) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            raise self.refusal("can't be reached", _TRY_LATER) from None
        finally:
            self._asking.release()

    def refusal(self, what: str, todo: str = _ASK) -> SignInRefused:
        """A refusal that names this provider."""
        return SignInRefused(f"the provider {plain(self.issuer)}", what, todo)

    def _object(self, response: httpx.Response, until: float) -> dict[str, Any]:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self.refusal("compressed an answer although it was asked not to")
        body = bytearray()
        for part in response.iter_raw():
            body += part
            if len(body) > MOST_BYTES:
                raise self.refusal("answered with more than 1 MiB")
            if monotonic() > until:
                raise self.refusal(f"didn't answer within {WAIT_S:.0f} seconds", _TRY_LATER)
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise self.refusal(
                f"answered with something else than a JSON object (HTTP {response.status_code})"
            )
        return fields

    def _good(self, method: str, address: str) -> dict[str, Any]:
        answer = self.ask(method, address)
        if answer.status != 200:
            raise self.refusal(f"answered with HTTP {answer.status}", _TRY_LATER)
        return answer.fields

    def _checked(self, fields: dict[str, Any]) -> Metadata:
        if fields.get("issuer") != self.issuer:
            raise self.refusal("calls itself by another issuer than the settings do")
        methods = fields.get("token_endpoint_auth_methods_supported")
        return Metadata(
            authorization_endpoint=self._endpoint(fields, "authorization_endpoint"),
            token_endpoint=self._endpoint(fields, "token_endpoint"),
            jwks_uri=self._endpoint(fields, "jwks_uri"),
            userinfo_endpoint=(
                self._endpoint(fields, "userinfo_endpoint")
                if fields.get("userinfo_endpoint") is not None
                else None
            ),
            secret_in_body=(
                isinstance(methods, list)
                and "client_secret_basic" not in methods
                and "client_secret_post" in methods
            ),
            says_issuer=fields.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, fields: dict[str, Any], name: str) -> str:
        try:
            return check_address(str(fields.get(name, "")), plain_http=is_loopback(self.issuer))
        except ValueError as fault:
            raise self.refusal(f"says of itself a {name} that {fault}") from None

    def _named(self, kid: str | None) -> list[RSAKey | ECKey]:
        return [key for name, key in self._keys if kid is None or name == kid]

    def _fetched_keys(self) -> list[tuple[str | None, RSAKey | ECKey]]:
        listed = self._good("GET", self.metadata().jwks_uri).get("keys")
        if not isinstance(listed, list):
            raise self.refusal("has no list of keys")
        keys = [_key_of(entry) for entry in listed]
        return [key for key in keys if key is not None]


def _key_of(entry: Any) -> tuple[str | None, RSAKey | ECKey] | None:
    """A key for signatures with its name; None for what is none or too weak, which is left out."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    try:
        key = {"RSA": RSAKey, "EC": ECKey}[entry["kty"]].import_key(entry)
        if isinstance(key, RSAKey) and key.public_key.key_size < _RSA_BITS:
            return None
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return (kid if isinstance(kid, str) else None, key)
