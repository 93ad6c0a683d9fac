"""Sign-in by OpenID Connect: the authorization-code flow with PKCE, state and nonce.

    address, pending = openid.begin()       # send the browser to the address, keep pending with it
    claims = openid.finish(pending, query)  # when the browser is back

The standards: OpenID Connect Core and Discovery 1.0, RFC 6749 (OAuth 2.0), RFC 7636 (PKCE),
RFC 9207 (who answered), RFC 9700 (what an attacker tries).
"""

from __future__ import annotations

import hmac
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from stillwatch.display import plain
from stillwatch.errors import ExtraMissing, SignInRefused
from stillwatch.web.oidc_settings import OpenIdSettings, settings_of

try:
    import httpx
    from authlib.common.security import generate_token
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    from stillwatch.web.oidc_claims import Claims, person_of, read_token, wants_more
    from stillwatch.web.oidc_provider import Answer, Provider
except ModuleNotFoundError as fault:
    raise ExtraMissing(
        "sign-in by OpenID Connect", f"needs {fault.name}", "Run pip install 'stillwatch[oidc]'"
    ) from fault

__all__ = ["Claims", "OpenId", "OpenIdSettings", "Pending", "open_id_of"]

PENDING_S = 600
"""How long somebody may take at the provider."""

_MOST_SPENT = 10_000
_CODE = re.compile(r"[\x20-\x7e]{1,4096}")
_ERROR = re.compile(r"[a-z_]{1,64}")
_AGAIN = "Begin the sign-in again"


@dataclass(frozen=True)
class Pending:
    """What is to be kept of a sign-in until the browser is back, bound to that browser.

    All of it is text and a number, so it can be stored as it is; it must not be readable by others.
    `begun_at` is in seconds since 1970.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    begun_at: int


class OpenId:
    """Sign-in with one provider. Safe to use from several threads.

    A `client` of one's own keeps its proxies and certificates; times, sizes and redirects are
    bounded here all the same.
    """

    def __init__(self, settings: OpenIdSettings, client: httpx.Client | None = None) -> None:
        self.settings = settings
        self._client = client or httpx.Client()
        self._provider = Provider(settings.issuer, self._client)
        self._spent: dict[str, None] = {}
        self._spending = threading.Lock()

    def begin(self) -> tuple[str, Pending]:
        """The address to send the browser to, and what to remember until it comes back.

        Raises `SignInRefused` where the provider can't be reached or isn't what settings say.
        """
        pending = Pending(
            state=generate_token(43),
            nonce=generate_token(43),
            verifier=generate_token(64),
            begun_at=int(time.time()),
        )
        address = prepare_grant_uri(
            self._provider.metadata().authorization_endpoint,
            client_id=self.settings.client_id,
            response_type="code",
            redirect_uri=self.settings.redirect_uri,
            scope=list(self.settings.scopes),
            state=pending.state,
            nonce=pending.nonce,
            code_challenge=create_s256_code_challenge(pending.verifier),
            code_challenge_method="S256",
        )
        return address, pending

    def finish(self, pending: Pending, query: Mapping[str, str]) -> Claims:
        """Who came back with `query`, the parameters of the address; raises `SignInRefused`."""
        self._spend(pending, query.get("state", ""))
        code = self._code_of(query)
        tokens = self._tokens(code, pending.verifier)
        token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise self._provider.refusal("sent no ID token")
        access = access if isinstance(access, str) else None
        claims = read_token(token, pending.nonce, access, self.settings.client_id, self._provider)
        if access and wants_more(claims, self.settings):
            claims = self._asked_for(claims["sub"], access) | claims
        return person_of(claims, self.settings)

    def close(self) -> None:
        """Let the connections to the provider go."""
        self._client.close()

    def _spend(self, pending: Pending, state: str) -> None:
        """Take a state for the first and last time; raises `SignInRefused` where it isn't ours."""
        if not hmac.compare_digest(state.encode("utf-8", "replace"), pending.state.encode()):
            raise SignInRefused("the sign-in", "isn't the one that this browser began", _AGAIN)
        if abs(time.time() - pending.begun_at) > PENDING_S:
            raise SignInRefused("the sign-in", "took more than 10 minutes", _AGAIN)
        with self._spending:
            if pending.state in self._spent:
                raise SignInRefused("the sign-in", "was finished before", _AGAIN)
            self._spent[pending.state] = None
            if len(self._spent) > _MOST_SPENT:
                del self._spent[next(iter(self._spent))]

    def _code_of(self, query: Mapping[str, str]) -> str:
        said = query.get("iss")
        if said != self.settings.issuer and (said or self._provider.metadata().says_issuer):
            raise SignInRefused("the sign-in", "comes back from another provider", _AGAIN)
        if query.get("error"):
            raise self._told(query)
        code = query.get("code", "")
        if not _CODE.fullmatch(code):
            raise self._provider.refusal("sent the browser back without a code", _AGAIN)
        return code

    def _tokens(self, code: str, verifier: str) -> dict[str, Any]:
        """The token endpoint's answer to a code."""
        client_id, secret = self.settings.client_id, self.settings.client_secret
        metadata = self._provider.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": verifier,
        }
        auth = None
        if secret is None:
            form["client_id"] = client_id
        elif metadata.secret_in_body:
            form |= {"client_id": client_id, "client_secret": secret}
        else:
            auth = (quote_plus(client_id), quote_plus(secret))  # RFC 6749, 2.3.1
        answer = self._provider.ask("POST", metadata.token_endpoint, form=form, auth=auth)
        if answer.status != 200:
            raise self._told(answer.fields, answer)
        return answer.fields

    def _asked_for(self, subject: Any, access: str) -> dict[str, Any]:
        """What the provider's UserInfo endpoint says of `subject`; nothing where it has none."""
        endpoint = self._provider.metadata().userinfo_endpoint
        if endpoint is None:
            return {}
        answer = self._provider.ask("GET", endpoint, bearer=access)
        if answer.status != 200:
            raise self._told(answer.fields, answer)
        if answer.fields.get("sub") != subject:
            raise self._provider.refusal("told of another person than who signed in")
        return answer.fields

    def _told(self, fields: Mapping[str, Any], answer: Answer | None = None) -> SignInRefused:
        """The provider's own error, made safe to show."""
        error, description = fields.get("error"), fields.get("error_description")
        known = isinstance(error, str) and _ERROR.fullmatch(error)
        what = f"refused: {error}" if known else "refused"
        if answer is not None:
            what += f" (HTTP {answer.status})"
        if isinstance(description, str) and description:
            what += f", “{plain(description)}”"
        return self._provider.refusal(what, _AGAIN)


def open_id_of(path: Path) -> OpenId:
    """Sign-in as the section `[oidc]` of the TOML file `path` says.

    Raises `InputNotFound` or `FormatUnknown`; the latter names every fault at once.
    """
    return OpenId(settings_of(path))
