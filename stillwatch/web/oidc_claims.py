"""From a provider's token to who somebody is: the signature first, then what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyCurveError,
    JoseError,
    KeyParameterError,
    UnsupportedAlgorithmError,
)
from joserfc.jwt import Token, decode

from stillwatch.display import plain
from stillwatch.errors import SignInRefused
from stillwatch.web.oidc_provider import Provider
from stillwatch.web.oidc_settings import ROLES, OpenIdSettings

ALGORITHMS = [f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)]
"""Signatures that count: of key pairs only, so that a public key never verifies as a secret."""
LEEWAY_S = 60
"""How far the provider's clock may be from ours."""

_MOST_NAME = 200
_MOST_SUBJECT = 255
_MOST_HEADER = 8192
_AGAIN = "Sign in again"
_ASK = "Ask whoever runs the provider to see to your account there"


@dataclass(frozen=True)
class Claims:
    """Who signed in. `issuer` and `subject` together never change hands; `name` may.

    `display` is a name to show, safe as it stands. `roles` are some of `ROLES`, least first, and
    none where no group of the provider's is mapped to one.
    """

    issuer: str
    subject: str
    name: str
    display: str | None
    roles: tuple[str, ...]


def read_token(
    token: str, nonce: str, access_token: str | None, client_id: str, provider: Provider
) -> dict[str, Any]:
    """The claims of an ID token that is the provider's, for us and for this sign-in.

    Raises `SignInRefused` (OpenID Connect Core 1.0, 3.1.3.7).
    """
    try:
        signed = _verified(token, provider)
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            options={
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": client_id},
            },
            params={"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY_S)
    except UnsupportedAlgorithmError:
        raise provider.refusal("signed by a way that isn't accepted") from None
    except BadSignatureError:
        raise provider.refusal("sent a token that its keys didn't sign") from None
    except ExpiredTokenError:
        raise provider.refusal("sent a token that is out of date", _AGAIN) from None
    except ClaimError as fault:
        raise provider.refusal(f"sent a token whose {fault.claim} doesn't fit") from None
    except (JoseError, ValueError, TypeError, RecursionError):
        raise provider.refusal("sent a token that can't be read") from None
    return dict(claims)


def _verified(token: str, provider: Provider) -> Token:
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length = _MOST_HEADER
    header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
    kind = registry.get_alg(str(header.get("alg")))
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise ValueError("kid must be text")
    for key in provider.keys(kid):
        try:
            kind.check_key(key)
            return decode(token, key, registry=registry)
        except (BadSignatureError, KeyParameterError, InvalidKeyCurveError):
            continue
    raise BadSignatureError


def wants_more(claims: Mapping[str, Any], settings: OpenIdSettings) -> bool:
    """Whether the token lacks what settings ask for, so that the provider is to be asked for it."""
    wanted = {settings.name_claim or "email"}
    if "email" in wanted or settings.domains:
        wanted |= {"email", "email_verified"}
    if settings.groups_claim:
        wanted.add(settings.groups_claim)
    return not wanted <= claims.keys()


def person_of(claims: Mapping[str, Any], settings: OpenIdSettings) -> Claims:
    """Who the claims say somebody is; raises `SignInRefused` where settings don't let them in."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _is_clean(subject, _MOST_SUBJECT):
        raise _refused("gives no subject that can be kept")
    if settings.domains:
        _check_domain(_verified_email(claims), settings.domains)
    display = claims.get("name")
    return Claims(
        issuer=settings.issuer,
        subject=subject,
        name=_name_of(claims, settings.name_claim),
        display=plain(display.strip(), _MOST_NAME) or None if isinstance(display, str) else None,
        roles=_roles_of(claims, settings),
    )


def _name_of(claims: Mapping[str, Any], claim: str | None) -> str:
    if claim == "email" or (claim is None and claims.get("email") is not None):
        return _verified_email(claims)
    wanted = claim or "preferred_username"
    name = claims.get(wanted)
    if not isinstance(name, str) or not _is_clean(name, _MOST_NAME):
        raise _refused(
            f"gives no {plain(wanted, 80)} that can serve as a name: it must be text of 1 to "
            f"{_MOST_NAME} characters, none of them hidden"
        )
    if claim is None and "@" in name:
        # Many providers let people choose it, and it would pass for somebody's verified address.
        raise _refused("gives an address as preferred_username and no verified email")
    return name


def _verified_email(claims: Mapping[str, Any]) -> str:
    email = claims.get("email")
    if not isinstance(email, str) or not _is_clean(email, _MOST_NAME):
        raise _refused("gives no email that can serve as a name")
    if claims.get("email_verified") is not True:
        raise _refused("doesn't say that the email is verified")
    return email


def _check_domain(email: str, domains: tuple[str, ...]) -> None:
    local, _, domain = email.partition("@")
    if not local or domain.lower() not in domains:
        raise SignInRefused(
            "the sign-in", "is with an email of a domain that isn't let in", "Use another account"
        )


def _roles_of(claims: Mapping[str, Any], settings: OpenIdSettings) -> tuple[str, ...]:
    groups = claims.get(settings.groups_claim) if settings.groups_claim else None
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    held = {settings.roles.get(group) for group in listed if isinstance(group, str)}
    return tuple(role for role in ROLES if role in held)


def _is_clean(text: str, limit: int) -> bool:
    """Whether a name is what it looks like: nothing hidden, no white space around it."""
    bare = text.replace("\\", "/")
    return bool(text) and text == text.strip() and plain(bare, limit) == bare


def _refused(what: str) -> SignInRefused:
    return SignInRefused("the provider", what, _ASK)
