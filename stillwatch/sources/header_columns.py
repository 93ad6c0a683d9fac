"""Headers of many records as columns, without a look at one record after another."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from stillwatch.sources.coerce import SECRET_HEADERS

_NOTHING: dict[str, str | None] = {}


def header_columns(
    given: Sequence[dict[str, str | None] | dict[str, str] | None], apart: str
) -> tuple[pa.Array, pa.MapArray]:
    """What each record has under the header `apart`, and its others: lower-case names without
    credentials, null where there are none. Of names that are equal then, the last counts.

    >>> one, others = header_columns([{"User-Agent": "curl", "Cookie": "c", "X-A": "1"}, {}],
    ...                              "user-agent")
    >>> one.to_pylist(), others.to_pylist()
    (['curl', None], [[('x-a', '1')], None])
    """
    held = [one or _NOTHING for one in given]
    names = pa.array(list(chain.from_iterable(held)), pa.string()).dictionary_encode()
    lower = [name.lower() for name in names.dictionary.to_pylist()]
    if len(set(lower)) < len(lower):
        held = [{name.lower(): value for name, value in one.items()} for one in held]
        return header_columns(held, apart)
    values = pa.array(list(chain.from_iterable(map(_values, held))), pa.string())
    ends = np.cumsum(np.fromiter(map(len, held), np.int64, len(held)))
    codes = names.indices.to_numpy()
    taken = np.array([name == apart or name in SECRET_HEADERS for name in lower], np.bool_)
    found = _of_rows(values, codes, ends, lower.index(apart) if apart in lower else -1)
    if taken.any():
        leave = ~taken[codes]
        gone = np.flatnonzero(~leave)
        codes, values = codes[leave], values.filter(pa.array(leave))
        ends = ends - np.searchsorted(gone, ends)
    offsets = np.concatenate(([0], ends))
    none = np.diff(offsets) == 0
    others = pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()),
        pa.array(lower, pa.string()).take(pa.array(codes)),
        values,
        mask=pa.array(none) if none.any() else None,
    )
    return found, others


_values = dict.values


def _of_rows(values: pa.Array, codes: np.ndarray, ends: np.ndarray, code: int) -> pa.Array:
    """The value of one header, a record each."""
    spots = np.flatnonzero(codes == code)
    if len(spots) == len(ends):
        return values.take(pa.array(spots))
    places = np.zeros(len(ends), np.int64)
    absent = np.ones(len(ends), np.bool_)
    rows = np.searchsorted(ends, spots, side="right")
    places[rows], absent[rows] = spots, False
    return values.take(pa.array(places, mask=absent))
