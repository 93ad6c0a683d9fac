"""The two files of keys: one that pseudonyms are made with, and one that opens the vault.

KEYS    for every machine that ingests: the secret of each epoch, the owner's public key, and the
        key that signs what is logged. It makes pseudonyms; it can't turn them back.
OWNER   for whoever may re-identify: the private key. It is needed nowhere else.

An *epoch* is a time from which new identifiers are named with another secret. An identifier that
is known keeps the name that it came in under (`guard`), so an account is one account across epochs.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from stillwatch.errors import InputNotFound, OutputExists, PrivacyRefused

KEYS_FORMAT = "stillwatch-keys-1"
OWNER_FORMAT = "stillwatch-owner-1"
SECRET_BYTES = 32

_RESTORE = "Restore it from where you keep it safe; another can't take its place"
_OTHERS = 0o007

Struct = TypeVar("Struct", bound=msgspec.Struct)


class _Epoch(msgspec.Struct, frozen=True):
    begin: dt.datetime
    secret: str


class _KeysFile(msgspec.Struct, frozen=True):
    format: str
    epochs: list[_Epoch]
    owner: str
    signer: str


class _OwnerFile(msgspec.Struct, frozen=True):
    format: str
    private: str
    signer: str


@dataclass(frozen=True)
class Epoch:
    """From `begin` on, new identifiers are named with `secret` (32 bytes); `number` is from 1."""

    number: int
    begin: dt.datetime
    secret: bytes


@dataclass(frozen=True)
class Keys:
    """What names are made with. `epochs` are in order of time."""

    epochs: tuple[Epoch, ...]
    owner: X25519PublicKey
    signer: Ed25519PrivateKey

    @property
    def identity(self) -> str:
        """What a lake knows these keys by: sixteen digits of the owner's public key's digest."""
        return identity_of(self.owner)

    def at(self, when: dt.datetime) -> Epoch:
        """The epoch of a time; before the first one begins, the first."""
        begun = [epoch for epoch in self.epochs if epoch.begin <= when]
        return begun[-1] if begun else self.epochs[0]


@dataclass(frozen=True)
class Owner:
    """What opens a vault."""

    private: X25519PrivateKey
    signer: Ed25519PrivateKey

    @property
    def identity(self) -> str:
        """As `Keys.identity`."""
        return identity_of(self.private.public_key())


def identity_of(owner: X25519PublicKey) -> str:
    """A name for a pair of key files that gives nothing of them away."""
    return hashlib.sha256(owner.public_bytes_raw()).hexdigest()[:16]


def new_keys(path: str | Path, owner: str | Path) -> Keys:
    """Make both files, readable by their owner only; raises `OutputExists` where one is there."""
    private, signer = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    seed = _text(signer.private_bytes_raw())
    epoch = _Epoch(dt.datetime.now(dt.UTC).replace(microsecond=0), _fresh())
    public = _text(private.public_key().public_bytes_raw())
    for place in (path, owner):
        if Path(place).exists():
            raise OutputExists(place, "is there already", "Name another file: keys are not lost")
    _write(Path(owner), _OwnerFile(OWNER_FORMAT, _text(private.private_bytes_raw()), seed))
    _write(Path(path), _KeysFile(KEYS_FORMAT, [epoch], public, seed))
    return read_keys(path)


def rotate_keys(path: str | Path, begin: dt.datetime | None = None) -> Keys:
    """Add an epoch that begins then, or now. Earlier ones stay: their names are still in use.

    Raises `PrivacyRefused` where it wouldn't begin after the last one, and what `read_keys` does.
    """
    keys = read_keys(path)
    begin = (begin or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    last = keys.epochs[-1]
    if begin <= last.begin:
        raise PrivacyRefused(
            path,
            f"its epoch {last.number} begins at {last.begin.isoformat()}, which is not before",
            "Let the new one begin later",
        )
    told = _read(Path(path), _KeysFile, KEYS_FORMAT)
    epochs = [*told.epochs, _Epoch(begin, _fresh())]
    _write(Path(path), msgspec.structs.replace(told, epochs=epochs))
    return read_keys(path)


def read_keys(path: str | Path) -> Keys:
    """The keys that names are made with; raises `InputNotFound` and `PrivacyRefused`."""
    told = _read(Path(path), _KeysFile, KEYS_FORMAT)
    begins = [epoch.begin for epoch in told.epochs]
    if not begins or any(begin.tzinfo is None for begin in begins) or begins != sorted(set(begins)):
        raise PrivacyRefused(path, "its epochs have no times, or not in their order", _RESTORE)
    return Keys(
        tuple(
            Epoch(number, epoch.begin, _bytes(path, epoch.secret))
            for number, epoch in enumerate(told.epochs, 1)
        ),
        X25519PublicKey.from_public_bytes(_bytes(path, told.owner)),
        Ed25519PrivateKey.from_private_bytes(_bytes(path, told.signer)),
    )


def read_owner(path: str | Path) -> Owner:
    """The key that opens a vault; raises `InputNotFound` and `PrivacyRefused`."""
    told = _read(Path(path), _OwnerFile, OWNER_FORMAT)
    return Owner(
        X25519PrivateKey.from_private_bytes(_bytes(path, told.private)),
        Ed25519PrivateKey.from_private_bytes(_bytes(path, told.signer)),
    )


def _read(path: Path, kind: type[Struct], wanted: str) -> Struct:
    try:
        raw, mode = path.read_bytes(), path.stat().st_mode
    except OSError as fault:
        todo = "Name the file that `stillwatch keys new` wrote"
        raise InputNotFound(path, f"can't be read ({fault.strerror})", todo) from fault
    if mode & _OTHERS:
        raise PrivacyRefused(path, "can be read by anybody on this machine", "Run chmod 600 on it")
    try:
        told = msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise PrivacyRefused(path, f"is no file of keys ({fault})", _RESTORE) from None
    if getattr(told, "format", None) != wanted:
        other = "the owner's" if wanted == KEYS_FORMAT else "the one for pseudonyms"
        raise PrivacyRefused(path, f"is not of the kind {wanted}", f"Perhaps this is {other}")
    return told


def _write(path: Path, told: msgspec.Struct) -> None:
    """Replace `path` whole, in one step, for its owner's eyes only."""
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        Path(scratch).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(scratch).unlink()
        raise


def _fresh() -> str:
    return _text(secrets.token_bytes(SECRET_BYTES))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(path: str | Path, text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != SECRET_BYTES:
        raise PrivacyRefused(path, "holds a key that is not of 32 bytes", _RESTORE)
    return raw
