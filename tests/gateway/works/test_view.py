"""A request through a gate's eyes, against the plain words for it."""

from __future__ import annotations

import numpy as np

from stillwatch.campaigns.ground import FEATURES, MAX_TOKENS_FROM, TURNS_FROM, fold_signs
from stillwatch.gateway.request import Request
from stillwatch.gateway.works.access import told_by
from stillwatch.gateway.works.view import MANY, view_of, view_of_signals
from stillwatch.signals.frames import BANDS
from stillwatch.statistics.cells import PARTS, WIDE, Codebook
from stillwatch.tables import CONTENT_COMPONENTS


def test_codes_are_steps_of_what_requests_say() -> None:
    """Turns and token limits by their edges, families by any band that is known, none by zeros."""
    rng, n = np.random.default_rng(5), 400
    families = np.unique(rng.integers(1, 60, 20).astype(np.uint64))
    signals = {
        "content": rng.integers(-127, 128, (n, CONTENT_COMPONENTS)).astype(np.int8),
        "capability": rng.integers(0, 10, n).astype(np.int8),
        "signs": rng.integers(0, 2**14, n).astype(np.uint16),
        "turns": rng.choice([-1, *TURNS_FROM, 1000], n).astype(np.int32),
        "max_tokens": rng.choice([-1, *MAX_TOKENS_FROM, 511, 10**6], n).astype(np.int32),
        "thinking": rng.integers(-1, 2, n).astype(np.int8),
        "opening": rng.integers(0, 2**63, n).astype(np.uint64),
        "closing": rng.integers(0, 2**63, n).astype(np.uint64),
        "bands": rng.integers(0, 200, (n, BANDS)).astype(np.uint64),
    }
    cells = rng.normal(size=(WIDE, PARTS, CONTENT_COMPONENTS)).astype(np.float32)
    book = Codebook(cells.mean(1), cells)
    found = view_of_signals(signals, book, families)
    code = dict(zip(FEATURES, found.codes.T, strict=True))
    assert (code["capability"] == signals["capability"]).all()
    assert (code["signs"] == fold_signs(signals["signs"])).all()
    assert (code["turns"] == np.digitize(signals["turns"], TURNS_FROM)).all()
    assert (code["max_tokens"] == np.digitize(signals["max_tokens"], MAX_TOKENS_FROM)).all()
    assert (code["thinking"] == signals["thinking"] + 1).all()
    assert (code["repeats"] == MANY * np.isin(signals["bands"], families).any(1)).all()
    assert (found.keys == np.column_stack([signals["opening"], signals["closing"]])).all()
    unknown = view_of_signals(signals, book, families[:0])
    assert not unknown.codes[:, FEATURES.index("repeats")].any()


def test_a_request_that_says_nothing_has_no_codes_of_what_it_might_say() -> None:
    """And a prompt without words belongs to no family."""
    cells = np.zeros((1, 1, CONTENT_COMPONENTS), np.float32)
    found = view_of(
        Request("a", 0, prompt="... ?"), Codebook(cells[0], cells), np.zeros(1, np.uint64)
    )
    code = dict(zip(FEATURES, found.codes[0].tolist(), strict=True))
    assert [code[name] for name in ("turns", "max_tokens", "thinking", "repeats")] == [0] * 4
    assert not found.content.any()


def test_halves_of_characters_hide_nothing() -> None:
    """A text with some in it is read all the same, and so is how a request came."""
    cells = np.zeros((1, 1, CONTENT_COMPONENTS), np.float32)
    book, families = Codebook(cells[0], cells), np.zeros(1, np.uint64)
    words = "Write a function that sorts a list of numbers {} and explain each step."
    odd = view_of(Request("a", 0, prompt=words.format("\ud83d")), book, families)
    plain = view_of(Request("a", 0, prompt=words.format("?")), book, families)
    for name in ("codes", "keys", "bands", "content"):
        assert (getattr(odd, name) == getattr(plain, name)).all()
    assert odd.content.any()
    assert told_by("10.0.0.1\ud83d", None, "curl\udc00", None) == told_by(
        "10.0.0.1?", None, "curl?", None
    )
