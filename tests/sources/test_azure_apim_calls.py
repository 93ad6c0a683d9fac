"""Calls that wait for their messages take the room that they may."""

from __future__ import annotations

import tracemalloc

import pyarrow as pa

from stillwatch.sources.azure_apim_calls import Calls, said_of
from stillwatch.sources.azure_apim_logged import Logged, Part


def test_calls_take_about_the_room_that_is_given() -> None:
    """Whatever they take beside their columns counts, too; the last ones stay."""
    room = 4 << 20
    calls = Calls(room)
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        for batch in range(100):
            keys = [f"{batch:04}{n:032}" for n in range(500)]
            part = Part(apimSubscriptionId="team", responseCode=200)
            calls.add(keys, said_of([Logged(key, part) for key in keys]))
            del keys
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    held += pa.total_allocated_bytes() - before
    assert room / 2 < held < room * 1.25
    first, last = f"{0:04}{0:032}", f"{99:04}{499:032}"
    assert calls.get(first) is None
    assert calls.get(last) == {
        "subscription": "team",
        "user": None,
        "ts": None,
        "ip": None,
        "status": 200,
        "latency_ms": None,
        "body": None,
        "headers": None,
    }
