"""Values -> Arrow columns: the quick ways give what the plain one does."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.batch import columns_to_batch, rows_to_batch
from stillwatch.sources.coerce import Plan

PLAN = Plan(pa.schema([pa.field("response", pa.string())]))
SOME = "a\u00e9\u20ac\U0001f600\x00\n"


def column(values: list[str | None]) -> pa.Array:
    """The column that `values` become."""
    made = columns_to_batch({"response": values}, len(values), PLAN)
    assert not made.refused
    made.kept.validate(full=True)
    return made.kept.column(0)


@given(
    st.lists(st.tuples(st.sampled_from(SOME), st.integers(0, 9000)), min_size=1, max_size=40),
    st.sets(st.integers(0, 39)),
)
def test_texts_of_any_length(given: list[tuple[str, int]], absent: set[int]) -> None:
    """Long, short and none, of letters of one to four bytes."""
    values = [None if at in absent else text * n for at, (text, n) in enumerate(given)]
    assert column(values).equals(pa.array(values, pa.string()))


@pytest.mark.parametrize("length", [10, 3000])
def test_what_is_no_unicode(length: int) -> None:
    """Half a character is replaced, in long texts as in short ones, and the others stay."""
    texts = ["a" * length, "b" * length + "\ud83d", "\u20ac" * length]
    made = column([*texts])
    assert made[0].as_py() == texts[0]
    assert made[1].as_py().startswith("b" * length)
    assert made[2].as_py() == texts[2]
    rows = rows_to_batch([{"response": text} for text in texts], PLAN).kept.column(0)
    assert rows.equals(made)
