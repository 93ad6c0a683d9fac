"""Killed at any moment, retention leaves the old lake or the new one, and ends the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import stillwatch as sw
from stillwatch.custody.journal import read, verify
from stillwatch.lake import Lake
from stillwatch.privacy import Vault
from tests.custody.logs import everything_in, make_exchanges, make_keys, write_log
from tests.custody.test_retaining import CUT
from tests.lake.absorbing import rows_of

REPOSITORY = Path(__file__).parents[2]
KILLS = 12

NURSERY = """
import os, sys, datetime as dt
from pathlib import Path
from stillwatch.custody.retaining import retain
import stillwatch.custody.erasing, stillwatch.lake.removal
cut = dt.datetime.fromisoformat(sys.argv[1])
while line := sys.stdin.readline():
    child = os.fork()
    if child == 0:
        retain(line.strip(), cut, "ida", "policy")
        os._exit(0)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """SIGKILL on the way: a reader finds all or none removed, whoever comes next finishes it."""
    make_keys(tmp_path / "keys")
    table, made = make_exchanges(days=60), tmp_path / "made"
    for part in range(4):
        log = write_log(tmp_path / f"log{part}", table.slice(part * 720, 720))
        sw.ingest([log], lake=made, pseudonyms=tmp_path / "keys/keys.json")
    sw.detect(made)
    old = rows_of(Lake.open(made), ["exchange_id"])
    new = old.filter(pc.is_in(old["exchange_id"], _kept(table)))
    assert 0 < new.num_rows < old.num_rows
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, CUT.isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdin
    assert process.stdout

    def say(line: str) -> int:
        assert process.stdin
        assert process.stdout
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    took_s = 0.0
    for name in ("warm", "whole"):
        shutil.copytree(made, tmp_path / name)
        began = time.monotonic()
        say(str(tmp_path / name))
        assert say("how?") == 0
        took_s = time.monotonic() - began
    names = sorted(Vault(tmp_path / "whole").names())
    rng, states = random.Random(4), []
    gone = sorted(set(old["exchange_id"].to_pylist()) - set(new["exchange_id"].to_pylist()))
    for turn in range(5 * KILLS):
        if turn >= KILLS and len(set(states)) == 2:
            break
        # A machine that has more or less to do than before takes another time.
        if turn and len(set(states)) == 1:
            took_s *= 0.8 if states[0] == new.num_rows else 1.2
        lake = tmp_path / f"lake{turn}"
        shutil.copytree(made, lake)
        child = say(str(lake))
        time.sleep(rng.uniform(0, took_s))
        os.kill(child, signal.SIGKILL)
        say("how?")
        seen = rows_of(Lake.open(lake), ["exchange_id"])
        states.append(seen.num_rows)
        assert seen.equals(old) or seen.equals(new)
        say(str(lake))
        assert say("how?") == 0
        assert rows_of(Lake.open(lake), ["exchange_id"]).equals(new)
        verdict = verify(lake)
        assert verdict.unfinished == ()
        acts = [entry["act"] for entry in read(lake)]
        assert acts == ["retain", "erased"]
        assert sorted(Vault(lake).names()) == names
        for path, text in everything_in(lake):
            assert not any(name in text for name in gone[::50]), path
        shutil.rmtree(lake)
    process.communicate()
    assert len(set(states)) == 2, "some kills came before the commit, and some after"


def _kept(table: pa.Table) -> pa.Array:
    late = pc.greater_equal(table["ts"], pa.scalar(CUT))
    return table.filter(late)["exchange_id"].combine_chunks()
