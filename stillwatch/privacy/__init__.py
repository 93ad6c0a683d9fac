"""Whose names a deployment holds: keys, pseudonyms, addresses, and the vault that owners open.

Names load on first use: a gateway that has keys alone needs no Arrow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "Guard": "guard",
    "is_name": "names",
    "Vault": "vault",
    **dict.fromkeys(
        ("Keys", "Owner", "new_keys", "read_keys", "read_owner", "rotate_keys"), "keys"
    ),
    **dict.fromkeys(("PLAIN", "Addresses", "Privacy", "check_keys", "rules_for"), "rules"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
