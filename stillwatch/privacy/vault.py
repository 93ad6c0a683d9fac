"""The vault: which identifier a name stands for, sealed so that only the owner can read it.

LAKE/vault.db    SQLite; every identifier by its name, encrypted with AES-256-GCM

Each ingest draws a key of its own and seals it to the owner's public key (HPKE, RFC 9180: X25519,
HKDF-SHA256, AES-256-GCM). Whoever ingests can add to the vault, and read nothing in it. That a name
is there can be seen by all who read the file, and how long its identifier is, to 16 bytes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from stillwatch.errors import InputNotFound, LakeBroken, PrivacyRefused
from stillwatch.privacy.keys import Keys, Owner

NAME = "vault.db"
PATIENCE_S = 30.0
ASKED = 500
"""Names that are asked for at a time."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"stillwatch vault 1"
_NONCE_BYTES = 12
_PAD = 16
_TABLES = """
create table if not exists sessions (session integer primary key, sealed blob not null);
create table if not exists entries (
    name text primary key, epoch integer not null, session integer not null, sealed blob not null
) without rowid;
"""


class Vault:
    """The vault of the lake at `lake`; made where it is missing and `create` is said.

    Threads may call it. Raises `InputNotFound` where there is none.
    """

    def __init__(self, lake: str | Path, create: bool = False) -> None:
        self.path = Path(lake) / NAME
        if not create and not self.path.is_file():
            raise InputNotFound(self.path, "there is no vault", "Name a lake with pseudonyms")
        if create:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self._mutex = threading.Lock()
        with self._said_well():
            self._database = sqlite3.connect(
                self.path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            # what is deleted is overwritten, and no journal of it stays
            for pragma in ("journal_mode = delete", "synchronous = full", "secure_delete = on"):
                self._database.execute(f"pragma {pragma}")
            if create:
                self._database.executescript(_TABLES)
        self._session: tuple[int, AESGCM] | None = None

    def close(self) -> None:
        """Let go of the file, and of the key that new entries are sealed with."""
        self._session = None
        self._database.close()

    def epochs(self) -> dict[int, int]:
        """How many names there are of each epoch."""
        with self._said_well():
            rows = self._database.execute("select epoch, count(*) from entries group by epoch")
            return dict(rows.fetchall())

    def known(self, names: Sequence[str]) -> set[str]:
        """Those of `names` that stand for something."""
        found: set[str] = set()
        with self._mutex, self._said_well():
            for some in _parted(names):
                marks = ", ".join("?" * len(some))
                rows = self._database.execute(
                    f"select name from entries where name in ({marks})", some
                )
                found.update(name for (name,) in rows)
        return found

    def add(self, entries: Mapping[str, tuple[str, int]], keys: Keys) -> None:
        """Seal identifiers and the numbers of their epochs, by name: all of them or none.

        They are on the disk when it returns; a name that is there stays as it is.
        """
        with self._writing():
            session, cipher = self._session or self._begin(keys)
            self._database.executemany(
                "insert or ignore into entries values (?, ?, ?, ?)",
                (
                    (name, epoch, session, _sealed(cipher, name, identifier))
                    for name, (identifier, epoch) in entries.items()
                ),
            )

    def _begin(self, keys: Keys) -> tuple[int, AESGCM]:
        key = AESGCM.generate_key(256)
        row = self._database.execute(
            "insert into sessions (sealed) values (?)", (_SUITE.encrypt(key, keys.owner, _INFO),)
        )
        self._session = int(row.lastrowid or 0), AESGCM(key)
        return self._session

    def reveal(self, names: Sequence[str], owner: Owner) -> dict[str, str]:
        """The identifiers of those of `names` that are there; raises `PrivacyRefused`."""
        found: dict[str, str] = {}
        ciphers: dict[int, AESGCM] = {}
        with self._mutex, self._said_well():
            for some in _parted(names):
                marks = ", ".join("?" * len(some))
                rows = self._database.execute(
                    f"select name, session, sealed from entries where name in ({marks})", some
                ).fetchall()
                for name, session, sealed in rows:
                    if session not in ciphers:
                        ciphers[session] = self._opened(session, owner)
                    found[name] = self._plain(ciphers[session], name, sealed)
        return found

    def _opened(self, session: int, owner: Owner) -> AESGCM:
        row = self._database.execute(
            "select sealed from sessions where session = ?", (session,)
        ).fetchone()
        try:
            return AESGCM(_SUITE.decrypt(row[0], owner.private, _INFO))
        except (InvalidTag, ValueError, TypeError):
            raise PrivacyRefused(
                self.path, "is sealed to another owner's key", "Name the file of its owner"
            ) from None

    def _plain(self, cipher: AESGCM, name: str, sealed: bytes) -> str:
        try:
            padded = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise LakeBroken(
                self.path, f"its entry {name} was damaged or changed", "Restore it from a backup"
            ) from None
        return padded.rpartition(b"\x80")[0].decode("utf-8", "surrogatepass")

    def forget(self, names: Sequence[str]) -> int:
        """Remove entries, and overwrite where they stood; how many there were."""
        with self._writing():
            return sum(
                self._database.execute("delete from entries where name = ?", (name,)).rowcount
                for name in names
            )

    def names(self) -> Iterator[str]:
        """All names, some at a time."""
        last = ""
        while True:
            with self._mutex, self._said_well():
                rows = self._database.execute(
                    "select name from entries where name > ? order by name limit 10000", (last,)
                ).fetchall()
            if not rows:
                return
            yield from (name for (name,) in rows)
            last = rows[-1][0]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._mutex, self._said_well():
            self._database.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._session = None
                self._database.execute("rollback")
                raise
            self._database.execute("commit")

    @contextmanager
    def _said_well(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            raise LakeBroken(
                self.path, f"can't be used ({fault})", "Check its rights, or restore it"
            ) from fault


def _parted(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), ASKED):
        yield names[at : at + ASKED]


def _sealed(cipher: AESGCM, name: str, identifier: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    plain = identifier.encode("utf-8", "surrogatepass") + b"\x80"
    padded = plain + bytes(-len(plain) % _PAD)
    return nonce + cipher.encrypt(nonce, padded, name.encode())
