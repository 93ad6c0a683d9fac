"""`world`, `ingest`, `detect`, `score` and `demo` hand on what they were told.

The work itself is replaced here by fakes that record their arguments; it has tests of its own.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stillwatch as sw
from stillwatch.cli.options import moment
from stillwatch.scoring.matching import Match
from stillwatch.scoring.score import Rate, RoleRate, Score
from stillwatch.web.settings import Settings
from stillwatch.worlds import WorldReport
from tests import fabricated
from tests.cli.conftest import Ran

Run = Callable[..., Ran]


@dataclass(frozen=True)
class Report:
    """What a fake reports."""

    kept: int
    quarantined: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """As the real ones do."""
        return {"kept": self.kept, "quarantined": self.quarantined}


WORLD = WorldReport("plain", "F", 0.5, 3, 70, 500, 16, 90, {"person": 54}, "built in", (), 1.0)
SCORE = Score(
    accounts=Rate(90, 10, 0, 0.9, 1.0, 0.947),
    exchanges=Rate(5, 0, 5, 1.0, 0.5, 0.667),
    roles={"person": RoleRate(900, 0, 0.0), "reseller": RoleRate(40, 10, 0.25)},
    campaigns=(
        Match("large", 90, "cmp-4f1a90c2d7", 0.9, 1.0, 1),
        Match("small", 16, None, 0.0, 0.0, 0),
    ),
    campaigns_found=1,
    false_campaigns=(),
    splits=(),
    merges=(),
    networks_true=1,
    networks_named=(),
    false_networks=(),
    brier=None,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple, dict[str, Any]]]:
    """Every call of the public API, which does nothing but answer."""
    made: list[tuple[str, tuple, dict[str, Any]]] = []
    answers: dict[str, Any] = {
        "make_world": WORLD,
        "ingest": Report(8, {"not_json": 2}),
        "detect": fabricated.findings(),
        "score": SCORE,
    }

    def fake(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            options.pop("progress", None)
            made.append((name, arguments, options))
            return answers[name]

        return call

    for name in answers:
        monkeypatch.setitem(vars(sw), name, fake(name))
    return made


def test_ingest(run: Run, calls: list, tmp_path: Path) -> None:
    """Paths, lake and format arrive; what was set aside is said with its reason."""
    lake = tmp_path / "lake"
    ran = run("ingest", "a", "b", "--lake", lake, "--format", "litellm")
    told = {"lake": lake, "format": "litellm", "mapping": None, "account": None}
    assert calls == [("ingest", (["a", "b"],), told | {"pseudonyms": None, "addresses": None})]
    assert "quarantined: 2" in ran.out
    assert "not_json: 2" in ran.out
    assert json.loads(run("ingest", "a", "--lake", lake, "--json").out)["kept"] == 8


def test_detect(run: Run, calls: list, tmp_path: Path) -> None:
    """`--until` is a time in UTC, `--threads` a number, `--anew` a wish."""
    out = tmp_path / "f"
    ran = run("detect", "LOG", "--out", out, "--until", "2026-02-01", "--threads", 2)
    until = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    told = {"out": out, "until": until, "earlier": None, "method": "stillwatch"}
    told |= {"engine": "duckdb", "anew": False, "threads": 2, "leads": []}
    assert calls == [("detect", (Path("LOG"),), told)]
    assert "3 campaigns found" in ran.out
    told = json.loads(run("detect", "LOG", "--out", out, "--anew", "--json").out)
    assert calls[-1][2]["anew"] is True
    assert len(told["campaigns"]) == 4


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-02-01", 0), ("2026-02-01T12:00:00Z", 12), ("2026-02-01T12:00:00+05:00", 7),
     ("2026-02-01 12:00", 12)],
)  # fmt: skip
def test_times_are_utc(text: str, hour: int) -> None:
    """A zone is honoured, and none means UTC."""
    assert moment(text) == dt.datetime(2026, 2, 1, hour, tzinfo=dt.UTC)


def test_world_and_score(run: Run, calls: list, folder: Path, tmp_path: Path) -> None:
    """Scale, seed and texts arrive; a score is printed."""
    ran = run("world", "plain", "--out", tmp_path, "--scale", "0.5", "--seed", 3, "--texts", "T")
    assert "500 exchanges of 70 accounts; of campaigns 90 exchanges of 16 accounts" in ran.out
    assert calls.pop() == (
        "make_world", ("plain", tmp_path),
        {"scale": 0.5, "seed": 3, "texts": Path("T"), "infrastructure": None},
    )  # fmt: skip
    words = " ".join(run("score", "LOG", folder).out.split())
    assert "accounts 0.900 1.000 90 10 0" in words
    assert "True campaign large (90 accounts): found as cmp-4f1a90c2d7, 1.000 of it" in words
    assert "True campaign small (16 accounts): not found" in words
    assert "Flagged wrongly: 10 of 40 with role reseller" in words
    assert "person" not in words
    told = json.loads(run("score", "LOG", folder, "--json").out)
    assert told["accounts"]["precision"] == 0.9


def test_demo(run: Run, calls: list, tmp_path: Path) -> None:
    """World, ingest, detect and score in this order, the page written, its address last."""
    out = tmp_path / "demo"
    ran = run("demo", "--out", out, "--no-serve", "--scale", "0.02", "--seed", 4)
    assert [name for name, _, _ in calls] == ["make_world", "ingest", "detect", "score"]
    assert calls[0][2] == {"scale": 0.02, "seed": 4}
    assert ran.code == 0
    page, console = ran.out.splitlines()[-2:]
    assert page == f"The page: {(out / 'index.html').as_uri()}"
    assert console.startswith(f"The console: stillwatch serve {out / 'findings'} --log")
    assert "3 campaigns found" in (out / "index.html").read_text()
    told = json.loads(run("demo", "--out", out, "--json").out)
    assert told["page"] == (out / "index.html").as_uri()


def test_demo_replaces_its_own_remains_only(run: Run, calls: list, tmp_path: Path) -> None:
    """A second demo starts clean; a folder with anything else in it is left alone."""
    out = tmp_path / "demo"
    run("demo", "--out", out, "--no-serve")
    (out / "lake").mkdir()
    (out / "lake" / "old").write_text("")
    run("demo", "--out", out, "--no-serve")
    assert not (out / "lake" / "old").exists()
    other = tmp_path / "mine"
    other.mkdir()
    (other / "log").write_text("precious")
    assert run("demo", "--out", other, "--no-serve").code == 9
    assert (other / "log").read_text() == "precious"


def test_demo_serves(
    run: Run, calls: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may come in, then the address as the last line; Ctrl-C is the ordinary end."""
    served = []

    def serve(settings: Settings, host: str, port: int, ready: Callable[[str], None]) -> None:
        served.append(settings)
        ready("http://127.0.0.1:1/")

    monkeypatch.setattr("stillwatch.cli.serve.run", serve)
    out = tmp_path / "demo"
    ran = run("demo", "--out", out)
    assert ran.code == 0
    said, address = ran.out.splitlines()[-2:]
    assert re.search(r"Sign in as \S+, password \S+, at", said)
    assert address == "http://127.0.0.1:1/"
    assert served == [Settings(out / "findings", str(out / "cases.db"), out / "lake")]
    assert run("demo", "--out", out).code == 0


def test_names_of_earlier_findings_are_not_for_baselines(run: Run, calls: list) -> None:
    """An option that would change nothing is refused, before anything is read."""
    ran = run("detect", "a", "--out", "b", "--method", "seat", "--earlier", "c")
    assert ran.code == 2
    assert "--earlier" in ran.err
    assert calls == []
