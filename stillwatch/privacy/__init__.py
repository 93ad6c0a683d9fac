"""Whose names a deployment holds: keys, pseudonyms, addresses, and the vault that owners open."""

from stillwatch.privacy.guard import Guard
from stillwatch.privacy.keys import (
    Keys,
    Owner,
    new_keys,
    read_keys,
    read_owner,
    rotate_keys,
)
from stillwatch.privacy.names import is_name
from stillwatch.privacy.rules import PLAIN, Addresses, Privacy, check_keys, rules_for
from stillwatch.privacy.vault import Vault

__all__ = [
    "PLAIN",
    "Addresses",
    "Guard",
    "Keys",
    "Owner",
    "Privacy",
    "Vault",
    "check_keys",
    "is_name",
    "new_keys",
    "read_keys",
    "read_owner",
    "rotate_keys",
    "rules_for",
]
