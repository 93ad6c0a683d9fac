"""Progress for people: bars with rates and time left on a terminal, one line a stage elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from stillwatch.progress import Progress, Silent

# Advances are gathered for this long before the screen is told: kernels advance by small batches.
_REDRAW_S = 0.1


@contextmanager
def watching(json: bool) -> Iterator[Progress]:
    """What to hand to work as `progress`: bars, lines, or nothing where JSON was asked for.

    However the work ends, the screen is given back, so that an error stands alone on it.
    """
    if not sys.stderr.isatty():
        yield Silent() if json else Lines()
        return
    bars = Bars()
    try:
        yield bars
    finally:
        bars.close()


def amount(n: float, unit: str) -> str:
    """So many units; bytes as megabytes.

    >>> amount(1234, "exchanges"), amount(30_898_758, "bytes")
    ('1,234 exchanges', '30.9 MB')
    """
    return f"{n / 1e6:,.1f} MB" if unit == "bytes" else f"{n:,.0f} {unit}"


class _Done(ProgressColumn):
    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        if not task.completed:
            return Text("")
        if not task.total:
            return Text(amount(task.completed, unit), style="dim")
        done = amount(task.completed, unit).removesuffix(f" {unit}")
        return Text(f"{done} of {amount(task.total, unit)}", style="dim")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed, unit = task.finished_speed or task.speed, task.fields["unit"]
        if not speed or not task.completed:
            return Text("")
        return Text(f"{amount(speed, unit).removesuffix(f' {unit}')}/s", style="dim")


class Bars:
    """Bars on standard error; each stage stays on the screen with what it did and how fast."""

    def __init__(self) -> None:
        self._bars = RichProgress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<9}", markup=False),
            BarColumn(bar_width=16),
            _Done(),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self._task: int | None = None
        self._waiting, self._told_s = 0, 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Show a new bar; its length pulses while `total` is not known."""
        if self._task is not None:
            self.finish()
        self._bars.start()
        self._task = int(self._bars.add_task(stage, total=total, unit=unit))

    def advance(self, n: int) -> None:
        """Move the bar by `n`, at most ten times a second."""
        self._waiting += n
        now = time.monotonic()
        if now - self._told_s >= _REDRAW_S:
            self._tell(now)

    def finish(self) -> None:
        """Fill the bar and keep it on the screen."""
        if self._task is None:
            return
        self._tell(time.monotonic())
        task = self._bars.tasks[self._task]
        self._bars.update(task.id, total=task.completed or 1, completed=task.completed or 1)
        self._bars.stop()
        self._task = None

    def close(self) -> None:
        """Leave the screen as it is, whether the stage is over or not."""
        self._bars.stop()

    def _tell(self, now: float) -> None:
        if self._task is not None and self._waiting:
            self._bars.advance(self._bars.tasks[self._task].id, self._waiting)
        self._waiting, self._told_s = 0, now


class Lines:
    """One line on standard error when a stage is over, for logs and pipes."""

    def __init__(self) -> None:
        self._stage, self._unit, self._n, self._began_s = "", "", 0, 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Remember the stage and its clock."""
        self._stage, self._unit, self._n = stage, unit, 0
        self._began_s = time.monotonic()

    def advance(self, n: int) -> None:
        """Count."""
        self._n += n

    def finish(self) -> None:
        """Print what was done, in how long."""
        took_s = time.monotonic() - self._began_s
        done = f"{amount(self._n, self._unit)} in " if self._n else ""
        rate = f", {amount(self._n / took_s, self._unit)}/s" if self._n > 10 * took_s > 0.5 else ""
        print(f"{self._stage}: {done}{took_s:.1f} s{rate}", file=sys.stderr)
