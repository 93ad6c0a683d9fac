"""Passwords: what is taken for one, and how one is kept and checked (argon2id)."""

from __future__ import annotations

import re
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from stillwatch.errors import AccessRefused

SHORTEST, LONGEST = 12, 1024

_AT_ONCE = threading.BoundedSemaphore(4)
"""Each check takes 64 MiB: more at once only help whoever guesses."""

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")
_COMMON = re.compile(
    "stillwatch|admin(istrator)?|password|passwort|letmein|welcome|changeme|iloveyou|secret|"
    "qwerty(uiop)?|qwertz|azerty|asdfghjkl|zxcvbnm|1q2w3e4r(5t6y)?|1qaz2wsx|football|baseball|"
    "monkey|dragon|sunshine|princess|master|summer|winter|spring|autumn|abc"
)


def check_password(password: str, name: str) -> str:
    """The hash of a password that may be used by `name`; raises `AccessRefused`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccessRefused(
            "the password",
            f"has {len(password):,} characters",
            f"Use {SHORTEST} to {LONGEST:,}; several words are easy to keep in mind",
        )
    low, own = password.casefold(), name.casefold()
    rest = low
    for word in (own, own.split("@")[0]):
        rest = rest.replace(word, "") if len(word) > 2 else rest
    rest = _COMMON.sub("", rest)
    if len(set(low)) < 4 or len(rest.strip("0123456789!?.-_ ")) < 4:
        raise AccessRefused("the password", "is easy to guess", "Use several words of your own")
    with _AT_ONCE:
        return _HASHER.hash(_bytes(password))


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the password that was kept; takes as long where none was."""
    with _AT_ONCE:
        try:
            _HASHER.verify(kept or _NOBODY, _bytes(password[: LONGEST + 1]))
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether it was kept by weaker settings than today's."""
    return _HASHER.check_needs_rehash(kept)


def hash_anew(password: str) -> str:
    """The hash by today's settings of a password that is in use."""
    with _AT_ONCE:
        return _HASHER.hash(_bytes(password))


def _bytes(password: str) -> bytes:
    """The same however a keyboard composes its letters (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
