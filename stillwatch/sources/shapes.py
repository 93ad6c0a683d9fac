"""The usual shape of a format's records, many of which are read at once.

A shape is a struct with the fields that are used, and a function from many of them to columns.
What is not used isn't built, which makes up for the work on what is. Types are as narrow as a
format's own software writes them; a record that doesn't fit is read the general way, by the
format's `add`, which knows all that may be met and every reason. So both ways must give the same
rows for whatever fits, which is tested for every shape there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from stillwatch.sources.batch import Values
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import (
    MAX_RECORD_BYTES,
    Block,
    Fault,
    Records,
    opened_lines,
    split_block,
)

WORTHWHILE = 5
"""Fewer usual records between two others are read the general way, too."""

LOOKED_AT, LOOKED_AT_BYTES = 100, 1 << 17
"""How much of a part of a file is its start."""

AT_MOST = 16_384
"""Usual records in one run: a megabyte may hold a third of a million, each a struct."""

UNFIT = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for a record that isn't of the shape, or is no JSON at all."""


class Unusual(Exception):
    """Some records are none of a shape after all."""


class Used(Struct, gc=False, omit_defaults=True):
    """Fields that are used; others aren't built. Nothing here refers to itself."""


def field(name: str, holders: Iterable[Any]) -> list[Any]:
    """What each of `holders` has under `name`, a path of names that are all there."""
    return _taking(name)(holders)


@lru_cache(1024)
def _taking(name: str) -> Callable[[Iterable[Any]], list[Any]]:
    """A loop that takes `name` only: in half the time of `attrgetter`, for Python learns where each
    loop finds what it names."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{name!r} is no field")
    return eval(f"lambda holders: [one.{name} for one in holders]")


class ByField(Mapping[str, list[Any]]):
    """The values of many structs of one type, by their fields' names, taken when asked for."""

    def __init__(self, records: Sequence[Struct]) -> None:
        self._records, self._names = records, records[0].__struct_fields__
        self._taken: dict[str, list[Any]] = {}

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self._taken:
            if name not in self._names:
                raise KeyError(name)
            self._taken[name] = field(name, self._records)
        return self._taken[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@lru_cache(64)
def with_field(record: type[Struct], name: str) -> tuple[type[Struct], str]:
    """`record` with text under the key `name`, and what the field that holds it is called."""
    for known in fields(record):
        if known.encode_name == name:
            return record, known.name
    added = ("named", str | None, msgspec.field(default=None, name=name))
    return msgspec.defstruct(record.__name__, [added], bases=(record,), gc=False), "named"


def decoded(decoder: msgspec.json.Decoder, texts: Iterable[str | bytes | memoryview]) -> list[Any]:
    """Each of `texts`, `None` where it is of another shape or no JSON.

    >>> decoded(msgspec.json.Decoder(int), ["1", "x", "[2]", "3"])
    [1, None, None, 3]
    """
    made: list[Any] = []
    following = map(decoder.decode, texts)
    while True:
        try:
            made.extend(following)
        except UNFIT:
            made.append(None)  # those before it are there, those after it follow
        else:
            return made


def objects(decoder: msgspec.json.Decoder, held: Sequence[Any], nothing: Struct) -> list[Any]:
    """Structs that stand as themselves or as JSON text, `nothing` for null and empty text.

    `None` where text is anything else.
    """
    texts = [one for one in held if isinstance(one, str) and one[:1] == "{"]
    made = decoded(decoder, texts)
    if len(texts) == len(held):
        return made
    following = iter(made)
    return [
        (next(following) if one[:1] == "{" else None if one else nothing)
        if isinstance(one, str)
        else (nothing if one is None else one)
        for one in held
    ]


class Columns(NamedTuple):
    """Values by contract column for so many `rows`; what `Batch` says of their types holds."""

    values: Mapping[str, Values]
    rows: int
    places: Sequence[int] | None = None
    """Of each row, the record that it is of, where a record may be several rows."""
    others: Sequence[tuple[int, dict[str, Any] | Refused]] = ()
    """What is no row of these: of a record, a row by itself, or a reason."""


class Shape:
    """How the usual records of a format are told, and turned into columns.

    `opened` is asked for what else records must fulfil, as JSON in text to be of its own shape:
    what it hands back goes into `columns` in a record's place, and `None` is not usual. Where
    `columns` raises `Unusual`, its records are read the general way after all.
    """

    def __init__(
        self,
        record: Any,
        columns: Callable[[list[Any]], Columns],
        opened: Callable[[list[Any]], list[Any]] | None = None,
    ) -> None:
        self.decoder = msgspec.json.Decoder(record)
        self.columns, self.opened = columns, opened

    def begin(self, source: Source) -> None:
        """Shown each part of a file beforehand, for shapes that depend on it."""


class Source:
    """The records of a block, split no sooner than somebody asks for one of them."""

    def __init__(self, given: Block | Records) -> None:
        self._given = given
        self._at_once = False

    @property
    def faults(self) -> list[Fault]:
        """Records that could not be had whole."""
        return self.records.faults if "records" in self.__dict__ else self._given.faults

    def line(self, place: int) -> int:
        """Where a record begins: in a block that was decoded at once, each has one line."""
        given = self._given
        if isinstance(given, Block) and self._at_once:
            return given.line + place
        return self.records.lines[place]

    def text(self, place: int) -> bytes | None:
        """A record's text; `None` where it can't be told which it is."""
        return None if self.torn else self.records.raw[place]

    @property
    def torn(self) -> bool:
        """Whether a block that was decoded at once has as many records as lines, but not one on
        each: what two writers leave on a line may be made up for by a blank one."""
        given = self._given
        lines = given.lines if isinstance(given, Block) else 0
        return self._at_once and len(self.records.raw) != lines

    @cached_property
    def records(self) -> Records:
        """One by one."""
        given = self._given
        return opened_lines(split_block(given)) if isinstance(given, Block) else given

    @property
    def first(self) -> list[bytes]:
        """Some records from the start."""
        given = self._given
        if isinstance(given, Records):
            return given.raw[:LOOKED_AT]
        return bytes(given.data[:LOOKED_AT_BYTES]).split(b"\n", LOOKED_AT)[:LOOKED_AT]

    def whole(self, decoder: msgspec.json.Decoder) -> list[Any] | None:
        """All records, decoded by one call; `None` where any of them needs a look."""
        given = self._given
        if isinstance(given, Records) or given.faults or not 0 < given.lines <= AT_MOST:
            return None
        if len(given.data) > MAX_RECORD_BYTES:
            return None
        try:
            found = decoder.decode_lines(given.data)
        except UNFIT:
            return None
        self._at_once = len(found) == given.lines
        return found if self._at_once else None

    def one_by_one(self) -> list[bytes]:
        """All records, each of which is decoded by itself."""
        self._at_once = False
        return self.records.raw


class Run:
    """Usual records that follow each other, and where they stand."""

    def __init__(self, usual: list[Any], shape: Shape, source: Source, first: int) -> None:
        self.usual, self.source, self.first = usual, source, first
        self._shape = shape

    def columns(self) -> Columns:
        """What the shape makes of them; raises `Unusual`."""
        return self._shape.columns(self.usual)

    @property
    def places(self) -> range:
        """Where they stand in their source."""
        return range(self.first, self.first + len(self.usual))

    @property
    def records(self) -> range:
        """The same, for who decodes them again: of a torn source, in which all are usual, all."""
        return range(len(self.source.records.raw)) if self.source.torn else self.places

    @property
    def line(self) -> int:
        """Where the last of them begins."""
        return self.line_of(len(self.usual) - 1)

    def line_of(self, record: int) -> int:
        """Where one of them begins."""
        return self.source.line(self.first + record)

    def origin(self, records: Sequence[int] | None, row: int) -> tuple[int, bytes | None]:
        """Line and text that a row is of; `records` by row, where a record may be several."""
        place = self.first + (row if records is None else records[row])
        return self.source.line(place), self.source.text(place)


def runs(source: Source, shape: Shape) -> Iterator[Run | int]:
    """The records in order: runs of usual ones, and the places of others."""
    shape.begin(source)
    found = source.whole(shape.decoder)
    if found is not None:
        usual = _opened(found, shape)
        if all(usual) or not source.torn:
            yield from _runs(usual, shape, source, 0)
            return
    raw = source.one_by_one()
    for first in range(0, len(raw), AT_MOST):
        found = decoded(shape.decoder, raw[first : first + AT_MOST])
        yield from _runs(_opened(found, shape), shape, source, first)


def _opened(found: list[Any], shape: Shape) -> list[Any]:
    if shape.opened is None:
        return found
    fit = [record for record in found if record is not None]
    try:
        opened = shape.opened(fit)
    except Exception:  # what our own code stumbles over is told one by one
        return [None] * len(found)
    if len(fit) == len(found):
        return opened
    following = iter(opened)
    return [None if record is None else next(following) for record in found]


def _runs(usual: list[Any], shape: Shape, source: Source, first: int) -> Iterator[Run | int]:
    if all(usual):
        if usual:
            yield Run(usual, shape, source, first)
        return
    run: list[Any] = []
    for place, record in enumerate(usual, first):
        if record is not None:
            run.append(record)
            continue
        yield from _closed(run, shape, source, place)
        yield place
        run = []
    yield from _closed(run, shape, source, first + len(usual))


def _closed(run: list[Any], shape: Shape, source: Source, end: int) -> Iterator[Run | int]:
    first = end - len(run)
    if len(run) < WORTHWHILE:
        yield from range(first, end)
    else:
        yield Run(run, shape, source, first)
