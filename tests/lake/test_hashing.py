"""Hashes of rows: SipHash as CPython has it, and sensitive to all that a row holds."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product

import numpy as np
import pyarrow as pa

from stillwatch.lake.hashing import hash_rows, hash_strings
from tests.sources.logs import make_exchanges

TEXTS = ["", "a", "exactly8", "ninechars", "ü" * 100, "x" * 255, "y" * 256, "z" * 1000]


def test_strings_against_cpython() -> None:
    """With the key zero it is the SipHash-1-3 that CPython hashes bytes with."""
    hashes = f"[hash(t.encode()) % 2**64 for t in {TEXTS!r}]"
    code = f"import sys; print({hashes}, sys.hash_info.algorithm)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "siphash13" in told
    expected = [int(part) for part in told[1 : told.index("]")].split(",")]
    got = hash_strings(pa.array(TEXTS)).tolist()
    assert got[1:] == expected[1:]  # CPython gives 0 for no bytes at all


def test_a_text_hashes_alike_beside_any_other() -> None:
    """Of two that are hashed side by side either may be the longer, and one may be alone."""
    alone = {text: hash_strings(pa.array([text]), (1, 2))[0] for text in TEXTS}
    for one, other in product(TEXTS, TEXTS):
        texts = [one, other, one]
        assert hash_strings(pa.array(texts), (1, 2)).tolist() == [alone[text] for text in texts]


def test_the_key_matters() -> None:
    """Another key, other hashes: nobody can prepare ids that collide."""
    one = hash_strings(pa.array(TEXTS), (1, 2))
    assert not np.isin(one, hash_strings(pa.array(TEXTS), (1, 3))).any()


def test_hashes_are_those_of_older_lakes() -> None:
    """Copies of an exchange are told apart by hashes that an earlier version stored."""
    batch = make_exchanges(300).to_batches()[0]
    assert int(np.bitwise_xor.reduce(hash_rows(batch))) == 0x57E0F5C8FD4D97D7


def test_slices_and_nulls() -> None:
    """A row hashes alike wherever it stands in a batch."""
    batch = make_exchanges(300).to_batches()[0]
    whole = hash_rows(batch)
    assert len(np.unique(whole)) == 300
    for at in (0, 1, 7, 299):
        assert (hash_rows(batch.slice(at)) == whole[at:]).all()
    again = pa.Table.from_pylist(batch.to_pylist(), schema=batch.schema).to_batches()[0]
    assert (hash_rows(again) == whole).all()


def test_every_column_counts() -> None:
    """Changing any one value, or moving it to another column, changes the row's hash."""
    batch = make_exchanges(40).to_batches()[0]
    rows = batch.to_pylist()
    base = hash_rows(batch)
    for name in batch.schema.names:
        other = rows[20][name]
        row = next(r for r in rows if r[name] != other)
        changed = pa.Table.from_pylist([row | {name: other}], schema=batch.schema).to_batches()[0]
        assert hash_rows(changed)[0] != base[rows.index(row)], name
    row = rows[0] | {"system": "same", "response": None}
    swapped = row | {"system": None, "response": "same"}
    pair = pa.Table.from_pylist([row, swapped], schema=batch.schema).to_batches()[0]
    assert len(set(hash_rows(pair).tolist())) == 2
