"""What a lake keeps of identifiers: said once, when it is made, and held to from then on."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import PrivacyRefused

if TYPE_CHECKING:
    from stillwatch.privacy.keys import Keys, Owner


class Addresses(StrEnum):
    """How addresses are kept."""

    EXACT = "exact"
    PREFIX = "prefix"
    """The network alone: /24 of IPv4, /48 of IPv6."""
    KEYED = "keyed"
    """Pseudonyms that are alike in their /48 where the addresses are of one network."""


class Privacy(msgspec.Struct, frozen=True):
    """The rules of one lake. `keys` names the key file that its pseudonyms are made with."""

    keys: str | None = None
    addresses: Addresses = Addresses.EXACT

    @property
    def plain(self) -> bool:
        """Whether everything is kept as it comes."""
        return self.keys is None and self.addresses is Addresses.EXACT


PLAIN = Privacy()
"""The rules of a lake that has none."""


def rules_for(keys: Keys | None, addresses: str | None) -> Privacy:
    """The rules of a lake that is made with these keys and this way to keep addresses.

    Raises `PrivacyRefused` where addresses are to have names and there are no keys.
    """
    usual = Addresses.EXACT if keys is None else Addresses.KEYED
    how = usual if addresses is None else Addresses(addresses)
    if how is Addresses.KEYED and keys is None:
        raise PrivacyRefused(
            "--addresses", "keyed needs keys", "Name a file of keys with --pseudonyms"
        )
    return Privacy(None if keys is None else keys.identity, how)


def check_keys(where: object, privacy: Privacy, keys: Keys | Owner | None) -> None:
    """Raise `PrivacyRefused` unless `keys` are those that the rules name."""
    if keys is None and privacy.keys is not None:
        raise PrivacyRefused(
            where,
            "keeps no identifier in plain, and no keys were given",
            "Name its file of keys with --pseudonyms, or in STILLWATCH_PSEUDONYMS",
        )
    if keys is not None and privacy.keys is None:
        raise PrivacyRefused(
            where,
            "was made without pseudonyms, and holds identifiers in plain",
            "Ingest the logs into a new lake",
        )
    if keys is not None and privacy.keys != keys.identity:
        raise PrivacyRefused(
            where,
            f"belongs to the keys {privacy.keys}, and those given are {keys.identity}",
            "Name the file that it was made with",
        )
