"""What is set for the process while a run goes is as before once it is over."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import numpy as np
import pytest

from stillwatch.memory import give_back, memory_kept

MEGABYTE = 1 << 20


def faults(arrays: int) -> int:
    """Pages fetched from the system while so many arrays of 64 megabytes come and go: twice the
    size from which glibc never keeps one by itself."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(arrays):
        np.empty(64 * MEGABYTE, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_memory_that_was_let_go_is_at_hand_until_the_end():
    """Arrays that come and go are fetched from the system once, and not once each."""
    usual = faults(8)
    if not usual:
        pytest.skip("this C library keeps such memory anyhow")
    with memory_kept():
        faults(2)
        assert faults(8) < usual / 4
    assert faults(8) > usual / 2


@pytest.mark.parametrize("searched", [True, False])
def test_cycles_are_searched_for_as_before(searched: bool):
    """Also where a run fails, and where they weren't."""
    try:
        (gc.enable if searched else gc.disable)()
        with pytest.raises(KeyError), memory_kept():
            raise KeyError(gc.isenabled())
        assert gc.isenabled() == searched
        with memory_kept():
            assert not gc.isenabled()
        assert gc.isenabled() == searched
    finally:
        gc.enable()


def held() -> int:
    """Resident memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.parametrize("little", [0, 1 << 40])
def test_what_was_let_go_is_given_back_where_it_is_much(
    little: int, monkeypatch: pytest.MonkeyPatch
):
    """Half a gigabyte below something that stays; a process that holds little keeps it."""
    monkeypatch.setattr("stillwatch.memory.LITTLE_BYTES", little)
    if not faults(8):
        pytest.skip("this C library keeps such memory anyhow")
    with memory_kept():
        parts = [np.ones(64 * MEGABYTE, np.uint8) for _ in range(8)]
        stays = np.ones(MEGABYTE, np.uint8)
        del parts
        before = held()
        give_back()
        gone = before - held()
        assert stays.all()
    assert (gone > 256 * MEGABYTE) == (little == 0)
