"""Several at once, and killed in the middle: nothing is lost, nothing is half-written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from stillwatch.cases import State, Store, change_state, comment, get_case, list_cases, open_cases
from stillwatch.errors import CaseChanged
from tests import fabricated
from tests.cases.checking import check

ROUNDS = 15
COMMENTS = 25
KILLS = 8
REPOSITORY = Path(__file__).parents[2]

ACTING = """
import sys
from stillwatch.cases import *
store = Store.open(sys.argv[1])
print("ready", flush=True)
while True:
    case = get_case(store, 1)
    case = comment(store, case.seen, "x" * 2000, "child")
    case = change_state(store, case.seen, State.IN_REVIEW, "child", "on")
    undo(store, case.seen, "child", "off")
"""
DYING = """
import os, signal, sys
from stillwatch.cases import *
from stillwatch.cases import change
append = change.ledger.append
def append_and_die(*arguments):
    append(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
store = Store.open(sys.argv[1])
change.ledger.append = append_and_die
comment(store, get_case(store, 1).seen, "never", "child")
"""


def both(address: str, act: Callable[[Store, str], object]) -> list[object]:
    """Two reviewers, each with a connection of their own, begin at one moment; what each got."""
    ready = Barrier(2, timeout=60)

    def alone(name: str) -> object:
        store = Store.open(address, create=True)
        ready.wait()
        try:
            return act(store, name)
        except CaseChanged as refused:
            return refused
        finally:
            store.close()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(alone, ("ana", "bela")))


def test_two_reviewers_decide(store: Store, address: str, tmp_path: Path) -> None:
    """One decision stands, and the other reviewer is told whose, each time."""
    for _ in range(ROUNDS):
        case = get_case(store, 1)
        start = change_state(store, case.seen, State.IN_REVIEW, "lead", "both look")

        def decide(mine: Store, name: str, seen: object = start.seen) -> object:
            state = State.CONFIRMED if name == "ana" else State.REJECTED
            return change_state(mine, seen, state, name, "I say so")  # type: ignore[arg-type]

        got = both(address, decide)
        (refused,) = [one for one in got if isinstance(one, CaseChanged)]
        case = get_case(store, 1)
        assert f"{case.changed_by} changed it at {case.changed_at}" in str(refused)
        assert case.outcome == (State.CONFIRMED if case.changed_by == "ana" else State.REJECTED)
        assert case.version == start.version + 1
    assert check(store, tmp_path) == 3 + 2 * ROUNDS


def test_no_update_is_lost(store: Store, address: str, tmp_path: Path) -> None:
    """Two who try again until they are heard are heard as often as they spoke."""

    def talk(mine: Store, name: str) -> None:
        for at in range(COMMENTS):
            while True:
                try:
                    comment(mine, get_case(mine, 1).seen, f"{at}", name)
                    break
                except CaseChanged:
                    continue

    both(address, talk)
    assert get_case(store, 1).version == 1 + 2 * COMMENTS
    assert check(store, tmp_path) == 3 + 2 * COMMENTS


def test_two_make_the_store_and_open_the_same_findings(address: str, tmp_path: Path) -> None:
    """There is one store, and no twin."""
    found = fabricated.findings()
    done = both(address, lambda mine, name: open_cases(mine, found, name))
    assert sorted(len(one.opened) for one in done) == [0, 3]  # type: ignore[attr-defined]
    store = Store.open(address)
    assert [case.version for case in list_cases(store)] == [1, 1, 1]
    assert check(store, tmp_path) == 3
    store.close()


def start(program: str, address: str) -> subprocess.Popen[str]:
    """A process that acts."""
    return subprocess.Popen(
        [sys.executable, "-c", program, address], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )


def test_killed_between_ledger_and_case(store: Store, address: str, tmp_path: Path) -> None:
    """The entry was written, the case wasn't yet: neither is there afterwards."""
    assert start(DYING, address).wait() == -signal.SIGKILL
    assert check(store, tmp_path) == 3
    comment(store, get_case(store, 1).seen, "goes on", "ana")
    assert check(store, tmp_path) == 4


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_random_moments(store: Store, address: str, seed: int, tmp_path: Path) -> None:
    """Ledger and cases agree, and the next act goes on."""
    child = start(ACTING, address)
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    time.sleep(random.Random(seed).uniform(0.05, 0.4))
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    before = check(store, tmp_path)
    comment(store, get_case(store, 1).seen, "goes on", "ana")
    assert check(store, tmp_path) == before + 1
