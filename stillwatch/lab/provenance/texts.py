"""Token ids in: texts as prompts and answers, and a suspect's guesses at each token of an answer.

JSON Lines, one text a line, or Parquet with the same columns:

    {"prompt_ids": [5, 17], "answer_ids": [8, 9, 2]}
    {"prompt_ids": [5, 17], "answer_ids": [8, 9, 2], "predicted_ids": [8, 3, 2]}

`predicted_ids[i]` is the token that the suspect holds most likely where `answer_ids[i]` stands,
given all before it. Nothing is repaired: a wrong line is refused with its number, since texts that
were left out are a choice that nobody registered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stillwatch.errors import InputNotFound, NothingToRead, TraceRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

MAX_LINE_BYTES = 16 << 20
MAX_TOKEN = 2**24
"""Token ids lie below this; no vocabulary comes near."""

_TODO = "Write texts as docs/provenance.md shows"


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts end to end: `tokens` [n], `starts` [texts + 1], `prompts` [texts] (their lengths)."""

    tokens: Ints
    starts: Ints
    prompts: Ints
    predicted: Ints | None = None
    """For each answer token the suspect's most likely one, in order of `answers`."""

    def __len__(self) -> int:
        return len(self.prompts)

    @cached_property
    def answers(self) -> Ints:
        """Places in `tokens` that belong to answers, in order."""
        return np.flatnonzero(self.offsets >= self.prompts[self.rows])

    @cached_property
    def rows(self) -> Ints:
        """The text that each token belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @cached_property
    def offsets(self) -> Ints:
        """Each token's place in its own text."""
        return np.arange(len(self.tokens)) - self.starts[self.rows]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the tokens, where texts and prompts end, and predictions."""
        parts = (self.tokens, self.starts, self.prompts, self.predicted)
        state = hashlib.sha256()
        for part in parts:
            state.update(b"-" if part is None else np.ascontiguousarray(part, "<i8").tobytes())
            state.update(b"|")
        return state.hexdigest()

    def taken(self, rows: Ints) -> Texts:
        """Some of the texts, in the order given."""
        lengths = np.diff(self.starts)
        told = [self.tokens[self.starts[row] : self.starts[row + 1]] for row in rows]
        predicted = None
        if self.predicted is not None:
            ends = np.cumsum(lengths - self.prompts)
            begins = ends - (lengths - self.prompts)
            predicted = np.concatenate([self.predicted[begins[row] : ends[row]] for row in rows])
        return Texts(
            np.concatenate(told),
            np.concatenate([[0], np.cumsum(lengths[rows])]).astype(np.int64),
            self.prompts[rows],
            predicted,
        )

    def pieces(self) -> Iterator[tuple[Ints, int]]:
        """Each text with the length of its prompt."""
        for row, prompt in enumerate(self.prompts):
            yield self.tokens[self.starts[row] : self.starts[row + 1]], int(prompt)


def texts_of(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    predicted: Sequence[Sequence[int]] | None = None,
) -> Texts:
    """Texts from prompts and answers.

    >>> texts_of([([1, 2], [3]), ([], [4, 5])]).answers
    array([2, 3, 4])
    """
    lengths = [len(prompt) + len(answer) for prompt, answer in pairs]
    flat = [token for prompt, answer in pairs for part in (prompt, answer) for token in part]
    guessed = None if predicted is None else [token for guesses in predicted for token in guesses]
    return Texts(
        np.array(flat, np.int64),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array([len(prompt) for prompt, _ in pairs], np.int64),
        None if guessed is None else np.array(guessed, np.int64),
    )


class _Row(msgspec.Struct):
    answer_ids: list[int]
    prompt_ids: list[int] = []
    predicted_ids: list[int] | None = None


def read_texts(path: str | Path) -> Texts:
    """The texts of a file; raises `InputNotFound`, `NothingToRead` and `TraceRefused`."""
    path = Path(path)
    rows = list(_parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path))
    if not rows:
        raise NothingToRead(path, "holds no text", _TODO)
    guessed = [row.predicted_ids for row in rows]
    if any(given is None for given in guessed) and any(given is not None for given in guessed):
        raise TraceRefused(path, "has predicted_ids in some lines only", _TODO)
    pairs = [(row.prompt_ids, row.answer_ids) for row in rows]
    return texts_of(pairs, None if guessed[0] is None else [given or [] for given in guessed])


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that aren't blank with their numbers; raises where one is longer than is bearable."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    what = f"line {number} is longer than {MAX_LINE_BYTES >> 20} MiB"
                    raise TraceRefused(path, what, _TODO)
                if line.strip():
                    yield number, line
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault.strerror})", "Check the path") from fault


def _json_rows(path: Path) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(_Row)
    for number, line in lines_of(path):
        try:
            row = decoder.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
            raise TraceRefused(path, f"line {number}: {fault}", _TODO) from fault
        yield _checked(path, f"line {number}", row)


def _parquet_rows(path: Path) -> Iterator[_Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = ("prompt_ids", "answer_ids", "predicted_ids")
        table = pq.read_table(path, memory_map=True)
        table = table.select([name for name in names if name in table.column_names])
        told: list[dict[str, Any]] = table.to_pylist()
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault})", "Check the path") from fault
    except pa.ArrowException as fault:
        raise TraceRefused(path, f"is not Parquet ({fault})", _TODO) from fault
    for number, fields in enumerate(told, 1):
        try:
            row = msgspec.convert(fields, _Row)
        except msgspec.ValidationError as fault:
            raise TraceRefused(path, f"row {number}: {fault}", _TODO) from fault
        yield _checked(path, f"row {number}", row)


def _checked(path: Path, where: str, row: _Row) -> _Row:
    for name in ("prompt_ids", "answer_ids", "predicted_ids"):
        ids = getattr(row, name) or []
        if ids and not (min(ids) >= 0 and max(ids) < MAX_TOKEN):
            what = f"{where}: {name} has a number that is no token id (0 to {MAX_TOKEN - 1})"
            raise TraceRefused(path, what, _TODO)
    if row.predicted_ids is not None and len(row.predicted_ids) != len(row.answer_ids):
        what = f"{where}: {len(row.predicted_ids)} predicted_ids for {len(row.answer_ids)} tokens"
        raise TraceRefused(path, what, "Give one prediction for each token of the answer")
    return row
