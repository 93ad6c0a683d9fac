"""Frame families: bands against a plain transitive closure."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.profiles.families import frame_families


def brute_force(frame: np.ndarray, bands: np.ndarray) -> list[int]:
    """Sets of frames are one where they share a band in a column; the smallest names it."""
    rows = zip(frame.tolist(), bands.tolist(), strict=True)
    sets = {f: {(c, b) for c, b in enumerate(row) if b} for f, row in rows}
    parts = [({f}, marks) for f, marks in sets.items()]
    changed = True
    while changed:
        changed = False
        for i in range(len(parts)):
            for j in range(len(parts) - 1, i, -1):
                if parts[i][1] & parts[j][1]:
                    frames, marks = parts.pop(j)
                    parts[i] = (parts[i][0] | frames, parts[i][1] | marks)
                    changed = True
    family = {f: min(frames) for frames, _ in parts for f in frames}
    return [family[int(f)] for f in frame]


def drawn(seed: int, n: int = 60, values: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Random frames whose bands are a function of the frame; frame 0 has none."""
    rng = np.random.default_rng(seed)
    distinct = rng.integers(1, 2**63, 30).astype(np.uint64) * np.uint64(2)
    distinct[0] = 0
    bands = rng.integers(0, values, (30, 4)).astype(np.uint64)
    bands[0] = 0
    place = rng.integers(0, 30, n)
    return distinct[place], bands[place]


@pytest.mark.parametrize("values", [4, 20, 40, 80, 400])
@pytest.mark.parametrize("seed", range(4))
def test_families_are_the_closure_of_shared_bands(seed: int, values: int):
    """From all joined to none joined, the families are those of the brute force."""
    frame, bands = drawn(seed, values=values)
    assert frame_families(frame, bands).tolist() == brute_force(frame, bands)


@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_does_not_matter(seed: int):
    """Shuffled rows get the same families."""
    frame, bands = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(frame))
    assert (frame_families(frame[order], bands[order]) == frame_families(frame, bands)[order]).all()


def test_equal_bands_join_only_within_their_column():
    """A band is a band of its place; the same number elsewhere joins nothing, and 0 never does."""
    frame = np.array([3, 5, 8], np.uint64)
    bands = np.array([[1, 2], [2, 1], [0, 0]], np.uint64)
    assert frame_families(frame, bands).tolist() == [3, 5, 8]
    assert frame_families(frame, np.zeros((3, 2), np.uint64)).tolist() == [3, 5, 8]


def test_a_long_chain_is_one_family():
    """Two thousand frames, each sharing a band with the next, in the worst order."""
    n = 2000
    frame = np.arange(1, n + 1, dtype=np.uint64)
    bands = np.stack([(frame + 1) // 2, frame // 2 + np.uint64(1)], 1)
    order = np.random.default_rng(0).permutation(n)
    assert (frame_families(frame[order], bands[order]) == 1).all()


def test_no_frames_and_frames_of_nothing():
    """No rows give none; prompts without words are one family, 0, and join no other."""
    assert len(frame_families(np.zeros(0, np.uint64), np.zeros((0, 8), np.uint64))) == 0
    frame = np.array([0, 7, 0], np.uint64)
    bands = np.array([[0], [4], [0]], np.uint64)
    assert frame_families(frame, bands).tolist() == [0, 7, 0]
