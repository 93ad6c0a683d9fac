"""What an exchange seeks: a small linear classifier over hashed tokens.

Classes, as `tables.CAPABILITIES` orders them:

- agentic_reasoning: multi-step work by an agent with an environment (plan, act, observe):
  long-horizon tasks in a repository, a browser, a machine; also an agent's own turns, such as tool
  results handed back.
- tool_use: pick and call given functions or APIs, one request at a time.
- coding: write, fix, test, review or explain code.
- mathematical_reasoning: solve a mathematical, scientific or logical problem.
- reasoning_elicitation: asks for the reasoning trace itself, above all to reconstruct the thinking
  behind a given answer.
- grading: score or compare answers by a rubric: the model as judge or reward model.
- data_analysis: tables, statistics, charts, SQL over data.
- sensitive_rewriting: turn a politically or otherwise sensitive question or answer into an
  acceptable form.
- chat: ordinary talk, writing, advice, homework in prose.
- other: multiple-choice benchmarks, translation, extraction, templated language jobs, seed mining,
  and what has no text.

Features are token unigrams and bigrams of the whole text (square-root counts, length 1), the same
of its first and last `EDGE` tokens, since the instruction stands there, structure shares, and
the elicitation signs. `scripts/train_capability.py` fits the weights with the rows of
`features`, which `capability` reads too; its report, `docs/capability.md`, has the accuracy by
class on templates and sources never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.alphabet import MIXED, NUMBER
from stillwatch.signals.elicitation import ELICITATION_SIGNS, elicitation
from stillwatch.signals.lanes import LANES, add_row, store, zeros
from stillwatch.signals.tokens import HEAD_BYTES, TAIL_BYTES
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.signals.tokens import Tokens

BUCKETS = 1 << 15
EDGE = 24
SHAPE = (
    "digits",
    "symbols",
    "brackets",
    "quotes",
    "non_ascii",
    "indents",
    "upper",
    "lines",
    "questions",
    "digit_tokens",
    "word_length",
)
"""Structure features, as shares. Length itself is left out: generated training texts have lengths
of our making, which would be learnt for the classes that are mostly generated."""
DENSE = len(SHAPE) + len(ELICITATION_SIGNS)
WIDTH = BUCKETS + DENSE

OTHER = CAPABILITIES.index("other")

TOOLS_OFFERED = {"agentic_reasoning": 2.0, "tool_use": 1.5, "coding": -1.0}
TOOLS_ABSENT = {"tool_use": -0.5}
THINKING_ASKED = {"reasoning_elicitation": 0.5, "mathematical_reasoning": 0.25}
"""Natural log-odds that request settings add. Set by hand and small, since no public text comes
with its request's settings to learn them from."""
_OFFERED, _ABSENT, _ASKED = (
    np.array([odds.get(name, 0.0) for name in CAPABILITIES], np.float32)
    for odds in (TOOLS_OFFERED, TOOLS_ABSENT, THINKING_ASKED)
)

_MOST_REPEATS = 64
_STEP = np.zeros(_MOST_REPEATS + 1, np.float32)
_STEP[:-1] = np.diff(np.sqrt(np.arange(_MOST_REPEATS + 1, dtype=np.float64)))
"""What the first, second, ... occurrence adds to the root of the count; the 65th adds nothing."""


@dataclass(frozen=True)
class Weights:
    """`dense` (DENSE, 10) and `bias` (10,), float32; those of buckets are `steps` times `scale`.

    `steps` is int8, ten a bucket and `LANES` zeros behind them: a quarter of what float32 would
    take, so that the table lies near the processor.
    """

    steps: NDArray[np.int8]
    scale: np.float32
    dense: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def hashed(self) -> NDArray[np.float32]:
        """The weights of buckets, float32 of shape (BUCKETS, 10)."""
        steps = self.steps[:-LANES].reshape(BUCKETS, len(CAPABILITIES))
        return steps.astype(np.float32) * self.scale


def capability(
    tokens: Tokens,
    tools_offered: NDArray[np.bool_],
    thinking: NDArray[np.int8],
    signs: NDArray[np.uint16] | None = None,
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes into `tables.CAPABILITIES` (int8) and their probability (float32), each of shape (n,).

    `tools_offered` says whether the request carried tools; `thinking` is 1 where reasoning output
    was asked for, 0 where not, and anything else where that is unknown; `signs` are the flags of
    `elicitation`, made here where they are not given. A text without tokens is
    `other`, with probability 1.
    """
    logits = text_scores(tokens, elicitation(tokens) if signs is None else signs)
    codes = classes(logits, tools_offered, thinking)
    peak = logits.max(axis=1, keepdims=True)
    return codes, (1.0 / np.exp(logits - peak).sum(axis=1)).astype(np.float32)


def text_scores(tokens: Tokens, signs: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Logits (n, 10) of the classes by the text and its `elicitation` alone, float32."""
    w = weights()
    dense = dense_features(tokens, signs)
    return _logits(tokens.offsets, tokens.hashes, dense, w.steps, w.scale, w.dense, w.bias)


def classes(
    logits: NDArray[np.float32], tools_offered: NDArray[np.bool_], thinking: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Codes (n,) by the `text_scores` of texts and their requests' settings, added in place."""
    return _greatest(adjust(logits, tools_offered, thinking))


@nb.njit(nogil=True, cache=True)
def _greatest(logits):
    """The place of each row's greatest value, the first of equals."""
    out = np.zeros(len(logits), np.int8)
    for i in range(len(logits)):
        best = logits[i, 0]
        for u in range(1, logits.shape[1]):
            if logits[i, u] > best:
                out[i], best = u, logits[i, u]
    return out


@nb.njit(nogil=True, cache=True)
def adjust(
    logits: NDArray[np.floating], tools_offered: NDArray[np.bool_], thinking: NDArray[np.integer]
) -> NDArray[np.floating]:
    """Add to `logits` (n, 10), in place, what the request's settings say."""
    for i in range(len(logits)):
        logits[i] += _OFFERED if tools_offered[i] else _ABSENT
        if thinking[i] == 1:
            logits[i] += _ASKED
    return logits


@cache
def weights() -> Weights:
    """The shipped weights, read on first use; stored as int8 times one scale.

    Raises `ValueError` where they are not of this version's features.
    """
    with files("stillwatch.signals").joinpath("weights/capability.npz").open("rb") as file:
        stored = np.load(file)
        hashed, dense, bias = stored["hashed"], stored["dense"], stored["bias"]
        scale = np.float32(stored["scale"])
    k = len(CAPABILITIES)
    if hashed.shape != (BUCKETS, k) or dense.shape != (DENSE, k) or bias.shape != (k,):
        raise ValueError(
            f"capability weights of shapes {hashed.shape}, {dense.shape}, {bias.shape} don't fit "
            f"({BUCKETS}, {k}), ({DENSE}, {k}), ({k},); run scripts/train_capability.py again"
        )
    steps = np.append(hashed.ravel(), np.zeros(LANES, np.int8))
    return Weights(steps, scale, dense, bias)


def features(
    tokens: Tokens,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """The rows that the classifier sees, as CSR: row pointers (n + 1), columns, values.

    Columns below `BUCKETS` are hashed and may repeat in a row (values add up); the dense ones
    follow. Training reads these; `capability` makes the same ones and keeps none.
    """
    return _rows(tokens.offsets, tokens.hashes, dense_features(tokens))


def dense_features(tokens: Tokens, signs: NDArray[np.uint16] | None = None) -> NDArray[np.float32]:
    """Structure shares and elicitation signs: float32 of shape (n, DENSE), mostly in [0, 1]."""
    signs = elicitation(tokens) if signs is None else signs
    return _dense(tokens.offsets, tokens.hashes, tokens.structure, signs)


@nb.njit(nogil=True, cache=True)
def _dense(offsets, hashes, structure, signs):
    n = len(offsets) - 1
    out = np.zeros((n, DENSE), np.float32)
    for i in range(n):
        size, words = structure[i, 0], offsets[i + 1] - offsets[i]
        if words == 0:
            continue
        row = out[i]
        read = np.float32(1.0 / min(size, HEAD_BYTES + TAIL_BYTES))
        row[0] = min(1.0, structure[i, 2] * read * 4)
        row[1] = min(1.0, structure[i, 3] * read * 8)
        row[2] = min(1.0, structure[i, 4] * read * 8)
        row[3] = min(1.0, structure[i, 5] * read * 8)
        row[4] = structure[i, 6] * read
        row[5] = min(1.0, structure[i, 8] * read * 2)
        row[6] = min(1.0, structure[i, 9] * read * 4)
        row[7] = min(1.0, structure[i, 1] * read * 20)
        if structure[i, 7]:
            row[8] = min(1.0, np.log2(1.0 + structure[i, 7]) / 3)
        row[9] = _digit_tokens(hashes, offsets[i], offsets[i + 1]) / words
        row[10] = min(1.0, 1.0 / (read * words * 16))
        for b in range(len(ELICITATION_SIGNS)):
            row[len(SHAPE) + b] = (signs[i] >> b) & 1
    return out


@nb.njit(nogil=True, cache=True)
def _digit_tokens(hashes, begin, end):
    found = 0
    for p in range(begin, end):
        token = hashes[np.uintp(p)]
        found += (token == NUMBER) | (token == MIXED)
    return found


@nb.njit(nogil=True, cache=True, inline="always")
def _bucket(h, salt):
    h = np.uint32((h ^ salt) * np.uint32(0x9E3779B1))
    return np.int32(h >> np.uint32(17))


# Places are unsigned below, which spares the check for one counted from the end.
@nb.njit(nogil=True, cache=True)
def _grams(hashes, lo, hi, salt, ids, used):
    """Append the buckets of the unigrams and bigrams of hashes[lo:hi]; returns the new fill."""
    if hi <= lo:
        return used
    ids[np.uintp(used)] = _bucket(hashes[np.uintp(lo)], salt)
    for p in range(hi - lo - 1):
        before, h = hashes[np.uintp(lo + p)], hashes[np.uintp(lo + p + 1)]
        ids[np.uintp(used + 1 + 2 * p)] = _bucket(h, salt)
        both = np.uint32(np.uint32(before * np.uint32(0x85EBCA6B)) + h)
        ids[np.uintp(used + 2 + 2 * p)] = _bucket(both, salt)
    return used + 2 * (hi - lo) - 1


@nb.njit(nogil=True, cache=True)
def _buckets(hashes, lo, hi, ids):
    """Buckets of one text into `ids`: returns how many are of the whole, and how many in all."""
    edge = np.uint32(0x45444745)
    whole = _grams(hashes, lo, hi, np.uint32(0), ids, 0)
    head = min(hi - lo, EDGE)
    used = _grams(hashes, lo, lo + head, edge, ids, whole)
    return whole, _grams(hashes, max(lo + head, hi - EDGE), hi, edge, ids, used)


@nb.njit(nogil=True, cache=True)
def _units(tokens):
    """What the first of a bucket counts in the whole of a text of so many, and at its edges."""
    edges = min(tokens, 2 * EDGE)
    return np.float32(1 / np.sqrt(2.0 * tokens)), np.float32(1 / np.sqrt(2.0 * edges))


@nb.njit(nogil=True, cache=True, inline="always")
def _count(counts, bucket):
    """Count one more in `counts` (uint8, one a bucket); returns how many came before."""
    before = counts[bucket]
    counts[bucket] = before + np.uint8(before < _MOST_REPEATS)
    return np.uintp(before)


@nb.njit(nogil=True, cache=True)
def _clear(counts, ids, begin, end):
    for f in range(begin, end):
        counts[np.uintp(ids[np.uintp(f)])] = 0


@nb.njit(nogil=True, cache=True)
def _weigh(ids, begin, end, unit, counts, values):
    """The value of each of ids[begin:end]: those of one bucket add up to the root of their count,
    times `unit`. `counts` is zero before and after."""
    for f in range(begin, end):
        values[f] = unit * _STEP[_count(counts, np.uintp(ids[np.uintp(f)]))]
    _clear(counts, ids, begin, end)


@nb.njit(nogil=True, cache=True)
def _add(sums, ids, begin, end, unit, counts, steps, scale):
    """`sums`, and the weights of ids[begin:end] times the values that `_weigh` gives them."""
    for f in range(begin, end):
        bucket = np.uintp(ids[np.uintp(f)])
        value = unit * _STEP[_count(counts, bucket)]
        sums = add_row(sums, steps, bucket * np.uintp(10), scale, value)
    _clear(counts, ids, begin, end)
    return sums


@nb.njit(nogil=True, cache=True)
def _room(offsets):
    most = 0
    for i in range(len(offsets) - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return 2 * most + 4 * EDGE + 4


@nb.njit(nogil=True, cache=True)
def _rows(offsets, hashes, dense):
    n = len(offsets) - 1
    counts = np.zeros(BUCKETS, np.uint8)
    ids = np.empty(_room(offsets), np.int32)
    values = np.empty(len(ids), np.float32)
    total = 2 * len(hashes) + n * (4 * EDGE + 4 + DENSE)
    pointers = np.zeros(n + 1, np.int64)
    columns = np.empty(total, np.int32)
    data = np.empty(total, np.float32)
    at = 0
    for i in range(n):
        whole, used = _buckets(hashes, offsets[i], offsets[i + 1], ids)
        if used:
            unit, edge_unit = _units(offsets[i + 1] - offsets[i])
            _weigh(ids, 0, whole, unit, counts, values)
            _weigh(ids, whole, used, edge_unit, counts, values)
        for f in range(used):
            columns[at], data[at] = ids[f], values[f]
            at += 1
        for d in range(DENSE):
            if dense[i, d] != 0:
                columns[at], data[at] = BUCKETS + d, dense[i, d]
                at += 1
        pointers[i + 1] = at
    return pointers, columns[:at], data[:at]


@nb.njit(nogil=True, cache=True)
def _logits(offsets, hashes, dense, steps, scale, dense_weights, bias):
    n = len(offsets) - 1
    counts = np.zeros(BUCKETS, np.uint8)
    ids = np.empty(_room(offsets), np.int32)
    sums, one = np.empty(LANES, np.float32), np.float32(1)
    padded = np.zeros((DENSE + 1, LANES), np.float32)
    padded[:DENSE, :10], padded[DENSE, :10] = dense_weights, bias
    padded = padded.ravel()
    out = np.empty((n, 10), np.float32)
    for i in range(n):
        row = out[i]
        if offsets[i] == offsets[i + 1]:
            row[:] = -np.inf
            row[OTHER] = 0
            continue
        whole, used = _buckets(hashes, offsets[i], offsets[i + 1], ids)
        unit, edge_unit = _units(offsets[i + 1] - offsets[i])
        total = _add(zeros(), ids, 0, whole, unit, counts, steps, scale)
        total = _add(total, ids, whole, used, edge_unit, counts, steps, scale)
        total = add_row(total, padded, np.uintp(DENSE * LANES), one, one)
        for t in range(DENSE):
            total = add_row(total, padded, np.uintp(t * LANES), one, dense[i, t])
        store(total, sums)
        row[:] = sums[:10]
    return out
