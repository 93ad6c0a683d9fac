"""Azure's resource logs, many records at once; what they mean: `azure_apim.py`.

Usual are records with `properties` under the names that Azure documents, messages as JSON text and
headers as an object; of one name in two spellings the documented one is taken. Exported tables and
the answers of the query API go the general way.

An exchange whose answer is there is kept in a run, as columns. One that has no answer yet waits for
the next records, as they are, once. One of which some records are not usual, or came later, is put
together the general way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sources import azure_apim
from stillwatch.sources.azure_apim import Exchange, Record
from stillwatch.sources.azure_apim_calls import Calls, as_columns, fields_of, said_of, typed
from stillwatch.sources.azure_apim_columns import NOTHING, together
from stillwatch.sources.azure_apim_logged import Logged
from stillwatch.sources.azure_apim_runs import Run, Together, joined, record_of
from stillwatch.sources.joining import Waiting
from stillwatch.sources.kept_texts import Room
from stillwatch.sources.reasons import FAILED, NOT_AN_EXCHANGE, UNJOINED, Refused
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
        self._room = Room()
        self._run_of: dict[str, Run] = {}
        self._apart: set[str] = set()
        self._open: dict[str, list[Logged]] = {}
        self._many = account is None
        if self._many:
            self._calls = self._known = Calls()

    @property
    def shape(self) -> Shape | None:
        """Made anew for who asks: a reader that kept it would be held by what it holds."""
        return Shape(Logged, self._gather_many, _usual) if self._many else None

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
        out = self._kept(*self._answered(told)) if told else ()
        return self._crowded_out(out, others, len(records) - 1)

    def _answered(self, records: list[Logged]) -> tuple[Together, list[Logged], set[str], set[str]]:
        """Exchanges, of which some have no answer yet; the records of the last one, which may go
        on; those that wait, and those that waited before and still have no answer.

        One waits once, and only where there was something new of it.
        """
        last, end = records[-1].correlationId, len(records)
        if not (last in self._open or last in self._run_of or last in self._apart):
            while end and records[end - 1].correlationId == last:
                end -= 1
        told = Together([*chain.from_iterable(self._open.values()), *records[:end]])
        waits, still = set(told.unanswered()), set[str]()
        if waits:
            waits &= {one.correlationId for one in records}
            still = waits & self._open.keys()
            waits -= still | self._run_of.keys() | self._apart
        if end < len(records) and last in told.keys:
            waits.add(last)
        return told, records[end:], waits, still

    def _kept(
        self,
        told: Together,
        more: Sequence[Logged] = (),
        waits: Collection[str] = frozenset(),
        still: Collection[str] = frozenset(),
    ) -> Sequence[Run | Exchange]:
        """What leaves room for more exchanges, which are kept.

        What may stumble comes first: then nothing has changed yet, and the records are read the
        general way. An exchange is never in two places, else it came out twice.
        """
        apart = self._run_of.keys() & told.keys | self._apart.intersection(told.keys)
        apart = (apart | told.unusual()).union(still).difference(waits)
        waiting: dict[str, list[Logged]] = {}
        added: dict[str, list[Record]] = {}
        if apart or waits:
            usual: list[Logged] = []
            for one in told.records:
                if (key := one.correlationId) in apart:
                    added.setdefault(key, []).append(record_of(one))
                elif key in waits:
                    waiting.setdefault(key, []).append(one)
                else:
                    usual.append(one)
            told = Together(usual)
        for one in more:
            waiting.setdefault(one.correlationId, []).append(one)
        run = Run(told, self._room) if told.keys else None
        self._open = waiting
        # All are taken before any is put back: to make room for one mustn't let go of another.
        exchanges = [self._taken(key, records) for key, records in added.items()]
        out: list[Run | Exchange] = []
        for exchange in exchanges:
            out += self._waiting.put(exchange.key, exchange, exchange.chars)
        if run:
            self._run_of.update(zip(run.keys, repeat(run)))
            out += self._waiting.put(run, run, run.size)
        return out

    def _taken(self, key: str, records: Iterable[Record]) -> Exchange:
        """An exchange that is put together the general way, wherever it was, with more records."""
        exchange: Exchange | None = self._waiting.take(key)
        if run := self._run_of.pop(key, None):
            exchange = run.take_out(key)
            if run.empty:
                self._waiting.take(run)
        exchange = exchange or Exchange(key)
        for record in chain(map(record_of, self._open.pop(key, ())), records):
            exchange.add(record)
        self._apart.add(key)
        return exchange

    def _added(self, key: str, records: Iterable[Record]) -> Sequence[Run | Exchange]:
        exchange = self._taken(key, records)
        return self._waiting.put(key, exchange, exchange.chars)

    def _gather(self, key: str, plain: Record) -> Iterator[Record | Refused]:
        for old in self._added(key, [plain]):
            self._let_go(old)
            yield from self._rows(old)

    def _crowded_out(
        self, out: Sequence[Run | Exchange], others: list[tuple[int, Record | Refused]], place: int
    ) -> Columns:
        made = NOTHING
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
        runs: list[Run] = []
        for old in chain(self._last(), self._waiting.drain()):
            if isinstance(old, Exchange):
                yield from self._rows(old)
                continue
            runs.append(old)
            if sum(run.size for run in runs) >= AT_ONCE_BYTES:
                yield from self._finished(runs)
                runs = []
        yield from self._finished(runs)

    def _last(self) -> Sequence[Run | Exchange]:
        """What leaves room for those that still wait, which are kept."""
        try:
            return self._kept(Together(list(chain.from_iterable(self._open.values()))))
        except Exception:  # what our own code stumbles over is told one by one
            return [old for key in list(self._open) for old in self._added(key, ())]

    def _finished(self, runs: list[Run]) -> Iterator[Record | Refused | Columns]:
        if runs:
            made, rows = self._come_out(runs)
            if made.rows:
                yield made
            yield from rows

    def _come_out(self, runs: list[Run]) -> tuple[Columns, Iterator[Record | Refused]]:
        """The usual exchanges of some runs, and the rows of the others."""
        try:
            return self._at_once(runs)
        except Exception:  # what our own code stumbles over is told one by one
            return NOTHING, chain.from_iterable(map(self._rows, runs))

    def _at_once(self, runs: list[Run]) -> tuple[Columns, Iterator[Record | Refused]]:
        held = joined(runs)
        called, calls, unjoined = self._called(held.keys)
        made, usual = together(held.only(called), calls)
        if len(usual) == len(held.keys):
            return made, iter(())
        told = {held.keys[place] for place in (*called[usual], *unjoined)}
        refused = (Refused(UNJOINED) for _ in unjoined)
        return made, chain(refused, chain.from_iterable(self._rows(run, told) for run in runs))

    def _called(self, keys: list[str]) -> tuple[np.ndarray, pa.RecordBatch, list[int]]:
        """Of which exchanges there are usual calls, those, and of which there is none."""
        rows = self._known.rows(keys)
        if keys and -1 not in rows:
            return np.arange(len(keys)), self._known.at(rows), []
        lacking = [place for place, row in enumerate(rows) if row < 0]
        found = self._calls_of([keys[place] for place in lacking])
        unjoined = [place for place, call in zip(lacking, found, strict=True) if call is None]
        usual = {
            place: call for place, call in zip(lacking, map(typed, found), strict=True) if call
        }
        here = [place for place, row in enumerate(rows) if row >= 0]
        made = [self._known.at([rows[place] for place in here])] if here else []
        made.append(as_columns(fields_of(list(usual.values()))))
        places = np.array([*here, *usual], np.int64)
        order = np.argsort(places)
        return places[order], pa.concat_batches(made).take(pa.array(order)), unjoined

    def _rows(self, old: Run | Exchange, but: Collection[str] = ()) -> Iterator[Record | Refused]:
        """Rows the general way."""
        if isinstance(old, Exchange):
            yield self._row(old)
            return
        for key in old.keys_here():
            if key not in but:
                try:
                    exchange = old.exchange(key)
                except Exception:
                    yield Refused(FAILED)
                else:
                    yield self._row(exchange)
