"""Progress: nothing is lost between the kernels and the screen."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from stillwatch.cli import bars
from stillwatch.progress import Silent


def test_lines_for_pipes(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a stage, on standard error, with its count and unit."""
    lines = bars.Lines()
    lines.start("signals", 3000, "exchanges")
    for _ in range(3):
        lines.advance(1000)
    lines.finish()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("signals: 3,000 exchanges in ")


def test_bars_count_every_advance(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the steps, the bar ends at their sum; stages stay on the screen."""
    screen = io.StringIO()
    monkeypatch.setattr(
        bars, "Console", lambda **_: Console(file=screen, force_terminal=True, width=140)
    )
    watch = bars.Bars()
    watch.start("read", 1234, "exchanges")
    for _ in range(1234):
        watch.advance(1)
    watch.finish()
    watch.start("groups", None, "links")
    watch.advance(7)
    watch.finish()
    watch.finish()
    shown = screen.getvalue()
    assert "1,234 of 1,234 exchanges" in shown
    assert "7 of 7 links" in shown


def test_who_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars on a terminal, lines in a pipe, nothing where JSON was asked for."""
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with bars.watching(json=True) as watch:
        assert isinstance(watch, Silent)
    with bars.watching(json=False) as watch:
        assert isinstance(watch, bars.Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with bars.watching(json=True) as watch:
        assert isinstance(watch, bars.Bars)


def test_an_error_gets_the_screen_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once work has failed, no bar draws over the error."""
    screen = io.StringIO()
    monkeypatch.setattr(
        bars, "Console", lambda **_: Console(file=screen, force_terminal=True, width=80)
    )
    monkeypatch.setattr("sys.stderr", io.StringIO())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    def fail() -> None:
        with bars.watching(json=False) as watch:
            watch.start("read", None, "exchanges")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert screen.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is shown again, last"
