"""Progress for people: bars with rates and time left on a terminal, one line a stage elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from stillwatch.progress import Progress, Silent

# Advances are gathered for this long before the screen is told: kernels advance by small batches.
_REDRAW_S = 0.1


def watcher(json: bool) -> Progress:
    """What to hand to work as `progress`: bars, lines, or nothing where JSON was asked for."""
    if sys.stderr.isatty():
        return Bars()
    return Silent() if json else Lines()


class _Done(ProgressColumn):
    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        total = f" of {int(task.total):,}" if task.total else ""
        return Text(f"{int(task.completed):,}{total} {unit}", style="dim")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="dim")


class Bars:
    """Bars on standard error; each stage stays on the screen with what it did and how fast."""

    def __init__(self) -> None:
        self._bars = RichProgress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<18}", markup=False),
            BarColumn(bar_width=24),
            _Done(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
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
        rate = f", {self._n / took_s:,.0f}/s" if took_s > 0.05 and self._n else ""
        print(f"{self._stage}: {self._n:,} {self._unit} in {took_s:.1f} s{rate}", file=sys.stderr)
