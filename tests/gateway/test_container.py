"""A container gives back what was written, and says what is wrong with anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stillwatch.errors import TableBroken
from stillwatch.gateway.container import open_container, write_container

ARRAYS = st.dictionaries(
    st.text("abc.", min_size=1, max_size=6),
    hnp.arrays(
        st.sampled_from([np.uint64, np.int32, np.float32, np.uint8, np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    ),
    max_size=5,
)


@given(arrays=ARRAYS, says=st.dictionaries(st.text(), st.integers()))
def test_what_was_written_comes_back(tmp_path_factory, arrays, says) -> None:
    """Any arrays and any words."""
    path: Path = tmp_path_factory.mktemp("container") / "table"
    path.write_bytes(b"".join(write_container(says, arrays)))
    found = open_container(path)
    assert found.says == says
    assert list(found.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
    found.check(path)


def test_every_cut_and_every_changed_byte_is_told(tmp_path: Path) -> None:
    """A table that was cut short can't be opened; one with another byte isn't taken for whole."""
    path = tmp_path / "table"
    whole = b"".join(write_container({"version": 7}, {"a": np.arange(40, dtype=np.uint64)}))
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(TableBroken, match="no decision table"):
            open_container(path)
    begin = len(whole) - 320
    for place in range(begin, len(whole), 13):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(TableBroken, match="damaged"):
            open_container(path).check(path)
