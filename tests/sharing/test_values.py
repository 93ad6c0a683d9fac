"""Keyed hashes, sketches and centroids as values that peers can compare."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputNotFound, OutputExists, SharingRefused
from stillwatch.sharing.centroids import Centroid, centroid_of
from stillwatch.sharing.indicators import KEYED, Kind
from stillwatch.sharing.keyed import GroupKey, Keyed, keyed
from stillwatch.sharing.sketches import MOST_BANDS, sketch_bands, sketch_value
from stillwatch.statistics.mmd import CEILING, Samples
from tests.sharing import made


def test_a_hash_differs_by_key_epoch_kind_and_value() -> None:
    """And is the same for whoever has all four."""
    other = GroupKey(bytes(32))
    told = {
        str(keyed(key, epoch, kind, text))
        for key in (made.KEY, other)
        for epoch in ("2026-05", "2026-06")
        for kind in sorted(KEYED)
        for text in ("a", "b")
    }
    assert len(told) == 2 * 2 * len(KEYED) * 2
    one = keyed(made.KEY, "2026-05", Kind.DEVICE, "a")
    assert Keyed.parse(str(one)) == one
    with pytest.raises(ValueError, match="told in plain"):
        keyed(made.KEY, "2026-05", Kind.PREFIX, "198.51.100.0/24")


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.EMAIL_DOMAIN, "Mail.Example.", "mail.example"),
        (Kind.DEVICE, " ABC-1", "abc-1"),
        (Kind.SYSTEM, "You  are\n a helper", "You are a helper"),
        (Kind.TOOLS, "read\nwrite", "read write"),
        (Kind.PAYMENT, "cafe\u0301", "caf\u00e9"),
    ],
)
def test_what_peers_write_differently_is_one_value(kind: Kind, one: str, other: str) -> None:
    """By the normal form of each kind."""
    assert keyed(made.KEY, "2026-05", kind, one) == keyed(made.KEY, "2026-05", kind, other)


def test_a_key_is_kept_from_others(tmp_path: Path) -> None:
    """Its file is its owner's alone, is never written over, and the secret is in no message."""
    path = tmp_path / "group.key"
    made_key = GroupKey.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert GroupKey.load(path) == made_key
    assert made_key.secret.hex() not in repr(made_key)
    with pytest.raises(OutputExists):
        GroupKey.make(path)
    os.chmod(path, 0o644)
    with pytest.raises(SharingRefused, match="read by others"):
        GroupKey.load(path)
    os.chmod(path, 0o600)
    path.write_text("not a key")
    with pytest.raises(SharingRefused, match="no group key"):
        GroupKey.load(path)
    with pytest.raises(InputNotFound):
        GroupKey.load(tmp_path / "none")


@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=MOST_BANDS))
def test_bands_survive(bands: set[int]) -> None:
    """Whatever they are."""
    assert sketch_bands(sketch_value(bands)) == bands


@given(st.text(max_size=60))
def test_what_is_no_value_is_refused(text: str) -> None:
    """By one kind of error only, whatever it is."""
    for parse in (sketch_bands, Centroid.parse, Keyed.parse):
        with pytest.raises(ValueError):  # noqa: PT011
            parse(text)


def _accounts(middle: np.ndarray, spread: float, n: int, size: int, seed: int) -> Samples:
    """Accounts of `size` unit vectors each around a direction."""
    rng = np.random.default_rng(seed)
    rows = middle + rng.normal(0, spread, (n, size, 256))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    return Samples(np.full(n, float(size)), rows.sum(1), np.full(n, float(size)))


def test_a_centroid_is_near_its_own_and_far_from_others() -> None:
    """Members of one queue lie inside, also those that it wasn't made of; strangers don't."""
    rng = np.random.default_rng(1)
    middle, other = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 256)))
    told = Centroid.parse(centroid_of(_accounts(middle, 0.1, 40, 60, 2)).value)
    assert told.near(_accounts(middle, 0.1, 40, 60, 3)).mean() > 0.85
    assert not told.near(_accounts(other, 0.1, 40, 60, 4)).any()
    assert told.radius >= CEILING - 1e-6


def test_every_account_counts_alike_in_a_centroid() -> None:
    """One that asked a thousand times as much moves it no further."""
    rng = np.random.default_rng(5)
    few = _accounts(rng.normal(size=256) / 16, 0.1, 9, 20, 6)
    loud = Samples(few.size.copy(), few.total.copy(), few.squares.copy())
    for each in (loud.size, loud.total, loud.squares):
        each[0] *= 1000
    assert np.allclose(centroid_of(few).mean, centroid_of(loud).mean)


def test_a_centroid_survives_its_value() -> None:
    """To within what a squared MMD can't see."""
    one = centroid_of(_accounts(np.ones(256) / 16, 0.05, 12, 30, 7))
    again = Centroid.parse(one.value)
    assert np.abs(one.mean - again.mean).max() <= 0.5e-4 + 1e-7
    assert again.own == pytest.approx(one.own, abs=1e-6)
