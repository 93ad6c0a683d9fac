"""All cells of a comparison, over a few processes with a thread each; what is done stays done."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from stillwatch.errors import LabRefused, OutputExists, StillwatchError
from stillwatch.lab.folders import LOCK, alone
from stillwatch.lab.operators.catalogue import operator_named
from stillwatch.lab.serving.catalogue import form_named
from stillwatch.lab.tasks.catalogue import task_named
from stillwatch.lab.uplift.bench import Bench
from stillwatch.lab.uplift.cells import reference, work, write
from stillwatch.lab.uplift.setting import Setting
from stillwatch.progress import Progress

REFERENCE = "full"
"""The measure that is none."""
_MARK = "setting.json"
_Spread = Callable[[Callable[..., Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Plan:
    """What is compared: for each task its measures; for all of them seeds and operators."""

    setting: Setting
    measures: dict[str, tuple[str, ...]]
    """By task; `full` is always among them, for the others are measured by it."""
    operators: tuple[str, ...]
    seeds: tuple[int, ...]

    def check(self) -> None:
        """Raises `LabRefused` for a name that there isn't, before anything is trained."""
        for task, measures in self.measures.items():
            task_named(task, 0)
            for measure in measures:
                form_named(measure)
        for operator in self.operators:
            operator_named(operator)
        if not (self.measures and self.operators and self.seeds):
            raise LabRefused("uplift", "has nothing to compare", "Name a task, a seed, an operator")

    def benches(self) -> list[tuple[str, int]]:
        """Tasks with seeds."""
        return [(task, seed) for seed in self.seeds for task in self.measures]

    def jobs(self) -> list[tuple[tuple[str, ...], str, int, str]]:
        """Operators, and the form that they are served.

        The undefended come first, for many students turn out to be theirs; to the passive operator
        at least, for all others are measured by its student.
        """
        by_measure = {REFERENCE: tuple(dict.fromkeys(("passive", *self.operators)))}
        jobs = [
            (by_measure.get(measure, self.operators), task, seed, measure)
            for seed in self.seeds
            for task, measures in self.measures.items()
            for measure in measures
        ]
        return sorted(jobs, key=lambda job: job[-1] != REFERENCE)


def sweep(plan: Plan, folder: Path, workers: int, progress: Progress) -> None:
    """Computes what isn't there, `workers` processes at a time.

    Killed at any time, it goes on where it was. Raises `LabRefused` where the folder is of another
    setting or another run is at work in it, `OutputExists` where it is something else.
    """
    plan.check()
    check_ours(folder)
    with alone(folder), _workers(workers) as spread:
        claim(folder, plan.setting)
        benches, jobs = plan.benches(), plan.jobs()
        progress.start("teachers", len(benches), "models")
        for fault in spread(_prepare, [(plan.setting, folder, *bench) for bench in benches]):
            _raise(fault)
            progress.advance(1)
        progress.finish()
        progress.start("students", len(jobs) * len(plan.operators), "results")
        wanted = [(plan.setting, folder, *job) for job in jobs]
        for fault in spread(_serve, wanted):
            _raise(fault)
            progress.advance(len(plan.operators))
        progress.finish()


def check_ours(folder: Path) -> None:
    """Raises `OutputExists` for a folder, or a file, that no comparison made.

    One that was begun holds a lock before it holds anything else: killed right then, it is ours.
    """
    if folder.is_dir():
        held = {path.name for path in folder.iterdir()}
        begun = all(name == LOCK or name.endswith(".writing") for name in held)
        if begun or _MARK in held:
            return
    elif not folder.exists():
        return
    raise OutputExists(folder, "is there, and not a folder of ours", "Name another folder")


def claim(folder: Path, setting: Setting) -> None:
    """Marks the folder, which one holds alone, as this setting's; raises `LabRefused`."""
    mark = folder / _MARK
    if not mark.exists():
        write(mark, setting.to_dict())
        return
    try:
        same = json.loads(mark.read_bytes()) == json.loads(json.dumps(setting.to_dict()))
    except (ValueError, RecursionError):
        same = False
    if not same:
        what = "holds results of another setting"
        raise LabRefused(folder, what, "Name another folder, or remove it")


# A refusal is handed back as its three texts, for it wouldn't survive the way between processes.
Refusal = tuple[str, str, str]


def _prepare(asked: tuple[Setting, Path, str, int]) -> Refusal | None:
    setting, folder, task, seed = asked
    try:
        reference(_bench(setting, folder, task, seed), folder)
    except StillwatchError as fault:
        return fault.where, fault.what, fault.todo
    return None


def _serve(asked: tuple[Setting, Path, Sequence[str], str, int, str]) -> Refusal | None:
    setting, folder, operators, task, seed, measure = asked
    try:
        work(_bench(setting, folder, task, seed), measure, list(operators), folder)
    except StillwatchError as fault:
        return fault.where, fault.what, fault.todo
    return None


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise LabRefused(*refusal)


@lru_cache(maxsize=2)
def _bench(setting: Setting, folder: Path, task: str, seed: int) -> Bench:
    name = multiprocessing.current_process().name
    place = folder / "benches" / f"{task}-{seed}"
    return Bench(setting, task, seed, place, place / f"at-work-{name.rpartition('-')[2]}")


def _begin() -> None:
    # Ctrl-C reaches all processes; it is the first one that ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


@contextmanager
def _workers(count: int) -> Iterator[_Spread]:
    """What does jobs: here where `count` is 1, else in processes that end with this one."""
    threads = torch.get_num_threads()
    if count == 1:
        torch.set_num_threads(1)
        try:
            yield map
        finally:
            torch.set_num_threads(threads)
        return
    # read when a process loads its libraries
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    try:
        with context.Pool(count, initializer=_begin) as pool:
            yield pool.imap_unordered
    finally:
        if before is None:
            os.environ.pop("OMP_NUM_THREADS")
        else:
            os.environ["OMP_NUM_THREADS"] = before
