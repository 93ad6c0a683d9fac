"""What must be known of an organisation's sign-in: read from a file, all faults told at once."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from stillwatch.display import plain
from stillwatch.errors import FormatUnknown, InputNotFound

ROLES = ("viewer", "analyst", "lead", "administrator")
"""What people may be, least first."""

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_MOST_BYTES = 1 << 20
_MOST_SECRET = 4096


@dataclass(frozen=True)
class OpenIdSettings:
    """One provider, and what its word counts for here.

    `name_claim` None means a verified `email`, or `preferred_username` where there is no `email`.
    `domains`, in lower case, are those of the addresses that may sign in; empty means all. `roles`
    maps values of the claim `groups_claim` to one of `ROLES`.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    name_claim: str | None = None
    domains: tuple[str, ...] = ()
    groups_claim: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)


def settings_of(path: Path) -> OpenIdSettings:
    """The section `[oidc]` of the TOML file `path`, with the client's secret from where it is kept.

    Raises `InputNotFound` where there is no such file, and `FormatUnknown`, which names every fault
    at once, where it isn't such settings.
    """
    table = _section_of(path)
    faults: list[str] = []
    section = None
    try:
        section = _Section.model_validate(table)
    except ValidationError as broken:
        faults = [_told(error) for error in broken.errors(include_input=False, include_url=False)]
    secret = _secret_of(table, path.parent, faults)
    if ("roles" in table) != ("claim" in table):
        faults.append("claim and [oidc.roles] go together: give both or neither")
    if faults or section is None:
        raise FormatUnknown(path, "; ".join(faults), "docs/access.md has an example of [oidc]")
    return OpenIdSettings(
        issuer=section.issuer,
        client_id=section.client_id,
        redirect_uri=section.redirect_uri,
        client_secret=secret,
        scopes=tuple(dict.fromkeys(["openid", *section.scopes])),
        name_claim=section.name_claim,
        domains=tuple(section.domains),
        groups_claim=section.claim,
        roles=section.roles,
    )


def is_loopback(address: str) -> bool:
    """Whether a web address leads to this machine itself.

    >>> is_loopback("http://127.0.0.1:9400"), is_loopback("http://127.0.0.1.example.com")
    (True, False)
    """
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(address: str, plain_http: bool) -> str:
    """`address`, where it is https, or http on this machine if `plain_http`; else `ValueError`."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a web address") from None
    if not address.isascii() or not address.isprintable() or " " in address or not parts.hostname:
        raise ValueError("is not a web address")
    if "@" in parts.netloc or "#" in address:
        raise ValueError("must not have a user's name or a # in it")
    if parts.scheme != "https" and not (
        parts.scheme == "http" and plain_http and is_loopback(address)
    ):
        raise ValueError("must begin with https:// (http:// is for this machine's own addresses)")
    return address


def _address(text: str) -> str:
    return check_address(text, plain_http=True)


def _issuer(text: str) -> str:
    if "?" in _address(text):
        raise ValueError("must not have a ? in it")
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text.lower()):
        raise ValueError("must be like example.com, in ASCII and without @")
    return text.lower()


def _token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be ASCII without spaces")
    return text


_Text = Annotated[str, Field(min_length=1, max_length=500)]
_Role = Literal["viewer", "analyst", "lead", "administrator"]


class _Section(BaseModel):
    """The section as it is written; the secret is looked up apart from it."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    issuer: Annotated[_Text, AfterValidator(_issuer)]
    client_id: Annotated[_Text, AfterValidator(_token)]
    redirect_uri: Annotated[_Text, AfterValidator(_address)]
    client_secret_env: _Text | None = None
    client_secret_file: _Text | None = None
    scopes: list[Annotated[_Text, AfterValidator(_token)]] = ["email", "profile"]
    name_claim: _Text | None = None
    domains: list[Annotated[_Text, AfterValidator(_domain)]] = []
    claim: _Text | None = None
    roles: dict[str, _Role] = {}


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a setting of [oidc]",
    "string_type": "must be text in quotes",
    "string_too_short": "is empty",
    "string_too_long": "has more than 500 characters",
    "list_type": "must be a list in square brackets",
    "dict_type": "must be a table",
    "literal_error": "must be viewer, analyst, lead or administrator",
}


def _told(error: Any) -> str:
    """One fault that pydantic found, with its place."""
    place = ".".join(str(part) for part in error["loc"])
    if place == "client_secret":
        words = (
            "must not be in this file; name where it is with client_secret_env or "
            "client_secret_file"
        )
    elif error["type"] == "value_error":
        words = str(error["ctx"]["error"])
    else:
        words = _WORDS.get(error["type"], error["msg"])
    return f"{plain(place, 80)} {words}"


def _section_of(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise InputNotFound(path, "is not a file", "Name a TOML file with [oidc]") from None
    try:
        if len(raw) > _MOST_BYTES:
            raise ValueError("it has more than 1 MiB")
        table = tomllib.loads(raw.decode("utf-8")).get("oidc")
    except (ValueError, RecursionError) as fault:
        raise FormatUnknown(path, f"is not TOML: {plain(fault)}", "Mend that place") from None
    if not isinstance(table, dict):
        raise FormatUnknown(
            path, "has no section [oidc]", "docs/access.md has an example of [oidc]"
        )
    return table


def _secret_of(table: Mapping[str, Any], folder: Path, faults: list[str]) -> str | None:
    """The client's secret, None for a public client; what is wrong with it goes to `faults`."""
    variable, file = table.get("client_secret_env"), table.get("client_secret_file")
    if variable is not None and file is not None:
        faults.append("client_secret_env and client_secret_file are two places for one secret")
        return None
    if isinstance(variable, str) and variable:
        where, text = f"client_secret_env: {plain(variable, 80)}", _read_variable(variable)
    elif isinstance(file, str) and file:
        where, text = f"client_secret_file: {plain(file, 80)}", _read_file(folder, file)
    else:
        return None
    if text is None:
        faults.append(f"{where} can't be read")
    elif not 0 < len(text) <= _MOST_SECRET or not text.isascii() or not text.isprintable():
        faults.append(f"{where} must hold one line of ASCII, at most {_MOST_SECRET:,} characters")
    return text


def _read_variable(name: str) -> str | None:
    return os.environ.get(name)


def _read_file(folder: Path, name: str) -> str | None:
    try:
        with (folder / name).open("rb") as file:
            return file.read(_MOST_SECRET + 3).decode("utf-8", "replace").rstrip("\r\n")
    except (OSError, ValueError):
        return None
