"""Canaries: does a suspect know a planted text better than texts that might have been planted?

A canary is drawn at random together with references that were never served. If the suspect never
saw it, the canary is one of them like any other, and its rank among them is uniform: the p-value
of a rank is exact, whatever the model. Canaries of one exposure count are combined by Fisher, and
so are the counts above zero. Canaries with no exposure are a control: they must not stand out.

A registry is JSON Lines, as the gateway's exports it:

    {"canary": [5, 17, 9], "references": [[4, 8, 2], [7, 7, 1]], "exposures": 8}

with texts instead of token ids where a tokenizer is at hand. Texts are then encoded for likelihood,
and looked for in decoded answers, since what stands before a text changes how it is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy.special import gammaincc

from stillwatch.errors import NothingToRead, TraceRefused
from stillwatch.lab.provenance.schemes.null import FLOOR
from stillwatch.lab.provenance.texts import MAX_TOKEN, Texts, lines_of, texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Candidate = tuple[int, ...] | str
Encode = Callable[[str], Sequence[int]]
Decode = Callable[[Sequence[int]], str]

_TODO = "Write canaries as docs/provenance.md shows"
_NO_TOKENIZER = "Give token ids, or a folder with the tokenizer (--tokenizer)"


@dataclass(frozen=True)
class Canary:
    """A planted text, its references, and how often it was served."""

    planted: Candidate
    references: tuple[Candidate, ...]
    exposures: int

    @property
    def candidates(self) -> list[Candidate]:
        """The planted one first."""
        return [self.planted, *self.references]


@dataclass(frozen=True)
class Level:
    """Canaries of one exposure count."""

    exposures: int
    canaries: int
    p: float


@dataclass(frozen=True)
class Ranked:
    """What ranks say: by exposure count, above zero together, and the control at zero."""

    levels: tuple[Level, ...]
    p: float
    control: float | None
    """P-value of canaries that were never served; None where the registry has none."""


class _Row(msgspec.Struct):
    canary: list[int] | str
    references: list[list[int] | str]
    exposures: int


def read_canaries(path: str | Path) -> list[Canary]:
    """The canaries of a registry; raises `InputNotFound`, `NothingToRead` and `TraceRefused`."""
    path, decoder = Path(path), msgspec.json.Decoder(_Row)
    found: list[Canary] = []
    lines: dict[Candidate, int] = {}
    for number, line in lines_of(path):
        where = f"line {number}"
        try:
            row = decoder.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
            raise TraceRefused(path, f"{where}: {fault}", _TODO) from fault
        told = [_candidate(path, where, text) for text in (row.canary, *row.references)]
        if len(told) < 2 or row.exposures < 0:
            raise TraceRefused(path, f"{where}: no references, or exposures below 0", _TODO)
        if len({type(one) for one in told}) > 1:
            raise TraceRefused(path, f"{where}: some are text, some token ids", _TODO)
        if len({len(one) for one in told}) > 1:
            raise TraceRefused(path, f"{where}: references are not as long as the canary", _TODO)
        if told[0] in told[1:]:
            raise TraceRefused(path, f"{where}: the canary is among its references", _TODO)
        if len(set(told)) < len(told):
            raise TraceRefused(path, f"{where}: a reference is told twice", _TODO)
        # said twice, as where two exports were put together, it would count as two findings
        if (before := lines.setdefault(told[0], number)) != number:
            raise TraceRefused(path, f"{where}: the canary of line {before} again", _TODO)
        found.append(Canary(told[0], tuple(told[1:]), row.exposures))
    if not found:
        raise NothingToRead(path, "holds no canary", _TODO)
    return found


def _candidate(path: Path, where: str, told: list[int] | str) -> Candidate:
    if told and (isinstance(told, str) or all(0 <= token < MAX_TOKEN for token in told)):
        return told if isinstance(told, str) else tuple(told)
    raise TraceRefused(path, f"{where}: an empty text, or a number that is no token id", _TODO)


def as_texts(
    canaries: Sequence[Canary], start: int | None = None, encode: Encode | None = None
) -> Texts:
    """All candidates as answers, after a token that begins a text where the model has one."""
    prompt = [] if start is None else [start]
    answers = [
        (prompt, _encoded(told, encode)) for canary in canaries for told in canary.candidates
    ]
    return texts_of(answers)


def _encoded(told: Candidate, encode: Encode | None) -> Sequence[int]:
    if not isinstance(told, str):
        return told
    if encode is None:
        raise TraceRefused("canaries", "are text, and no tokenizer is known", _NO_TOKENIZER)
    return encode(told)


def by_likelihood(
    canaries: Sequence[Canary],
    log_likelihood: Callable[[Texts], NDArray[np.float64]],
    start: int | None,
    encode: Encode | None = None,
) -> Ranked:
    """Ranks by how likely a model holds each candidate; `log_likelihood` is by answer token."""
    texts = as_texts(canaries, start, encode)
    sums = np.bincount(texts.rows[texts.answers], log_likelihood(texts), len(texts))
    return ranked(canaries, sums.astype(np.float64))


def by_occurrence(
    canaries: Sequence[Canary], written: Texts, decode: Decode | None = None
) -> Ranked:
    """Ranks by how often each candidate stands in answers that a suspect wrote."""
    answers = [text[prompt:].tolist() for text, prompt in written.pieces()]
    told = [candidate for canary in canaries for candidate in canary.candidates]
    words = [one for one in told if isinstance(one, str)]
    if words and decode is None:
        raise TraceRefused("canaries", "are text, and no tokenizer is known", _NO_TOKENIZER)
    said = [decode(answer) for answer in answers] if words and decode is not None else []
    counts: dict[Candidate, int] = {one: sum(text.count(one) for text in said) for one in words}
    counts |= _found({one for one in told if not isinstance(one, str)}, answers)
    return ranked(canaries, np.array([counts[one] for one in told], np.float64))


def _found(wanted: set[tuple[int, ...]], answers: list[list[int]]) -> dict[Candidate, int]:
    counts: dict[Candidate, int] = dict.fromkeys(wanted, 0)
    for length in {len(ids) for ids in wanted}:
        for answer in answers:
            for at in range(len(answer) - length + 1):
                window = tuple(answer[at : at + length])
                if window in counts:
                    counts[window] += 1
    return counts


def ranked(canaries: Sequence[Canary], values: NDArray[np.float64]) -> Ranked:
    """Exact ranks of values in order of `as_texts`; ties count against the test."""
    by_level: dict[int, list[float]] = {}
    at = 0
    for canary in canaries:
        own, others = values[at], values[at + 1 : at + 1 + len(canary.references)]
        at += 1 + len(canary.references)
        p = (1 + int((others >= own).sum())) / (1 + len(others))
        by_level.setdefault(canary.exposures, []).append(p)
    levels = tuple(Level(many, len(p), fisher(p)) for many, p in sorted(by_level.items()))
    exposed = [p for many, all_of in by_level.items() if many > 0 for p in all_of]
    control = next((level.p for level in levels if level.exposures == 0), None)
    return Ranked(levels, fisher(exposed) if exposed else 1.0, control)


def fisher(p: Sequence[float]) -> float:
    """Fisher's combination of independent p-values; of exact ranks it errs on the safe side.

    >>> round(fisher([0.1, 0.1]), 4)
    0.0561
    """
    return max(float(gammaincc(len(p), -np.log(np.maximum(p, FLOOR)).sum())), FLOOR)
