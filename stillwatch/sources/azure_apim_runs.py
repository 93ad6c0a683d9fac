"""Exchanges of Azure's log of messages, kept as columns until the gateway's records are there.

A run holds exchanges whole, one after another, a record a row. So what is kept is little more than
the texts; what they hold is taken apart when the run comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, compress, pairwise
from operator import attrgetter, ne
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.sources.arena import Arena
from stillwatch.sources.azure_apim import Record
from stillwatch.sources.azure_apim_calls import Whole
from stillwatch.sources.shapes import UNFIT, Used


class Part(Used):
    """What a record says of messages, or of a call."""

    sequenceNumber: Whole | None = None
    deploymentName: str | None = None
    modelName: str | None = None
    promptTokens: Whole | None = None
    completionTokens: Whole | None = None
    requestMessages: str | None = None
    responseMessages: str | None = None
    apimSubscriptionId: str | None = None
    subscriptionId: str | None = None
    userId: str | None = None
    responseCode: Whole | None = None
    totalTime: Whole | None = None
    requestHeaders: dict[str, str] | None = None
    requestBody: str | None = None
    backendRequestBody: str | None = None
    time: str | None = None


_SHORT = {
    "sequenceNumber": pa.int64(),
    "deploymentName": pa.string(),
    "modelName": pa.string(),
    "promptTokens": pa.int64(),
    "completionTokens": pa.int64(),
}
_TEXTS = ("requestMessages", "responseMessages")
_HELD = {name: attrgetter(name) for name in (*_SHORT, *_TEXTS)}


class Run:
    """Some exchanges: of `keys`, their records' columns `told`, each from one of `starts`."""

    def __init__(self, keys: list[str], starts: np.ndarray, told: pa.Table) -> None:
        self.keys, self._starts, self._told = keys, starts, told
        self._gone: set[str] = set()

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return self._told.nbytes + 1000 * len(self.keys)

    @property
    def here(self) -> list[int]:
        """The exchanges that weren't taken out."""
        return [place for place, key in enumerate(self.keys) if key not in self._gone]

    def taken_out(self, key: str) -> list[Record]:
        """The records of one exchange, which isn't here any more."""
        self._gone.add(key)
        return self.parts(self.keys.index(key))

    def parts(self, exchange: int) -> list[Record]:
        """An exchange's records as `azure_apim.flat` has them."""
        start, end = self._ends()[exchange : exchange + 2]
        return list(map(_flat, self._told.slice(start, end - start).to_pylist()))

    def only(self, exchanges: Sequence[int] | np.ndarray) -> Run:
        """A run of some of its exchanges, itself where they are all."""
        if len(exchanges) == len(self.keys):
            return self
        ends = self._ends()
        spans = [range(ends[exchange], ends[exchange + 1]) for exchange in exchanges]
        starts = np.array([0, *accumulate(map(len, spans))][:-1], np.int64)
        rows = pa.array(list(chain.from_iterable(spans)), pa.int64())
        return Run([self.keys[exchange] for exchange in exchanges], starts, self._told.take(rows))

    def first(self, name: str) -> pa.Array:
        """Of each exchange what the first of its records says, as `azure_apim.first_of`."""
        held = self._told[name]
        if held.null_count == len(held):
            return pa.nulls(len(self.keys), held.type)
        first = held.combine_chunks().take(pa.array(self._starts))
        if not first.null_count and _all_say(first):
            return first
        return pa.array(list(map(_said_of, self._each(held.to_pylist()))), held.type)

    def texts(self, name: str, decoder: msgspec.json.Decoder) -> list[bytes]:
        """Of each exchange the messages as one JSON text; what isn't usual is no JSON."""
        chunks = self._told[name].chunks
        said = np.concatenate([_lengths(chunk) > 0 for chunk in chunks])
        texts = np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in chunks])
        if (np.add.reduceat(said, self._starts, dtype=np.int64) == 1).all():
            return texts[said].tolist()
        each = self._each(texts.tolist())
        return [_text([text for text in its if text], decoder) for its in each]

    def _ends(self) -> list[int]:
        return [*self._starts.tolist(), self._told.num_rows]

    def _each(self, values: list[Any]) -> Iterable[list[Any]]:
        return (values[start:end] for start, end in pairwise(self._ends()))


class Runs:
    """Makes runs."""

    def __init__(self) -> None:
        self._arena = Arena()

    def of(
        self, keys: Sequence[str], starts: list[int], parts: Sequence[Part], times: list[str | None]
    ) -> Run:
        """Records, of one exchange after another and by their numbers, as a run."""
        told = {name: _column(_HELD[name], parts, kind) for name, kind in _SHORT.items()}
        told["time"] = pa.array(times, pa.string())
        told |= {name: _column(_HELD[name], parts, pa.binary()) for name in _TEXTS}
        kept = self._arena.kept(pa.RecordBatch.from_pydict(told))
        return Run([keys[start] for start in starts], np.array(starts), pa.Table.from_batches([kept]))


def _column(held: Callable[[Part], Any], parts: Sequence[Part], kind: pa.DataType) -> pa.Array:
    return pa.array(list(map(held, parts)), kind)


def joined(runs: Sequence[Run]) -> Run:
    """What is still in several runs, as one."""
    whole = [run.only(run.here) for run in runs]
    if len(whole) == 1:
        return whole[0]
    first = accumulate((run._told.num_rows for run in whole), initial=0)
    starts = [run._starts + before for run, before in zip(whole, first, strict=False)]
    told = pa.concat_tables([run._told for run in whole])
    return Run([key for run in whole for key in run.keys], np.concatenate(starts), told)


def starts_of(keys: Sequence[str]) -> list[int]:
    """Where another key begins.

    >>> starts_of(["a", "a", "b", "a"])
    [0, 2, 3]
    """
    return [*range(min(1, len(keys))), *compress(range(1, len(keys)), map(ne, keys, keys[1:]))]


def plain(part: Part, time: str | None) -> Record:
    """A record of messages, as `azure_apim.flat` has it."""
    return _flat({name: held(part) for name, held in _HELD.items()} | {"time": time})


def _flat(row: Record) -> Record:
    texts = {k: v.decode() if isinstance(v, bytes) else v for k, v in row.items()}
    return {name.lower(): value for name, value in texts.items() if value not in (None, "")}


def _all_say(values: pa.Array) -> bool:
    sizes = _lengths(values) if pa.types.is_string(values.type) else values.to_numpy()
    return bool(sizes.all())


def _lengths(texts: pa.Array) -> np.ndarray:
    """How long each is in bytes, with 0 for null."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)
    return np.diff(offsets[texts.offset : texts.offset + len(texts) + 1])


def _said_of(values: Iterable[Any]) -> Any:
    said = None
    for value in values:
        if value:
            return value
        if value == 0:
            said = value
    return said


def _text(texts: list[bytes], decoder: msgspec.json.Decoder) -> bytes:
    """Messages that may be cut into several texts."""
    if len(texts) == 1:
        return texts[0]
    if not texts:
        return b"[]"
    try:
        decoder.decode(texts[0])
    except msgspec.ValidationError:
        return b""
    except msgspec.DecodeError:
        return b"".join(texts)
    except UNFIT:
        return b""
    return b""
