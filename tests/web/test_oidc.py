"""Sign-in by OpenID Connect, against providers on loopback: honest, broken and forging ones."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from stillwatch.errors import FormatUnknown, InputNotFound, SignInRefused
from stillwatch.web import oidc_provider
from stillwatch.web.oidc import Claims, OpenId, OpenIdSettings, open_id_of
from tests.web.provider import BACK, CLIENT, SECRET, TestProvider, answering, serving

GROUPS = {"soc": "analyst", "soc-leads": "lead", "everyone": "viewer"}


@pytest.fixture
def provider() -> Iterator[TestProvider]:
    """An honest provider."""
    with serving() as provider:
        yield provider


@pytest.fixture
def settings(provider: TestProvider) -> OpenIdSettings:
    """Settings that fit it."""
    return OpenIdSettings(
        issuer=provider.issuer, client_id=CLIENT, redirect_uri=BACK, client_secret=SECRET
    )


@pytest.fixture
def openid(settings: OpenIdSettings) -> Iterator[OpenId]:
    """Sign-in with it."""
    openid = OpenId(settings)
    yield openid
    openid.close()


class Soon(NamedTuple):
    """A time so many seconds from when a test runs, which may be long after it was collected."""

    seconds: int


def as_of_now(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims with their times."""
    now = int(time.time())
    return {k: now + v.seconds if isinstance(v, Soon) else v for k, v in claims.items()}


def sign_in(openid: OpenId, provider: TestProvider) -> Claims:
    """The whole way."""
    address, pending = openid.begin()
    return openid.finish(pending, provider.sign_in(address))


def refused(openid: OpenId, provider: TestProvider, why: str) -> None:
    """The whole way ends in a refusal that says `why`."""
    with pytest.raises(SignInRefused, match=why):
        sign_in(openid, provider)


def segment(value: dict[str, Any]) -> str:
    """A part of a token as it is on the wire."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


# The way through


def test_the_whole_flow(openid: OpenId, provider: TestProvider) -> None:
    """PKCE, secret, redirect and nonce satisfy a provider that checks them."""
    assert sign_in(openid, provider) == Claims(
        issuer=provider.issuer, subject="u-1", name="ada@example.com", display="Ada", roles=()
    )
    assert sign_in(openid, provider).subject == "u-1"
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert provider.asked.count("/keys") == 1


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", lambda: ECKey.generate_key("P-256", {"kid": "e"})),
        ("PS384", lambda: RSAKey.generate_key(2048, {"kid": "p"})),
    ],
)
def test_other_signatures(
    openid: OpenId, provider: TestProvider, algorithm: str, key: Callable[[], ECKey | RSAKey]
) -> None:
    """Elliptic curves and PSS count as RS256 does, beside keys that are of no use here."""
    provider.algorithm, provider.key = algorithm, key()
    other = ECKey.generate_key("P-384", {"kid": provider.key.kid}).as_dict(private=False)
    strange = {"kty": "AKP", "kid": "later"}
    broken = {"kty": "EC", "kid": "b", "crv": "P-256", "x": "AA", "y": "AA"}
    provider.published = [strange, broken, other, provider.key.as_dict(private=False)]
    assert sign_in(openid, provider).subject == "u-1"


def test_a_public_client(settings: OpenIdSettings, provider: TestProvider) -> None:
    """Without a secret the verifier alone does."""
    provider.secret = None
    assert sign_in(OpenId(dataclasses.replace(settings, client_secret=None)), provider).name


def test_a_secret_in_the_body(openid: OpenId, provider: TestProvider) -> None:
    """A provider that takes secrets in the body only gets it there."""
    provider.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert sign_in(openid, provider).name


def test_the_verifier_is_needed(openid: OpenId, provider: TestProvider) -> None:
    """A code that was stolen is worth nothing to somebody who didn't begin the sign-in."""
    address, pending = openid.begin()
    stolen = provider.sign_in(address)
    with pytest.raises(SignInRefused, match="invalid_grant"):
        openid.finish(dataclasses.replace(pending, verifier="x" * 64), stolen)


def test_nothing_secret_is_shown(settings: OpenIdSettings, openid: OpenId) -> None:
    """Neither settings nor a sign-in under way show in a log what would let others in."""
    _, pending = openid.begin()
    assert SECRET not in repr(settings)
    assert not {pending.state, pending.nonce, pending.verifier} & set(repr(pending).split("'"))


# A provider in a process of its own, written by others


@pytest.fixture
def mock() -> Iterator[str]:
    """The issuer of an `oidc-provider-mock` that knows Ada."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ada = {"sub": "ada", "email": "ada@example.com", "email_verified": True, "groups": ["soc"]}
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", f"-p{port}", "--user-claims", json.dumps(ada)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(issuer)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def test_with_a_provider_of_others(mock: str) -> None:
    """The whole flow over two processes, its refusals, and a code that comes twice."""
    client = httpx.post(
        mock + "/oauth2/clients",
        json={"redirect_uris": [BACK], "token_endpoint_auth_method": "client_secret_basic"},
    ).json()
    settings = OpenIdSettings(
        issuer=mock,
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        redirect_uri=BACK,
        domains=("example.com",),
        groups_claim="groups",
        roles=GROUPS,
    )
    openid = OpenId(settings)
    address, pending = openid.begin()
    back = dict(parse_qsl(urlsplit(agree(address, {"sub": "ada"})).query))
    claims = openid.finish(pending, back)
    assert (claims.subject, claims.name, claims.roles) == ("ada", "ada@example.com", ("analyst",))
    with pytest.raises(SignInRefused, match="finished before"):
        openid.finish(pending, back)
    with pytest.raises(SignInRefused, match="invalid_grant"):
        OpenId(settings).finish(pending, back)

    address, pending = openid.begin()
    denied = dict(parse_qsl(urlsplit(agree(address, {"action": "deny"})).query))
    with pytest.raises(SignInRefused, match="this browser began"):
        openid.finish(pending, denied)

    address, pending = openid.begin()
    stranger = dict(parse_qsl(urlsplit(agree(address, {"sub": "eve@example.com"})).query))
    with pytest.raises(SignInRefused, match="verified"):
        openid.finish(pending, stranger)


def agree(address: str, form: dict[str, str]) -> str:
    """Where the provider sends a browser whose user filled in `form`."""
    return httpx.post(address, data=form).headers["Location"]


# Tokens that aren't ours


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://login.example.org"}, "iss"),
        ({"iss": None}, "iss"),
        ({"exp": Soon(-70)}, "out of date"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"iat": Soon(+600)}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": Soon(+600)}, "nbf"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": ""}, "subject"),
        ({"sub": "u" * 256}, "subject"),
        ({"at_hash": "AAAA"}, "at_hash"),
        ({"at_hash": ["AAAA"]}, "at_hash|can't be read"),
    ],
    ids=str,
)
def test_claims_that_do_not_fit(
    openid: OpenId, provider: TestProvider, claims: dict[str, Any], why: str
) -> None:
    """A token of the right signature for something else isn't taken."""
    provider.claims = as_of_now(claims)
    refused(openid, provider, why)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": Soon(-30)},
        {"iat": Soon(+30)},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "another"], "azp": CLIENT},
        {
            "at_hash": base64.urlsafe_b64encode(hashlib.sha256(b"a-token").digest()[:16]).decode()[
                :22
            ]
        },
    ],
    ids=str,
)
def test_claims_that_fit(openid: OpenId, provider: TestProvider, claims: dict[str, Any]) -> None:
    """Clocks may differ by a minute, and a token may be for others too if it was made for us."""
    provider.claims = as_of_now(claims)
    assert sign_in(openid, provider).subject == "u-1"


def unsigned(provider: TestProvider, claims: dict[str, Any]) -> str:
    """`alg` none, and no signature."""
    return f"{segment({'alg': 'none', 'kid': provider.key.kid})}.{segment(claims)}."


def signed_with_the_public_key(provider: TestProvider, claims: dict[str, Any]) -> str:
    """HS256, the public key as its secret."""
    head = f"{segment({'alg': 'HS256', 'kid': provider.key.kid})}.{segment(claims)}"
    mac = hmac.new(provider.key.as_pem(private=False), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def with_a_key_of_its_own(provider: TestProvider, claims: dict[str, Any]) -> str:
    """The forger's key in the header, under the provider's name."""
    mine = RSAKey.generate_key(2048, {"kid": "one"})
    provider.published, provider.key = [provider.key.as_dict(private=False)], mine
    return provider.signed(claims)


def changed(provider: TestProvider, claims: dict[str, Any]) -> str:
    """An honest token whose claims were changed afterwards."""
    head, _, signature = provider.signed(claims).split(".")
    return f"{head}.{segment(claims | {'sub': 'admin'})}.{signature}"


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (unsigned, "way that isn't accepted"),
        (signed_with_the_public_key, "way that isn't accepted"),
        (with_a_key_of_its_own, "didn't sign"),
        (changed, "didn't sign"),
        (lambda *_: "not a token", "can't be read"),
        (lambda *_: "é.é.é", "can't be read"),
        (lambda *_: "a" * 200_000, "can't be read"),
        (lambda *_: f"{segment({'alg': ['RS256']})}.e30.AA", "can't be read|isn't accepted"),
        (lambda *_: f"{segment({'alg': 'RS256', 'kid': 5})}.e30.AA", "can't be read"),
        (lambda *_: f"{segment({'alg': 'RS256', 'crit': ['x'], 'x': 1})}.e30.AA", "can't be read"),
    ],
)
def test_forged_tokens(
    openid: OpenId,
    provider: TestProvider,
    forge: Callable[[TestProvider, dict[str, Any]], str],
    why: str,
) -> None:
    """What isn't signed by the provider's key, in an accepted way, isn't taken."""
    provider.sign = lambda claims: forge(provider, claims)
    refused(openid, provider, why)


def test_a_shared_secret_among_the_keys(openid: OpenId, provider: TestProvider) -> None:
    """A symmetric key in the provider's list verifies nothing."""
    provider.published.append(OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True))
    provider.sign = lambda claims: signed_with_the_public_key(provider, claims)
    refused(openid, provider, "way that isn't accepted")


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_weak_key(openid: OpenId, provider: TestProvider) -> None:
    """RSA below 2,048 bits counts as no key."""
    provider.key = RSAKey.generate_key(1024, {"kid": "weak"})
    provider.published = [provider.key.as_dict(private=False)]
    refused(openid, provider, "didn't sign")


def test_keys_are_rotated(
    openid: OpenId, provider: TestProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown key is looked up once a minute at most; a withdrawn one lasts an hour."""
    now = 1000.0
    monkeypatch.setattr(oidc_provider, "monotonic", lambda: now)
    old = provider.key
    sign_in(openid, provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    for _ in range(3):
        refused(openid, provider, "didn't sign")
    assert provider.asked.count("/keys") == 1
    now += 61
    for _ in range(3):
        refused(openid, provider, "didn't sign")
    assert provider.asked.count("/keys") == 2
    now += 61
    provider.published = [provider.key.as_dict(private=False)]
    assert sign_in(openid, provider).subject == "u-1"
    assert provider.asked.count("/keys") == 3
    provider.key = RSAKey.generate_key(2048, {"kid": "three"})
    provider.published = [provider.key.as_dict(private=False)]
    leaked, provider.key = provider.key, old
    refused(openid, provider, "didn't sign")
    provider.key = leaked
    now += 61
    assert sign_in(openid, provider).subject == "u-1"
    provider.published = []
    assert sign_in(openid, provider).subject == "u-1"
    now += 3601
    refused(openid, provider, "didn't sign")


# Browsers that come back wrong


@pytest.mark.parametrize("state", ["", "another", "é\ud800", None])
def test_a_wrong_state(openid: OpenId, provider: TestProvider, state: str | None) -> None:
    """A sign-in that this browser didn't begin ends before the provider is asked."""
    address, pending = openid.begin()
    back = provider.sign_in(address) | {"state": state}
    with pytest.raises(SignInRefused, match="this browser began"):
        openid.finish(pending, {name: value for name, value in back.items() if value is not None})
    assert "/token" not in provider.asked


def test_a_replayed_state(openid: OpenId, provider: TestProvider) -> None:
    """What came back once doesn't come back again, even if a new code is put to it."""
    address, pending = openid.begin()
    openid.finish(pending, provider.sign_in(address))
    with pytest.raises(SignInRefused, match="finished before"):
        openid.finish(pending, provider.sign_in(address))


def test_a_sign_in_that_took_too_long(openid: OpenId, provider: TestProvider) -> None:
    """After ten minutes it is begun anew."""
    address, pending = openid.begin()
    late = dataclasses.replace(pending, begun_at=pending.begun_at - 601)
    with pytest.raises(SignInRefused, match="10 minutes"):
        openid.finish(late, provider.sign_in(address))


def test_the_issuer_that_comes_back(openid: OpenId, provider: TestProvider) -> None:
    """Another provider's answer is refused, and a nameless one where this one names itself."""
    for said in ("https://login.example.org", provider.issuer + "/"):
        address, pending = openid.begin()
        with pytest.raises(SignInRefused, match="another provider"):
            openid.finish(pending, provider.sign_in(address) | {"iss": said})
    address, pending = openid.begin()
    assert openid.finish(pending, provider.sign_in(address) | {"iss": provider.issuer})

    provider.discovery["authorization_response_iss_parameter_supported"] = True
    strict = OpenId(openid.settings)
    refused(strict, provider, "another provider")


def test_errors_are_told_safely(openid: OpenId, settings: OpenIdSettings) -> None:
    """What a provider says of a refusal is shown short and without what could move a screen."""
    _, pending = openid.begin()
    hostile = {"error": "access_denied", "error_description": "\x1b[2J\u202e=1+1" + "x" * 9999}
    with pytest.raises(SignInRefused) as told:
        openid.finish(pending, {"state": pending.state} | hostile)
    assert "access_denied" in str(told.value)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 500
    _, pending = openid.begin()
    with pytest.raises(SignInRefused) as told:
        openid.finish(pending, {"state": pending.state, "error": "<script>alert(1)</script>"})
    assert "script" not in str(told.value)
    _, pending = openid.begin()
    with pytest.raises(SignInRefused, match="without a code"):
        openid.finish(pending, {"state": pending.state})


def test_a_wrong_secret(settings: OpenIdSettings, provider: TestProvider) -> None:
    """The provider's reason reaches whoever set it up; the secret doesn't."""
    with pytest.raises(SignInRefused, match=r"invalid_client \(HTTP 401\)") as told:
        sign_in(OpenId(dataclasses.replace(settings, client_secret="wr0ng")), provider)
    assert "wr0ng" not in str(told.value)
    assert str(told.value).isprintable()


# Who may come in, and as what


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"email_verified": False}, "verified"),
        ({"email_verified": None}, "verified"),
        ({"email_verified": "true"}, "verified"),
        ({"email": "a" * 201}, "name"),
        ({"email": "ada@example.com\u200b"}, "name"),
        ({"email": ["ada@example.com"]}, "name"),
        ({"email": None}, "name"),
        ({"email": None, "preferred_username": "lead@example.com"}, "no verified email"),
        ({"email": None, "preferred_username": " ada"}, "name"),
        ({"email": None, "preferred_username": "\u202eada"}, "name"),
        ({"email": None, "preferred_username": ""}, "name"),
    ],
    ids=str,
)
def test_names_that_are_not_taken(
    openid: OpenId, provider: TestProvider, claims: dict[str, Any], why: str
) -> None:
    """Unverified addresses, names that hide something, and none at all."""
    provider.claims = claims
    refused(openid, provider, why)


def test_names_that_are_taken(settings: OpenIdSettings, provider: TestProvider) -> None:
    """`preferred_username` without an email, or whatever claim the settings name."""
    provider.claims = {"email": None, "preferred_username": "CORP\\ada", "upn": "ada@corp.example"}
    assert sign_in(OpenId(settings), provider).name == "CORP\\ada"
    named = dataclasses.replace(settings, name_claim="upn")
    assert sign_in(OpenId(named), provider).name == "ada@corp.example"


@pytest.mark.parametrize(
    ("name", "display"),
    [(None, None), (7, None), ("  ", None), ("Ada\x1b[2J", "Ada\\x1b[2J"), ("Zoë", "Zoë")],
)
def test_the_name_to_show(
    openid: OpenId, provider: TestProvider, name: Any, display: str | None
) -> None:
    """It is safe as it stands, and nobody is refused for it."""
    provider.claims = {"name": name}
    assert sign_in(openid, provider).display == display


@pytest.mark.parametrize(
    ("email", "let_in"),
    [
        ("ada@example.com", True),
        ("ada@EXAMPLE.com", True),
        ("ada@evil.com", False),
        ("ada@sub.example.com", False),
        ("ada@notexample.com", False),
        ("ada@example.com@evil.com", False),
        ("ada@evil.com@example.com", False),
        ("@example.com", False),
        ("example.com", False),
    ],
)
def test_domains(
    settings: OpenIdSettings, provider: TestProvider, email: str, let_in: bool
) -> None:
    """Only addresses of the domains that are listed, letter for letter."""
    openid = OpenId(dataclasses.replace(settings, domains=("example.com",)))
    provider.claims = {"email": email}
    if let_in:
        assert sign_in(openid, provider).name == email
    else:
        refused(openid, provider, "domain")


def test_domains_need_a_verified_address(settings: OpenIdSettings, provider: TestProvider) -> None:
    """Whatever the name is taken from, a domain counts only where the provider verified it."""
    openid = OpenId(dataclasses.replace(settings, domains=("example.com",), name_claim="sub"))
    provider.claims = {"email_verified": False}
    refused(openid, provider, "verified")
    provider.claims = {}
    assert sign_in(openid, provider).name == "u-1"


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["soc-leads", "soc"], ("analyst", "lead")),
        ("soc", ("analyst",)),
        (["everyone", "everyone", "other"], ("viewer",)),
        (["SOC-leads", "lead", "administrator"], ()),
        ([], ()),
        (None, ()),
        ({"soc": True}, ()),
        ([["soc"], 7, None, {"soc-leads": 1}], ()),
    ],
    ids=str,
)
def test_roles(
    settings: OpenIdSettings, provider: TestProvider, groups: Any, roles: tuple[str, ...]
) -> None:
    """Groups become roles only as they are mapped; what isn't text maps to none."""
    openid = OpenId(dataclasses.replace(settings, groups_claim="groups", roles=GROUPS))
    provider.claims = {"groups": groups}
    assert sign_in(openid, provider).roles == roles


def test_the_rest_is_asked_for(settings: OpenIdSettings, provider: TestProvider) -> None:
    """Providers that keep claims out of the token are asked; the token's own word goes first."""
    provider.claims = {"email": None, "email_verified": None}
    provider.userinfo = {
        "sub": "u-1",
        "email": "ada@example.com",
        "email_verified": True,
        "iss": "https://login.example.org",
        "groups": ["soc"],
    }
    openid = OpenId(dataclasses.replace(settings, groups_claim="groups", roles=GROUPS))
    claims = sign_in(openid, provider)
    assert (claims.name, claims.roles) == ("ada@example.com", ("analyst",))
    assert claims.issuer == provider.issuer
    provider.claims = {"email": "lovelace@example.com"}
    assert sign_in(openid, provider).name == "lovelace@example.com"
    provider.userinfo["sub"] = "u-2"
    refused(openid, provider, "another person")


# Providers that are down, slow, huge or not what they should be


def test_a_provider_that_is_down(settings: OpenIdSettings) -> None:
    """Its name is told, and what to do."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(SignInRefused, match=f"{issuer}: can't be reached"):
            OpenId(dataclasses.replace(settings, issuer=issuer)).begin()


def test_a_provider_that_comes_back(openid: OpenId, provider: TestProvider) -> None:
    """A failure isn't remembered."""
    provider.answers["/.well-known/openid-configuration"] = answering(503, b"{}")
    with pytest.raises(SignInRefused, match="HTTP 503"):
        openid.begin()
    del provider.answers["/.well-known/openid-configuration"]
    provider.answers["/keys"] = answering(503, b"{}")
    refused(openid, provider, "HTTP 503")
    del provider.answers["/keys"]
    assert sign_in(openid, provider).name


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("drip", [False, True], ids=["silent", "drop by drop"])
def test_a_slow_provider(
    openid: OpenId,
    provider: TestProvider,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    drip: bool,
) -> None:
    """Nobody waits for longer than the limit, not even for one byte after another."""
    assert oidc_provider.WAIT_S == 10.0
    monkeypatch.setattr(oidc_provider, "WAIT_S", 0.3)

    def slow(handler: Any) -> None:
        if drip:
            handler.send_response(200)
            handler.end_headers()
        for _ in range(20):
            time.sleep(0.1)
            if drip:
                handler.wfile.write(b" ")
                handler.wfile.flush()

    provider.answers[path] = slow
    begun = time.monotonic()
    refused(openid, provider, "didn't answer within")
    assert time.monotonic() - begun < 1.5


def test_a_provider_that_hangs_holds_up_few(openid: OpenId, provider: TestProvider) -> None:
    """Beyond eight at once nobody waits, and the next may ask again when those are through."""
    hanging, go_on = threading.Semaphore(0), threading.Event()

    def hang(handler: Any) -> None:
        hanging.release()
        go_on.wait(10)
        answering(503, b"{}")(handler)

    provider.answers["/.well-known/openid-configuration"] = hang
    with ThreadPoolExecutor(oidc_provider.MOST_AT_ONCE) as people:
        waiting = [people.submit(openid.begin) for _ in range(oidc_provider.MOST_AT_ONCE)]
        for _ in waiting:
            assert hanging.acquire(timeout=10)
        with pytest.raises(SignInRefused, match="enough others wait"):
            openid.begin()
        go_on.set()
        assert all(isinstance(one.exception(10), SignInRefused) for one in waiting)
    del provider.answers["/.well-known/openid-configuration"]
    assert sign_in(openid, provider).name


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (answering(200, b'{"a": "' + b"x" * (1 << 20) + b'"}'), "more than 1 MiB"),
        (answering(200, b"\x1f\x8b", Content_Encoding="gzip"), "compressed"),
        (answering(200, b"<html>"), "JSON object"),
        (answering(200, b"[1]"), "JSON object"),
        (answering(200, b'"' + b"[" * 100_000), "JSON object"),
        (answering(200, b"[" * 100_000), "JSON object"),
        (answering(200, b"\xff\xfe"), "JSON object"),
        (answering(200, b""), "JSON object"),
        (answering(302, b"{}", Location="https://example.org/"), "HTTP 302"),
        (answering(500, b"{}"), "HTTP 500"),
    ],
)
def test_answers_that_are_none(
    openid: OpenId, provider: TestProvider, path: str, answer: Any, why: str
) -> None:
    """Huge, compressed, not JSON, elsewhere: refused in one line, and read no further."""
    provider.answers[path] = answer
    refused(openid, provider, why)


def test_a_line_that_breaks_off(openid: OpenId, provider: TestProvider) -> None:
    """A provider that dies in the middle of an answer can't be reached."""
    provider.answers["/token"] = answering(200, b'{"id_', Content_Length="500")
    refused(openid, provider, "can't be reached")


@pytest.mark.parametrize(
    ("discovery", "why"),
    [
        ({"issuer": "https://login.example.org"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"token_endpoint": "http://login.example.org/token"}, "token_endpoint that must begin"),
        ({"token_endpoint": None}, "token_endpoint that is not a web address"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri that is not a web address"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint that"),
        ({"userinfo_endpoint": ["http://127.0.0.1"]}, "userinfo_endpoint that"),
    ],
    ids=str,
)
def test_what_a_provider_says_of_itself(
    openid: OpenId, provider: TestProvider, discovery: dict[str, Any], why: str
) -> None:
    """Another issuer's document, and addresses that no browser or secret should be sent to."""
    provider.discovery = discovery
    with pytest.raises(SignInRefused, match=why):
        openid.begin()


def test_a_far_provider_keeps_away_from_this_machine(settings: OpenIdSettings) -> None:
    """Codes and secrets of a provider elsewhere are never sent to a port of this machine."""
    issuer = "https://login.example.com"
    says = {
        "issuer": issuer,
        "authorization_endpoint": issuer + "/authorize",
        "token_endpoint": "http://127.0.0.1:9400/token",
        "jwks_uri": issuer + "/keys",
    }

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(says).encode()))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    far = OpenId(dataclasses.replace(settings, issuer=issuer), client)
    with pytest.raises(SignInRefused, match="token_endpoint that must begin with https"):
        far.begin()
    says["token_endpoint"] = issuer + "/token"
    assert far.begin()[0].startswith("https://login.example.com/authorize?response_type=code&")


@pytest.mark.parametrize("tokens", [{}, {"id_token": None}, {"id_token": ["a.b.c"]}], ids=str)
def test_no_token(openid: OpenId, provider: TestProvider, tokens: dict[str, Any]) -> None:
    """A provider of OAuth that doesn't do OpenID Connect is told as such."""
    provider.answers["/token"] = answering(200, json.dumps(tokens).encode())
    refused(openid, provider, "sent no ID token")


def test_a_slash_at_the_end_is_another_issuer(
    settings: OpenIdSettings, provider: TestProvider
) -> None:
    """Issuers are compared letter for letter."""
    with pytest.raises(SignInRefused, match="another issuer"):
        OpenId(dataclasses.replace(settings, issuer=provider.issuer + "/")).begin()


# The file


GOOD = """
[oidc]
issuer = "https://login.example.com/realms/soc"
client_id = "stillwatch"
client_secret_file = "secret"
redirect_uri = "https://watch.example.com/sign-in/openid/back"
scopes = ["email", "groups"]
domains = ["Example.com"]
claim = "groups"

[oidc.roles]
"soc-leads" = "lead"
"""


def test_a_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret comes from beside the file, or from the environment."""
    path = tmp_path / "watch.toml"
    path.write_text(GOOD)
    (tmp_path / "secret").write_text("abc\n")
    assert open_id_of(path).settings == OpenIdSettings(
        issuer="https://login.example.com/realms/soc",
        client_id="stillwatch",
        redirect_uri="https://watch.example.com/sign-in/openid/back",
        client_secret="abc",
        scopes=("openid", "email", "groups"),
        domains=("example.com",),
        groups_claim="groups",
        roles={"soc-leads": "lead"},
    )
    monkeypatch.setenv("WATCH_SECRET", "def")
    path.write_text(GOOD.replace('file = "secret"', 'env = "WATCH_SECRET"'))
    assert open_id_of(path).settings.client_secret == "def"


def test_every_fault_at_once(tmp_path: Path) -> None:
    """One message names all that is wrong, and never the secret."""
    path = tmp_path / "watch.toml"
    path.write_text(
        """
        [oidc]
        issuer = "http://login.example.com"
        client_secret = "hunter2"
        client_secret_env = "NO_SUCH_VARIABLE"
        redirect_uri = "watch.example.com/back"
        scopes = "email"
        name_claim = 7
        domains = ["ada@example.com", "exämple.com", "ok.example"]
        isuer = "x"
        "\\u001b[2J" = 1
        [oidc.roles]
        "soc" = "boss"
        """
    )
    with pytest.raises(FormatUnknown) as told:
        open_id_of(path)
    message = str(told.value)
    for fault in (
        "issuer must begin with https://",
        "client_id is missing",
        "client_secret must not be in this file",
        "client_secret_env: NO_SUCH_VARIABLE can't be read",
        "redirect_uri is not a web address",
        "scopes must be a list",
        "name_claim must be text",
        "domains.0 must be like example.com",
        "domains.1 must be like example.com",
        "isuer is not a setting",
        "roles.soc must be viewer, analyst, lead or administrator",
        "claim and [oidc.roles] go together",
    ):
        assert fault in message
    assert "hunter2" not in message
    assert "domains.2" not in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("login.example.com", "ada:pw@login.example.com"), "issuer must not have a user's name"),
        (("realms/soc", "realms?soc"), r"issuer must not have a \?"),
        (("realms/soc", "realms#soc"), "issuer must not have"),
        (("https://login", "https://log in"), "issuer is not a web address"),
        (("login.example.com/", "login.example.com:99999/"), "issuer is not a web address"),
        (("https://watch", "http://watch"), "redirect_uri must begin with https"),
        (('client_secret_file = "secret"', 'client_secret_file = "none"'), "none can't be read"),
        (('client_secret_file = "secret"', 'client_secret_file = "empty"'), "empty must hold one"),
        (('client_secret_file = "secret"', 'client_secret_file = "long"'), "long must hold one"),
        (('client_id = "stillwatch"', 'client_id = ""'), "client_id is empty"),
        (('"soc-leads" = "lead"', '"soc-leads" = ["lead"]'), "roles.soc-leads must be"),
        (("oidc", "other"), r"no section \[oidc\]"),
        (("[oidc]", "[oidc"), "not TOML"),
        (('client_secret_file = "secret"', 'client_secret_file = "\\u0000"'), "can't be read"),
    ],
    ids=str,
)
def test_faults_one_by_one(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    """Each fault of a file that is good otherwise."""
    path = tmp_path / "watch.toml"
    (tmp_path / "secret").write_text("abc")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "long").write_text("x" * 5000)
    path.write_text(GOOD.replace(*change))
    with pytest.raises(FormatUnknown, match=why):
        open_id_of(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    """No file, a folder, bytes that aren't text, and far too many of them."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(InputNotFound, match="is not a file"):
            open_id_of(path)
    for content in (b"\xff\xfe", b"a = " + b"[" * 100_000, b"#" * (2 << 20)):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(FormatUnknown, match="is not TOML"):
            open_id_of(tmp_path / "bad.toml")


def test_http_is_for_this_machine_only(tmp_path: Path) -> None:
    """For a trial, everything may be on loopback."""
    path = tmp_path / "watch.toml"
    (tmp_path / "secret").write_text("abc")
    here = GOOD.replace("https://login.example.com", "http://[::1]:9400")
    path.write_text(here.replace("https://watch.example.com", "http://localhost:8000"))
    assert open_id_of(path).settings.issuer.startswith("http://[::1]:9400")
    path.write_text(GOOD.replace("https://login.example.com", "http://127.0.0.1.example.com"))
    with pytest.raises(FormatUnknown, match="issuer must begin with https"):
        open_id_of(path)
