"""Azure's resource logs, many records at once; what they mean: `azure_apim.py`.

Usual are records with `properties` under the names that Azure documents, messages as JSON text and
headers as an object; of one name in two spellings the documented one is taken. Exported tables and
the answers of the query API go the general way.

An exchange whose answer is there is kept in a run, as columns. One that has no answer yet waits for
the next records, as they are. One of which some records are not usual, or came later, is put
together the general way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sources import azure_apim
from stillwatch.sources.arena import Arena
from stillwatch.sources.azure_apim import Exchange, Record
from stillwatch.sources.azure_apim_calls import Calls, as_columns, fields_of, said_of, typed
from stillwatch.sources.azure_apim_columns import together
from stillwatch.sources.azure_apim_logged import Logged
from stillwatch.sources.azure_apim_runs import Run, Together, joined, record_of
from stillwatch.sources.joining import Waiting
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, UNJOINED, Refused
from stillwatch.sources.shapes import Columns, Shape

AT_ONCE_BYTES = 1 << 20
"""As much comes out at once in the end, at least: it fits a processor's cache."""


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


class Reader(azure_apim.Reader):
    """A reader that takes resource logs many records at a time, unless `account` names something
    else than the subscription."""

    def __init__(self, path: Path | None = None, account: str | None = None) -> None:
        super().__init__(path, account)
        self._waiting: Waiting[Any] = Waiting()
        self._arena = Arena()
        self._run_of: dict[str, Run] = {}
        self._apart: set[str] = set()
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
            self._known.add([one.correlationId for one in calls], said_of(calls))
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

    def _answered(self, records: list[Logged]) -> Together:
        """Exchanges that are answered; the records of others wait for more.

        One of which there was nothing new isn't waited for any longer, and the last one may go on.
        """
        last = records[-1].correlationId
        end = next(
            (n for n in range(len(records), 0, -1) if records[n - 1].correlationId != last), 0
        )
        told = Together(self._open + records[:end])
        self._open = records[end:]
        waits = set(told.unanswered())
        if waits:
            waits &= {one.correlationId for one in records}
        if last in told.keys:
            waits.add(last)
        if waits:
            self._open = [one for one in told.records if one.correlationId in waits] + self._open
            told = Together([one for one in told.records if one.correlationId not in waits])
        return told

    def _kept(self, told: Together) -> Sequence[Run | Exchange]:
        """What leaves room for more exchanges, which are kept."""
        apart = (
            self._run_of.keys() & told.keys | self._apart.intersection(told.keys) | told.unusual()
        )
        out: list[Run | Exchange] = []
        if apart:
            for one in told.records:
                if one.correlationId in apart:
                    out += self._added(one.correlationId, record_of(one))
            told = Together([one for one in told.records if one.correlationId not in apart])
        if told.keys:
            run = Run(told, self._arena)
            self._run_of.update(zip(run.keys, repeat(run)))
            out += self._waiting.put(run, run, run.size)
        return out

    def _added(self, key: str, record: Record) -> Sequence[Run | Exchange]:
        """Keep a record of an exchange that is put together the general way."""
        exchange = self._waiting.get(key) or Exchange(key)
        self._apart.add(key)
        if key in self._run_of:
            exchange = self._run_of.pop(key).take_out(key)
        if any(one.correlationId == key for one in self._open):
            for one in self._open:
                if one.correlationId == key:
                    exchange.add(record_of(one))
            self._open = [one for one in self._open if one.correlationId != key]
        exchange.add(record)
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
            made, rows = self._come_out(runs)
            others += zip(repeat(place), rows)
        for old in out:
            if isinstance(old, Exchange):
                others += zip(repeat(place), self._rows(old))
        return made._replace(places=[place] * made.rows, others=others)

    def _let_go(self, old: Run | Exchange) -> None:
        for key in (old.key,) if isinstance(old, Exchange) else old.keys_here():
            self._done.add(hash(key))
            self._run_of.pop(key, None)
            self._apart.discard(key)

    def finish(self) -> Iterator[Record | Refused | Columns]:
        """All that was gathered."""
        last, self._open = Together(self._open), []
        runs: list[Run] = []
        for old in chain(self._kept(last), self._waiting.drain()):
            if isinstance(old, Exchange):
                yield from self._rows(old)
                continue
            runs.append(old)
            if sum(run.size for run in runs) >= AT_ONCE_BYTES:
                yield from self._finished(runs)
                runs = []
        yield from self._finished(runs)

    def _finished(self, runs: list[Run]) -> Iterator[Record | Refused | Columns]:
        if runs:
            made, rows = self._come_out(runs)
            if made.rows:
                yield made
            yield from rows

    def _come_out(self, runs: list[Run]) -> tuple[Columns, Iterator[Record | Refused]]:
        """The usual exchanges of some runs, and the rows of the others."""
        held = joined(runs)
        called, calls = self._called(held.keys)
        made, usual = together(held.only(called), calls)
        if len(usual) == len(held.keys):
            return made, iter(())
        done = {held.keys[place] for place in called[usual]}
        return made, chain.from_iterable(self._rows(run, done) for run in runs)

    def _called(self, keys: list[str]) -> tuple[np.ndarray, pa.RecordBatch]:
        """Of which exchanges there are usual calls, and those."""
        rows = self._known.rows(keys)
        if keys and -1 not in rows:
            return np.arange(len(keys)), self._known.at(rows)
        lacking = [place for place, row in enumerate(rows) if row < 0]
        found = map(typed, self._calls_of([keys[place] for place in lacking]))
        usual = {place: call for place, call in zip(lacking, found, strict=True) if call}
        here = [place for place, row in enumerate(rows) if row >= 0]
        made = [self._known.at([rows[place] for place in here])] if here else []
        made.append(as_columns(fields_of(list(usual.values()))))
        places = np.array([*here, *usual], np.int64)
        order = np.argsort(places)
        return places[order], pa.concat_batches(made).take(pa.array(order))

    def _rows(self, old: Run | Exchange, but: Collection[str] = ()) -> Iterator[Record | Refused]:
        """Rows the general way."""
        exchanges = [old] if isinstance(old, Exchange) else old.one_by_one(but)
        for exchange in exchanges:
            yield self._row(exchange, *self._calls_of((exchange.key,)))
