"""Sign-in by the organisation's OpenID Connect provider: the authorization-code flow with PKCE.

What a provider answers is believed only with a signature by one of its published keys, for this
client, from this sign-in, and in time.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from stillwatch.cases.access import Role
from stillwatch.display import plain
from stillwatch.errors import ExtraMissing, InputNotFound, SignInRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures that are taken: by a key pair only, of which a provider publishes one half."""

LEEWAY_S = 60
"""By how much clocks may differ."""

TIMEOUT_S = 10.0
MOST_BYTES = 1 << 20
KEYS_AGAIN_S = 60.0
"""Seconds before a key that isn't known makes the provider's keys be asked for again."""

_LOCAL = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class OpenIdSettings:
    """A provider, and what its claims mean here."""

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    name_claim: str = "email"
    role_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict)
    domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pending:
    """What is remembered of somebody who was sent to the provider."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Claims:
    """Whom the provider vouches for; `roles` are those that their groups have here."""

    issuer: str
    subject: str
    name: str
    display: str | None
    roles: tuple[Role, ...]


class OpenId:
    """One provider. Used by many requests at the same time."""

    def __init__(self, settings: OpenIdSettings) -> None:
        try:
            import authlib.oauth2.rfc7636
            import httpx
        except ModuleNotFoundError:
            raise ExtraMissing(
                "openid", "needs Authlib and httpx", "Run pip install 'stillwatch[oidc]'"
            ) from None
        self._challenge = authlib.oauth2.rfc7636.create_s256_code_challenge
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._failed = httpx.HTTPError
        self.settings = settings
        self._lock = threading.Lock()
        self._configuration: dict[str, Any] | None = None
        self._keys: Any = None
        self._asked = float("-inf")

    def begin(self) -> tuple[str, Pending]:
        """The address to send somebody to, and what to remember until they come back."""
        pending = Pending(*(secrets.token_urlsafe(32) for _ in range(3)))
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": self._challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        where = self._discovered()["authorization_endpoint"]
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", pending

    def finish(self, pending: Pending, query: Mapping[str, str]) -> Claims:
        """Whom the provider's answer is about; raises `SignInRefused`."""
        if not hmac.compare_digest(query.get("state", "").encode(), pending.state.encode()):
            raise _refused("the answer is of another sign-in")
        if "error" in query:
            told = plain(query.get("error_description") or query["error"], 300)
            raise _refused(f"the provider says: {told}")
        sent = {
            "grant_type": "authorization_code",
            "code": query.get("code", ""),
            "redirect_uri": self.settings.redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": pending.verifier,
        }
        if self.settings.client_secret is not None:
            sent["client_secret"] = self.settings.client_secret
        answer = self._json("POST", self._discovered()["token_endpoint"], sent)
        return self._claims(self._verified(str(answer.get("id_token", "")), pending.nonce))

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an id token, once all of it is checked."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        settings, now = self.settings, time.time()
        try:
            claims = jwt.decode(token, self._key_for(token), algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, KeyError, TypeError) as fault:
            raise _refused(
                f"the provider's signature isn't good ({type(fault).__name__})"
            ) from None
        audience = claims.get("aud")
        audience = [audience] if isinstance(audience, str) else audience
        ends, begins = claims.get("exp"), claims.get("iat")
        if claims.get("iss") != settings.issuer:
            raise _refused("the answer is of another provider")
        if not isinstance(audience, list) or settings.client_id not in audience:
            raise _refused("the answer is for another application")
        if len(audience) > 1 and claims.get("azp") != settings.client_id:
            raise _refused("the answer is for several applications")
        if not isinstance(ends, int | float) or not isinstance(begins, int | float):
            raise _refused("the answer says no time")
        if ends < now - LEEWAY_S or begins > now + LEEWAY_S:
            raise _refused("the answer is out of date; check the clocks")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise _refused("the answer is of another sign-in")
        return claims

    def _claims(self, claims: dict[str, Any]) -> Claims:
        settings = self.settings
        subject, name = claims.get("sub"), claims.get(settings.name_claim)
        if not isinstance(subject, str) or not isinstance(name, str) or not name.strip():
            raise _refused(f"the provider doesn't tell {settings.name_claim!r}")
        email = claims.get("email")
        verified = claims.get("email_verified") is True
        if settings.name_claim == "email" and not verified:
            raise _refused("the provider hasn't verified the mail address")
        if settings.domains:
            domain = email.rpartition("@")[2].casefold() if isinstance(email, str) else ""
            if not verified or domain not in settings.domains:
                raise _refused("the mail address is of no domain that may come in")
        groups = claims.get(settings.role_claim)
        groups = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        has = {settings.roles[g] for g in groups if isinstance(g, str) and g in settings.roles}
        display = claims.get("name")
        return Claims(
            settings.issuer,
            subject,
            name,
            display if isinstance(display, str) else None,
            tuple(role for role in Role if role in has),
        )

    def _key_for(self, token: str) -> Any:
        """The provider's keys, asked for again where they lack the one that signed."""
        from joserfc.jwk import KeySet
        from joserfc.jws import extract_compact

        kid = extract_compact(token.encode()).headers().get("kid")
        with self._lock:
            known = {key.kid for key in self._keys.keys} if self._keys else set()
            stale = time.monotonic() - self._asked > KEYS_AGAIN_S
            if self._keys is None or (kid not in known and stale):
                self._asked = time.monotonic()
                told = self._json("GET", self._discovered()["jwks_uri"])
                usable = [k for k in told.get("keys", []) if k.get("kty") in {"RSA", "EC", "OKP"}]
                self._keys = KeySet.import_key_set({"keys": usable})
            return self._keys

    def _discovered(self) -> dict[str, Any]:
        if self._configuration is None:
            where = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
            told = self._json("GET", where)
            if told.get("issuer") != self.settings.issuer:
                raise _refused("the provider calls itself something else than it is configured as")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not is_safe(told.get(name)):
                    raise _refused(f"the provider's {name} is no address over TLS")
            self._configuration = told
        return self._configuration

    def _json(self, method: str, where: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """What the provider answers, of a length and in a time that are bounded."""
        try:
            with self._client.stream(method, where, data=form) as answer:
                body, began = b"", time.monotonic()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > MOST_BYTES or time.monotonic() - began > TIMEOUT_S:
                        raise _refused("the provider's answer doesn't end")
                if answer.status_code != 200:
                    raise _refused(f"the provider answers with status {answer.status_code}")
                told = json.loads(body)
        except (self._failed, ValueError) as fault:
            raise _refused(f"the provider can't be understood ({type(fault).__name__})") from None
        if not isinstance(told, dict):
            raise _refused("the provider can't be understood")
        return told


def _refused(what: str) -> SignInRefused:
    return SignInRefused("sign-in", what, "Try again, or ask an administrator")


def is_safe(address: object) -> bool:
    """Whether something is an address over TLS, or on this machine."""
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)


def open_id_of(path: Path) -> OpenId:
    """The provider that the section `oidc` of a TOML file names.

    Raises `InputNotFound`, with all that is wrong with it, and `ExtraMissing`.
    """
    todo = "docs/access.md shows what it holds"
    try:
        told = tomllib.loads(path.read_text("utf-8")).get("oidc")
    except (OSError, ValueError) as fault:
        raise InputNotFound(path, f"can't be read ({fault})", todo) from None
    if not isinstance(told, dict):
        raise InputNotFound(path, "has no section [oidc]", todo)
    faults = [f"{name} is missing" for name in ("issuer", "client_id", "redirect_uri")
              if not isinstance(told.get(name), str)]  # fmt: skip
    known = {"client_secret_env", "client_secret_file", "scopes", "name_claim", "role_claim"}
    known |= {"issuer", "client_id", "redirect_uri", "roles", "domains"}
    faults += [f"{name} is not known" for name in sorted(told.keys() - known)]
    faults += [
        f"{name} is no address over TLS"
        for name in ("issuer", "redirect_uri")
        if isinstance(told.get(name), str) and not is_safe(told[name])
    ]
    roles = told.get("roles", {})
    if not isinstance(roles, dict) or any(role not in set(Role) for role in roles.values()):
        faults.append(f"roles give groups one of {', '.join(Role)}")
        roles = {}
    for name in ("scopes", "domains"):
        if not all(isinstance(item, str) for item in told.get(name, [])):
            faults.append(f"{name} is a list of words")
    secret = _secret(told, faults)
    if faults:
        raise InputNotFound(path, "; ".join(faults), todo)
    return OpenId(
        OpenIdSettings(
            told["issuer"],
            told["client_id"],
            told["redirect_uri"],
            secret,
            roles={group: Role(role) for group, role in roles.items()},
            domains=tuple(domain.casefold() for domain in told.get("domains", [])),
            scopes=tuple(told.get("scopes", OpenIdSettings.scopes)),
            name_claim=str(told.get("name_claim", OpenIdSettings.name_claim)),
            role_claim=str(told.get("role_claim", OpenIdSettings.role_claim)),
        )
    )


def _secret(told: dict[str, Any], faults: list[str]) -> str | None:
    """The client's secret from where the file says that it is, which is never the file itself."""
    if name := told.get("client_secret_env"):
        if not os.environ.get(str(name)):
            faults.append(f"client_secret_env names {name}, which isn't set")
        return os.environ.get(str(name))
    if where := told.get("client_secret_file"):
        try:
            return Path(str(where)).read_text("utf-8").strip()
        except (OSError, ValueError) as fault:
            faults.append(f"client_secret_file can't be read ({fault})")
    return None
