"""The journal of a lake: what was removed, forgotten and revealed, when, by whom and why.

LAKE/journal.jsonl    one entry a line, in canonical JSON; each holds the hash of the one before

An entry's hash is SHA-256 over all else in it but the signature, which is Ed25519 by the lake's
keys over that hash; without keys there is none. Whoever was told the hash of the last entry, the
*head*, sees any later change to what came before it. It names nobody: accounts stand in it by a
digest that only the keys' holder can make (`forgetting`).

A removal's entry is in the lake's manifest from the moment that it holds, and here as soon as
possible after; a kill in between is made good when the journal is opened next. Once the files are
gone, an entry `erased` says so.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillwatch.cases.canonical import GENESIS, canonical, hash_entry
from stillwatch.cases.texts import check_actor, check_reason
from stillwatch.cases.times import now
from stillwatch.errors import JournalBroken
from stillwatch.lake import load_manifest

NAME = "journal.jsonl"
REMOVALS = ("retain", "forget")
ERASED = "erased"

_FIELDS = {
    "seq": int,
    "at": str,
    "actor": str,
    "act": str,
    "reason": str,
    "detail": dict,
    "prev": str,
    "key": str,
    "hash": str,
    "signature": str,
}
_TODO = "Ask who had access to it; a copy of the head, kept elsewhere, shows since when"


@dataclass(frozen=True)
class Verdict:
    """What a verification found."""

    entries: int
    head: str
    signed: int
    """Entries with a signature that holds."""
    keys: tuple[str, ...]
    """Public keys that signed, in hexadecimal."""
    unfinished: tuple[int, ...]
    """Removals whose files may be there still, by number."""


class Journal:
    """The journal of a lake, open to be added to; nobody else can until it is closed."""

    def __init__(self, lake: Path, descriptor: int, signer: Ed25519PrivateKey | None) -> None:
        self.path = lake / NAME
        self._descriptor, self._signer = descriptor, signer
        self.entries = _entries(self.path)
        self._recover(lake)

    def _recover(self, lake: Path) -> None:
        """Cut off a line that a kill left unfinished, and add the one that it left out."""
        size = sum(len(_bytes(entry)) for entry in self.entries)
        if size < os.fstat(self._descriptor).st_size:
            os.ftruncate(self._descriptor, size)
        told = load_manifest(lake).journal
        if told is None:
            return
        entry = json.loads(told)
        if entry["hash"] in {known["hash"] for known in self.entries}:
            return
        if entry["prev"] != self.head:
            raise JournalBroken(
                self.path, f"lacks entry {entry['seq']}, which the lake knows of", _TODO
            )
        self.append(entry)

    @property
    def head(self) -> str:
        """Hash of the last entry."""
        return self.entries[-1]["hash"] if self.entries else GENESIS

    @property
    def unfinished(self) -> list[dict[str, Any]]:
        """Removals whose files may be there still."""
        return unfinished(self.entries)

    def entry(self, actor: str, act: str, reason: str, detail: dict[str, Any]) -> dict[str, Any]:
        """The entry that would follow now; raises `CaseRefused` where a text can't be kept."""
        public = b"" if self._signer is None else self._signer.public_key().public_bytes_raw()
        fields: dict[str, Any] = {
            "seq": len(self.entries) + 1,
            "at": now(),
            "actor": check_actor(actor),
            "act": act,
            "reason": check_reason(reason),
            "detail": detail,
            "prev": self.head,
            "key": public.hex(),
        }
        fields["hash"] = hash_entry(fields)
        signature = b"" if self._signer is None else self._signer.sign(fields["hash"].encode())
        return fields | {"signature": signature.hex()}

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry; it is on the disk when this returns."""
        os.lseek(self._descriptor, 0, os.SEEK_END)
        os.write(self._descriptor, _bytes(entry))
        os.fsync(self._descriptor)
        self.entries.append(entry)


@contextmanager
def opened(lake: str | Path, signer: Ed25519PrivateKey | None) -> Iterator[Journal]:
    """The journal of a lake, made where it is missing; waits for whoever has it open.

    Raises `JournalBroken` and `LakeBroken`.
    """
    lake = Path(lake)
    load_manifest(lake)
    descriptor = os.open(lake / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield Journal(lake, descriptor, signer)
    finally:
        os.close(descriptor)


def unfinished(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Removals that no `erased` speaks of."""
    done = {entry["detail"]["of"] for entry in entries if entry["act"] == ERASED}
    return [e for e in entries if e["act"] in REMOVALS and e["seq"] not in done]


def read(lake: str | Path) -> list[dict[str, Any]]:
    """All entries; raises `JournalBroken` and `LakeBroken`."""
    load_manifest(Path(lake))
    return _entries(Path(lake) / NAME)


def verify(lake: str | Path, head: str | None = None, key: str | None = None) -> Verdict:
    """Check a lake's journal, every byte; with `head`, that it is the whole one, with `key` (a
    public key in hexadecimal) that it signed every entry.

    Raises `JournalBroken` and `LakeBroken`.
    """
    path = Path(lake) / NAME
    told = load_manifest(Path(lake)).journal
    entries = _entries(path)
    whole = sum(len(_bytes(entry)) for entry in entries)
    if path.exists() and path.stat().st_size != whole:
        raise JournalBroken(path, f"its last line, after entry {len(entries)}, is torn", _TODO)
    if told is not None and json.loads(told)["hash"] not in {e["hash"] for e in entries}:
        raise JournalBroken(path, f"lacks entry {json.loads(told)['seq']}", _TODO)
    last = entries[-1]["hash"] if entries else GENESIS
    if head is not None and head.strip().lower() not in {e["hash"] for e in entries}:
        raise JournalBroken(path, f"doesn't hold the head {head!r}: its end was cut off", _TODO)
    keys = tuple(dict.fromkeys(entry["key"] for entry in entries if entry["key"]))
    if key is not None:
        for entry in entries:
            if entry["key"] != key.strip().lower():
                raise JournalBroken(path, f"entry {entry['seq']} is not signed by that key", _TODO)
    open_ones = tuple(entry["seq"] for entry in unfinished(entries))
    signed = sum(bool(entry["key"]) for entry in entries)
    return Verdict(len(entries), last, signed, keys, open_ones)


def _entries(path: Path) -> list[dict[str, Any]]:
    """All whole entries, checked; a last line without its end is left out."""
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    prev = GENESIS
    for number, raw in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        if not raw.endswith(b"\n"):
            break
        entry = _read(path, number, raw)
        bare = {name: value for name, value in entry.items() if name != "signature"}
        if entry["seq"] != number or entry["prev"] != prev:
            raise JournalBroken(path, f"line {number} doesn't follow the one before", _TODO)
        if hash_entry(bare) != entry["hash"]:
            raise JournalBroken(path, f"line {number} was changed", _TODO)
        if not _signature_holds(entry):
            raise JournalBroken(path, f"the signature of line {number} doesn't hold", _TODO)
        prev = entry["hash"]
        found.append(entry)
    return found


def _read(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(raw)
        if (
            entry.keys() == _FIELDS.keys()
            and all(type(entry[name]) is kind for name, kind in _FIELDS.items())
            and _bytes(entry) == raw
        ):
            return entry
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    raise JournalBroken(path, f"line {number} is no entry", _TODO)


def line(entry: dict[str, Any]) -> str:
    """An entry as it stands in the journal, without the line's end."""
    return canonical(entry)


def _bytes(entry: dict[str, Any]) -> bytes:
    return line(entry).encode("ascii") + b"\n"


def _signature_holds(entry: dict[str, Any]) -> bool:
    if not entry["key"]:
        return not entry["signature"]
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(entry["key"]))
        signature = bytes.fromhex(entry["signature"])
        public.verify(signature, entry["hash"].encode())
    except (InvalidSignature, ValueError):
        return False
    return signature.hex() == entry["signature"]  # no other way to write it
