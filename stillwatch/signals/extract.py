"""One record batch of exchanges to one of signals: the row-shaped stage, a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.signals.capability import classes, text_scores
from stillwatch.signals.content import content
from stillwatch.signals.elicitation import elicitation
from stillwatch.signals.frames import Frames, frames
from stillwatch.signals.keys import (
    address_keys,
    list_keys,
    mix_keys,
    network_keys,
    string_keys,
)
from stillwatch.signals.repeats import Repeats
from stillwatch.signals.settings import settings, temperatures
from stillwatch.signals.tokens import tokenise, tokenise_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.signals.tokens import Tokens

READS = (
    "exchange_id",
    "ts",
    "account_id",
    "org_id",
    "conversation_id",
    "surface",
    "model",
    "system",
    "prompt",
    "turns",
    "tools",
    "tools_digest",
    "max_tokens",
    "temperature",
    "input_tokens",
    "output_tokens",
    "thinking",
    "ip",
    "user_agent",
    "ja4",
    "device_id",
)
"""The contract's columns that signals are made of; all but the required ones may be absent."""

_TEXTS = 2048
"""Texts that are read at a time: a megabyte of text and tokens, which stays near the processor."""


def signals(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Signals (`tables.SIGNALS`) of exchanges, row by row; any but required columns may lack."""
    names = set(batch.schema.names)
    n = batch.num_rows

    def keys(name: str) -> NDArray[np.uint64]:
        return string_keys(batch.column(name)) if name in names else np.zeros(n, np.uint64)

    def counts(name: str) -> NDArray[np.int32]:
        if name not in names:
            return np.full(n, -1, np.int32)
        column = batch.column(name).cast(pa.int32()).fill_null(-1)
        return column.to_numpy(zero_copy_only=False)

    tools = list_keys(batch.column("tools")) if "tools" in names else np.zeros(n, np.uint64)
    digest = keys("tools_digest")
    thinking, most = counts("thinking").astype(np.int8), counts("max_tokens")
    warmth = temperatures(batch.column("temperature")) if "temperature" in names else counts("")
    ip = batch.column("ip") if "ip" in names else pa.nulls(n, pa.string())
    toolset = np.where(digest != 0, digest, tools)
    texts = Texts.of(batch.column("prompt"))
    columns = {
        "exchange": keys("exchange_id"),
        "account": keys("account_id"),
        "ts": pc.cast(batch.column("ts"), tables.TIME).cast(pa.int64()),
        "org": keys("org_id"),
        "conversation": keys("conversation_id"),
        "surface": keys("surface"),
        "model": keys("model"),
        "system": keys("system"),
        "toolset": toolset,
        "network": network_keys(ip),
        "address": address_keys(ip),
        "client": mix_keys(keys("user_agent"), keys("ja4")),
        "device": keys("device_id"),
        "frame": texts.framed.frame,
        "opening": texts.framed.opening,
        "closing": texts.framed.closing,
        "bands": _fixed(texts.framed.bands),
        "capability": classes(texts.scores, toolset != 0, thinking),
        "signs": texts.signs,
        "turns": counts("turns"),
        "max_tokens": most,
        "input_tokens": counts("input_tokens"),
        "output_tokens": counts("output_tokens"),
        "thinking": thinking,
        "settings": settings(most, warmth, thinking),
        "content": _fixed(texts.content),
    }
    return pa.record_batch([columns[name] for name in tables.SIGNALS.names], tables.SIGNALS)


@dataclass(frozen=True)
class Texts:
    """What the texts of n prompts say: columns of `tables.SIGNALS`, and scores of capabilities."""

    framed: Frames
    signs: NDArray[np.uint16]
    scores: NDArray[np.float32]
    content: NDArray[np.int8]

    @classmethod
    def of(cls, prompts: pa.Array) -> Texts:
        """Each text is read once, some at a time: all is made while its tokens are at hand."""
        n = len(prompts)
        made = cls._unread(n)
        repeats = Repeats(prompts)
        for begin in range(0, n, _TEXTS):
            rows = slice(begin, min(n, begin + _TEXTS))
            made[rows]._read(tokenise(prompts[rows], repeats.look(rows.start, rows.stop)))
        framed = made.framed
        repeats.fill(framed.frame, framed.opening, framed.closing, framed.bands)
        repeats.fill(made.signs, made.scores, made.content)
        return made

    @classmethod
    def of_one(cls, prompt: str) -> Texts:
        """What one text says, which repeats none."""
        made = cls._unread(1)
        made._read(tokenise_one(prompt))
        return made

    @classmethod
    def _unread(cls, n: int) -> Texts:
        return cls(
            Frames.unknown(n),
            np.empty(n, np.uint16),
            np.empty((n, len(tables.CAPABILITIES)), np.float32),
            np.empty((n, tables.CONTENT_COMPONENTS), np.int8),
        )

    def __getitem__(self, rows: slice) -> Texts:
        """Those of some rows, in place."""
        return Texts(self.framed[rows], self.signs[rows], self.scores[rows], self.content[rows])

    def _read(self, tokens: Tokens) -> None:
        frames(tokens, self.framed)
        self.signs[:] = elicitation(tokens)
        self.scores[:] = text_scores(tokens, self.signs)
        content(tokens, self.content)


def _fixed(matrix: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
