"""Azure's resource logs, many records at once; what they mean: `azure_apim.py`.

Usual are records with `properties` under the names that Azure documents, messages as JSON text and
headers as an object; of one name in two spellings the documented one is taken. Exported tables and
the answers of the query API go the general way.

An exchange whose answer is there is kept in a run, as columns. One that has no answer yet waits for
the next records, as they are. One of which some records are not usual, or came later, is put
together the general way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, compress, repeat
from operator import not_
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa
from msgspec import Meta

from stillwatch.sources import azure_apim
from stillwatch.sources.azure_apim import Exchange, Record
from stillwatch.sources.azure_apim_calls import Call, Calls, Whole, as_columns, typed
from stillwatch.sources.azure_apim_columns import together
from stillwatch.sources.azure_apim_runs import Part, Run, Runs, joined, plain, starts_of
from stillwatch.sources.joining import Waiting
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, UNJOINED, Refused
from stillwatch.sources.shapes import Columns, Shape, Used


AT_ONCE = 256
"""Exchanges that come out at once in the end, at least: their texts fit a processor's cache."""


class Logged(Used):
    """One record."""

    correlationId: Annotated[str, Meta(min_length=1)]
    properties: Part
    time: str | None = None
    timeGenerated: None = None
    callerIpAddress: str | None = None
    durationMs: Whole | None = None


def _usual(records: list[Logged]) -> list[Logged | None]:
    return [
        record if record.properties.sequenceNumber is not None or _is_call(record) else None
        for record in records
    ]


def _is_call(record: Logged) -> bool:
    part = record.properties
    if part.promptTokens is not None or part.requestMessages or part.responseMessages:
        return False
    return bool(part.apimSubscriptionId) or part.responseCode is not None


def _call_of(record: Logged) -> Call:
    part = record.properties
    return Call(
        part.apimSubscriptionId or part.subscriptionId or None,
        part.userId or None,
        part.time or record.time or None,
        record.callerIpAddress or None,
        part.responseCode,
        part.totalTime or record.durationMs,
        part.requestHeaders,
        part.requestBody or part.backendRequestBody,
    )


class Told(NamedTuple):
    """Records of messages with each exchange's together, by their numbers; where each begins."""

    records: list[Logged]
    keys: list[str]
    starts: list[int]


def _told(records: list[Logged]) -> Told:
    """`records` in order; those of one number as they came."""
    keys = [one.correlationId for one in records]
    numbers = np.array([one.properties.sequenceNumber for one in records])
    starts = starts_of(keys)
    drops = np.flatnonzero(np.diff(numbers) < 0) + 1
    if len({keys[start] for start in starts}) == len(starts) and np.isin(drops, starts).all():
        return Told(records, keys, starts)
    rank = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    order = np.lexsort((numbers, np.array([rank[key] for key in keys]))).tolist()
    keys = [keys[place] for place in order]
    return Told([records[place] for place in order], keys, starts_of(keys))


def _only(told: Told, wanted: np.ndarray) -> Told:
    """Some of the exchanges."""
    starts, keys = told.starts, told.keys
    if wanted[:-1].all():  # but for the last one
        end = len(keys) if wanted[-1] else starts[-1]
        return Told(told.records[:end], keys[:end], starts[: None if wanted[-1] else -1])
    of_records = np.repeat(wanted, np.diff([*starts, len(keys)])).tolist()
    keys = list(compress(keys, of_records))
    return Told(list(compress(told.records, of_records)), keys, starts_of(keys))


def _plain(one: Logged) -> Record:
    return plain(one.properties, one.properties.time or one.time)


class Reader(azure_apim.Reader):
    """A reader that takes resource logs many records at a time, unless `account` names something
    else than the subscription."""

    def __init__(self, path: Path | None = None, account: str | None = None) -> None:
        super().__init__(path, account)
        self._waiting: Waiting[Any] = Waiting()
        self._run_of: dict[str, Run] = {}
        self._runs = Runs()
        self._open: list[Logged] = []
        if account is None:
            self._calls = self._known = Calls()
            self.shape = Shape(Logged, self._gather_many, _usual)

    def _gather_many(self, records: list[Logged]) -> Columns:
        """Only what must make room for them comes out."""
        others: list[tuple[int, Record | Refused]] = []
        told = [one for one in records if one.properties.sequenceNumber is not None]
        if len(told) < len(records):
            calls = [one for one in records if one.properties.sequenceNumber is None]
            self._known.add([one.correlationId for one in calls], list(map(_call_of, calls)))
            others.append((records.index(calls[0]), Refused(NOT_AN_EXCHANGE, len(calls))))
        if self._done:
            late = {one.correlationId for one in told if hash(one.correlationId) in self._done}
            told = [one for one in told if one.correlationId not in late]
            others += [
                (place, Refused(UNJOINED))
                for place, one in enumerate(records)
                if one.correlationId in late and one.properties.sequenceNumber is not None
            ]
        out = self._kept(self._answered(told)) if told else ()
        return self._crowded_out(out, others, len(records) - 1)

    def _answered(self, records: list[Logged]) -> Told:
        """Exchanges that are answered; the records of others wait for more.

        One of which there was nothing new isn't waited for any longer, and the last one may go on.
        """
        before = {one.correlationId for one in self._open}
        new = {one.correlationId for one in records} if before else before
        told = _told(self._open + records)
        answers = [bool(one.properties.responseMessages) for one in told.records]
        done = np.logical_or.reduceat(answers, told.starts)
        keys = [told.keys[start] for start in told.starts]
        for exchange in np.flatnonzero(~done).tolist():
            done[exchange] = keys[exchange] in before and keys[exchange] not in new
        done[keys.index(records[-1].correlationId)] = False
        self._open = told.records[told.starts[-1] :] if done[:-1].all() else _only(told, ~done).records
        return _only(told, done)

    def _kept(self, told: Told) -> Sequence[Run | Exchange]:
        """What leaves room for more exchanges, which are kept."""
        keys = {told.keys[start] for start in told.starts}
        begun = {key for key in keys if key in self._run_of or key in self._waiting}
        out: list[Run | Exchange] = []
        if begun:
            for one in told.records:
                if one.correlationId in begun:
                    out += self._added(one.correlationId, _plain(one))
            told = _only(told, np.array([told.keys[start] not in begun for start in told.starts]))
        if told.records:
            parts = [one.properties for one in told.records]
            times = [one.properties.time or one.time for one in told.records]
            run = self._runs.of(told.keys, told.starts, parts, times)
            self._run_of.update(zip(run.keys, repeat(run)))
            out += self._waiting.put(run, run, run.size)
        return out

    def _added(self, key: str, record: Record) -> Sequence[Run | Exchange]:
        """Keep a record of an exchange that is put together the general way."""
        exchange = self._waiting.get(key) or Exchange(key)
        before = self._run_of.pop(key).taken_out(key) if key in self._run_of else []
        if any(one.correlationId == key for one in self._open):
            before += [_plain(one) for one in self._open if one.correlationId == key]
            self._open = [one for one in self._open if one.correlationId != key]
        for more in (*before, record):
            exchange.add(more)
        return self._waiting.put(key, exchange, exchange.chars)

    def _gather(self, key: str, plain: Record) -> Iterator[Record | Refused]:
        for old in self._added(key, plain):
            self._let_go(old)
            yield from self._rows(old)

    def _crowded_out(
        self, out: Sequence[Run | Exchange], others: list[tuple[int, Record | Refused]], place: int
    ) -> Columns:
        made = Columns({}, 0)
        for old in out:
            self._let_go(old)
        if runs := [old for old in out if isinstance(old, Run)]:
            made, rows = self._come_out(joined(runs))
            others += zip(repeat(place), rows)
        for old in out:
            if isinstance(old, Exchange):
                others += zip(repeat(place), self._rows(old))
        return made._replace(places=[place] * made.rows, others=others)

    def _let_go(self, old: Run | Exchange) -> None:
        for key in (old.key,) if isinstance(old, Exchange) else [old.keys[place] for place in old.here]:
            self._done.add(hash(key))
            self._run_of.pop(key, None)

    def finish(self) -> Iterator[Record | Refused | Columns]:
        """All that was gathered."""
        last, self._open = _told(self._open), []
        runs: list[Run] = []
        for old in chain(self._kept(last), self._waiting.drain()):
            if isinstance(old, Exchange):
                yield from self._rows(old)
            else:
                runs.append(old)
                if sum(len(run.keys) for run in runs) >= AT_ONCE:
                    yield from self._finished(runs)
                    runs = []
        if runs:
            yield from self._finished(runs)

    def _finished(self, runs: list[Run]) -> Iterator[Record | Refused | Columns]:
        made, rows = self._come_out(joined(runs))
        if made.rows:
            yield made
        yield from rows

    def _come_out(self, run: Run) -> tuple[Columns, Iterator[Record | Refused]]:
        """The usual exchanges of a run, and the rows of its others."""
        called, calls = self._called(run.keys)
        made, usual = together(run.only(called), calls)
        left = sorted(set(range(len(run.keys))).difference(called[usual].tolist()))
        return made, self._one_by_one(run, left)

    def _called(self, keys: list[str]) -> tuple[np.ndarray, pa.RecordBatch]:
        """Of which exchanges there are usual calls, and those."""
        rows = self._known.rows(keys)
        if keys and None not in rows:
            return np.arange(len(keys)), self._known.at(rows)
        lacking = [place for place, row in enumerate(rows) if row is None]
        found = map(typed, self._calls_of([keys[place] for place in lacking]))
        usual = {place: call for place, call in zip(lacking, found, strict=True) if call}
        here = [place for place, row in enumerate(rows) if row is not None]
        made = [self._known.at([rows[place] for place in here])] if here else []
        places = np.array([*here, *usual], np.int64)
        order = np.argsort(places)
        made.append(as_columns(list(usual.values())))
        return places[order], pa.concat_batches(made).take(pa.array(order))

    def _one_by_one(self, run: Run, places: Sequence[int]) -> Iterator[Record | Refused]:
        keys = [run.keys[place] for place in places]
        for place, key, call in zip(places, keys, self._calls_of(keys), strict=True):
            exchange = Exchange(key)
            for part in run.parts(place):
                exchange.add(part)
            yield self._row(exchange, call)

    def _rows(self, old: Run | Exchange) -> Iterator[Record | Refused]:
        if isinstance(old, Exchange):
            yield self._row(old, *self._calls_of((old.key,)))
        else:
            yield from self._one_by_one(old, old.here)
