"""Memory of this process: what is kept at hand, what is given back, and the most there was."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

KEPT_BYTES = 1 << 30
"""Memory that may stay at hand, and the size from which an array is fetched by itself."""

LITTLE_BYTES = 2 << 30
"""Memory up to which nothing is given back."""

_USUAL_BYTES = 1 << 17
_TRIM_FROM, _MAP_FROM, _ARENAS = -1, -3, -8
"""Names of settings of glibc's `mallopt`."""


@contextmanager
def memory_kept() -> Iterator[None]:
    """Memory that is let go stays at hand until the end, where the C library is glibc.

    Arrays of some megabytes come and go by the thousand. Each would be fetched from the system
    anew, which clears it first: a tenth of all that a run does. glibc's usual settings come back at
    the end, but for the size from which it maps arrays, which it then no longer adjusts itself. Nor
    is anything searched for cycles, of which a run makes none.
    """
    with _no_search_for_cycles(), _freed_stays():
        yield


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


@contextmanager
def _freed_stays() -> Iterator[None]:
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield
        return
    library.mallopt(_ARENAS, 1)
    library.mallopt(_MAP_FROM, KEPT_BYTES)
    library.mallopt(_TRIM_FROM, KEPT_BYTES)
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(usual)
        library.mallopt(_ARENAS, 0)
        library.mallopt(_MAP_FROM, _USUAL_BYTES)
        library.mallopt(_TRIM_FROM, _USUAL_BYTES)
        library.malloc_trim(0)


def give_back() -> None:
    """Give what is let go back to the system, before much of another kind is asked for.

    A process that holds little keeps it: it would only be fetched again.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim") and _resident_memory() > LITTLE_BYTES:
        gc.collect()  # kernels that were compiled leave cycles
        library.malloc_trim(0)


def _resident_memory() -> int:
    """Resident memory of this process now, in bytes; its peak where the system tells no more."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return peak_memory()
    return int(statm.read_text().split()[1]) * resource.getpagesize()


def peak_memory() -> int:
    """Peak resident memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
