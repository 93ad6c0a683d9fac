"""Stands between sources and lake: identifiers go in, names come out.

A name is made with the secret of the epoch in which its identifier first came in: a vault that
knows it by an earlier epoch's name is asked first. So an account is one account over any number of
rotations, nothing has to be joined later, and an identifier that came after a rotation is out of
reach of whoever had an earlier secret.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from stillwatch.errors import PrivacyRefused
from stillwatch.privacy.keys import Epoch, Keys
from stillwatch.privacy.names import (
    ADDRESSES,
    COLUMNS,
    HARMLESS_HEADERS,
    ONE_WAY,
    address_name,
    name_of,
    network_name,
    prefix_of,
    read_address,
)
from stillwatch.privacy.rules import Addresses, Privacy
from stillwatch.privacy.vault import Vault
from stillwatch.tables import Chunk

Read = Callable[..., Iterator[Chunk]]
Namer = Callable[[list[str]], Sequence[str | None]]

REMEMBERED = 1 << 16
"""Names of a kind that are held in memory, at most."""

ADDRESS_HEADERS = frozenset(
    {
        "cf-connecting-ip",
        "fastly-client-ip",
        "forwarded",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-forwarded-for",
        "x-original-forwarded-for",
        "x-real-ip",
    }
)
"""Headers that carry addresses: where these are cut to prefixes, such headers are left out."""


class _Known(NamedTuple):
    name: str
    epoch: Epoch


class Guard:
    """Applies the rules of the lake at `lake` to all that is read into it, on any thread.

    `keys` are those of the rules, if they name some. `now` decides on the epoch of identifiers that
    are new. Raises `PrivacyRefused` where the vault knows names of an epoch that `keys` lack.
    """

    def __init__(
        self, privacy: Privacy, lake: Path, keys: Keys | None, now: dt.datetime | None = None
    ) -> None:
        self.privacy, self._keys = privacy, keys
        self._mutex = threading.Lock()
        self._held: dict[str, dict[str, _Known]] = {}
        self._new: dict[str, tuple[str, int]] = {}
        if keys is None:
            return
        self._vault = Vault(lake, create=True)
        self._now = keys.at(now or dt.datetime.now(dt.UTC))
        used = self._vault.epochs()
        if lost := sorted(set(used) - {epoch.number for epoch in keys.epochs}):
            self._vault.close()
            raise PrivacyRefused(
                "--pseudonyms",
                f"lacks the secret of epoch {lost[0]}, by which this lake knows {used[lost[0]]:,} "
                "identifiers",
                "Use the latest file of keys: accounts would fall in two halves without it",
            )
        earlier = [epoch for epoch in keys.epochs if epoch.number in used and epoch != self._now]
        self._earlier = sorted(earlier, key=lambda epoch: -epoch.number)

    def close(self) -> None:
        """Let go of the vault."""
        if self._keys is not None:
            self._vault.close()

    def over(self, read: Read) -> Read:
        """`read`, with nothing that the rules forbid in its chunks."""

        def guarded(path: Path, rows: int, **section: Any) -> Iterator[Chunk]:
            for chunk in read(path, rows, **section):
                kept, refused = self._kept(chunk.kept), self._refused(chunk.quarantined)
                yield chunk._replace(kept=kept, quarantined=refused)

        return guarded

    def told(self, path: Path) -> str:
        """What the lake says of a source file: paths name customers, too."""
        if self._keys is None:
            return str(path)
        return self.names([str(path)], "file")[0]

    def names(self, values: Sequence[str], kind: str) -> list[str]:
        """The names of identifiers of one kind; the vault holds them from `settle` on."""
        return [known.name for known in self._known(values, kind)]

    def _kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        for column in ADDRESSES:
            if column in columns:
                columns[column] = _mapped(columns[column], self._addresses)
        if self._keys is not None:
            for column, kind in COLUMNS.items():
                if column in columns:
                    columns[column] = _mapped(columns[column], self._namer(kind))
        if "headers" in columns:
            columns["headers"] = self._headers(columns["headers"])
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)

    def _refused(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows that weren't kept, without the excerpt: nobody knows what stands in there."""
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns["excerpt"] = pa.nulls(batch.num_rows, pa.string())
        if self._keys is not None:
            columns["file"] = _mapped(columns["file"], self._namer("file"))
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)

    def _namer(self, kind: str) -> Namer:
        """What names a kind of identifiers; an empty one says nothing, and stays so."""

        def name(values: list[str]) -> list[str | None]:
            some = [value for value in values if value]
            names = dict(zip(some, self.names(some, kind), strict=True))
            return [names.get(value, value) for value in values]

        return name

    def _known(self, values: Sequence[str], kind: str) -> list[_Known]:
        with self._mutex:
            held = self._held.setdefault(kind, {})
            if len(held) > REMEMBERED:
                held.clear()
            if new := sorted({value for value in values if value not in held}):
                found = dict(zip(new, self._found(new, kind), strict=True))
                held |= found
                if len(held) > REMEMBERED:
                    self._held[kind] = found
            return [held[value] for value in values]

    def _found(self, values: list[str], kind: str) -> list[_Known]:
        """The names of `values`: of the epoch that knows them, or of this one, and then learnt."""
        names = {value: _Known(_name(value, kind, self._now), self._now) for value in values}
        if kind in ONE_WAY:
            return list(names.values())
        for epoch in self._earlier:
            earlier = {value: _name(value, kind, epoch) for value in values}
            known = self._vault.known(list(earlier.values()))
            names |= {v: _Known(n, epoch) for v, n in earlier.items() if n in known}
        self._learn({known.name: (v, known.epoch.number) for v, known in names.items()})
        return list(names.values())

    def _learn(self, entries: dict[str, tuple[str, int]]) -> None:
        """Have the vault know names, by `settle` at the latest."""
        asked = [name for name in entries if name not in self._new]
        known = self._vault.known(asked)
        self._new |= {name: entries[name] for name in asked if name not in known}
        if len(self._new) > REMEMBERED:
            self._flush()

    def settle(self) -> None:
        """Put what is new into the vault: to be called before a lake says any name."""
        with self._mutex:
            self._flush()

    def _flush(self) -> None:
        if self._new:
            assert self._keys is not None
            self._vault.add(self._new, self._keys)
            self._new = {}

    def _addresses(self, values: list[str]) -> Sequence[str | None]:
        read = [read_address(value) for value in values]
        if self.privacy.addresses is Addresses.EXACT:
            return values
        if self.privacy.addresses is Addresses.PREFIX:
            return [None if address is None else prefix_of(address) for address in read]
        prefixes = [prefix_of(address) for address in read if address is not None]
        networks = dict(zip(prefixes, self._known(prefixes, "net"), strict=True))
        others = iter(
            self._namer("ip")([v for v, a in zip(values, read, strict=True) if a is None])
        )
        out: list[str | None] = []
        entries: dict[str, tuple[str, int]] = {}
        for address in read:
            if address is None:
                out.append(next(others))
                continue
            network = networks[prefix_of(address)]
            name = address_name(network.name, address, network.epoch.secret)
            entries[name] = (str(address), network.epoch.number)
            out.append(name)
        with self._mutex:
            self._learn(entries)
        return out

    def _headers(self, values: pa.Array) -> pa.Array:
        """A column of headers with names for what the harmless ones don't say."""
        if not len(values.keys):
            return values
        offsets = np.asarray(values.offsets).astype(np.int64)
        first, last = int(offsets[0]), int(offsets[-1])
        keys = values.keys.slice(first, last - first).dictionary_encode()
        code = keys.indices.to_numpy(zero_copy_only=False)
        words = keys.dictionary.to_pylist()
        items = values.items.slice(first, last - first)
        told = items.to_pylist()
        drop = np.zeros(len(code), bool)
        if self.privacy.addresses is Addresses.PREFIX:
            drop = np.array([word in ADDRESS_HEADERS for word in words], bool)[code]
        if self._keys is not None:
            secret = np.array([word not in HARMLESS_HEADERS for word in words], bool)[code]
            at = [int(i) for i in np.flatnonzero(secret & ~drop) if told[i]]
            for i, name in zip(at, self.names([told[i] for i in at], "header"), strict=True):
                told[i] = name
        kept = np.flatnonzero(~drop)
        ends = np.concatenate([[0], np.cumsum(~drop)])[offsets - first].astype(np.int32)
        made = pa.MapArray.from_arrays(
            pa.array(ends, pa.int32()),
            keys.dictionary.take(pa.array(code[kept])),
            pa.array([told[i] for i in kept.tolist()], pa.string()),
        ).cast(values.type)
        if not values.null_count:
            return made
        return pa.array(
            [row if valid else None for row, valid in zip(made, values.is_valid(), strict=True)],
            values.type,
        )


def _name(value: str, kind: str, epoch: Epoch) -> str:
    if kind == "net":
        return network_name(value, epoch.secret)
    return name_of(value, kind, epoch.secret)


def _mapped(values: pa.Array, names_of: Namer) -> pa.Array:
    """A column of strings with each distinct value replaced; null stays."""
    coded = values.dictionary_encode()
    names = names_of(coded.dictionary.to_pylist())
    return pa.array(names, pa.string()).take(coded.indices)
