"""The tasks of the lab by name, and who reads their completions."""

from __future__ import annotations

from stillwatch.errors import LabRefused
from stillwatch.lab.tasks.call_reader import CallReader
from stillwatch.lab.tasks.calls import Calls
from stillwatch.lab.tasks.chain_reader import ChainReader
from stillwatch.lab.tasks.chains import Chains
from stillwatch.lab.tasks.reading import Reader
from stillwatch.lab.tasks.task import Task

TASKS = {"chains": (Chains, ChainReader), "calls": (Calls, CallReader)}


def task_named(name: str, secret: int) -> tuple[Task, Reader]:
    """The task with the knowledge that `secret` draws; raises `LabRefused` for no such task."""
    if name not in TASKS:
        raise LabRefused(f"task {name!r}", "there is no such task", f"Take {' or '.join(TASKS)}")
    task, reader = TASKS[name]
    return task(secret), reader()
