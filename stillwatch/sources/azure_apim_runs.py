"""Exchanges of Azure's log of messages, kept as columns until the gateway's records are there.

A run holds exchanges whole, one after another, a record a row. So what is kept is little more than
the texts; what they hold is taken apart when the run comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, compress
from operator import attrgetter, ne, not_
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.sources.azure_apim import Exchange, Record
from stillwatch.sources.azure_apim_logged import Logged, Part, Told
from stillwatch.sources.body_shapes import Message
from stillwatch.sources.kept_texts import Room, Texts
from stillwatch.sources.shapes import UNFIT, decoded

_HELD = {name: attrgetter(name) for name in Part.__struct_fields__}
_TYPES = {
    "deploymentName": pa.string(),
    "modelName": pa.string(),
    "promptTokens": pa.int64(),
    "completionTokens": pa.int64(),
}
_TEXTS = ("requestMessages", "responseMessages")


def record_of(logged: Logged) -> Record:
    """A record of messages, as `azure_apim.flat` has it."""
    part = logged.properties
    held = {name: get(part) for name, get in _HELD.items()}
    return _flat(held | {"time": part.time or logged.time})


def _flat(record: Record) -> Record:
    return {name.lower(): value for name, value in record.items() if value not in (None, "")}


class Together:
    """Records of messages with each exchange's together, by their numbers; those of one number as
    they came. Of exchange `n`, `keys[n]` is the id and `starts[n]` the first record."""

    def __init__(self, records: Sequence[Logged]) -> None:
        # Loops that name a field are quicker than `attrgetter`, by half: they are most of this.
        keys = [one.correlationId for one in records]
        parts = [one.properties for one in records]
        numbers = np.array([part.sequenceNumber for part in parts], np.int64)
        starts = _starts_of(keys)
        later = np.r_[True, numbers[1:] >= numbers[:-1]]
        later[starts] = True
        if len({keys[start] for start in starts}) < len(starts) or not later.all():
            rank = {key: place for place, key in enumerate(dict.fromkeys(keys))}
            order = np.lexsort((numbers, np.array([rank[key] for key in keys])))
            records = [records[place] for place in order]
            keys = [one.correlationId for one in records]
            parts = [one.properties for one in records]
            numbers, starts = numbers[order], _starts_of(keys)
        self.records, self.numbers = records, numbers
        self.keys, self.starts = [keys[start] for start in starts], np.array(starts, np.int64)
        self.texts = {
            "requestMessages": [part.requestMessages for part in parts],
            "responseMessages": [part.responseMessages for part in parts],
        }
        self.places = {name: _places(texts) for name, texts in self.texts.items()}
        logged = [records[start] for start in starts]
        self.first = [one.properties for one in logged]
        self.times = [one.properties.time or one.time for one in logged]
        first = np.zeros(len(parts), np.bool_)
        first[starts] = True
        later = (~first).tolist()
        self._later = [*compress(keys, later)], [*compress(parts, later)]

    def exchanges(self, name: str) -> np.ndarray:
        """Of each text of `name`, the exchange."""
        return np.searchsorted(self.starts, self.places[name], "right") - 1

    def unanswered(self) -> list[str]:
        """Exchanges without an answer."""
        answers = np.bincount(self.exchanges(_TEXTS[1]), minlength=len(self.keys))
        return [] if answers.all() else [self.keys[place] for place in np.flatnonzero(answers == 0)]

    def unusual(self) -> set[str]:
        """Exchanges of which a later record says what mostly the first does."""
        keys, parts = self._later
        found = set(compress(self.keys, map(not_, self.times)))
        for said in (
            [part.deploymentName for part in parts],
            [part.modelName for part in parts],
            [part.promptTokens for part in parts],
            [part.completionTokens for part in parts],
        ):
            if said.count(None) < len(said):
                found |= {key for key, value in zip(keys, said, strict=True) if value is not None}
        return found


def _places(texts: Sequence[str | None]) -> np.ndarray:
    return np.array([*compress(range(len(texts)), texts)], np.int64)


def _starts_of(keys: Sequence[str]) -> list[int]:
    return [*range(min(1, len(keys))), *compress(range(1, len(keys)), map(ne, keys, keys[1:]))]


class Long(NamedTuple):
    """Texts of a run, each with its record and exchange."""

    texts: Texts
    records: np.ndarray
    exchanges: np.ndarray

    def each(self, exchanges: int, decoder: msgspec.json.Decoder) -> list[Any]:
        """Of so many exchanges, the decoded messages; `None` where they aren't usual."""
        if np.array_equal(self.exchanges, np.arange(exchanges)):
            return self.texts.decoded(decoder)
        held: list[list[memoryview]] = [[] for _ in range(exchanges)]
        for text, exchange in zip(self.texts.each(), self.exchanges.tolist(), strict=True):
            held[exchange].append(text)
        return decoded(decoder, map(_text, held))

    def between(self, start: int, end: int) -> Iterator[tuple[int, str]]:
        """The texts of records from `start` to before `end`, each with its record."""
        first, last = np.searchsorted(self.records, (start, end)).tolist()
        for record, text in zip(
            self.records[first:last].tolist(), self.texts.some(first, last), strict=True
        ):
            yield record, str(text, "utf-8")


class Exchanges(NamedTuple):
    """Many exchanges: what was asked and answered, `None` where that isn't usual, and what is said
    beside it."""

    keys: list[str]
    asked: list[Any]
    answered: list[Any]
    said: dict[str, pa.Array]

    def only(self, wanted: np.ndarray) -> Exchanges:
        """Some of them, themselves where they are all."""
        if len(wanted) == len(self.keys):
            return self
        keys, asked, answered = ([held[place] for place in wanted] for held in self[:3])
        said = {name: held.take(pa.array(wanted)) for name, held in self.said.items()}
        return Exchanges(keys, asked, answered, said)


class Run:
    """Exchanges that are kept."""

    def __init__(self, told: Together, room: Room) -> None:
        self.keys, self._starts, self._numbers = told.keys, told.starts, told.numbers
        self._said = {
            name: pa.array(list(map(_HELD[name], told.first)), kind)
            for name, kind in _TYPES.items()
        }
        self._said["time"] = pa.array(told.times, pa.string())
        self._long: dict[str, Long] = {}
        for name, texts in told.texts.items():
            kept = room.kept(list(filter(None, texts)))
            self._long[name] = Long(kept, told.places[name], told.exchanges(name))
        self._gone: set[str] = set()

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return sum(int(held.texts.sizes.sum()) for held in self._long.values()) + 1000 * len(
            self.keys
        )

    def keys_here(self) -> list[str]:
        """The exchanges that weren't taken out."""
        return [key for key in self.keys if key not in self._gone]

    @property
    def empty(self) -> bool:
        """Whether all were taken out."""
        return len(self._gone) == len(self.keys)

    def take_out(self, key: str) -> Exchange:
        """One exchange, which isn't here any more."""
        self._gone.add(key)
        return self.exchange(key)

    def exchange(self, key: str) -> Exchange:
        """One exchange as the general way has it, at the cost of its own records."""
        made, place = Exchange(key), self._place_of[key]
        start, end = self._starts[place], self._ends[place]
        records: list[Record] = [{"sequenceNumber": n} for n in self._numbers[start:end].tolist()]
        records[0] |= {name: held[place].as_py() for name, held in self._said.items()}
        for name, held in self._long.items():
            for row, text in held.between(start, end):
                records[row - start][name] = text
        for record in records:
            made.add(_flat(record))
        return made

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self.keys)}

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.r_[self._starts[1:], len(self._numbers)]

    def exchanges(self) -> Exchanges:
        """Those that are here."""
        asked, answered = (
            self._long[name].each(len(self.keys), decoder)
            for name, decoder in zip(_TEXTS, (_asked, _answered), strict=True)
        )
        made = Exchanges(self.keys, asked, answered, self._said)
        if not self._gone:
            return made
        return made.only(np.flatnonzero([key not in self._gone for key in self.keys]))


def joined(runs: Sequence[Run]) -> Exchanges:
    """All exchanges of some runs."""
    each = [run.exchanges() for run in runs]
    if len(each) == 1:
        return each[0]
    keys, asked, answered = (
        list(chain.from_iterable(lists))
        for lists in zip(*((one.keys, one.asked, one.answered) for one in each), strict=True)
    )
    said = {name: pa.concat_arrays([one.said[name] for one in each]) for name in each[0].said}
    return Exchanges(keys, asked, answered, said)


_asked, _answered = msgspec.json.Decoder(list[Message]), msgspec.json.Decoder(list[Told])
_any = msgspec.json.Decoder(msgspec.Raw)


def _text(texts: list[memoryview]) -> memoryview | bytes:
    """Messages that may be cut into several texts."""
    if len(texts) == 1:
        return texts[0]
    if not texts:
        return b"[]"
    try:
        _any.decode(texts[0])
    except UNFIT:
        return b"".join(texts)
    return b""
