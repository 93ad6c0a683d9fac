"""Exact indicators as hashes that only a group of peers can make.

A plain hash of a card's fingerprint or an e-mail domain is as good as the value: whoever has a list
of candidates hashes them all. Under a key that the group shares, only its members can, and under a
key for each epoch (a month, UTC) what was told in one can't be followed into the next. HMAC-SHA-256
(RFC 2104), once for the epoch's key and once for the value. What a member of the group can still do
stands in docs/sharing.md.
"""

from __future__ import annotations

import datetime as dt
import hmac
import os
import secrets
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from stillwatch.errors import InputNotFound, OutputExists, SharingRefused
from stillwatch.sharing.indicators import KEYED, Kind

_CONTEXT = b"stillwatch sharing 1"
_BYTES = 32


@dataclass(frozen=True)
class GroupKey:
    """The secret that a group of peers shares."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What is told of the key, so that peers know which it was: eight characters."""
        return hmac.digest(self.secret, _CONTEXT + b" name", "sha256").hex()[:8]

    @classmethod
    def load(cls, path: str | Path) -> GroupKey:
        """Read a key's file; raises `InputNotFound`, and `SharingRefused` where it is none of ours
        or others than its owner may read it."""
        path = Path(path)
        if not path.is_file():
            raise InputNotFound(
                path, "there is no such file", "Make one with `stillwatch share key`"
            )
        if path.stat().st_mode & 0o077:
            raise SharingRefused(path, "can be read by others", f"Run chmod 600 {path}")
        try:
            secret = bytes.fromhex(path.read_text("ascii").strip())
        except ValueError:
            secret = b""
        if len(secret) != _BYTES:
            raise SharingRefused(path, "is no group key", "A key is 64 hexadecimal digits")
        return cls(secret)

    @classmethod
    def make(cls, path: str | Path) -> GroupKey:
        """A new key, in a new file that only its owner may read; raises `OutputExists`."""
        key = cls(secrets.token_bytes(_BYTES))
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise OutputExists(path, "is there already", "Name a new file") from None
        with os.fdopen(file, "w") as out:
            out.write(key.secret.hex() + "\n")
        return key


@dataclass(frozen=True)
class Keyed:
    """A keyed hash as it is told: `KEY.EPOCH.HASH`."""

    key: str
    epoch: str
    digest: str

    def __str__(self) -> str:
        return f"{self.key}.{self.epoch}.{self.digest}"

    @classmethod
    def parse(cls, value: str) -> Keyed:
        """The parts of a value that was told; raises `ValueError`."""
        key, epoch, digest = value.split(".")
        dt.date.fromisoformat(f"{epoch}-01")
        for part, size in ((key, 8), (digest, 2 * _BYTES)):
            if len(part) != size or set(part) - set("0123456789abcdef"):
                raise ValueError("is no keyed hash")
        return cls(key, epoch, digest)


def keyed(key: GroupKey, epoch: str, kind: Kind, value: str) -> Keyed:
    """The hash of a value under the key of an epoch; raises `ValueError` for kinds told in plain.

    >>> group = GroupKey(bytes(32))
    >>> one, same = (keyed(group, "2026-02", Kind.EMAIL_DOMAIN, v) for v in ("Ex.org", " ex.org."))
    >>> one == same
    True
    """
    if kind not in KEYED:
        raise ValueError(f"a {kind} is told in plain")
    of_epoch = hmac.digest(key.secret, b"\0".join((_CONTEXT, epoch.encode())), "sha256")
    text = b"\0".join((kind.encode(), normalised(kind, value).encode("utf-8", "replace")))
    return Keyed(key.name, epoch, hmac.digest(of_epoch, text, "sha256").hex())


def epoch_of(day: dt.date) -> str:
    """The epoch that a day is in.

    >>> epoch_of(dt.date(2026, 2, 23))
    '2026-02'
    """
    return f"{day:%Y-%m}"


def normalised(kind: Kind, value: str) -> str:
    """A value in the one form that is hashed: what peers write differently is one value.

    Domains are lower-case without the last dot, devices lower-case, texts in NFC with every run of
    white space as one blank.
    """
    value = unicodedata.normalize("NFC", value)
    if kind == Kind.EMAIL_DOMAIN:
        return value.strip().rpartition("@")[2].rstrip(".").casefold()
    if kind == Kind.DEVICE:
        return value.strip().casefold()
    return " ".join(value.split())
