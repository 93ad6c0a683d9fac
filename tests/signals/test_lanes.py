"""Lanes: each does what plain Python does, on any values."""

from __future__ import annotations

import numba as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.signals import lanes
from stillwatch.statistics.lanes import eight_bytes

_VOWELS = b"aeiou\xff\x00"
_vowels = lanes.among(_VOWELS)


@nb.njit
def _of_block(data, at):
    return _vowels(data, at)


@nb.njit
def _of_word(data, at, bits):
    return eight_bytes(data, at), lanes.ones(bits), lanes.lowest(bits)


@nb.njit
def _sums(table, places, scale, values):
    total = lanes.zeros()
    for u in range(len(places)):
        total = lanes.add_row(total, table, np.uintp(places[u]), scale, values[u])
    sums = np.empty(lanes.LANES, np.float32)
    lanes.store(total, sums)
    return sums


@nb.njit
def _least(values, multipliers, shifts):
    least = np.empty(lanes.IMAGES, np.uint32)
    lanes.least_images(least, values, len(values), multipliers, shifts)
    return least


@given(st.binary(min_size=80, max_size=80), st.integers(0, 16))
def test_members_are_told_by_a_bit_each(raw: bytes, at: int):
    """Bit j is byte j's, wherever the block begins."""
    bits = int(_of_block(np.frombuffer(raw, np.uint8), at))
    assert [bits >> j & 1 for j in range(64)] == [int(raw[at + j] in _VOWELS) for j in range(64)]


@given(st.binary(min_size=16, max_size=16), st.integers(0, 8), st.integers(0, 2**64 - 1))
def test_words_are_read_and_counted(raw: bytes, at: int, bits: int):
    """Eight bytes from anywhere; how many bits are set, and the lowest of them, 64 if none is."""
    word, ones, lowest = _of_word(np.frombuffer(raw, np.uint8), at, np.uint64(bits))
    assert int(word) == int.from_bytes(raw[at : at + 8], "little")
    assert ones == bits.bit_count()
    assert lowest == ((bits & -bits).bit_length() - 1 if bits else 64)


@pytest.mark.parametrize("kind", [np.int8, np.float32])
@pytest.mark.parametrize("count", [0, 1, 7, 500])
def test_rows_add_up_in_their_order_and_precision(count: int, kind: type):
    """To the bit what float32 gives when each summand is added after the one before."""
    rng = np.random.default_rng(count)
    scale = np.float32(0.1015693)
    table = rng.integers(-127, 128, 400 + lanes.LANES).astype(kind)
    places = rng.integers(0, 401, count)
    values = rng.random(count).astype(np.float32)
    expected = np.zeros(lanes.LANES, np.float32)
    for place, value in zip(places, values, strict=True):
        expected += value * (table[place:][: lanes.LANES].astype(np.float32) * scale)
    np.testing.assert_array_equal(_sums(table, places, scale, values), expected)


@pytest.mark.parametrize("count", [0, 1, 33])
def test_the_least_image_is_the_minimum(count: int):
    """Modulo 2 ** 32, unsigned; of no values it is the greatest number."""
    rng = np.random.default_rng(count)
    values, multipliers, shifts = (
        rng.integers(0, 2**32, n).astype(np.uint32) for n in (count, lanes.IMAGES, lanes.IMAGES)
    )
    images = values[:, None] * multipliers + shifts
    expected = images.min(0, initial=np.uint32(0xFFFFFFFF))
    np.testing.assert_array_equal(_least(values, multipliers, shifts), expected)
