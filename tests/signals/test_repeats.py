"""Repeats: equal texts are told from ones that only look alike, and nothing is made of a copy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.signals import repeats as module
from stillwatch.signals.extract import signals
from stillwatch.signals.repeats import Repeats
from stillwatch.tables import EXCHANGES
from tests.sources.logs import make_exchanges

TEXTS = st.lists(st.one_of(st.none(), st.text("ab", max_size=40), st.text(max_size=40)))


@given(TEXTS, st.data())
def test_a_text_repeats_the_first_that_equals_it(texts: list[str | None], data: st.DataObject):
    """In one look or several, of a slice too; null is the empty text."""
    array = pa.array([None, *texts], pa.string()).slice(1)
    repeats, n = Repeats(array), len(texts)
    cut = data.draw(st.integers(0, n))
    looks = np.append(repeats.look(0, cut), repeats.look(cut, n))
    plain = [text or "" for text in texts]
    assert repeats.first.tolist() == [plain.index(text) for text in plain]
    assert looks.tolist() == [plain.index(text) < i for i, text in enumerate(plain)]


def test_texts_that_collide_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    """Where all have one digest, some count as new; none is taken for another."""
    texts = [f"text {i}" for i in range(100)] * 2
    repeats = Repeats(pa.array(texts))
    monkeypatch.setattr(module, "_digest", lambda *_: np.uint64(1))
    arguments = repeats._starts, repeats._data, 0, len(texts), repeats._digests, repeats._holders
    module._look.py_func(*arguments, repeats.first)
    assert all(texts[j] == texts[i] for i, j in enumerate(repeats.first.tolist()))
    assert (repeats.first[100 : 100 + module._PROBES] == np.arange(module._PROBES)).all()


def test_a_copy_has_the_signals_of_a_text_that_stands_alone():
    """All but those of its own request: tools move what a text is taken to seek."""
    batch = make_exchanges(5000, seed=3).combine_chunks().to_batches()[0]
    few = batch["prompt"].take(pa.array(np.random.default_rng(1).integers(0, 40, 5000)))
    place = batch.schema.get_field_index("prompt")
    repeated = batch.set_column(place, EXCHANGES.field("prompt"), few)
    full = signals(repeated)
    single = [signals(repeated.slice(i, 1)) for i in range(4900, 5000)]
    alone = pa.Table.from_batches(single).combine_chunks()
    assert pa.Table.from_batches([full]).slice(4900).combine_chunks().equals(alone)
