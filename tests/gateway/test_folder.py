"""Publishing while others decide: never torn, never old, and nothing that was told is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from stillwatch.errors import TableBroken
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.gate import Gate
from tests.gateway.made import decision, publish, request

PUBLISHES = 10_000


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    """A folder that nobody published to."""
    with pytest.raises(TableBroken, match="no gateway's folder"):
        Folder(tmp_path)
    with pytest.raises(TableBroken, match="no table yet"):
        Folder(tmp_path, create=True).open()


def test_the_key_is_kept_and_nobody_elses(tmp_path: Path) -> None:
    """Whoever opens the folder again has the same key, which others can't read."""
    first = Folder(tmp_path, create=True)
    assert Folder(tmp_path, create=True).key == first.key
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


def test_publishing_under_load_is_never_torn_and_never_old(tmp_path: Path) -> None:
    """Ten thousand tables, each of numbers that must agree, and three who read all the time."""
    writer = Folder(tmp_path, create=True)
    done, wrong, looks = threading.Event(), [], [0]

    def write() -> None:
        for _ in range(PUBLISHES):
            n = writer.version + 1
            numbers = np.full(64, n, np.uint64)
            writer.publish({"n": n}, {"first": numbers, "last": numbers}, {})
        done.set()

    def read() -> None:
        reader = Folder(tmp_path)
        while not reader.version:
            time.sleep(0.001)
        while not done.wait(0.0005):  # else the readers are most of what the writer waits for
            before = reader.version
            version, found = reader.open()
            told = {version, found.says["n"], *map(int, found.arrays["first"])}
            told |= set(map(int, found.arrays["last"]))
            if len(told) != 1 or version < before:
                wrong.append((before, told))
            looks[0] += 1

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    write()
    for thread in readers:
        thread.join()
    assert not wrong
    assert looks[0] > 1000
    assert writer.version == PUBLISHES
    assert len(list(tmp_path.glob("table.*"))) == 2


PUBLISHER = """
import sys
from pathlib import Path
from tests.gateway.made import decision, publish

number = 0
while True:
    number += 1
    version = publish(Path(sys.argv[1]), decision("acc", decision_id=f"d-{number}"))
    print(version, f"d-{number}", flush=True)
"""


def test_a_publisher_that_is_killed_loses_nothing_that_it_told(tmp_path: Path) -> None:
    """Killed at any moment, twenty times: what was told holds, and can be looked up."""
    told: list[tuple[int, str]] = []
    rng = np.random.default_rng(7)
    for _ in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        time.sleep(float(rng.uniform(0, 0.03)))
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()
        child.wait()
        told += [(int(v), d) for v, d in (line.split() for line in lines if line.endswith("\n"))]
        version, found = Folder(tmp_path).open()
        found.check(tmp_path)
        assert version >= told[-1][0]
        gate = Gate(tmp_path)
        answer = gate.decide(request("acc"))
        assert answer.table_version == version
        assert answer.action == "deny"
        assert all(gate.look_up(name) for _, name in told)
        gate.close()
    assert len(told) >= 20
    assert publish(tmp_path, decision("acc")) > told[-1][0]
