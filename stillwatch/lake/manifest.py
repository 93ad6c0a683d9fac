"""The manifest: one JSON file that says what a lake consists of, replaced whole or not at all.

A file of the lake that the manifest doesn't name doesn't exist; that is what makes a killed ingest
leave the old state, and what lets a reader go on while another process writes.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import LakeBroken
from stillwatch.privacy.rules import PLAIN, Privacy

NAME = "lake.json"
VERSION = 1
RULED_VERSION = 2
"""Of a lake with rules for identifiers: who doesn't know of them must not write to it."""

_TODO = "Restore it, or remove the lake and ingest the logs again"


class Segment(msgspec.Struct, frozen=True):
    """One Parquet file of exchanges; `order` places it among the others."""

    name: str
    rows: int
    order: tuple[int, int, int]
    deleted: str | None = None
    """File of row numbers that lost to another copy of their exchange."""
    deleted_rows: int = 0


class Absorbed(msgspec.Struct, frozen=True):
    """A source by its content: a file, or a section of one. How many of its rows are in, whether
    that is all, and how many bytes were read at a time, for rows are counted by what was read
    together."""

    path: str
    """Of the file."""
    size: int
    rows: int
    done: bool
    piece: int = 768 << 10


class Tally(msgspec.Struct):
    """Counts of rows; `read` = kept + duplicates + the sum of `quarantined`."""

    read: int = 0
    quarantined: dict[str, int] = {}
    repaired: dict[str, int] = {}
    duplicates: int = 0
    files: int = 0
    bytes: int = 0


class Manifest(msgspec.Struct):
    """All that a lake is. `key` is the secret of its id hashes; `next` numbers its files."""

    key: tuple[int, int]
    version: int = VERSION
    next: int = 1
    ingests: int = 0
    segments: dict[int, Segment] = {}
    quarantine: list[str] = []
    accounts: str | None = None
    absorbed: dict[str, Absorbed] = {}
    """By digest of content; accounts' files under `accounts:` and their digest."""
    exchanges: Tally = msgspec.field(default_factory=Tally)
    account_rows: Tally = msgspec.field(default_factory=Tally)
    privacy: Privacy = PLAIN
    """The rules for identifiers in it, for good."""
    removed: int = 0
    """Exchanges that were kept, and removed since."""
    journal: str | None = None
    """The entry of the journal that told the last removal: there it stands once that is done."""

    @property
    def kept(self) -> int:
        """Exchanges in the lake."""
        return sum(s.rows - s.deleted_rows for s in self.segments.values())


def new_manifest(privacy: Privacy = PLAIN) -> Manifest:
    """An empty lake with a fresh key, and rules for identifiers."""
    key = (secrets.randbits(64), secrets.randbits(64))
    return Manifest(key, VERSION if privacy.plain else RULED_VERSION, privacy=privacy)


def load_manifest(lake: Path) -> Manifest:
    """Read the manifest of `lake`; raises `LakeBroken`."""
    path = lake / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise LakeBroken(
            lake, "is no lake: it has no lake.json", "Make one with `stillwatch ingest`"
        ) from None
    except (OSError, ValueError) as fault:
        raise LakeBroken(path, f"can't be read ({fault})", _TODO) from fault
    if manifest.version not in (VERSION, RULED_VERSION):
        raise LakeBroken(
            path,
            f"has version {manifest.version}, not {VERSION} or {RULED_VERSION}",
            "Ingest the logs into a new lake",
        )
    return manifest


def save_manifest(lake: Path, manifest: Manifest, durable: bool) -> None:
    """Replace the manifest of `lake` in one step; `durable` survives a power cut too."""
    fresh = lake / f".{NAME}.new"
    with fresh.open("wb") as out:
        out.write(msgspec.json.encode(manifest))
        out.write(b"\n")
        if durable:
            sync(out)
    fresh.replace(lake / NAME)
    if durable:
        sync_folder(lake)


def sync(out: Any) -> None:
    """Push a file's bytes to the disk."""
    out.flush()
    os.fsync(out.fileno())


def sync_folder(folder: Path) -> None:
    """Push a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_path(path: Path) -> None:
    """Push a closed file to the disk."""
    with path.open("rb") as held:
        os.fsync(held.fileno())
