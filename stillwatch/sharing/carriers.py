"""Who carries what: of each thing that could be told, how many of the campaign's accounts and how
many honest ones have it, read from the log.

Two passes. The first looks at the exchanges that are attributed to the campaign, and keeps what at
least so many of its accounts carry. The second looks at everything that honest accounts sent, and
counts those of them that carry one of these; what is popular is counted no further than it takes to
know that it can't be told. Both hold pairs of keys, and texts only of what the campaign carries.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.engine.threads import map_ordered
from stillwatch.lake import Lake
from stillwatch.sharing.counting import PAIRS, Counter, Gathering, distinct
from stillwatch.sharing.indicators import Kind
from stillwatch.sharing.parts import Parts, parts_of
from stillwatch.sharing.values import READ, Values, exchanged, registered
from stillwatch.signals.extract import READS, signals
from stillwatch.signals.keys import string_keys

KINDS = list(Kind)
COLUMNS = tuple(dict.fromkeys((*READS, *READ)))

COUNTED = 1000
"""Honest carriers that are counted of what is popular, where the limit on shares asks for fewer."""

SAMPLED = 20_000
"""Honest accounts whose content is compared with a centroid: enough to see one in a thousand."""

_Texts = dict[tuple[int, int], str]


@dataclass(frozen=True)
class People:
    """Accounts by their keys, sorted: the campaign's `members`, and those held to be `honest`;
    `attributed` are keys of the exchanges attributed to the campaign. Who is neither is left out:
    it may be another campaign's. `bands` are those of the campaign's frame families: of what single
    exchanges hold, no other is looked at."""

    members: NDArray[np.uint64]
    honest: NDArray[np.uint64]
    attributed: NDArray[np.uint64]
    bands: NDArray[np.uint64]


@dataclass(frozen=True)
class Carried:
    """One thing that enough of the campaign's accounts carry.

    `text` is its value as the log has it, and `key` the key of that: of a band, the band itself.
    `honest` is how many honest accounts carry it, or if there are `more`, some of them.
    """

    kind: Kind
    key: int
    text: str
    accounts: int
    honest: int
    more: bool
    first_day: dt.date
    last_day: dt.date


@dataclass(frozen=True)
class Look:
    """What the log shows: what is `carried`; by kind, how many things too few accounts carry; who
    has each carried band, members and honest; and `content` of members' attributed and of some
    honest accounts' exchanges. `honest` is how many honest accounts the log has exchanges of, and
    `sampled` how many of these were compared by content: findings may know more than a log keeps.
    """

    carried: list[Carried]
    rare: Mapping[Kind, int]
    bands: Mapping[int, tuple[NDArray[np.uint64], NDArray[np.uint64]]]
    content: tuple[Parts, Parts]
    honest: int
    sampled: int


def look(lake: Lake, people: People, least: int, most_honest: float) -> Look:
    """Read the lake twice; raises `LakeBroken`.

    `least` accounts of the campaign must carry what is looked for; beyond the share `most_honest`
    of honest ones nothing needs to be counted.
    """
    registrations = registered(lake.accounts())
    some, texts = _paired(registrations, people.members)
    gathered, theirs, others = (
        Gathering(distinct),
        Gathering(Parts.summed),
        Gathering(Parts.summed),
    )
    gathered.add(some)
    for batch, made in _batches(lake, partial(_attributed, people)):
        some, told = _paired(_looked_at(batch, made, people), people.members)
        gathered.add(some)
        texts = {**told, **texts}
        theirs.add(parts_of(made))
    pairs = gathered.all()
    found = pairs.group_by(["kind", "key"]).aggregate(
        [("account", "count"), ("first", "min"), ("last", "max")]
    )
    enough = pc.greater_equal(found["account_count"], least)
    rare = found.filter(pc.invert(enough))["kind"].value_counts().to_pylist()
    found = found.filter(enough).sort_by([("kind", "ascending"), ("key", "ascending")])
    counter = Counter(found, max(COUNTED, int(most_honest * len(people.honest))))
    counter.add(_paired(registrations, people.honest)[0])
    here = Gathering(_union)
    for batch, made in _batches(lake, partial(_sent_by, people.honest)):
        counter.add(_paired(_looked_at(batch, made, people), people.honest)[0])
        here.add(np.unique(made.column("account").to_numpy()))
        sampled = is_in(made.column("account").to_numpy(), people.honest[:SAMPLED])
        others.add(parts_of(made.filter(pa.array(sampled))))
    last = max(0, pc.max(pairs["last"]).as_py() or 0)
    carried = [
        Carried(
            KINDS[row["kind"]],
            row["key"],
            texts.get((row["kind"], row["key"]), ""),
            row["account_count"],
            *counter.of(row["kind"], row["key"]),
            _day(row["first_min"], last),
            _day(row["last_max"], last),
        )
        for row in found.to_pylist()
    ]
    return Look(
        carried,
        {KINDS[row["values"]]: row["counts"] for row in rare},
        _who_has_bands(pairs, counter),
        (theirs.all(), others.all()),
        len(here.all()),
        int(is_in(here.all(), people.honest[:SAMPLED]).sum()),
    )


def is_in(keys: NDArray[np.uint64], among: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each of `keys` is one of `among`, which is sorted."""
    if not len(among):
        return np.zeros(len(keys), bool)
    place = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return among[place] == keys


def _batches(
    lake: Lake, chosen: Callable[[pa.RecordBatch], NDArray[np.bool_]]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """The chosen rows of the lake and their signals, those of some fragments made ahead."""

    def read(fragment: Callable[[], pa.RecordBatch]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        batch = fragment()
        batch = batch.filter(pa.array(chosen(batch)))
        return batch, signals(batch)

    jobs = (partial(read, fragment) for fragment in lake.fragments(COLUMNS, encoded=True))
    yield from map_ordered(jobs, os.cpu_count() or 1)


def _looked_at(
    batch: pa.RecordBatch, made: pa.RecordBatch, people: People
) -> Mapping[Kind, Values]:
    """Values of exchanges; of bands, those of the campaign's families."""
    found = dict(exchanged(batch, made))
    bands = found[Kind.SKETCH]
    mine = is_in(bands.keys, people.bands)
    found[Kind.SKETCH] = Values(bands.keys[mine], bands.accounts[mine], bands.ts[mine], None)
    return found


def _attributed(people: People, batch: pa.RecordBatch) -> NDArray[np.bool_]:
    mine = is_in(string_keys(batch.column("exchange_id")), people.attributed)
    return mine & _sent_by(people.members, batch)


def _sent_by(accounts: NDArray[np.uint64], batch: pa.RecordBatch) -> NDArray[np.bool_]:
    return is_in(string_keys(batch.column("account_id")), accounts)


def _paired(values: Mapping[Kind, Values], people: NDArray[np.uint64]) -> tuple[pa.Table, _Texts]:
    """Distinct pairs of values and some people's accounts, and a text of each value."""
    tables: list[pa.Table] = []
    texts: _Texts = {}
    for kind, each in values.items():
        rows = np.flatnonzero((each.keys != 0) & is_in(each.accounts, people))
        code = KINDS.index(kind)
        keys, accounts, ts = (a[rows] for a in (each.keys, each.accounts, each.ts))
        columns = [np.full(len(rows), code, np.int8), keys, accounts, ts, ts]
        tables.append(distinct([pa.table([pa.array(c) for c in columns], schema=PAIRS)]))
        if each.texts is not None:
            known, first = np.unique(keys, return_index=True)
            told = each.texts.take(pa.array(rows[first])).cast(pa.string()).to_pylist()
            texts.update(zip(((code, key) for key in known.tolist()), told, strict=True))
    return distinct(tables), texts


def _who_has_bands(
    pairs: pa.Table, counter: Counter
) -> dict[int, tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
    code = KINDS.index(Kind.SKETCH)
    mine = pairs.filter(pc.equal(pairs["kind"], code)).sort_by("key")
    keys, accounts = mine["key"].to_numpy(), mine["account"].to_numpy()
    out = {}
    for key in counter.keys(code):
        begin, end = np.searchsorted(keys, np.array([key, key + 1], np.uint64))
        out[key] = np.unique(accounts[begin:end]), counter.who(code, key)
    return out


def _union(parts: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]))


def _day(ts: int, last: int) -> dt.date:
    """The day of a time in microseconds; of what only registrations have, the last of all."""
    since = dt.timedelta(microseconds=ts if ts >= 0 else last)
    return (dt.datetime.fromtimestamp(0, dt.UTC) + since).date()
